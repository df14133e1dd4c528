/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a firmware image says of itself: Betaflight and its relatives carry their name, their
 * version, the chip and the board that they were built for as strings, and every image for a
 * Cortex-M its first stack pointer. Only what is certain is claimed: a claim may refuse a flash. A
 * string that fits twice, or stands in a firmware that nothing here knows, claims nothing.
 *
 * The strings, in Betaflight 4.3 to 2025.12 (src/main/build/version.h, version.c, target.h): the
 * name and its four letters of MSP; the version; the target, which is the chip since 4.3, alone
 * and behind the firmware's name in the USB product string; the board's name, of the board's
 * config.h (from 4.5 on) or in the text of the custom defaults ("board_name X", before). The linker
 * lets a string begin in the middle of a longer one, so the end of one counts, too, but no sentence
 * that happens to end in a chip's name.
 *
 * Pure, in the worker, on bytes from strangers; fuzzed. */

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"

#define CLAIM_TEXT_SIZE 32U

struct claims {                         /* "" where nothing is claimed; clean text */
        char firmware[CLAIM_TEXT_SIZE]; /* "Betaflight" */
        char version[CLAIM_TEXT_SIZE];  /* "2025.12.2" */
        char mcu[CLAIM_TEXT_SIZE];      /* the family's name, base/mcu.h */
        char board[CLAIM_TEXT_SIZE];    /* "SPEEDYBEEF405V4" */
        /* Betaflight up to 4.4 has room for the board's own defaults, a text that is put into the
         * file before it is flashed. "included" or "none". */
        char custom_defaults[CLAIM_TEXT_SIZE];
        bool has_stack;
        uint32_t stack; /* the first stack pointer, if the image begins with a vector table */
};

void image_claims(const struct image *image, struct claims *ret);

/* board-names.c: whether a word is the name of one of Betaflight's boards. */
bool board_name_is_known(const char *name);
