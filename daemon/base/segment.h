/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run of bytes that belongs at an address of the board's memory: what image/ makes of a file,
 * what protocol/ writes. An array of segments is always sorted by address, and no two of them
 * overlap or touch. */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/range.h"

struct segment {
        uint64_t address;
        uint8_t *data; /* owned */
        size_t size;   /* never 0 in a finished array */
        size_t room;   /* allocated bytes behind `data` */
};

struct segments {
        struct segment *items;
        size_t n;
};

static inline struct range segment_range(const struct segment *s) {
        return (struct range){s->address, s->address + s->size};
}

/* Appends a copy of the bytes; order does not matter yet. -ENOMEM, -EOVERFLOW (address + size). */
int segments_add(struct segments *segments, uint64_t address, const void *data, size_t size);
/* Sorts and merges. -EEXIST if two overlap (even with equal bytes), with the first such address in
 * `ret_address`. */
int segments_finish(struct segments *segments, uint64_t *ret_address);
/* Sum of the sizes, in bytes. */
uint64_t segments_size(const struct segments *segments);
void segments_clear(struct segments *segments);
#define _cleanup_segments_ _cleanup_(segments_clear)
