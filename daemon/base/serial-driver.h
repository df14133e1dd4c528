/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's drivers that make a serial port of a USB interface. For the service and fwctl
 * doctor, who tell where one did not. Pure. */

#include <stdbool.h>
#include <stdint.h>

#define USBFS_DRIVER      "usbfs"                      /* a program has claimed the interface */
#define USB_DRIVERS_PROBE "/sys/bus/usb/drivers_probe" /* an interface's name: bind its driver */

struct usb_driver {
        const char *module; /* and what its folder in /sys/bus/usb/drivers is called */
        const char *what;   /* "USB-serial chips of WCH" */
        bool braille;       /* displays have this chip too, so that brltty reaches for it */
};

extern const struct usb_driver serial_driver_acm;
extern const struct usb_driver serial_driver_ch341;
extern const struct usb_driver serial_driver_cp210x;
extern const struct usb_driver serial_driver_ftdi;

/* The one that an interface wants, or NULL. */
const struct usb_driver *serial_driver_for(uint16_t vendor, uint16_t product, uint8_t class,
                                           uint8_t subclass);
