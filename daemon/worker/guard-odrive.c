/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "worker/guard.h"

/* What hardware an ODrive firmware was built for. The version is in its USB product string; the
 * supply voltage, which nothing readable holds, in the release file's name (v3.6-56V) and, since
 * 0.5.3, in the copy of the board's record that the firmware carries for boards without one
 * (Firmware/Board/v3/board.cpp). The wrong voltage's divider makes the board believe in half or
 * double its supply: such a firmware can burn it. */

#define PRODUCT_PREFIX "ODrive "
#define PRODUCT_SUFFIX " CDC Interface"
#define VERSION_DIGITS 3U /* "3.6" */

struct build {
        bool has_version;
        unsigned major, minor;
        unsigned voltage; /* 0: not known */
};

static const unsigned voltages[] = {24, 48, 56};

static void find_version(const struct segment *s, struct build *ret) {
        const uint8_t *at = s->data, *end = s->data + s->size;

        while ((at = memmem(at, (size_t) (end - at), PRODUCT_PREFIX, strlen(PRODUCT_PREFIX)))) {
                const uint8_t *v = at + strlen(PRODUCT_PREFIX);

                at++;
                if ((size_t) (end - v) < VERSION_DIGITS + strlen(PRODUCT_SUFFIX) ||
                    !isdigit(v[0]) || v[1] != '.' || !isdigit(v[2]) ||
                    memcmp(v + VERSION_DIGITS, PRODUCT_SUFFIX, strlen(PRODUCT_SUFFIX)) != 0)
                        continue;
                ret->has_version = true;
                ret->major = v[0] - '0';
                ret->minor = v[2] - '0';
                return;
        }
}

/* Counts only if one voltage alone is found: six bytes may be there by chance. */
static void find_record(const struct image *image, struct build *ret) {
        unsigned found = 0;

        for (size_t i = 0; i < sizeof(voltages) / sizeof(voltages[0]); i++) {
                const uint8_t record[] = {
                        0, 0, 0, (uint8_t) ret->major, (uint8_t) ret->minor, (uint8_t) voltages[i]};

                for (size_t k = 0; k < image->segments.n; k++) {
                        const struct segment *s = &image->segments.items[k];

                        if (!memmem(s->data, s->size, record, sizeof(record)))
                                continue;
                        if (found != 0 && found != voltages[i])
                                return;
                        found = voltages[i];
                }
        }
        ret->voltage = found;
}

/* "ODriveFirmware_v3.6-56V.hex" */
static void read_name(const char *name, struct build *ret) {
        for (const char *at = strchr(name, 'v'); at; at = strchr(at + 1, 'v')) {
                unsigned major, minor, voltage;
                int end = -1;

                if (sscanf(at, "v%1u.%1u-%2uV%n", &major, &minor, &voltage, &end) != 3 || end < 0)
                        continue;
                if (ret->has_version && (major != ret->major || minor != ret->minor))
                        return; /* renamed: what is inside counts */
                ret->has_version = true;
                ret->major = major;
                ret->minor = minor;
                ret->voltage = voltage;
                return;
        }
}

int guard_check_odrive(const struct image *image, const char *name, const char *type,
                       struct fault *fault) {
        struct build build = {};
        unsigned major, minor, voltage;

        if (sscanf(type, "%u.%u-%uV", &major, &minor, &voltage) != 3)
                return 0;
        for (size_t i = 0; i < image->segments.n && !build.has_version; i++)
                find_version(&image->segments.items[i], &build);
        if (build.has_version)
                find_record(image, &build);
        if (build.voltage == 0)
                read_name(name, &build);
        if (!build.has_version)
                return 1;
        if (build.major != major || build.minor != minor)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware is for ODrive v%u.%u, and this board is a v%s (its "
                                 "one-time memory says so)",
                                 build.major, build.minor, type);
        if (build.voltage != 0 && build.voltage != voltage)
                return fault_set(
                        fault, FWD_WRONG_BOARD,
                        "The firmware is for %u V boards, and this one is a v%s (its "
                        "one-time memory says so): it would measure a wrong supply voltage "
                        "and can be damaged",
                        build.voltage, type);
        return build.voltage == 0 ? 2 : 0;
}
