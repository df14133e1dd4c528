/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The firmware of an ODrive v3 as a program on a simulated board: a CDC port that keeps quiet, and
 * the native interface on IF2, which speaks the packet form of the legacy fibre protocol (ODrive
 * docs/protocol.rst, Firmware/fibre-cpp/legacy_protocol.cpp). Written apart from daemon/protocol,
 * so that the two do not share a mistake. */

#include "models/cdc.h"
#include "models/firmware.h"

#define ODRIVE_OTP_SIZE    16U
#define ODRIVE_OUT_PACKETS 16U
#define ODRIVE_PACKET_SIZE 64U

struct odrive {
        struct firmware fw;
        struct cdc_port cdc;

        /* Knobs */
        unsigned hw_major, hw_minor, hw_variant;
        unsigned fw_version[3];
        unsigned axis_state[2];
        float vbus_voltage;
        bool silent, garbage, no_otp, ignore_reboot;
        unsigned slow_ms;

        char product[48], native[48], serial[16];
        uint8_t otp[ODRIVE_OTP_SIZE];
        struct {
                uint64_t due_us;
                size_t size;
                uint8_t data[ODRIVE_PACKET_SIZE];
        } out[ODRIVE_OUT_PACKETS];
        size_t n_out;
};

/* NULL: no memory. */
struct firmware *odrive_firmware_new(void);
