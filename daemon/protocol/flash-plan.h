/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a flash will do, worked out before the first byte goes to the board: which sectors are
 * erased, which blocks are written, which bytes are read back. A pure function of the map, the
 * image and the rules; property-tested: every byte of the image lies in exactly one block, each
 * block in erased sectors, no erased sector outside the image's unless asked, nothing protected is
 * touched. */

#include "base/fault.h"
#include "base/segment.h"
#include "protocol/memory-map.h"

struct flash_rules {
        unsigned transfer_size; /* wTransferSize, bytes; 1..4096 */
        unsigned write_unit; /* bytes; a block's end is padded with 0xFF up to it (G4/L4 8, H7 32);
                                1 if any size goes */
        bool ignore_access;  /* 'a' sectors that are writable in truth (AT32F437) */
        struct range limit;  /* nothing outside is written; empty: no limit */
        const struct range *protected_ranges; /* never erased or written, after sector rounding */
        size_t n_protected;
        const struct range *keep_ranges; /* not erased unless the image writes there */
        size_t n_keep;
        bool erase_all; /* every erasable sector of the flash, but for protected ones */
};

struct flash_erase {
        struct range range; /* one sector */
        int alt;
};

struct flash_run { /* consecutive blocks behind one address pointer: block i is at address + i *
                      transfer_size */
        uint64_t address;
        int alt;
        const uint8_t *data; /* in the image's segments: those outlive the plan */
        size_t size;         /* bytes of the image */
        size_t padding;      /* bytes of 0xFF behind them to fill the write unit */
        size_t n_blocks;
};

struct flash_plan {
        struct flash_erase *erases; /* in the order to do them */
        size_t n_erases;
        struct flash_run *runs; /* by address; the vector table's run is where the image begins */
        size_t n_runs;
        uint64_t erase_bytes, write_bytes; /* sums */
};

/* FWD_ADDRESS_OUT_OF_RANGE, FWD_IMAGE_TOO_LARGE (begins inside the flash, ends behind it),
 * FWD_PROTECTED_REGION, FWD_NOT_SUPPORTED (no usable map). Fills `ret` on success alone. */
int flash_plan_make(const struct memory_map *map, const struct segments *segments,
                    const struct flash_rules *rules, struct flash_plan *ret, struct fault *fault);
void flash_plan_clear(struct flash_plan *plan);
