/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/crazyflie.h"

#include "base/log.h"

enum { /* the firmware looks at the type and at wIndex; the other numbers are its own tool's */
       REQUEST_TYPE_VENDOR_OUT = 0x40,
       REQUEST = 1,
       VALUE = 1,
       INDEX_ENTER_BOOTLOADER = 2,
       ENTER_TIMEOUT_MS = 1000,
};

enum { /* bytes of the device descriptor (USB 2.0, table 9-8) */
       DEVICE_MANUFACTURER = 14,
       DEVICE_PRODUCT = 15,
       DEVICE_SERIAL = 16,
};

int usb_read_strings(struct usb_device *usb, struct usb_strings *ret, struct fault *fault) {
        const uint8_t *d = usb->descriptors;
        struct usb_strings s;
        int r;

        r = usb_string(usb, d[DEVICE_MANUFACTURER], s.manufacturer, sizeof(s.manufacturer));
        if (r >= 0)
                r = usb_string(usb, d[DEVICE_PRODUCT], s.product, sizeof(s.product));
        if (r >= 0)
                r = usb_string(usb, d[DEVICE_SERIAL], s.serial, sizeof(s.serial));
        if (r < 0)
                return fault_set(fault, FWD_DEVICE_LOST, "The board left before it was asked");
        *ret = s;
        return 0;
}

void crazyflie_enter_bootloader(struct usb_device *usb) {
        int r = usb_control(usb, REQUEST_TYPE_VENDOR_OUT, REQUEST, VALUE, INDEX_ENTER_BOOTLOADER,
                            NULL, 0, ENTER_TIMEOUT_MS);

        log_debug("The request for the bootloader ended with %d.", r);
}
