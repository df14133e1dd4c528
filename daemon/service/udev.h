/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The udev intake: tells the device table what came to and left the USB ports. It reads properties
 * and attributes; it opens no device. */

#include "service/service.h"

/* The monitor first, then what is there already, so that nothing falls between. Negative errno. */
int udev_start(struct service *service);
/* Takes what the monitor has, without waiting. */
void udev_drain(struct service *service);
/* Reads anew what the kernel's driver does to the serial port of the board at a port: of some
 * changes no event comes. */
void udev_look_at_driver(struct service *service, const char *port);
void udev_stop(struct service *service);
