/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/otp.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "worker/worker.h"

/* Crazyflie: blocks of 32 bytes. A block that begins with 0x00 is struck out; the first other one
 * counts, and 0xFF there means that nothing was ever written. The text is "0;TYPE" or
 * "0;TYPE;more" (crazyflie-firmware, platform_stm32f4.c and platform.c). */

#define CRAZYFLIE_BLOCK  32U
#define CRAZYFLIE_PREFIX "0;"

static int parse_crazyflie(const uint8_t *data, size_t size, char ret[OTP_TYPE_SIZE]) {
        char text[CRAZYFLIE_BLOCK + 1] = "";
        const char *type;
        size_t n, at = 0;

        while (at + CRAZYFLIE_BLOCK <= size && data[at] == 0x00)
                at += CRAZYFLIE_BLOCK;
        if (at + CRAZYFLIE_BLOCK > size || data[at] == 0xff)
                return -ENODATA;
        memcpy(text, data + at, CRAZYFLIE_BLOCK);
        if (strncmp(text, CRAZYFLIE_PREFIX, strlen(CRAZYFLIE_PREFIX)) != 0)
                return -EBADMSG;
        type = text + strlen(CRAZYFLIE_PREFIX);
        n = strcspn(type, ";");
        if (n == 0 || n >= OTP_TYPE_SIZE)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++)
                if (type[i] <= ' ' || type[i] > '~')
                        return -EBADMSG;
        memcpy(ret, type, n);
        ret[n] = '\0';
        return 0;
}

/* ODrive: FE, vendor, product, then major, minor and voltage of the board. A record whose first
 * byte was overwritten with 00 has a second one behind it (odrivetool's dfu.py; the manufacturing
 * target of its firmware). */

#define ODRIVE_RECORD 16U
#define ODRIVE_MAGIC  0xfeU

static int parse_odrive(const uint8_t *data, size_t size, char ret[OTP_TYPE_SIZE]) {
        const uint8_t *record = data;

        if (size >= 2 * ODRIVE_RECORD && record[0] == 0x00)
                record += ODRIVE_RECORD;
        if (size < ODRIVE_RECORD || record[0] == 0xff)
                return -ENODATA;
        if (record[0] != ODRIVE_MAGIC)
                return -EBADMSG;
        (void) snprintf(ret, OTP_TYPE_SIZE, "%u.%u-%uV", record[3], record[4], record[5]);
        return 0;
}

static int (*const parsers[_OTP_MAX])(const uint8_t *, size_t, char *) = {
        [OTP_CRAZYFLIE] = parse_crazyflie,
        [OTP_ODRIVE] = parse_odrive,
};

int otp_parse(enum board_otp format, const uint8_t *data, size_t size, char ret[OTP_TYPE_SIZE]) {
        return (int) format < 0 || format >= _OTP_MAX || !parsers[format]
                       ? -ENODATA
                       : parsers[format](data, size, ret);
}

static bool in_map(const struct memory_map *map, struct range r) {
        for (uint64_t at = r.start; at < r.end;) {
                const struct sector *s = memory_map_find(map, at);

                if (!s || !(s->access & SECTOR_READABLE))
                        return false;
                at = s->range.end;
        }
        return true;
}

/* 1 and worker->otp_type, if the chip says that it is such a board; 0 if it does not. */
static int ask(struct worker *worker, struct dfu *dfu, const struct board_profile *profile,
               struct fault *fault) {
        struct fault unread = FAULT_INIT;
        uint8_t data[BOARD_OTP_MAX];
        char type[OTP_TYPE_SIZE];
        size_t size = (size_t) range_size(profile->otp_range);
        int r;

        if (profile->otp == OTP_NONE || size > sizeof(data) ||
            !in_map(&dfu->map, profile->otp_range))
                return 0;
        r = dfuse_read(dfu, profile->otp_range.start, data, size, NULL, NULL, &unread);
        if (r < 0 && (unread.error == FWD_DEVICE_LOST || unread.error == FWD_CANCELLED)) {
                *fault = unread;
                return r;
        }
        if (r < 0)
                return dfu_idle(dfu, fault) < 0 ? -EIO : 0;
        r = otp_parse(profile->otp, data, size, type);
        worker->otp_is_empty = r == -ENODATA;
        if (r < 0 || !board_patterns_match(profile->otp_types, type))
                return 0;
        (void) strcpy(worker->otp_type, type);
        return 1;
}

/* The profile that the chip itself names takes the place of the general one. */
static void take_profile(struct worker *worker, size_t i) {
        struct board_profile *known = worker->otp_profiles[i];

        worker->otp_profiles[i] = worker->profile;
        worker->profile = known;
        reporter_fact(&worker->reporter, "Board", "%s", known->name);
}

int worker_read_otp(struct worker *worker, struct dfu *dfu, struct fault *fault) {
        int r = 0;

        worker->otp_type[0] = '\0';
        worker->otp_is_empty = false;
        if (worker->profile && worker->profile->otp != OTP_NONE)
                r = ask(worker, dfu, worker->profile, fault);
        if (r == 0 && worker->otp_is_empty && worker->profile->otp_default)
                (void) snprintf(worker->otp_type, sizeof(worker->otp_type), "%s",
                                worker->profile->otp_default);
        for (size_t i = 0; r == 0 && worker->otp_profiles[i]; i++) {
                r = ask(worker, dfu, worker->otp_profiles[i], fault);
                if (r > 0)
                        take_profile(worker, i);
        }
        if (r < 0)
                return r;
        if (*worker->otp_type)
                reporter_fact(&worker->reporter, "BoardType", "%s", worker->otp_type);
        return 0;
}
