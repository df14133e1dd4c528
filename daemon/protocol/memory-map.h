/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The memory of a DfuSe target as its alternate-setting strings describe it, e.g.
 * "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg" (UM0424 §4.3.2). Strings of real chips
 * are broken in many ways (facts: dfu.md §2.3); the parser takes all sighted ones and treats the
 * result as a claim, capped by what the chip's quirk row knows. Pure. Fuzzed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/range.h"

enum { /* bits of the type letter: 'a'..'g' & 7 */
       SECTOR_READABLE = 1,
       SECTOR_ERASABLE = 2,
       SECTOR_WRITABLE = 4,
};

struct sector {
        struct range range;
        unsigned access; /* SECTOR_* */
        int alt;         /* the alternate setting whose string names it */
};

struct memory_map {
        struct sector *sectors; /* sorted by address, without overlap */
        size_t n;
        struct memory_area {
                char name[64]; /* "Internal Flash", trimmed, clean */
                int alt;
                struct range range; /* of the alt's first zone to its last */
        } * areas;
        size_t n_areas;
};

#define MEMORY_MAP_SECTORS_MAX 8192U

/* Adds what one alternate setting's string describes. -EINVAL (nothing of it could be read), -E2BIG
 * (more than MEMORY_MAP_SECTORS_MAX sectors), -EEXIST (overlaps what is there: the earlier stays),
 * -ENOMEM. On an error the map is unchanged, but for a truncated string, of which the whole zones
 * before the cut are kept (returns 1). */
int memory_map_add(struct memory_map *map, int alt, const char *string);
/* The sector that holds `address`, or NULL. Half-open: never the neighbour. */
const struct sector *memory_map_find(const struct memory_map *map, uint64_t address);
void memory_map_clear(struct memory_map *map);
/* "0x08000000/4*16K,1*64K,7*128K" in one spelling for reports and the MemoryMap property. Flash
 * area only. */
char *memory_map_format(const struct memory_map *map);
