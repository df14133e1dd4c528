/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a simulated device shows to every host: descriptors, strings, and the standard requests of
 * USB 2.0 chapter 9 that a host sends to them. One for each mode of a board; it owns nothing, the
 * texts belong to whoever set them. */

#include "model.h"

#define FACE_STRINGS_MAX    16U
#define FACE_CONFIG_MAX     256U
#define FACE_INTERFACES_MAX 4U

struct usb_face {
        uint8_t device[18];
        uint8_t config[FACE_CONFIG_MAX];
        size_t config_size;
        const char *strings[FACE_STRINGS_MAX]; /* UTF-8, by index; [0] is the language table */
        bool answers_functional;   /* GET_DESCRIPTOR(0x21), the DFU functional descriptor alone */
        unsigned truncate_strings; /* so many string reads come cut short (F427) */
        unsigned n_alts[FACE_INTERFACES_MAX];
        uint8_t alts[FACE_INTERFACES_MAX];
        uint8_t configuration;
        const uint8_t *hid_report[FACE_INTERFACES_MAX]; /* HID report descriptors; NULL: none */
        size_t hid_report_size[FACE_INTERFACES_MAX];
};

/* Appends descriptor bytes and keeps wTotalLength right. */
void face_add(struct usb_face *face, const uint8_t *bytes, size_t size);
/* True if it was a standard request: `ret` has kind, data and size, not the time. */
bool face_control(struct usb_face *face, const struct model_setup *setup, struct model_answer *ret);
/* Points the model's descriptors and strings here. */
void face_show(const struct usb_face *face, struct model *m);
