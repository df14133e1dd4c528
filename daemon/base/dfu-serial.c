/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/dfu-serial.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static uint32_t byte_of(uint32_t word, unsigned i) {
        return word >> (8 * i) & 0xff;
}

size_t dfu_serial_candidates(const uint32_t uid[3],
                             char ret[DFU_SERIAL_CANDIDATES_MAX][DFU_SERIAL_SIZE]) {
        const uint32_t sum = uid[0] + uid[2];
        /* As code derived from libopencm3 adds it: byte by byte, the carries lost. */
        const uint32_t bytewise = byte_of(uid[2], 3) << 24 |
                                  ((byte_of(uid[2], 2) + byte_of(uid[0], 2)) & 0xff) << 16 |
                                  byte_of(uid[2], 1) << 8 |
                                  ((byte_of(uid[2], 0) + byte_of(uid[0], 0)) & 0xff);
        const struct {
                uint32_t head, tail;
        } forms[DFU_SERIAL_CANDIDATES_MAX] = {
                {sum, uid[1] >> 16},      /* F2, F4, F7, G4, H7, U5 (libopencm3 issue 760) */
                {sum + 10, uid[1] >> 16}, /* F412, F413 (comma.ai panda's tool) */
                {sum, uid[2] >> 16},      /* F0, F3, L0 (libopencm3 issue 760) */
                {bytewise, uid[1] >> 16}, {sum + 10, uid[2] >> 16}, {bytewise, uid[2] >> 16},
        };
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                bool known = false;

                (void) snprintf(ret[n], DFU_SERIAL_SIZE, "%08X%04X", forms[i].head,
                                forms[i].tail & 0xffffU);
                for (size_t j = 0; j < n; j++)
                        known = known || strcmp(ret[j], ret[n]) == 0;
                if (!known)
                        n++;
        }
        return n;
}

int chip_id_parse(const char *text, uint32_t ret[3]) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        uint32_t uid[3] = {};

        for (size_t i = 0; i < 24; i++) {
                const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

                if (!digit)
                        return -EINVAL;
                uid[i / 8] |= (uint32_t) ((digit - digits) & 15)
                              << (i / 2 % 4 * 8 + (i % 2 ? 0 : 4));
        }
        if (text[24])
                return -EINVAL;
        memcpy(ret, uid, sizeof(uid));
        return 0;
}

void dfu_serial_list(const uint32_t uid[3], char ret[DFU_SERIAL_LIST_SIZE]) {
        char serials[DFU_SERIAL_CANDIDATES_MAX][DFU_SERIAL_SIZE];
        size_t n = dfu_serial_candidates(uid, serials);

        ret[0] = '\0';
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        (void) strcat(ret, ",");
                (void) strcat(ret, serials[i]);
        }
}

/* Twelve hexadecimal digits that stand for one chip. */
static bool is_of_a_chip(const char *serial, size_t length) {
        /* Constants of that form: H743 and its kin (the ROM reads the wrong register), F072 and
         * clones. */
        static const char *const constants[] = {"200364500000", "200000500000", "FFFFFFFEFFFF"};

        if (length != DFU_SERIAL_SIZE - 1 || strspn(serial, "0123456789ABCDEFabcdef") < length)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
                if (strncmp(serial, constants[i], length) == 0)
                        return false;
        return true;
}

bool dfu_serial_is_constant(const char *serial) {
        return !is_of_a_chip(serial, strlen(serial));
}

enum dfu_serial_verdict dfu_serial_check(const char *expected, const char *serial) {
        const size_t length = strlen(serial);
        bool of_chips = true;

        for (const char *p = expected;;) {
                size_t n = strcspn(p, ",");

                if (n == length && strncmp(p, serial, n) == 0)
                        return DFU_SERIAL_MATCH;
                of_chips = of_chips && is_of_a_chip(p, n);
                if (p[n] == '\0')
                        break;
                p += n + 1;
        }
        /* A prediction says nothing about a chip whose ROM shows a constant; an exact expectation
         * that is no prediction has to be met. */
        return of_chips && !is_of_a_chip(serial, length) ? DFU_SERIAL_NO_EVIDENCE
                                                         : DFU_SERIAL_CONTRADICTION;
}
