/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Devices that fwd can do nothing with, as much of them as a host sees without speaking to them;
 * they are here to be told apart from boards. `ch340` and `cp2102` are USB-serial chips of WCH and
 * Silicon Labs, with what the kernel's drivers ask them before they make a serial port
 * (drivers/usb/serial/ch341.c, cp210x.c);
 * `rp2350-bootsel` is the ROM of Raspberry Pi's chip, a drive and PICOBOOT; `esp32` is an ESP32-S3
 * on its own USB. */

struct model;

extern const char *const passive_kinds[]; /* the last one is NULL */

/* NULL: no memory, or no such kind. */
struct model *passive_new(const char *kind);
