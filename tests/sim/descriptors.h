/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading a model's descriptors: the fields that the servers need, and a walk over interfaces. */

#include <string.h>

#include "sim/model.h"

#define USB_DESCRIPTOR_INTERFACE 4U
#define USB_CLASS_APPLICATION    0xFEU /* DFU 1.1 §4.2.3 */
#define USB_SUBCLASS_DFU         1U
#define USB_PROTOCOL_DFU_MODE    2U
#define USB_CLASS_COMM           2U
#define USB_CLASS_HID            3U
#define USB_CLASS_CDC_DATA       10U

struct interface_walk {
        const uint8_t *next;
        size_t left;
        uint8_t number, alt, class, subclass, protocol, n_endpoints;
};

static inline struct interface_walk interface_walk(const struct model *model) {
        return (struct interface_walk){.next = model->config_descriptor,
                                       .left = model->config_size};
}

/* The next alternate setting in the order of the descriptor. */
static inline bool interface_next(struct interface_walk *walk) {
        while (walk->left >= 2 && walk->next[0] >= 2 && walk->next[0] <= walk->left) {
                const uint8_t *d = walk->next;
                walk->next += d[0];
                walk->left -= d[0];
                if (d[1] != USB_DESCRIPTOR_INTERFACE || d[0] < 9)
                        continue;
                walk->number = d[2];
                walk->alt = d[3];
                walk->n_endpoints = d[4];
                walk->class = d[5];
                walk->subclass = d[6];
                walk->protocol = d[7];
                return true;
        }
        return false;
}

#define USB_DESCRIPTOR_ENDPOINT 5U
#define USB_ENDPOINT_INTERRUPT  3U

/* bmAttributes of an endpoint (bits 0 and 1: its kind), and its interface; negative: there is no
 * such endpoint. */
static inline int endpoint_find(const struct model *model, uint8_t address,
                                uint8_t *ret_interface) {
        const uint8_t *d = model->config_descriptor;
        uint8_t interface = 0;

        for (size_t left = model->config_size; left >= 2 && d[0] >= 2 && d[0] <= left;
             left -= d[0], d += d[0]) {
                if (d[1] == USB_DESCRIPTOR_INTERFACE && d[0] >= 9)
                        interface = d[2];
                if (d[1] != USB_DESCRIPTOR_ENDPOINT || d[0] < 7 || d[2] != address)
                        continue;
                if (ret_interface)
                        *ret_interface = interface;
                return d[3];
        }
        return -1;
}

static inline uint16_t descriptor_le16(const uint8_t *from) {
        return (uint16_t) (from[0] | from[1] << 8);
}
#define DEVICE_VENDOR(m)  descriptor_le16((m)->device_descriptor + 8)
#define DEVICE_PRODUCT(m) descriptor_le16((m)->device_descriptor + 10)
#define DEVICE_BCD(m)     descriptor_le16((m)->device_descriptor + 12)
