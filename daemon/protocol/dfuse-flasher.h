/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A plan that is being carried out: how far it is and who is told, where it may stop, what is tried
 * again, and its erasing, which a flash (dfuse-flash.c) and an erase (dfuse-erase.c) have in
 * common. Inside protocol/ only. */

#include "protocol/dfu-internal.h"

#define FLASHER_BLOCK_SIZE_MAX USB_CONTROL_SIZE_MAX

struct mismatch {
        uint64_t n; /* bytes */
        uint64_t address;
        uint8_t expected, read; /* at the first */
};

struct flasher {
        struct dfu *dfu;
        const struct flash_plan *plan;
        const struct dfu_callbacks *cb;
        struct fault *fault;
        const char *phase;
        uint64_t done, total; /* of the phase, bytes */
        bool began_writing;
        bool holds_first; /* the image's first block is not written yet */
        bool redone;      /* a sector was done again */
        unsigned retries_before;
        struct mismatch mismatch;
        char so_far[96];
};

void flasher_set_state(struct flasher *f, enum board_state state);
void flasher_begin_phase(struct flasher *f, const char *phase, uint64_t total);
/* Tells how far the phase is; the safe point where a cancel is honoured. */
int flasher_safe_point(struct flasher *f);
/* The fault of `error` as `name`: what was being done, where, and what was done before it. */
int flasher_fail(struct flasher *f, int error, enum fwd_error name, const char *what,
                 uint64_t address);
/* After a failure: is a second try worth it, and is the device ready for it? 0: yes. */
int flasher_prepare_retry(struct flasher *f, int error, const char *what, uint64_t address);
int flasher_erase_one(struct flasher *f, const struct flash_erase *erase);
/* All that the plan erases, in its order. */
int flasher_erase_sectors(struct flasher *f);
