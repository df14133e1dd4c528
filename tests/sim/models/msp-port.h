/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The flight controller's end of MSP: requests out of bytes, replies into bytes, in the three
 * framings (v1 with jumbo replies, v2, v2 in v1). Written apart from daemon/protocol, so that the
 * two do not share a mistake. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSP_REQUEST_MAX 192U  /* MSP_PORT_INBUF_SIZE of Betaflight: a longer one is not taken */
#define MSP_REPLY_MAX   1024U /* payload */
#define MSP_FRAME_MAX   (MSP_REPLY_MAX + 32U)

enum msp_framing { FRAMING_V1, FRAMING_V2, FRAMING_V2_OVER_V1 };

struct msp_request {
        enum msp_framing framing;
        uint16_t code;
        uint8_t flags;
        uint8_t payload[MSP_REQUEST_MAX];
        size_t size;
};

struct msp_port {
        int step;
        bool is_request;
        uint8_t header[5];
        size_t header_size, size;
        uint8_t checksum, checksum_v2;
        struct msp_request request;
};

/* True between frames: a byte that is not '$' is no part of MSP then. */
bool msp_port_is_idle(const struct msp_port *port);
/* True if `port->request` is complete with this byte. Whatever is wrong is dropped in silence. */
bool msp_port_feed(struct msp_port *port, uint8_t byte);
/* Returns the frame's size; `to` has MSP_FRAME_MAX bytes. */
size_t msp_port_reply(const struct msp_request *request, bool error, const uint8_t *payload,
                      size_t size, uint8_t *to);
