/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The 48-byte headers of USB/IP's URB phase, big-endian (usbip_protocol, USBIP_CMD_SUBMIT and its
 * relatives). */

#include <endian.h>
#include <stdint.h>

enum {
        USBIP_CMD_SUBMIT = 1,
        USBIP_CMD_UNLINK = 2,
        USBIP_RET_SUBMIT = 3,
        USBIP_RET_UNLINK = 4,
};

enum {
        USBIP_DIR_OUT = 0,
        USBIP_DIR_IN = 1,
};

struct usbip_header {
        uint32_t command, seqnum, devid, direction, ep;
        union {
                struct {
                        uint32_t transfer_flags;
                        uint32_t buffer_length;
                        uint32_t start_frame;
                        uint32_t number_of_packets;
                        uint32_t interval;
                        uint8_t setup[8]; /* as on the wire: little-endian */
                } submit;
                struct {
                        uint32_t status; /* negative errno */
                        uint32_t actual_length;
                        uint32_t start_frame;
                        uint32_t number_of_packets;
                        uint32_t error_count;
                        uint8_t padding[8];
                } ret_submit;
                struct {
                        uint32_t seqnum;
                        uint8_t padding[24];
                } unlink;
                struct {
                        uint32_t status;
                        uint8_t padding[24];
                } ret_unlink;
        };
};

_Static_assert(sizeof(struct usbip_header) == 48, "USB/IP header");
