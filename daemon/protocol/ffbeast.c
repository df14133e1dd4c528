/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/ffbeast.h"

#include <errno.h>
#include <string.h>

enum {
        USAGE_PAGE = 0xff72,
        REPORT_GENERIC = 0xa3,
        REPORT_INFORMATION = 0x25,
        COMMAND_DFU = 0x03,
};

enum { /* HID 1.11 §6.2.2: a short item's prefix without its two bits of size */
       ITEM_SIZE_MASK = 0x03,
       ITEM_USAGE_PAGE = 0x04,
       ITEM_REPORT_ID = 0x84,
       ITEM_OUTPUT = 0x90,
       ITEM_LONG = 0xfe,
};

bool ffbeast_has_commands(const uint8_t *report_descriptor, size_t size) {
        uint32_t page = 0, report = 0;

        for (size_t at = 0; at < size;) {
                uint8_t prefix = report_descriptor[at++];
                size_t n = prefix & ITEM_SIZE_MASK;
                uint32_t value = 0;

                if (prefix == ITEM_LONG) /* its size, its tag, its data */
                        n = at < size ? (size_t) report_descriptor[at] + 2 : size;
                else if (n == 3)
                        n = 4;
                if (n > size - at)
                        return false;
                for (size_t i = 0; i < n && i < sizeof(value); i++)
                        value |= (uint32_t) report_descriptor[at + i] << (8 * i);
                at += n;
                switch (prefix == ITEM_LONG ? ITEM_LONG : prefix & ~ITEM_SIZE_MASK) {
                case ITEM_USAGE_PAGE:
                        page = value;
                        break;
                case ITEM_REPORT_ID:
                        report = value;
                        break;
                case ITEM_OUTPUT:
                        if (page == USAGE_PAGE && report == REPORT_GENERIC)
                                return true;
                        break;
                default:
                        break;
                }
        }
        return false;
}

static uint32_t get_u32(const uint8_t *from) {
        return from[0] | (uint32_t) from[1] << 8 | (uint32_t) from[2] << 16 |
               (uint32_t) from[3] << 24;
}

int ffbeast_parse_information(const uint8_t *report, size_t size, struct ffbeast_information *ret) {
        enum { VERSION = 1, SERIAL_KEY = 5, DEVICE_ID = 17, IS_REGISTERED = 29, LEAST = 30 };

        if (size < LEAST || report[0] != REPORT_INFORMATION)
                return -EBADMSG;
        *ret = (struct ffbeast_information){
                .release_type = report[VERSION],
                .major = report[VERSION + 1],
                .minor = report[VERSION + 2],
                .patch = report[VERSION + 3],
                .is_registered = report[IS_REGISTERED] != 0,
        };
        for (size_t i = 0; i < 3; i++) {
                ret->serial_key[i] = get_u32(report + SERIAL_KEY + 4 * i);
                ret->device_id[i] = get_u32(report + DEVICE_ID + 4 * i);
        }
        return 0;
}

static int lost(struct fault *fault) {
        return fault_set(fault, FWD_DEVICE_LOST, "The FFBeast controller went away");
}

int ffbeast_read_information(struct hid_device *hid, struct ffbeast_information *ret,
                             struct fault *fault) {
        uint8_t descriptor[HID_DESCRIPTOR_MAX], report[FFBEAST_REPORT_SIZE] = {REPORT_INFORMATION};
        int r;

        r = hid->ops->get_descriptor(hid, descriptor, sizeof(descriptor));
        if (r == -ENODEV)
                return lost(fault);
        if (r < 0 || !ffbeast_has_commands(descriptor, (size_t) r))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This build of FFBeast takes no commands over USB");
        r = hid->ops->get_feature(hid, report, sizeof(report));
        if (r == -ENODEV)
                return lost(fault);
        if (r >= 0)
                r = ffbeast_parse_information(report, (size_t) r, ret);
        if (r < 0)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The FFBeast controller does not tell its version and licence");
        return 0;
}

int ffbeast_enter_dfu(struct hid_device *hid, struct fault *fault) {
        const uint8_t report[FFBEAST_REPORT_SIZE] = {REPORT_GENERIC, COMMAND_DFU};
        int r = hid->ops->write(hid, report, sizeof(report));

        if (r < 0 && r != -ENODEV)
                return fault_set(fault, FWD_FAILED,
                                 "The FFBeast controller could not be asked for its bootloader: %s",
                                 strerror(-r));
        return 0;
}
