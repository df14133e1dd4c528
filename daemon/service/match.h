/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Is this image for this board? What the board told of itself (or what is remembered of it) against
 * what the worker found in the file. Asked before the board is rebooted: a board that is refused
 * here goes on running. Only what both sides say for certain counts; what one of them does not say
 * fits anything. Pure. */

#include "base/fault.h"

struct match_board { /* NULL or "": not known */
        const char *port, *variant, *board, *mcu;
};

struct match_image { /* the worker's facts; NULL: not said */
        const char *firmware, *mcu, *board, *stack, *segments;
};

/* FWD_WRONG_BOARD, and for what ends behind the chip's flash FWD_IMAGE_TOO_LARGE or
 * FWD_ADDRESS_OUT_OF_RANGE. */
int match_check(const struct match_board *board, const struct match_image *image,
                struct fault *fault);
