/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What went wrong with one board, whole: the named error, a sentence, where it happened, what the
 * device answered and what state the board is in now. Filled by image, board and protocol code in
 * the worker, carried to the service in the worker's report. A plain value: no ownership. */

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The state of the board's firmware, part of every result. Ordered: a job's state only moves
 * forward. */
enum board_state {
        BOARD_UNTOUCHED,      /* nothing was erased or written: the old firmware is whole */
        BOARD_ERASED,         /* sectors were erased (or an erase was begun), nothing written */
        BOARD_PARTLY_WRITTEN, /* some bytes of the new image are in, not all */
        BOARD_WRITTEN,        /* all bytes sent, not (or not successfully) read back */
        BOARD_VERIFIED,       /* all bytes read back and equal */
        _BOARD_STATE_MAX,
};

/* "untouched", "erased", "partly-written", "written", "verified". Never NULL. */
const char *board_state_name(enum board_state state);
/* BOARD_UNTOUCHED.., or -1. */
int board_state_from_name(const char *name);

struct fault {
        enum fwd_error error;
        char message[320]; /* a sentence for people, without the advice; clean text */
        const char *phase; /* a static string of the phase table, or NULL */
        bool has_address;
        uint64_t address; /* where in the board's memory */
        int dfu_state;    /* bState, or -1 */
        int dfu_status;   /* bStatus, or -1 */
};

#define FAULT_INIT                                                                                 \
        { .dfu_state = -1, .dfu_status = -1 }

/* Fills `fault` (which may be NULL) and returns the negative errno that stands for `error`, so that
 * code reads `return fault_set(fault, FWD_INVALID_IMAGE, "…")`. The first fault wins: a set one is
 * not overwritten. */
int fault_set(struct fault *fault, enum fwd_error error, const char *format, ...) _printf_(3, 4);
/* The same with the address it is about. */
int fault_set_at(struct fault *fault, enum fwd_error error, uint64_t address, const char *format,
                 ...) _printf_(4, 5);
/* The errno for an error, negative. */
int fwd_error_to_errno(enum fwd_error error);
