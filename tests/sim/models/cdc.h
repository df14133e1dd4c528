/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The USB side of a virtual serial port, byte for byte ST's CDC-ACM class as flight controllers
 * carry it: two interfaces, notification endpoint 0x82, data 0x01 and 0x81. */

#include "models/usb-face.h"

struct cdc_port {
        uint8_t line_coding[7];
        uint16_t control_lines; /* bit 0 DTR, bit 1 RTS */
};

#define CDC_SECOND_PORT 0x03U /* its OUT endpoint; IN has bit 7 too */

void cdc_show(struct usb_face *face, uint16_t vendor_id, uint16_t product_id);
/* A composite device with two such ports: interfaces 2 and 3, and the endpoints above and 0x84, are
 * the second's. */
void cdc_show_two(struct usb_face *face, uint16_t vendor_id, uint16_t product_id);
/* SET_LINE_CODING, GET_LINE_CODING, SET_CONTROL_LINE_STATE, SEND_BREAK; true if it was one. */
bool cdc_control(struct cdc_port *port, const struct model_setup *setup, const uint8_t *data,
                 struct model_answer *ret);
