/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/msp-port.h"

#include <string.h>

#define V2_CODE        255U /* in a v1 frame: the payload is a v2 frame */
#define JUMBO_SIZE     255U
#define V2_HEADER_SIZE 5U
#define CRC_POLYNOMIAL 0xD5U /* CRC-8/DVB-S2 */

enum {
        STEP_IDLE,
        STEP_KIND,
        STEP_DIRECTION_V1,
        STEP_DIRECTION_V2,
        STEP_HEADER_V1,
        STEP_PAYLOAD_V1,
        STEP_CHECKSUM_V1,
        STEP_HEADER_V2,
        STEP_PAYLOAD_V2,
        STEP_CHECKSUM_V2,
};

static uint8_t crc8(uint8_t crc, uint8_t byte) {
        crc ^= byte;
        for (int i = 0; i < 8; i++)
                crc = (uint8_t) (crc & 0x80 ? ((unsigned) crc << 1) ^ CRC_POLYNOMIAL
                                            : (unsigned) crc << 1);
        return crc;
}

bool msp_port_is_idle(const struct msp_port *port) {
        return port->step == STEP_IDLE;
}

static void begin(struct msp_port *port, enum msp_framing framing, uint8_t byte, int next) {
        port->is_request = byte == '<';
        port->step = byte == '<' || byte == '>' ? next : STEP_IDLE;
        port->header_size = port->request.size = 0;
        port->checksum = port->checksum_v2 = 0;
        port->request.framing = framing;
        port->request.flags = 0;
}

static void header_v1(struct msp_port *port, uint8_t byte) {
        port->checksum ^= byte;
        port->header[port->header_size++] = byte;
        if (port->header_size < 2)
                return;
        port->size = port->header[0];
        port->request.code = port->header[1];
        if (port->size > MSP_REQUEST_MAX)
                port->step = STEP_IDLE;
        else if (port->request.code == V2_CODE) {
                port->request.framing = FRAMING_V2_OVER_V1;
                port->header_size = 0;
                port->step = port->size >= V2_HEADER_SIZE + 1 ? STEP_HEADER_V2 : STEP_IDLE;
        } else
                port->step = port->size > 0 ? STEP_PAYLOAD_V1 : STEP_CHECKSUM_V1;
}

static void header_v2(struct msp_port *port, uint8_t byte) {
        port->checksum ^= byte;
        port->checksum_v2 = crc8(port->checksum_v2, byte);
        port->header[port->header_size++] = byte;
        if (port->header_size < V2_HEADER_SIZE)
                return;
        port->request.flags = port->header[0];
        port->request.code = (uint16_t) (port->header[1] | port->header[2] << 8);
        port->size = (size_t) (port->header[3] | port->header[4] << 8);
        if (port->size > MSP_REQUEST_MAX)
                port->step = STEP_IDLE;
        else
                port->step = port->size > 0 ? STEP_PAYLOAD_V2 : STEP_CHECKSUM_V2;
}

static void payload(struct msp_port *port, uint8_t byte, int next) {
        port->checksum ^= byte;
        port->checksum_v2 = crc8(port->checksum_v2, byte);
        port->request.payload[port->request.size++] = byte;
        if (port->request.size == port->size)
                port->step = next;
}

bool msp_port_feed(struct msp_port *port, uint8_t byte) {
        switch (port->step) {
        case STEP_IDLE:
                if (byte == '$')
                        port->step = STEP_KIND;
                break;
        case STEP_KIND:
                port->step = byte == 'M'   ? STEP_DIRECTION_V1
                             : byte == 'X' ? STEP_DIRECTION_V2
                                           : STEP_IDLE;
                break;
        case STEP_DIRECTION_V1:
                begin(port, FRAMING_V1, byte, STEP_HEADER_V1);
                break;
        case STEP_DIRECTION_V2:
                begin(port, FRAMING_V2, byte, STEP_HEADER_V2);
                break;
        case STEP_HEADER_V1:
                header_v1(port, byte);
                break;
        case STEP_PAYLOAD_V1:
                payload(port, byte, STEP_CHECKSUM_V1);
                break;
        case STEP_CHECKSUM_V1:
                port->step = STEP_IDLE;
                return port->is_request && byte == port->checksum;
        case STEP_HEADER_V2:
                header_v2(port, byte);
                break;
        case STEP_PAYLOAD_V2:
                payload(port, byte, STEP_CHECKSUM_V2);
                break;
        case STEP_CHECKSUM_V2:
                port->checksum ^= byte;
                if (byte != port->checksum_v2) {
                        port->step = STEP_IDLE;
                        return false;
                }
                if (port->request.framing == FRAMING_V2_OVER_V1) {
                        port->step = STEP_CHECKSUM_V1;
                        return false;
                }
                port->step = STEP_IDLE;
                return port->is_request;
        }
        return false;
}

/* Flags, code, length, payload, CRC. */
static size_t put_v2(const struct msp_request *request, const uint8_t *data, size_t size,
                     uint8_t *to) {
        const uint8_t header[V2_HEADER_SIZE] = {request->flags, (uint8_t) request->code,
                                                (uint8_t) (request->code >> 8), (uint8_t) size,
                                                (uint8_t) (size >> 8)};
        uint8_t crc = 0;

        memcpy(to, header, sizeof(header));
        memcpy(to + sizeof(header), data, size);
        for (size_t i = 0; i < sizeof(header) + size; i++)
                crc = crc8(crc, to[i]);
        to[sizeof(header) + size] = crc;
        return sizeof(header) + size + 1;
}

size_t msp_port_reply(const struct msp_request *request, bool error, const uint8_t *data,
                      size_t size, uint8_t *to) {
        uint8_t inner[MSP_REPLY_MAX + V2_HEADER_SIZE + 1], code = (uint8_t) request->code;
        uint8_t checksum = 0;
        size_t n = 0;

        to[n++] = '$';
        to[n++] = request->framing == FRAMING_V2 ? 'X' : 'M';
        to[n++] = error ? '!' : '>';
        if (request->framing == FRAMING_V2)
                return n + put_v2(request, data, size, to + n);
        if (request->framing == FRAMING_V2_OVER_V1) {
                size = put_v2(request, data, size, inner);
                data = inner;
                code = V2_CODE;
        }
        if (size >= JUMBO_SIZE) {
                to[n++] = JUMBO_SIZE;
                to[n++] = code;
                to[n++] = (uint8_t) size;
                to[n++] = (uint8_t) (size >> 8);
        } else {
                to[n++] = (uint8_t) size;
                to[n++] = code;
        }
        memcpy(to + n, data, size);
        n += size;
        for (size_t i = 3; i < n; i++)
                checksum ^= to[i];
        to[n++] = checksum;
        return n;
}
