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

/* What the chip did since it was made (or since model_set "reset-stats"). The times are unscaled:
 * their sum is the floor that no program can flash this chip faster than. */
struct model_stats {
        uint64_t control_transfers; /* all of EP0 */
        uint64_t dnloads, uploads, getstatuses;
        uint64_t erases; /* sectors, a mass erase is one */
        uint64_t bytes_programmed, bytes_uploaded;
        uint64_t erase_us, program_us; /* the flash array at work */
        uint64_t write_wire_us;        /* data blocks of DNLOAD on the wire */
        uint64_t read_wire_us;         /* data blocks of UPLOAD on the wire */
        uint64_t other_wire_us;        /* everything else on EP0 */
        uint64_t passthroughs;         /* Crazyflie: its motors were handed to the pass-through */
};

/* What a kind is. All but `control`, `plug` and `unplug` may be NULL: nothing happens by itself,
 * there are no knobs and no memory, the counters are model->stats, and free() is enough. */
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
        /* One transfer on an endpoint other than EP0 (bulk, interrupt), by its address. Bytes
         * moved; -EPIPE: a stall; -ENOENT: it is the serial port's, or there is none; IN also
         * -EAGAIN: nothing to say yet (next_event tells when). NULL if there are none. */
        int (*out)(struct model *m, uint8_t endpoint, const uint8_t *data, size_t size,
                   uint64_t now_us);
        int (*in)(struct model *m, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us);
        /* When something happens by itself next (leave the bus, come back, serial output):
         * MODEL_NEVER if nothing. */
        uint64_t (*next_event)(struct model *m);
        /* Lets what is due happen. A transfer that is still held when the board leaves the bus
         * ends with -ENODEV at once: that is the server's to do. */
        void (*advance)(struct model *m, uint64_t now_us);
        /* A person at the socket. Power comes and goes with the plug; what the chip was doing
         * stays half done. */
        void (*plug)(struct model *m, uint64_t now_us);
        void (*unplug)(struct model *m, uint64_t now_us);
        /* USB bus reset (USBDEVFS_RESET). */
        void (*reset)(struct model *m, uint64_t now_us);
        /* One knob or fault, see models/README.md. -ENOENT: no such key, -EINVAL: no such value. */
        int (*set)(struct model *m, const char *key, const char *value, uint64_t now_us);
        /* The flash array past all protocols, for tests. -ERANGE if not all of it is memory of the
         * chip. */
        int (*load)(struct model *m, uint64_t address, const void *data, size_t size);
        int (*dump)(struct model *m, uint64_t address, void *to, size_t size);
        void (*stats)(struct model *m, struct model_stats *ret);
        void (*free)(struct model *m);
};

enum model_mute {
        MODEL_ANSWERS,
        MODEL_MUTE, /* pulls the line up, and answers no request at all */
        MODEL_MUTE_BOOTLOADER,
};

struct model {
        const struct model_ops *ops;
        enum model_mute mute; /* for the server to keep to */
        bool on_bus;          /* enumerated now */
        unsigned generation;  /* grows at each enumeration, so that a server sees a change */
        /* Of the present mode, valid while on_bus: */
        const uint8_t *device_descriptor; /* 18 bytes */
        const uint8_t *config_descriptor;
        size_t config_size;
        const char *manufacturer, *product, *serial; /* NULL if none */
        struct model_stats stats;                    /* of a kind that has no `stats` of its own */
        bool has_serial_port;                        /* a ttyACM belongs to it */
};

/* Makes a board of a kind ("betaflight-f405", "stm32-h743v", "dfu11" …), not plugged in yet. The
 * options are "key=value" as for set, NULL-terminated, or NULL. NULL with a sentence in `error`. */
struct model *model_new(const char *kind, const char *const *options, char *error,
                        size_t error_size);
/* All kinds, NULL-terminated, static. */
const char *const *model_kinds(void);
struct model *model_free(struct model *m);

/* Any model, any mode: a stall, nothing, or -ENOENT where the board cannot do it. */
void model_control(struct model *m, const struct model_setup *setup, const uint8_t *data,
                   uint64_t now_us, struct model_answer *ret);
void model_serial_write(struct model *m, const uint8_t *data, size_t size, uint64_t now_us);
size_t model_serial_read(struct model *m, uint8_t *to, size_t size, uint64_t now_us);
int model_out(struct model *m, uint8_t endpoint, const uint8_t *data, size_t size, uint64_t now_us);
int model_in(struct model *m, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us);
uint64_t model_next_event(struct model *m);
void model_advance(struct model *m, uint64_t now_us);
void model_plug(struct model *m, uint64_t now_us);
void model_unplug(struct model *m, uint64_t now_us);
void model_reset(struct model *m, uint64_t now_us);
int model_set(struct model *m, const char *key, const char *value, uint64_t now_us);
int model_load(struct model *m, uint64_t address, const void *data, size_t size);
int model_dump(struct model *m, uint64_t address, void *to, size_t size);
void model_stats(struct model *m, struct model_stats *ret);
