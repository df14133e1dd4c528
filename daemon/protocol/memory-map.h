/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The memory of a DfuSe target as its alternate-setting strings describe it, e.g.
 * "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg" (UM0424 §4.3.2). Strings of real chips
 * are broken in many ways; the parser takes all sighted ones and treats the result as a claim,
 * capped by what the chip's quirk row knows. Pure. Fuzzed. */

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
#define MEMORY_MAP_AREAS_MAX   32U

/* Adds what one alternate setting's string describes. -EINVAL (nothing of it could be read), -E2BIG
 * (more than MEMORY_MAP_SECTORS_MAX sectors), -EEXIST (overlaps what is there, or itself: the
 * earlier stays), -ENOMEM. On an error the map is unchanged. Of a string that is cut short or runs
 * into garbage, the groups of sectors ("04*016Kg") before that point are taken (returns 1). */
int memory_map_add(struct memory_map *map, int alt, const char *string);
/* The sector that holds `address`, or NULL. Half-open: never the neighbour. */
const struct sector *memory_map_find(const struct memory_map *map, uint64_t address);
/* The area that firmware goes to: the first with "flash" in its name, else the first that is not of
 * a special kind; NULL if there is none. */
const struct memory_area *memory_map_flash(const struct memory_map *map);
/* Option bytes, OTP, device feature: reading is fine, but a firmware image has no business there,
 * and some of what can be written there cannot be undone. */
bool memory_area_is_special(const struct memory_area *area);
const struct memory_area *memory_map_area(const struct memory_map *map, int alt);
void memory_map_clear(struct memory_map *map);
#define _cleanup_memory_map_ _cleanup_(memory_map_clear)
/* "0x08000000/4*16K,1*64K,7*128K" in one spelling for reports, quirks and the MemoryMap property:
 * decimal without leading zeros, K if the size allows it, a type letter only if it is not 'g', a
 * new zone only after a gap. Flash area only; "" without one. NULL when memory is out. */
char *memory_map_format(const struct memory_map *map);
