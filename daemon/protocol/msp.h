/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* MultiWii Serial Protocol, as Betaflight, INAV and their relatives speak it on their USB port:
 * frames of version 1 (and its jumbo form), version 2, and version 2 inside version 1. Coding is
 * pure; msp_request() talks over a serial port. Worker only. Source: Betaflight src/main/msp/
 * msp_serial.c and msp_protocol.h, MSP V2 in the INAV wiki. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "protocol/serial.h"

enum msp_version {
        MSP_V1,
        MSP_V2,
        MSP_V2_OVER_V1,
};

enum msp_direction { /* the byte on the wire */
                     MSP_TO_FC = '<',
                     MSP_FROM_FC = '>',
                     MSP_ERROR = '!', /* the firmware does not know the code, or refuses */
};

enum { /* codes */
       MSP_API_VERSION = 1,
       MSP_FC_VARIANT = 2,
       MSP_FC_VERSION = 3,
       MSP_BOARD_INFO = 4,
       MSP_REBOOT = 68,
       MSP_STATUS = 101,
       MSP_BOXIDS = 119,
       MSP_UID = 160,
       MSP_RESET_CONF = 208,
       MSP2_MCU_INFO = 0x300c,
};

/* Replies of today's firmware are below 1 KiB; a claim of more than this is noise. */
#define MSP_PAYLOAD_MAX 4096U
/* The longest wrapping: version 2 inside a jumbo frame of version 1. */
#define MSP_FRAME_MAX (MSP_PAYLOAD_MAX + 16U)

struct msp_frame {
        enum msp_version version;
        enum msp_direction direction;
        uint16_t code;
        uint8_t flags; /* version 2 only */
        size_t size;
        uint8_t payload[MSP_PAYLOAD_MAX];
};

/* Finds the first whole and sound frame in `data`. 1: `*ret` is it, `*ret_used` bytes go with it.
 * 0: there is none yet, and the first `*ret_used` bytes can belong to none. Broken frames are
 * skipped, never reported: on a line with noise the next good frame is what matters. */
int msp_decode(const uint8_t *data, size_t size, struct msp_frame *ret, size_t *ret_used);

/* Writes a frame; returns its bytes. -EMSGSIZE (payload), -ENOBUFS (`to_size`), -EINVAL (a code
 * above 254 in version 1). */
int msp_encode(enum msp_version version, enum msp_direction direction, uint16_t code,
               const uint8_t *payload, size_t size, uint8_t *to, size_t to_size);

/* Asks and waits for the answer: 1 s a try, 3 tries. FWD_TIMEOUT, FWD_NOT_SUPPORTED (the firmware
 * answered with an error), FWD_DEVICE_LOST, FWD_CANCELLED. `fault` may be NULL. */
int msp_request(struct serial_port *port, uint16_t code, const uint8_t *payload, size_t size,
                struct msp_frame *ret, struct fault *fault);
/* The same with other limits. */
int msp_request_full(struct serial_port *port, uint16_t code, const uint8_t *payload, size_t size,
                     unsigned tries, unsigned timeout_ms, struct msp_frame *ret,
                     struct fault *fault);
