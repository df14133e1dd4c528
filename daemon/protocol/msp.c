/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/msp.h"

#include <errno.h>
#include <string.h>

/* What the Betaflight app uses (msp.js): a busy flight controller answers within some 100 ms. */
#define REQUEST_TIMEOUT_MS 1000U
#define REQUEST_TRIES      3U

#define V1_HEADER          5U /* $ M direction size code */
#define V1_JUMBO           2U /* the true size, behind the header, when the size byte is 255 */
#define V1_SIZE_JUMBO      255U
#define V1_CODE_V2         255U
#define V2_HEADER          8U /* $ X direction flags code code size size */
#define V2_INNER           5U /* flags code code size size */

static uint16_t get_u16(const uint8_t *p) {
        return (uint16_t) (p[0] | p[1] << 8);
}

static void put_u16(uint8_t *p, size_t value) {
        p[0] = (uint8_t) value;
        p[1] = (uint8_t) (value >> 8);
}

static uint8_t xor_of(const uint8_t *data, size_t size) {
        uint8_t sum = 0;

        while (size-- > 0)
                sum ^= *data++;
        return sum;
}

/* CRC-8/DVB-S2 */
static uint8_t crc_of(const uint8_t *data, size_t size) {
        uint8_t crc = 0;

        while (size-- > 0) {
                crc ^= *data++;
                for (int bit = 0; bit < 8; bit++)
                        crc = (uint8_t) (crc & 0x80 ? crc << 1 ^ 0xd5 : crc << 1);
        }
        return crc;
}

static bool direction_is_known(uint8_t byte) {
        return byte == MSP_TO_FC || byte == MSP_FROM_FC || byte == MSP_ERROR;
}

static int take_payload(struct msp_frame *ret, const uint8_t *payload, size_t size) {
        if (size > sizeof(ret->payload))
                return -EBADMSG;
        memcpy(ret->payload, payload, size);
        ret->size = size;
        return 0;
}

/* What follows flags, code, size: `data` begins at the flags and is `size` bytes long in all, the
 * check byte included. */
static int decode_v2_body(const uint8_t *data, size_t size, struct msp_frame *ret) {
        if (crc_of(data, size - 1) != data[size - 1])
                return -EBADMSG;
        ret->flags = data[0];
        ret->code = get_u16(data + 1);
        return take_payload(ret, data + V2_INNER, size - V2_INNER - 1);
}

static int decode_v1(const uint8_t *data, size_t size, struct msp_frame *ret, size_t *ret_used) {
        size_t header = V1_HEADER, payload, whole;

        if (size < header)
                return 0;
        payload = data[3];
        if (payload == V1_SIZE_JUMBO) {
                header += V1_JUMBO;
                if (size < header)
                        return 0;
                payload = get_u16(data + V1_HEADER);
        }
        if (payload > MSP_PAYLOAD_MAX + V2_INNER + 1)
                return -EBADMSG;
        whole = header + payload + 1;
        if (size < whole)
                return 0;
        if (xor_of(data + 3, whole - 4) != data[whole - 1])
                return -EBADMSG;
        ret->direction = data[2];
        if (data[4] == V1_CODE_V2) {
                const uint8_t *inner = data + header;

                if (payload < V2_INNER + 1 || get_u16(inner + 3) != payload - V2_INNER - 1 ||
                    decode_v2_body(inner, payload, ret) < 0)
                        return -EBADMSG;
                ret->version = MSP_V2_OVER_V1;
        } else {
                ret->version = MSP_V1;
                ret->flags = 0;
                ret->code = data[4];
                if (take_payload(ret, data + header, payload) < 0)
                        return -EBADMSG;
        }
        *ret_used = whole;
        return 1;
}

static int decode_v2(const uint8_t *data, size_t size, struct msp_frame *ret, size_t *ret_used) {
        size_t payload, whole;

        if (size < V2_HEADER)
                return 0;
        payload = get_u16(data + 6);
        if (payload > MSP_PAYLOAD_MAX)
                return -EBADMSG;
        whole = V2_HEADER + payload + 1;
        if (size < whole)
                return 0;
        ret->version = MSP_V2;
        ret->direction = data[2];
        if (decode_v2_body(data + 3, whole - 3, ret) < 0)
                return -EBADMSG;
        *ret_used = whole;
        return 1;
}

/* A frame at the very beginning of `data`: 1, 0 (more bytes are needed), -EBADMSG. */
static int decode_here(const uint8_t *data, size_t size, struct msp_frame *ret, size_t *ret_used) {
        if (size >= 2 && data[1] != 'M' && data[1] != 'X')
                return -EBADMSG;
        if (size >= 3 && !direction_is_known(data[2]))
                return -EBADMSG;
        if (size < 3)
                return 0;
        return data[1] == 'M' ? decode_v1(data, size, ret, ret_used)
                              : decode_v2(data, size, ret, ret_used);
}

int msp_decode(const uint8_t *data, size_t size, struct msp_frame *ret, size_t *ret_used) {
        size_t at = 0;

        while (at < size) {
                const uint8_t *begin = memchr(data + at, '$', size - at);
                size_t used = 0;
                int r;

                if (!begin)
                        break;
                at = (size_t) (begin - data);
                r = decode_here(begin, size - at, ret, &used);
                if (r >= 0) {
                        *ret_used = at + used;
                        return r;
                }
                at++;
        }
        *ret_used = size;
        return 0;
}

static size_t encode_v2_body(uint16_t code, const uint8_t *payload, size_t size, uint8_t *to) {
        to[0] = 0;
        put_u16(to + 1, code);
        put_u16(to + 3, size);
        if (size > 0)
                memcpy(to + V2_INNER, payload, size);
        to[V2_INNER + size] = crc_of(to, V2_INNER + size);
        return V2_INNER + size + 1;
}

/* Header and check byte around the `size` bytes that lie at to + header already. */
static size_t encode_v1_around(enum msp_direction direction, uint8_t code, size_t header,
                               size_t size, uint8_t *to) {
        to[0] = '$';
        to[1] = 'M';
        to[2] = (uint8_t) direction;
        to[3] = header > V1_HEADER ? V1_SIZE_JUMBO : (uint8_t) size;
        to[4] = code;
        if (header > V1_HEADER)
                put_u16(to + V1_HEADER, size);
        to[header + size] = xor_of(to + 3, header + size - 3);
        return header + size + 1;
}

int msp_encode(enum msp_version version, enum msp_direction direction, uint16_t code,
               const uint8_t *payload, size_t size, uint8_t *to, size_t to_size) {
        size_t inner = version == MSP_V2_OVER_V1 ? size + V2_INNER + 1 : size;
        size_t header = inner >= V1_SIZE_JUMBO ? V1_HEADER + V1_JUMBO : V1_HEADER;

        if (size > MSP_PAYLOAD_MAX)
                return -EMSGSIZE;
        if (version == MSP_V1 && code >= V1_CODE_V2)
                return -EINVAL;
        if ((version == MSP_V2 ? V2_HEADER + size : header + inner) + 1 > to_size)
                return -ENOBUFS;
        switch (version) {
        case MSP_V2:
                to[0] = '$';
                to[1] = 'X';
                to[2] = (uint8_t) direction;
                return (int) (3 + encode_v2_body(code, payload, size, to + 3));
        case MSP_V2_OVER_V1:
                (void) encode_v2_body(code, payload, size, to + header);
                return (int) encode_v1_around(direction, V1_CODE_V2, header, inner, to);
        default:
                if (size > 0)
                        memcpy(to + header, payload, size);
                return (int) encode_v1_around(direction, (uint8_t) code, header, size, to);
        }
}

/* Collects bytes until the answer to `code` is among them. 1, 0 (time over), negative errno. */
static int await_answer(struct serial_port *port, uint16_t code, uint64_t deadline_ms,
                        struct msp_frame *ret) {
        uint8_t input[2 * MSP_FRAME_MAX];
        size_t n = 0;

        for (;;) {
                size_t used;
                int r;

                while ((r = msp_decode(input, n, ret, &used)) > 0 || used > 0) {
                        n -= used;
                        memmove(input, input + used, n);
                        /* An echo of the request, or a late answer to another one: not ours. */
                        if (r > 0 && ret->code == code && ret->direction != MSP_TO_FC)
                                return 1;
                        if (r == 0)
                                break;
                }
                r = serial_read_until(port, input + n, sizeof(input) - n, deadline_ms);
                if (r <= 0)
                        return r;
                n += (size_t) r;
        }
}

static int io_fault(struct serial_port *port, int error, struct fault *fault) {
        switch (error) {
        case -ECANCELED:
                return fault_set(fault, FWD_CANCELLED, "Cancelled");
        case -ENODEV:
                return fault_set(fault, FWD_DEVICE_LOST, "The board on %s is gone", port->name);
        case -ETIMEDOUT:
                return fault_set(fault, FWD_TIMEOUT, "The board on %s takes no bytes", port->name);
        default:
                return fault_set(fault, FWD_FAILED, "Talking to the board on %s failed: %s",
                                 port->name, strerror(-error));
        }
}

int msp_request_full(struct serial_port *port, uint16_t code, const uint8_t *payload, size_t size,
                     unsigned tries, unsigned timeout_ms, struct msp_frame *ret,
                     struct fault *fault) {
        uint8_t request[MSP_FRAME_MAX];
        int length, r;

        length = msp_encode(code >= V1_CODE_V2 ? MSP_V2 : MSP_V1, MSP_TO_FC, code, payload, size,
                            request, sizeof(request));
        if (length < 0)
                return fault_set(fault, FWD_FAILED, "MSP request %u cannot be sent", code);
        for (unsigned i = 0; i < tries; i++) {
                r = serial_write(port, request, (size_t) length);
                if (r < 0)
                        return io_fault(port, r, fault);
                r = await_answer(port, code, port->ops->now_ms(port) + timeout_ms, ret);
                if (r < 0)
                        return io_fault(port, r, fault);
                if (r > 0 && ret->direction == MSP_ERROR)
                        return fault_set(fault, FWD_NOT_SUPPORTED,
                                         "The firmware on %s refuses MSP request %u", port->name,
                                         code);
                if (r > 0)
                        return 0;
        }
        return fault_set(fault, FWD_TIMEOUT, "The board on %s does not answer MSP request %u",
                         port->name, code);
}

int msp_request(struct serial_port *port, uint16_t code, const uint8_t *payload, size_t size,
                struct msp_frame *ret, struct fault *fault) {
        return msp_request_full(port, code, payload, size, REQUEST_TRIES, REQUEST_TIMEOUT_MS, ret,
                                fault);
}
