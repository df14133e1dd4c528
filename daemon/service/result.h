/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sentences that people read: what happened, which board, in what state it is, what to do now.
 * Pure. */

#include "base/fault.h"
#include "board/board.h"

/* What a job was about, and its advice is. */
enum result_subject {
        ABOUT_FIRMWARE,
        ABOUT_CONFIG, /* the firmware is left alone */
        ABOUT_LOADER, /* the board's own, in front of the firmware */
        ABOUT_BOARD,  /* no file: the chip, or where the board is */
};

struct result_context {
        const char *port; /* "1-2.3" */
        const char *name; /* "Betaflight flight controller" */
        enum board_state state;
        bool in_bootloader;                  /* as it was last seen */
        bool bootloader_was_held;            /* by a program that writes firmware, perhaps */
        const struct board_profile *profile; /* for its hints; may be NULL */
        bool by_hand;                        /* its firmware cannot start the bootloader */
        bool other_came;                     /* to the board's port */
        enum result_subject about;
        bool about_defaults; /* not a configuration of somebody's */
        const char *backup;  /* of the configuration; NULL or "": none */
};

/* ErrorMessage of a job that failed or was cancelled. Free with free(); NULL without memory. */
char *result_message(const struct fault *fault, const struct result_context *context);
/* The text of a method's error: the fault and the general advice. */
char *result_refusal(const struct fault *fault);
