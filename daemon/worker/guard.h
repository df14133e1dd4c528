/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must hold before a board is touched, from the image and the board's profile alone; with the
 * chip's own map the flash plan checks again, by sectors. Pure. Worker only. */

#include <stdbool.h>

#include "base/fault.h"
#include "board/board.h"
#include "image/image.h"
#include "protocol/dfu-chips.h"

/* Where a raw file belongs on such a board; false if the profile does not say. `profile` may be
 * NULL.
 */
bool guard_raw_address(const struct board_profile *profile, struct image_options *ret);
/* FWD_PROTECTED_REGION, FWD_INVALID_IMAGE (no firmware of such a chip begins like this). */
int guard_check_image(const struct image *image, const struct board_profile *profile,
                      struct fault *fault);
/* What must hold of a file that goes where the board's own loader is (profile->recover, not empty).
 * FWD_IMAGE_TOO_LARGE, FWD_ADDRESS_OUT_OF_RANGE, FWD_INVALID_IMAGE. */
int guard_check_loader(const struct image *image, const struct board_profile *profile,
                       struct fault *fault);
/* The file is for the type of board that its one-time memory names: 0; 1 if the file does not say
 * what it is for; FWD_WRONG_BOARD if it is for others. */
int guard_check_type(const struct image *image, const struct board_profile *profile,
                     const char *type, struct fault *fault);
/* The file is for this device: FWD_WRONG_BOARD if its suffix names another one. */
int guard_check_ids(const struct image *image, uint16_t vendor_id, uint16_t product_id,
                    struct fault *fault);
/* The chips that the file names (UF2) against the one that is there, as far as both are known; NULL
 * fits all. FWD_WRONG_BOARD. */
int guard_check_family(const struct image *image, const struct dfu_chip *chip, struct fault *fault);
/* What the firmware says that it is built for, and where it has its stack, against the chip that is
 * there. FWD_WRONG_BOARD. */
int guard_check_mcu(const struct image *image, const struct dfu_chip *chip, struct fault *fault);
/* The same for ODrive boards; `name` is the file's ("" if not known). Also 2: the file is for such
 * a board, but does not say for which supply voltage. */
int guard_check_odrive(const struct image *image, const char *name, const char *type,
                       struct fault *fault);
/* FWD_WRONG_BOARD: the firmware shows itself as other USB devices than those that belong on the
 * board (profile->image_usb_ids). What shows itself as none of that vendor says nothing. */
int guard_check_usb_ids(const struct image *image, const struct board_profile *profile,
                        struct fault *fault);
