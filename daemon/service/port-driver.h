/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a board in its firmware has no serial port: what the kernel's driver of that port does. Read
 * from sysfs when udev tells that a driver came or went, and again when a job waits: of a claim
 * over usbfs the kernel sends no event. Plain values, no ownership. In the service. */

#include <stdbool.h>

#include "base/serial-driver.h"
#include "base/udev-each.h"

enum port_driver_state {
        PORT_DRIVER_FINE,    /* it is at the interface, or nobody knows which it would be */
        PORT_DRIVER_MISSING, /* it is not loaded */
        PORT_DRIVER_OFF,     /* it is loaded and not at the interface */
        PORT_DRIVER_CLAIMED, /* a program has the interface (usbfs) */
};

struct port_driver {
        enum port_driver_state state;
        const struct usb_driver *driver; /* NULL: PORT_DRIVER_FINE */
        char interface[48];              /* "1-2.3:1.0" */
        bool braille;                    /* by its rules, brltty takes the device for a display */
};

struct device;

/* The interface that is the board's serial port, the first of several; a new reference, or NULL. */
struct udev_device *port_driver_interface(struct udev_device *usb);
void port_driver_read(struct udev_device *usb, struct port_driver *ret);
bool port_driver_equal(const struct port_driver *a, const struct port_driver *b);
/* Whether brltty may be who took the port, so that it is worth asking if it runs (brltty.h). */
bool port_driver_may_be_brltty(const struct port_driver *driver);
/* Another program is who keeps the serial port. */
bool port_driver_is_held(const struct device *device);
/* What happened to the serial port, and the command that mends it: whole sentences, new. NULL if
 * nothing did. */
char *port_driver_text(const struct device *device);
