/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* FFBeast's force-feedback firmware on a simulated board: a HID device. Builds of today have a
 * vendor interface (IF0) beside the joystick (IF1), which takes commands and tells version, licence
 * and chip (FFBeast docs/en/wheel_programming.md); older ones have the joystick alone. The report
 * descriptors here are shorter than the real ones; reports and their numbers are the same. */

#include "models/firmware.h"

struct ffbeast_product { /* const */
        uint16_t product_id;
        const char *product;
};

/* NULL: no memory. */
struct firmware *ffbeast_new(const struct ffbeast_product *product);
