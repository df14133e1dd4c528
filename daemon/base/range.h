/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Half-open address ranges [start, end), the only way this project counts addresses. Pure; in every
 * process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
        uint64_t start;
        uint64_t end; /* first address behind; end <= start is empty */
};

static inline bool range_is_empty(struct range r) {
        return r.end <= r.start;
}

static inline uint64_t range_size(struct range r) {
        return range_is_empty(r) ? 0 : r.end - r.start;
}

static inline bool range_has(struct range r, uint64_t address) {
        return address >= r.start && address < r.end;
}

/* True if all of `inner` lies in `outer`; an empty range lies anywhere. */
bool range_contains(struct range outer, struct range inner);
bool range_overlaps(struct range a, struct range b);
struct range range_intersect(struct range a, struct range b);
/* [start, start + size). -EOVERFLOW if the end does not fit; `ret` is left alone then. */
int range_make(uint64_t start, uint64_t size, struct range *ret);
/* Sorts by start and merges what overlaps or touches; returns the new count. */
size_t range_normalize(struct range *ranges, size_t n);
/* True if the n sorted, merged ranges cover all of `r` between them. */
bool ranges_cover(const struct range *ranges, size_t n, struct range r);
/* Reads "0x08000000-0x08004000" (end exclusive) or "0x08000000+16K". -EINVAL, -EOVERFLOW. */
int range_parse(const char *text, struct range *ret);
