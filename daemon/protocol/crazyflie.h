/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Crazyflie's firmware, over its control pipe alone. Its serial port is never opened: that would
 * hand the motors to a pass-through. Worker only. Source: crazyflie-firmware, src/hal/src/usb.c and
 * tools/make/usb-bootloader.py. */

#include <stdint.h>

#include "base/fault.h"
#include "protocol/usb.h"

/* The strings of the device; FWD_DEVICE_LOST. */
struct usb_strings {
        char manufacturer[64], product[64], serial[64];
};
int usb_read_strings(struct usb_device *usb, struct usb_strings *ret, struct fault *fault);

/* Asks for the ROM's bootloader. The firmware resets before it has answered, so that a failure is
 * how success looks, and an answer is what firmware before February 2022 gives, which does not know
 * the request. Whether the board obeyed is seen on the bus. */
void crazyflie_enter_bootloader(struct usb_device *usb);
