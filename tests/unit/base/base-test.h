/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of base/ share: cmocka with what it needs, and random numbers that are the same in
 * each run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* xorshift64* of Marsaglia and Vigna. */
static inline uint64_t next_random(uint64_t *seed) {
        *seed ^= *seed >> 12;
        *seed ^= *seed << 25;
        *seed ^= *seed >> 27;
        return *seed * UINT64_C(2685821657736338717);
}

static inline uint64_t random_below(uint64_t *seed, uint64_t limit) {
        return (next_random(seed) >> 11) % limit;
}
