/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must hold before a board is touched, from the image and the board's profile alone; with the
 * chip's own map the flash plan checks again, by sectors. Pure. Worker only. */

#include "base/fault.h"
#include "board/board.h"
#include "image/image.h"
#include "worker/options.h"

/* Where a file belongs that does not say: the option, else the profile. `profile` may be NULL. */
struct image_options guard_image_options(const struct options *options,
                                         const struct board_profile *profile);
/* FWD_PROTECTED_REGION, FWD_INVALID_IMAGE (no firmware of such a chip begins like this). */
int guard_check_image(const struct image *image, const struct board_profile *profile,
                      struct fault *fault);
/* The file is for this device: FWD_WRONG_BOARD if its suffix names another one. */
int guard_check_ids(const struct image *image, uint16_t vendor_id, uint16_t product_id,
                    struct fault *fault);
