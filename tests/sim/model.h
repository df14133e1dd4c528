/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A simulated board: plain C, no thread, no clock of its own, no I/O. The same models are called
 * directly by unit tests, served through umockdev (sim/umockdev.c) and, in the virtual machine,
 * over USB/IP. Time comes from outside in microseconds (`now_us`, monotonic, already scaled), so
 * that tests drive it.
 *
 * A board is a socket occupant: it is in one mode at a time, and each mode is a USB device with its
 * own descriptors. A mode change is seen as: `gone` (the device left the bus), later `board->mode`
 * is another, and it is attached again. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_NEVER UINT64_MAX

struct model_setup { /* a control request */
        uint8_t request_type, request;
        uint16_t value, index, length;
};

enum model_answer_kind {
        ANSWER_DATA,  /* `size` bytes moved (IN: in `data`) */
        ANSWER_STALL, /* -EPIPE */
        ANSWER_GONE,  /* the device is not there any more: -ENODEV */
};

struct model_answer {
        enum model_answer_kind kind;
        uint64_t at_us; /* when the host sees it; MODEL_NEVER: held for ever */
        uint8_t data[4096];
        size_t size;
};

struct model; /* one board */

struct model_ops {
        /* One transfer on EP0 begins at now_us; OUT data in `data`. The answer is decided here,
         * at_us tells when it arrives; the model's state moves with it. The host giving up changes
         * nothing: the chip goes on. */
        void (*control)(struct model *m, const struct model_setup *setup, const uint8_t *data,
                        uint64_t now_us, struct model_answer *ret);
        /* Bytes on the board's serial port (CDC). Output is fetched with serial_read. NULL if it
         * has none. */
        void (*serial_write)(struct model *m, const uint8_t *data, size_t size, uint64_t now_us);
        size_t (*serial_read)(struct model *m, uint8_t *to, size_t size, uint64_t now_us);
        /* When something happens by itself next (leave the bus, come back, serial output):
         * MODEL_NEVER if nothing. */
        uint64_t (*next_event)(struct model *m);
        /* Lets what is due happen. */
        void (*advance)(struct model *m, uint64_t now_us);
        void (*free)(struct model *m);
};

struct model {
        const struct model_ops *ops;
        bool on_bus;         /* enumerated now */
        unsigned generation; /* grows at each enumeration, so that a server sees a change */
        /* Of the present mode, valid while on_bus: */
        const uint8_t *device_descriptor; /* 18 bytes */
        const uint8_t *config_descriptor;
        size_t config_size;
        const char *manufacturer, *product, *serial; /* NULL if none */
        bool has_serial_port;                        /* a ttyACM belongs to it */
};
