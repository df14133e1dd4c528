/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "board/board.h"

#include <fnmatch.h>
#include <string.h>

#include "base/log.h"
#include "board/profile-file.h"
#include "config.h"

#define DIRS_MAX 16U

static const char *const reboot_names[_REBOOT_MAX] = {
        [REBOOT_NONE] = "none",     [REBOOT_MSP] = "msp",         [REBOOT_CRAZYFLIE] = "crazyflie",
        [REBOOT_ODRIVE] = "odrive", [REBOOT_FFBEAST] = "ffbeast",
};

static const char *const otp_names[_OTP_MAX] = {
        [OTP_NONE] = "none",
        [OTP_CRAZYFLIE] = "crazyflie",
        [OTP_ODRIVE] = "odrive",
};

static const char *const identify_names[_IDENTIFY_MAX] = {
        [IDENTIFY_NEVER] = "never",
        [IDENTIFY_ASKED] = "asked",
        [IDENTIFY_AUTO] = "auto",
};

const char *board_reboot_name(enum board_reboot reboot) {
        return reboot >= 0 && reboot < _REBOOT_MAX ? reboot_names[reboot] : "none";
}

const char *board_identify_name(enum board_identify identify) {
        return identify >= 0 && identify < _IDENTIFY_MAX ? identify_names[identify] : "never";
}

const char *board_serial_name(enum board_serial serial) {
        static const char *const names[_SERIAL_MAX] = {[SERIAL_NONE] = "none",
                                                       [SERIAL_SAME] = "same",
                                                       [SERIAL_CHIP] = "chip",
                                                       [SERIAL_UNRELATED] = "unrelated"};

        return serial >= 0 && serial < _SERIAL_MAX ? names[serial] : "none";
}

const char *board_otp_name(enum board_otp otp) {
        return otp >= 0 && otp < _OTP_MAX ? otp_names[otp] : "none";
}

bool board_reboot_opens_port(enum board_reboot reboot) {
        return reboot == REBOOT_MSP;
}

bool board_reboot_opens_hid(enum board_reboot reboot) {
        return reboot == REBOOT_FFBEAST;
}

/* The only way a name becomes part of a path. */
static bool name_is_good(const char *name, size_t size) {
        if (size == 0 || size > BOARD_NAME_MAX)
                return false;
        for (size_t i = 0; i < size; i++)
                if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
                      name[i] == '-'))
                        return false;
        return true;
}

int board_profile_load(const char *const *dirs, const char *name, struct board_profile **ret) {
        if (!name || !name_is_good(name, strlen(name))) {
                log_warning("Not the name of a board profile (a-z, 0-9 and '-' only).");
                return -EINVAL;
        }
        for (; *dirs; dirs++) {
                _cleanup_free_ char *path = NULL;
                int r;

                if (asprintf(&path, "%s/%s.board", *dirs, name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = profile_file_read(path, name, ret);
                if (r == -ESTALE)
                        return -ENOENT;
                if (r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

static char **patterns_free(char **patterns) {
        for (char **p = patterns; p && *p; p++)
                free(*p);
        free(patterns);
        return NULL;
}

struct board_profile *board_profile_free(struct board_profile *profile) {
        if (!profile)
                return NULL;
        free(profile->name);
        free(profile->title);
        patterns_free(profile->match.manufacturer);
        patterns_free(profile->match.product);
        patterns_free(profile->otp_types);
        patterns_free(profile->otp_boards);
        patterns_free(profile->image_types);
        patterns_free(profile->otp_warn_types);
        patterns_free(profile->image_usb_ids);
        free(profile->otp_missing);
        free(profile->otp_warning);
        free(profile->mcu);
        free(profile->otp_default);
        free(profile->image_hint);
        free(profile->protected_ranges);
        free(profile->keep_ranges);
        free(profile->hint_bootloader);
        free(profile->hint_return);
        free(profile);
        return NULL;
}

const char *const *board_profile_dirs(void) {
        static const char *dirs[DIRS_MAX + 1];
        static char *copy;
        const char *path;
        size_t n = 0;

        if (dirs[0])
                return dirs;
        path = getenv("FWD_PROFILE_PATH");
        if (path && *path && (copy = strdup(path)))
                for (char *at = copy, *dir; n < DIRS_MAX && (dir = strsep(&at, ":"));)
                        if (*dir)
                                dirs[n++] = dir;
        if (n == 0) {
                dirs[n++] = FWD_CONFDIR;
                dirs[n++] = FWD_LIBDIR;
        }
        return dirs;
}

bool board_patterns_match(char **patterns, const char *text) {
        if (!patterns)
                return true;
        for (; *patterns; patterns++)
                if (fnmatch(*patterns, text ? text : "", 0) == 0)
                        return true;
        return false;
}

bool board_match(const struct board_profile *profile, const char *manufacturer,
                 const char *product) {
        return board_patterns_match(profile->match.manufacturer, manufacturer) &&
               board_patterns_match(profile->match.product, product);
}

int board_profile_find(const char *const *dirs, const char *candidates, const char *manufacturer,
                       const char *product, struct board_profile **ret) {
        const char *at = candidates ? candidates : "";

        for (;;) {
                _cleanup_board_profile_ struct board_profile *profile = NULL;
                char name[BOARD_NAME_MAX + 1];
                size_t size;
                int r;

                at += strspn(at, " \t");
                size = strcspn(at, " \t");
                if (size == 0)
                        return -ENOENT;
                if (!name_is_good(at, size)) {
                        log_warning("FWD_BOARD holds a name that no board profile can have.");
                        return -EINVAL;
                }
                memcpy(name, at, size);
                name[size] = '\0';
                at += size;

                r = board_profile_load(dirs, name, &profile);
                if (r == -ENOENT) {
                        log_debug("No board profile %s.", name);
                        continue;
                }
                if (r < 0)
                        return r;
                if (board_match(profile, manufacturer, product)) {
                        *ret = TAKE_PTR(profile);
                        return 0;
                }
        }
}
