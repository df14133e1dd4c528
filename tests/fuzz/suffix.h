/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Chance does not find a CRC: a copy of the input with a right one gets the fuzzer past it. */

#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "fuzz.h"

static inline uint8_t *mend_suffix(const uint8_t *data, size_t size) {
        uint8_t *copy;
        uint32_t crc;

        if (size < 16)
                return NULL;
        copy = malloc(size);
        check(copy);
        memcpy(copy, data, size);
        memcpy(copy + size - 8, "UFD", 3);
        crc = ~(uint32_t) crc32(0, copy, (uInt) (size - 4));
        for (unsigned i = 0; i < 4; i++)
                copy[size - 4 + i] = (uint8_t) (crc >> 8 * i);
        return copy;
}
