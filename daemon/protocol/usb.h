/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The few USB operations that a device protocol needs, behind a table of functions: libusb's
 * synchronous API in the worker (usb-libusb.c), a board model called directly in unit tests. Worker
 * only; one device, already opened. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

struct usb_device;

struct usb_ops {
        /* A control transfer; direction by bit 7 of `request_type`. Returns the bytes moved, or
         * -EPIPE (stall), -ETIMEDOUT, -ENODEV (gone), -EBUSY, -EACCES, -EPROTO, -EIO. `timeout_ms`
         * 0 is not allowed. */
        int (*control)(struct usb_device *usb, uint8_t request_type, uint8_t request,
                       uint16_t value, uint16_t index, void *data, uint16_t length,
                       unsigned timeout_ms);
        /* One transfer on a bulk or interrupt endpoint, direction by bit 7 of its address: bytes
         * moved, or as `control`. NULL: only EP0 is there. */
        int (*transfer)(struct usb_device *usb, uint8_t endpoint, void *data, size_t size,
                        unsigned timeout_ms);
        int (*claim)(struct usb_device *usb,
                     int interface); /* detaches no kernel driver; -EBUSY, -ENODEV */
        int (*set_alt)(struct usb_device *usb, int interface, int alt);
        int (*reset)(struct usb_device *usb); /* -ENODEV when it re-enumerates */
        /* Waits; in tests it moves the model's clock. Also the point where a cancel is noticed:
         * -ECANCELED. */
        int (*sleep)(struct usb_device *usb, unsigned ms);
        /* A clock that only goes on, milliseconds; in tests the model's. NULL: CLOCK_MONOTONIC. */
        uint64_t (*now_ms)(struct usb_device *usb);
        void (*close)(struct usb_device *usb);
};

struct usb_device {
        const struct usb_ops *ops;
        uint16_t vendor_id, product_id, bcd_device;
        uint8_t *descriptors; /* device descriptor (18 bytes), then the active configuration, whole;
                                 owned */
        size_t descriptors_size;
        unsigned n_control; /* control transfers so far, for the job's details */
};

/* Opens the node (/dev/bus/usb/BBB/DDD); no discovery, no other device is seen. Nothing is asked of
 * the device yet, nor read of what it says: usb_start() does, and opens no file any more. Source:
 * libusb LIBUSB_OPTION_NO_DEVICE_DISCOVERY, libusb_wrap_sys_device. FWD_DEVICE_LOST, FWD_PORT_HELD,
 * FWD_NOT_AUTHORIZED. */
int usb_open(const char *node, struct usb_device **ret, struct fault *fault);
int usb_start(struct usb_device *usb, const char *node, struct fault *fault);
struct usb_device *usb_close(struct usb_device *usb);
DEFINE_CLEANUP(struct usb_device *, usb_close)
#define _cleanup_usb_         _cleanup_(usb_close_p)

#define USB_CONTROL_SIZE_MAX  4096U  /* bytes; usbfs refuses more */
#define USB_TRANSFER_SIZE_MAX 16384U /* what usbfs takes in one piece */

/* One control transfer, counted; -EINVAL if `length` is above USB_CONTROL_SIZE_MAX. */
int usb_control(struct usb_device *usb, uint8_t request_type, uint8_t request, uint16_t value,
                uint16_t index, void *data, uint16_t length, unsigned timeout_ms);
/* The same for another endpoint of a claimed interface; -EOPNOTSUPP if there is only EP0. */
int usb_transfer(struct usb_device *usb, uint8_t endpoint, void *data, size_t size,
                 unsigned timeout_ms);
/* A string descriptor as clean UTF-8, read again if it comes truncated (F427) or stalls. "" if the
 * index is 0 or unreadable; -ENODEV only. */
int usb_string(struct usb_device *usb, uint8_t index, char *to, size_t to_size);
/* The same for devices that put plain bytes where UTF-16 belongs (GD32VF103's serial number). */
int usb_string_bytes(struct usb_device *usb, uint8_t index, char *to, size_t to_size);
uint64_t usb_now_ms(struct usb_device *usb);
