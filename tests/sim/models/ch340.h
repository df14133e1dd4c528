/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* WCH's CH340, a USB-serial chip with nothing behind it: as much of it as the kernel's driver asks
 * before it makes a serial port (drivers/usb/serial/ch341.c). It has no flash; it is here for the
 * programs that mistake it for something else. */

struct model;

/* NULL: no memory. */
struct model *ch340_new(void);
