/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/serial-driver.h"

#include "base/cleanup.h"

#define CLASS_COMM   0x02
#define SUBCLASS_ACM 0x02

const struct usb_driver serial_driver_acm = {
        .module = "cdc_acm",
        .what = "the serial ports of nearly every board",
};
const struct usb_driver serial_driver_ch341 = {
        .module = "ch341",
        .what = "USB-serial chips of WCH",
        .braille = true,
};
const struct usb_driver serial_driver_cp210x = {
        .module = "cp210x",
        .what = "USB-serial chips of Silicon Labs",
        .braille = true,
};
const struct usb_driver serial_driver_ftdi = {
        .module = "ftdi_sio",
        .what = "USB-serial chips of FTDI",
        .braille = true,
};

const struct usb_driver *serial_driver_for(uint16_t vendor, uint16_t product, uint8_t class,
                                           uint8_t subclass) {
        static const struct {
                uint16_t vendor, product;
                const struct usb_driver *driver;
        } chips[] = {
                /* Those of the hwdb; but the kernel has no driver for 1a86:7584. */
                {0x0403, 0x6001, &serial_driver_ftdi},   {0x10C4, 0xEA60, &serial_driver_cp210x},
                {0x10C4, 0xEA61, &serial_driver_cp210x}, {0x10C4, 0xEA62, &serial_driver_cp210x},
                {0x1A86, 0x5523, &serial_driver_ch341},  {0x1A86, 0x7522, &serial_driver_ch341},
                {0x1A86, 0x7523, &serial_driver_ch341},
        };

        if (class == CLASS_COMM && subclass == SUBCLASS_ACM)
                return &serial_driver_acm;
        for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
                if (chips[i].vendor == vendor && chips[i].product == product)
                        return chips[i].driver;
        return NULL;
}
