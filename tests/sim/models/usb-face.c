/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/usb-face.h"

#include <string.h>

enum {
        REQUEST_GET_STATUS = 0,
        REQUEST_CLEAR_FEATURE = 1,
        REQUEST_SET_FEATURE = 3,
        REQUEST_SET_ADDRESS = 5,
        REQUEST_GET_DESCRIPTOR = 6,
        REQUEST_GET_CONFIGURATION = 8,
        REQUEST_SET_CONFIGURATION = 9,
        REQUEST_GET_INTERFACE = 10,
        REQUEST_SET_INTERFACE = 11,
};

enum {
        DESCRIPTOR_DEVICE = 1,
        DESCRIPTOR_CONFIG = 2,
        DESCRIPTOR_STRING = 3,
        DESCRIPTOR_DFU_FUNCTIONAL = 0x21,
        DESCRIPTOR_HID_REPORT = 0x22,
};

#define TYPE_MASK   0x60 /* bmRequestType: standard, class, vendor */
#define LANGUAGE_EN 0x0409
#define STRING_MAX  255U

void face_add(struct usb_face *face, const uint8_t *bytes, size_t size) {
        if (size > FACE_CONFIG_MAX - face->config_size)
                return;
        memcpy(face->config + face->config_size, bytes, size);
        face->config_size += size;
        face->config[2] = (uint8_t) face->config_size;
        face->config[3] = (uint8_t) (face->config_size >> 8);
}

/* UTF-8 (basic plane) to a string descriptor; returns its size. */
static size_t encode_string(const char *text, uint8_t *to) {
        const uint8_t *p = (const uint8_t *) text;
        size_t size = 2;

        while (*p && size + 2 <= STRING_MAX) {
                unsigned c = *p++;

                if (c >= 0xE0 && p[0] && p[1]) {
                        c = (c & 0x0FU) << 12 | (p[0] & 0x3FU) << 6 | (p[1] & 0x3FU);
                        p += 2;
                } else if (c >= 0xC0 && p[0]) {
                        c = (c & 0x1FU) << 6 | (p[0] & 0x3FU);
                        p++;
                }
                to[size++] = (uint8_t) c;
                to[size++] = (uint8_t) (c >> 8);
        }
        to[0] = (uint8_t) size;
        to[1] = DESCRIPTOR_STRING;
        return size;
}

static void answer_bytes(struct model_answer *ret, const uint8_t *data, size_t size,
                         const struct model_setup *setup) {
        if (size > setup->length)
                size = setup->length;
        memcpy(ret->data, data, size);
        ret->kind = ANSWER_DATA;
        ret->size = size;
}

static const uint8_t *find_functional(const struct usb_face *face) {
        for (size_t i = 0; i + 1 < face->config_size && face->config[i] >= 2; i += face->config[i])
                if (face->config[i + 1] == DESCRIPTOR_DFU_FUNCTIONAL)
                        return face->config + i;
        return NULL;
}

static void get_string(struct usb_face *face, const struct model_setup *setup,
                       struct model_answer *ret) {
        static const uint8_t languages[] = {4, DESCRIPTOR_STRING, LANGUAGE_EN & 0xFF,
                                            LANGUAGE_EN >> 8};
        unsigned index = setup->value & 0xFFU;
        uint8_t bytes[STRING_MAX + 1];
        size_t size;

        if (index == 0) {
                answer_bytes(ret, languages, sizeof(languages), setup);
                return;
        }
        if (index >= FACE_STRINGS_MAX || !face->strings[index])
                return;
        size = encode_string(face->strings[index], bytes);
        if (face->truncate_strings > 0) {
                face->truncate_strings--;
                size = size / 4 * 2;
                if (size < 2)
                        size = 2;
        }
        answer_bytes(ret, bytes, size, setup);
}

static void get_descriptor(struct usb_face *face, const struct model_setup *setup,
                           struct model_answer *ret) {
        unsigned interface = setup->index & 0xFFU;
        const uint8_t *functional;

        switch (setup->value >> 8) {
        case DESCRIPTOR_DEVICE:
                answer_bytes(ret, face->device, sizeof(face->device), setup);
                break;
        case DESCRIPTOR_CONFIG:
                if ((setup->value & 0xFF) == 0)
                        answer_bytes(ret, face->config, face->config_size, setup);
                break;
        case DESCRIPTOR_STRING:
                get_string(face, setup, ret);
                break;
        case DESCRIPTOR_DFU_FUNCTIONAL:
                functional = find_functional(face);
                if (functional && face->answers_functional)
                        answer_bytes(ret, functional, functional[0], setup);
                break;
        case DESCRIPTOR_HID_REPORT:
                if (interface < FACE_INTERFACES_MAX && face->hid_report[interface])
                        answer_bytes(ret, face->hid_report[interface],
                                     face->hid_report_size[interface], setup);
                break;
        }
}

bool face_control(struct usb_face *face, const struct model_setup *setup,
                  struct model_answer *ret) {
        static const uint8_t zeros[2];
        unsigned interface = setup->index & 0xFFU;

        if (setup->request_type & TYPE_MASK)
                return false;

        ret->kind = ANSWER_STALL;
        ret->size = 0;
        switch (setup->request) {
        case REQUEST_GET_DESCRIPTOR:
                get_descriptor(face, setup, ret);
                break;
        case REQUEST_GET_STATUS:
                answer_bytes(ret, zeros, sizeof(zeros), setup);
                break;
        case REQUEST_GET_CONFIGURATION:
                answer_bytes(ret, &face->configuration, 1, setup);
                break;
        case REQUEST_SET_CONFIGURATION:
                if ((setup->value & 0xFF) > 1)
                        break;
                face->configuration = (uint8_t) setup->value;
                memset(face->alts, 0, sizeof(face->alts));
                ret->kind = ANSWER_DATA;
                break;
        case REQUEST_GET_INTERFACE:
                if (interface < FACE_INTERFACES_MAX && face->n_alts[interface] > 0)
                        answer_bytes(ret, &face->alts[interface], 1, setup);
                break;
        case REQUEST_SET_INTERFACE:
                if (interface < FACE_INTERFACES_MAX && setup->value < face->n_alts[interface]) {
                        face->alts[interface] = (uint8_t) setup->value;
                        ret->kind = ANSWER_DATA;
                }
                break;
        case REQUEST_SET_ADDRESS:
        case REQUEST_CLEAR_FEATURE:
        case REQUEST_SET_FEATURE:
                ret->kind = ANSWER_DATA;
                break;
        }
        return true;
}

void face_show(const struct usb_face *face, struct model *m) {
        m->device_descriptor = face->device;
        m->config_descriptor = face->config;
        m->config_size = face->config_size;
        m->manufacturer = face->strings[face->device[14]];
        m->product = face->strings[face->device[15]];
        m->serial = face->strings[face->device[16]];
}
