/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/match.h"

#include <inttypes.h>
#include <string.h>

#include "base/mcu.h"
#include "base/range.h"
#include "base/text.h"

#define BOARD_NAME_LENGTH_MIN 5U /* shorter ones are chip ids ("S405") */

/* What lies between the first flash address and this is the chip's flash, or would be. */
#define FLASH_SPACE_END 0x10000000U

static bool said(const char *text) {
        return text && *text;
}

/* Another firmware of the same family may call the board otherwise; INAV has several builds for one
 * board under different names. */
static bool names_are_comparable(const struct match_board *board, const struct match_image *image) {
        return said(board->board) && said(image->board) && said(board->variant) &&
               said(image->firmware) && strcmp(board->variant, "BTFL") == 0 &&
               strcmp(image->firmware, "Betaflight") == 0 &&
               /* An unconfigured board tells its chip in the place of its name. */
               strlen(board->board) >= BOARD_NAME_LENGTH_MIN && !mcu_find(board->board);
}

static int check_flash(const struct match_board *board, const struct mcu *mcu, const char *segments,
                       struct fault *fault) {
        char item[64];

        for (size_t n; *segments; segments += n + (segments[n] == ',')) {
                struct range r;

                n = strcspn(segments, ",");
                if (n >= sizeof(item))
                        continue;
                memcpy(item, segments, n);
                item[n] = '\0';
                if (range_parse(item, &r) < 0 || r.start < mcu->flash.start ||
                    r.start >= FLASH_SPACE_END || r.end <= mcu->flash.end)
                        continue;
                return fault_set_at(
                        fault,
                        r.start < mcu->flash.end ? FWD_IMAGE_TOO_LARGE : FWD_ADDRESS_OUT_OF_RANGE,
                        r.start,
                        "The firmware ends at 0x%08" PRIx64 ", but the flash of the %s of board %s "
                        "at 0x%08" PRIx64,
                        r.end, board->mcu, board->port, mcu->flash.end);
        }
        return 0;
}

int match_check(const struct match_board *board, const struct match_image *image,
                struct fault *fault) {
        const struct mcu *mcu = said(board->mcu) ? mcu_find(board->mcu) : NULL;
        const struct mcu *wanted = said(image->mcu) ? mcu_find(image->mcu) : NULL;
        uint64_t stack;

        if (mcu && wanted && mcu != wanted)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware is %s for %s, but board %s has a %s",
                                 said(image->firmware) ? image->firmware : "built", image->mcu,
                                 board->port, board->mcu);
        if (names_are_comparable(board, image) && strcmp(board->board, image->board) != 0)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware is %s for %s, but board %s says that it is %s",
                                 image->firmware, image->board, board->port, board->board);
        if (mcu && image->stack && parse_u64(image->stack, UINT32_MAX, &stack) == 0 &&
            !mcu_takes_stack(mcu, stack))
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware has its stack at 0x%08" PRIx64
                                 ", where the %s of board %s has no memory",
                                 stack, board->mcu, board->port);
        if (mcu && image->segments && !range_is_empty(mcu->flash))
                return check_flash(board, mcu, image->segments, fault);
        return 0;
}
