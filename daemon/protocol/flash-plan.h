/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a flash will do, worked out before the first byte goes to the board: which sectors are
 * erased, which blocks are written, which bytes are read back. A pure function of the map, the
 * image and the rules; property-tested: every byte of the image lies in exactly one block, each
 * block in erased sectors, no erased sector outside the image's unless asked, nothing protected is
 * touched. Flash is erased by whole sectors: what of them the image does not fill is lost, and the
 * plan says so. Worker only. */

#include "base/fault.h"
#include "base/segment.h"
#include "protocol/memory-map.h"

struct flash_rules {
        unsigned transfer_size; /* wTransferSize, bytes; 1..4096; a multiple of write_unit */
        unsigned write_unit; /* bytes; blocks begin on it and are padded with 0xFF up to it (G4/L4
                                8, H7 32); 1 (or 0) if any size goes */
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
        const uint8_t *data; /* in the image's segments, which outlive the plan, or in the plan's
                                own buffers */
        size_t size;         /* bytes from `data` */
        size_t padding;      /* bytes of 0xFF behind them to fill the write unit */
        size_t n_blocks;
};

struct flash_plan {
        unsigned transfer_size; /* as in the rules it was made by */
        unsigned write_unit;
        struct flash_erase *erases; /* by address */
        size_t n_erases;
        struct flash_run *runs; /* by address; the vector table's run is where the image begins */
        size_t n_runs;
        uint64_t erase_bytes, write_bytes; /* sums */
        struct range *lost; /* in erased sectors but not in the image: erased for good; by address,
                               merged */
        size_t n_lost;
        bool loses_kept;   /* some of `lost` is in a keep range: it shares a sector with the image,
                              or everything was to be erased */
        uint8_t **buffers; /* bytes of runs that are not one piece of one segment */
        size_t n_buffers;
};

/* More blocks than this cannot be counted from one address pointer: wBlockNum is 16 bits, and data
 * begins at 2. */
#define FLASH_RUN_BLOCKS_MAX 65534U
/* From this unit on, flash cells carry check bits and are programmed once after an erase (G4, L4,
 * H7); blocks of such a plan never cross a sector's end, so that a sector can be done again. */
#define FLASH_UNIT_ONCE 8U

/* FWD_INVALID_IMAGE (no bytes), FWD_ADDRESS_OUT_OF_RANGE, FWD_IMAGE_TOO_LARGE (begins inside the
 * flash, ends behind it), FWD_PROTECTED_REGION (protected, read-only, or option bytes and the
 * like), FWD_NOT_SUPPORTED (no usable map). Fills `ret` on success alone. */
int flash_plan_make(const struct memory_map *map, const struct segments *segments,
                    const struct flash_rules *rules, struct flash_plan *ret, struct fault *fault);
/* A plan that only erases: the sectors of `range`, which must begin and end with one; all but
 * protected ones if it is empty. FWD_INVALID_ARGUMENT naming the sector's bounds,
 * FWD_ADDRESS_OUT_OF_RANGE, FWD_PROTECTED_REGION, FWD_NOT_SUPPORTED. */
int flash_plan_make_erase(const struct memory_map *map, struct range range,
                          const struct flash_rules *rules, struct flash_plan *ret,
                          struct fault *fault);
void flash_plan_clear(struct flash_plan *plan);
#define _cleanup_flash_plan_ _cleanup_(flash_plan_clear)

/* Where block `i` of a run is: bytes of data in it, and of data and padding. */
static inline size_t flash_run_block(const struct flash_plan *plan, const struct flash_run *run,
                                     size_t i, struct range *ret) {
        size_t offset = i * plan->transfer_size;
        size_t data =
                run->size - offset < plan->transfer_size ? run->size - offset : plan->transfer_size;
        size_t whole = i + 1 == run->n_blocks ? run->size + run->padding - offset : data;

        *ret = (struct range){run->address + offset, run->address + offset + whole};
        return data;
}
