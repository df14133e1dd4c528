/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Crazyflie: its firmware as USB shows it, and a chip with Bitcraze's loader in sector 0 and a
 * device type in its one-time memory. Any vendor request that says 2 in wIndex makes it reset into
 * its ROM before the request is answered (crazyflie-firmware, usb.c); any class request without
 * data hands the motors to the pass-through, which is what opening its tty does. */

#include "models/firmware.h"

struct model;

/* `type`: "CF21", for the one-time memory. NULL: no memory. */
struct model *crazyflie_board(const char *type);
