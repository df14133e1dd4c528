/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/match.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mcu.h"
#include "base/range.h"
#include "base/text.h"

#define BOARD_NAME_LENGTH_MIN 5U /* shorter ones are chip ids ("S405") */

/* Where chips have their flash: what a file has there goes to it, or would. */
static const struct range flash_spaces[] = {
        {0x08000000, 0x10000000}, /* STM32 and their like */
        {0x15000000, 0x16000000}, /* X32M7 */
};

static bool is_flash(uint64_t address) {
        for (size_t i = 0; i < ARRAY_SIZE(flash_spaces); i++)
                if (range_has(flash_spaces[i], address))
                        return true;
        return false;
}

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
                if (range_parse(item, &r) < 0 || !is_flash(r.start) ||
                    range_contains(mcu->flash, r))
                        continue;
                if (r.start < mcu->flash.start)
                        return fault_set_at(fault, FWD_ADDRESS_OUT_OF_RANGE, r.start,
                                            "The firmware goes to 0x%08" PRIx64
                                            ", but the flash of the %s of "
                                            "board %s begins at 0x%08" PRIx64,
                                            r.start, board->mcu, board->port, mcu->flash.start);
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
