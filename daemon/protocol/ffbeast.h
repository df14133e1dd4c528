/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* FFBeast's force-feedback firmware over the vendor interface of its HID device (FFBeast
 * docs/en/wheel_programming.md): feature report 0x25 tells version, licence and chip; an output
 * report 0xA3 takes commands, 3 is the chip's bootloader. Builds before that interface have the
 * joystick alone. Worker only; the parsers are pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "protocol/hid.h"

#define FFBEAST_REPORT_SIZE 65U /* bytes of every report, with its number */

struct ffbeast_information {
        unsigned release_type, major, minor, patch;
        uint32_t serial_key[3]; /* the licence */
        uint32_t device_id[3];  /* what the licence was made for */
        bool is_registered;
};

/* FWD_NOT_SUPPORTED: this build has no vendor interface. FWD_DEVICE_LOST. */
int ffbeast_read_information(struct hid_device *hid, struct ffbeast_information *ret,
                             struct fault *fault);
/* Asks for the bootloader; that the board goes meanwhile is success. FWD_FAILED. */
int ffbeast_enter_dfu(struct hid_device *hid, struct fault *fault);

/* Does the interface take the commands? HID 1.11 §6.2.2. */
bool ffbeast_has_commands(const uint8_t *report_descriptor, size_t size);
/* -EBADMSG */
int ffbeast_parse_information(const uint8_t *report, size_t size, struct ffbeast_information *ret);
