/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "board/profile-keys.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static int append_text(char **text, const char *value) {
        char *joined = *text ? text_format("%s %s", *text, value) : strdup(value);

        if (!joined)
                return -ENOMEM;
        if (strlen(joined) > BOARD_TEXT_MAX) {
                free(joined);
                return -E2BIG;
        }
        free(*text);
        *text = joined;
        return 0;
}

static int parse_title(struct board_profile *p, const char *value) {
        return append_text(&p->title, value);
}

static int parse_hint_bootloader(struct board_profile *p, const char *value) {
        return append_text(&p->hint_bootloader, value);
}

static int parse_hint_return(struct board_profile *p, const char *value) {
        return append_text(&p->hint_return, value);
}

static int parse_identify(struct board_profile *p, const char *value) {
        for (int i = 0; i < _IDENTIFY_MAX; i++)
                if (strcmp(value, board_identify_name(i)) == 0) {
                        p->identify = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_reboot(struct board_profile *p, const char *value) {
        for (int i = 0; i < _REBOOT_MAX; i++)
                if (strcmp(value, board_reboot_name(i)) == 0) {
                        p->reboot = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_flag(const char *value, bool *ret) {
        int r = parse_bool(value);

        if (r < 0)
                return r;
        *ret = r;
        return 0;
}

static int parse_flashable(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->flashable);
}

static int parse_settings_anywhere(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->settings_anywhere);
}

static int parse_keep_config(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->keep_config);
}

static int parse_check_vectors(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->check_vectors);
}

static int parse_raw_address(struct board_profile *p, const char *value) {
        int r = parse_u64(value, UINT32_MAX, &p->raw_address);

        if (r < 0)
                return r;
        p->has_raw_address = true;
        return 0;
}

/* "a|b c": the parts without the blanks around them. None may be empty. */
static int parse_patterns(const char *value, char ***ret) {
        char **list = calloc(BOARD_LIST_MAX + 1, sizeof(char *));
        _cleanup_free_ char *copy = strdup(value);
        char *at = copy, *part;
        size_t n = 0;
        int r = 0;

        if (!list || !copy)
                r = -ENOMEM;
        while (r == 0 && (part = strsep(&at, "|"))) {
                part += strspn(part, " \t");
                for (size_t size = strlen(part); size > 0 && strchr(" \t", part[size - 1]);)
                        part[--size] = '\0';
                if (!*part)
                        r = -EINVAL;
                else if (n == BOARD_LIST_MAX)
                        r = -E2BIG;
                else if (!(list[n] = strdup(part)))
                        r = -ENOMEM;
                else
                        n++;
        }
        if (r < 0) {
                while (n > 0)
                        free(list[--n]);
                free(list);
                return r;
        }
        *ret = list;
        return 0;
}

static int parse_manufacturer(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->match.manufacturer);
}

static int parse_product(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->match.product);
}

static int parse_start(struct board_profile *p, const char *value) {
        int r = parse_u64(value, UINT32_MAX, &p->start);

        p->has_start = r == 0;
        return r;
}

static int parse_unaligned_stack(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->unaligned_stack);
}

static int parse_hand_entry(struct board_profile *p, const char *value) {
        return parse_flag(value, &p->hangs_after_hand_entry);
}

static int parse_mcu(struct board_profile *p, const char *value) {
        return append_text(&p->mcu, value);
}

static int parse_otp_default(struct board_profile *p, const char *value) {
        return append_text(&p->otp_default, value);
}

static int parse_image_hint(struct board_profile *p, const char *value) {
        return append_text(&p->image_hint, value);
}

static int parse_recover(struct board_profile *p, const char *value) {
        return range_parse(value, &p->recover);
}

static int parse_serial(struct board_profile *p, const char *value) {
        for (int i = 0; i < _SERIAL_MAX; i++)
                if (strcmp(value, board_serial_name(i)) == 0) {
                        p->serial = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_otp(struct board_profile *p, const char *value) {
        for (int i = 0; i < _OTP_MAX; i++)
                if (strcmp(value, board_otp_name(i)) == 0) {
                        p->otp = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_otp_range(struct board_profile *p, const char *value) {
        int r = range_parse(value, &p->otp_range);

        if (r < 0)
                return r;
        return range_size(p->otp_range) > BOARD_OTP_MAX ? -E2BIG : 0;
}

static int parse_otp_types(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->otp_types);
}

static int parse_otp_boards(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->otp_boards);
}

static int parse_otp_missing(struct board_profile *p, const char *value) {
        return append_text(&p->otp_missing, value);
}

static int parse_otp_warn_types(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->otp_warn_types);
}

static int parse_otp_warning(struct board_profile *p, const char *value) {
        return append_text(&p->otp_warning, value);
}

/* Four hexadecimal digits, a colon, four more, in lower case. */
static bool is_usb_id(const char *text) {
        for (size_t i = 0; i < 9; i++)
                if (i == 4 ? text[i] != ':' : !text[i] || !strchr("0123456789abcdef", text[i]))
                        return false;
        return text[9] == '\0';
}

static int parse_image_usb_ids(struct board_profile *p, const char *value) {
        int r = parse_patterns(value, &p->image_usb_ids);

        for (char **id = p->image_usb_ids; r == 0 && *id; id++)
                if (!is_usb_id(*id))
                        r = -EINVAL;
        return r;
}

static int parse_image_types(struct board_profile *p, const char *value) {
        return parse_patterns(value, &p->image_types);
}

static int parse_ranges(const char *value, struct range **ret, size_t *ret_n) {
        _cleanup_free_ struct range *ranges = calloc(BOARD_LIST_MAX, sizeof(struct range));
        _cleanup_free_ char *copy = strdup(value);
        size_t n = 0;

        if (!ranges || !copy)
                return -ENOMEM;
        for (char *at = copy, *part; (part = strsep(&at, " \t"));) {
                int r;

                if (!*part)
                        continue;
                if (n == BOARD_LIST_MAX)
                        return -E2BIG;
                r = range_parse(part, &ranges[n]);
                if (r < 0)
                        return r;
                if (range_is_empty(ranges[n]))
                        return -EINVAL;
                n++;
        }
        *ret_n = range_normalize(ranges, n);
        *ret = TAKE_PTR(ranges);
        return 0;
}

static int parse_protect(struct board_profile *p, const char *value) {
        return parse_ranges(value, &p->protected_ranges, &p->n_protected);
}

static int parse_keep(struct board_profile *p, const char *value) {
        return parse_ranges(value, &p->keep_ranges, &p->n_keep);
}

static const struct profile_key keys[] = {
        {"Board", "Title", parse_title, true, "a text"},
        {"Board", "Identify", parse_identify, false, "auto, asked or never"},
        {"Match", "Manufacturer", parse_manufacturer, false, "patterns separated by '|'"},
        {"Match", "Product", parse_product, false, "patterns separated by '|'"},
        {"Firmware", "Flash", parse_flashable, false, "yes or no"},
        {"Firmware", "Mcu", parse_mcu, false, "a text"},
        {"Firmware", "RawAddress", parse_raw_address, false, "an address"},
        {"Firmware", "Protect", parse_protect, false, "ranges such as 0x08000000+16K"},
        {"Firmware", "Keep", parse_keep, false, "ranges such as 0x08000000+16K"},
        {"Firmware", "SettingsAnywhere", parse_settings_anywhere, false, "yes or no"},
        {"Firmware", "KeepConfig", parse_keep_config, false, "yes or no"},
        {"Firmware", "CheckVectors", parse_check_vectors, false, "yes or no"},
        {"Firmware", "UnalignedStack", parse_unaligned_stack, false, "yes or no"},
        {"Firmware", "Start", parse_start, false, "an address"},
        {"Bootloader", "Serial", parse_serial, false, "same, chip, unrelated or none"},
        {"Bootloader", "HandEntryHangs", parse_hand_entry, false, "yes or no"},
        {"Bootloader", "Reboot", parse_reboot, false, "msp, crazyflie, odrive, ffbeast or none"},
        {"Bootloader", "Hint", parse_hint_bootloader, true, "a text"},
        {"Bootloader", "HintReturn", parse_hint_return, true, "a text"},
        {"Otp", "Format", parse_otp, false, "crazyflie, odrive or none"},
        {"Otp", "Range", parse_otp_range, false, "a range such as 0x1FFF7800+512"},
        {"Otp", "Types", parse_otp_types, false, "patterns separated by '|'"},
        {"Otp", "Boards", parse_otp_boards, false, "names of profiles separated by '|'"},
        {"Otp", "Default", parse_otp_default, false, "a text"},
        {"Otp", "Missing", parse_otp_missing, true, "a text"},
        {"Otp", "WarnTypes", parse_otp_warn_types, false, "patterns separated by '|'"},
        {"Otp", "Warning", parse_otp_warning, true, "a text"},
        {"Image", "UsbIds", parse_image_usb_ids, false,
         "USB ids such as 045b:59d7, separated by '|'"},
        {"Image", "Hint", parse_image_hint, true, "a text"},
        {"Recover", "Range", parse_recover, false, "a range such as 0x08000000+16K"},
        {"Image", "Types", parse_image_types, false, "texts separated by '|'"},
};

const struct profile_key *profile_key_find(const char *section, const char *name,
                                           unsigned *ret_index) {
        static_assert(ARRAY_SIZE(keys) < 64, "a bit each");
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
                        *ret_index = (unsigned) i;
                        return &keys[i];
                }
        return NULL;
}
