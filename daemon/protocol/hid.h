/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The few things that are asked of a HID interface, behind a table of functions: the kernel's
 * hidraw node in the worker (hid-hidraw.c), a board model in unit tests. The kernel's driver keeps
 * the interface; nothing is detached. Worker only; one node, already opened. */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fault.h"

struct hid_device;

struct hid_ops {
        /* An output report, its number first. 0, -ENODEV, -EPIPE, -EIO. */
        int (*write)(struct hid_device *hid, const uint8_t *report, size_t size);
        /* A feature report: its number is in report[0]. Bytes with the number, or as `write`. */
        int (*get_feature)(struct hid_device *hid, uint8_t *report, size_t size);
        /* The report descriptor's bytes, at most `size`. */
        int (*get_descriptor)(struct hid_device *hid, uint8_t *to, size_t size);
        void (*close)(struct hid_device *hid);
};

struct hid_device {
        const struct hid_ops *ops;
        uint16_t vendor_id, product_id;
};

#define HID_DESCRIPTOR_MAX 4096U /* what the kernel takes (HID_MAX_DESCRIPTOR_SIZE) */

/* Opens /dev/hidrawN. FWD_DEVICE_LOST, FWD_NOT_AUTHORIZED, FWD_NOT_SUPPORTED (no hidraw node). */
int hid_open(const char *node, struct hid_device **ret, struct fault *fault);
struct hid_device *hid_close(struct hid_device *hid);
DEFINE_CLEANUP(struct hid_device *, hid_close)
#define _cleanup_hid_ _cleanup_(hid_close_p)
