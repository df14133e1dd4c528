/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ODrive v3 in its firmware: the native USB interface (vendor class, one bulk endpoint each way),
 * which speaks the packet form of the legacy "fibre" protocol (ODrive docs/protocol.rst,
 * Firmware/fibre-cpp/legacy_protocol.cpp). Endpoint 0 gives a JSON text that names all others;
 * properties are read and functions are called by their numbers in it. The board's serial port is
 * never touched. Worker only; straight-line and blocking.
 *
 * Everything that comes from the board is bounded; odrive_parse_*() are pure and fuzzed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "protocol/usb.h"

#define ODRIVE_JSON_MAX   (128U * 1024) /* bytes; a v3 has some 30 KiB */
#define ODRIVE_AXES_MAX   2U
#define ODRIVE_PACKET_MAX 64U /* bytes of a packet: one transfer each */

struct odrive_endpoint { /* number 0: the board has none of this name */
        uint16_t number;
        uint8_t size; /* bytes of a property, 0 of a function */
};

struct odrive_endpoints { /* those of the JSON text that are wanted here */
        struct odrive_endpoint serial_number, hw_major, hw_minor, hw_variant, fw_major, fw_minor,
                fw_revision, vbus_voltage, axis_state[ODRIVE_AXES_MAX], enter_dfu_mode;
};

struct odrive {
        struct usb_device *usb;
        uint8_t endpoint_out, endpoint_in;
        uint16_t sequence;
        uint16_t json_crc;
        struct odrive_endpoints endpoints;
};

struct odrive_identity {
        char serial[13]; /* 12 upper-case digits: what the ROM shows as well; "" if not known */
        bool has_hardware;
        unsigned hw_major, hw_minor, hw_variant; /* 3.6-56V is 3, 6, 56 */
        bool has_version;
        unsigned fw_major, fw_minor, fw_revision;
        bool has_vbus;
        float vbus_voltage;
        unsigned n_axes;
        unsigned axis_state[ODRIVE_AXES_MAX]; /* 1: idle */
};

/* The polynomial 0x3D65, MSB first, no final xor (protocol.rst). */
uint16_t odrive_crc16(uint16_t crc, const void *data, size_t size);

/* Claims the native interface and reads the JSON text. FWD_NOT_SUPPORTED (no such interface, or it
 * does not speak the protocol), FWD_PORT_HELD, FWD_TIMEOUT, FWD_DEVICE_LOST. */
int odrive_open(struct usb_device *usb, struct odrive *ret, struct fault *fault);
int odrive_identify(struct odrive *odrive, struct odrive_identity *ret, struct fault *fault);
/* Asks for the ROM bootloader. There is no answer: whether the board obeys, its leaving the bus
 * tells. FWD_NOT_SUPPORTED: this hardware must not or cannot; FWD_ARMED: a motor runs. Both before
 * anything was asked. */
int odrive_enter_dfu(struct odrive *odrive, const struct odrive_identity *identity,
                     struct fault *fault);

/* Pure. A reply to `sequence` in a packet: bytes of payload and where it begins; -EAGAIN: another
 * one's; -EBADMSG. */
int odrive_parse_reply(const uint8_t *packet, size_t size, uint16_t sequence,
                       const uint8_t **ret_payload);
/* Pure. What the JSON text says; -EBADMSG if it is none, or of another form. */
int odrive_parse_json(const char *text, size_t size, struct odrive_endpoints *ret);
