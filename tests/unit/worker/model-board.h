/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A simulated board behind the worker's openers: its USB device and its serial port, with a clock
 * that only transfers and waits move. One board at a time; openers have no other argument than the
 * node. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "protocol/serial.h"
#include "protocol/usb.h"

#define MODEL_NODE "/dev/bus/usb/001/004"
#define MODEL_TTY  "/dev/ttyACM0"

static struct {
        struct model *model;
        uint64_t now_us;
        unsigned opened;  /* times somebody opened it */
        char sent[32768]; /* to its serial port, since somebody emptied it */
        size_t n_sent;
        bool is_held;   /* another program has its DFU interface, or its serial port */
        bool is_shared; /* another program opened its serial port after us */
} sim;

static inline void sim_plug(const char *kind, const char *const *options) {
        char error[256];

        sim.model = model_new(kind, options, error, sizeof(error));
        if (!sim.model)
                fail_msg("%s", error);
        sim.now_us = 1000000;
        sim.opened = 0;
        sim.is_held = sim.is_shared = false;
        sim.n_sent = 0;
        model_plug(sim.model, sim.now_us);
        while (!sim.model->on_bus) {
                sim.now_us = model_next_event(sim.model);
                assert_int_not_equal(sim.now_us, MODEL_NEVER);
                model_advance(sim.model, sim.now_us);
        }
}

static inline void sim_unplug(void) {
        sim.model = model_free(sim.model);
}

/* Lets time pass until `until_us`; false if the board left the bus before. */
static inline bool sim_advance(unsigned generation, uint64_t until_us) {
        for (;;) {
                uint64_t next_us = model_next_event(sim.model);

                if (next_us > until_us)
                        next_us = until_us;
                if (next_us > sim.now_us)
                        sim.now_us = next_us;
                model_advance(sim.model, sim.now_us);
                if (!sim.model->on_bus || sim.model->generation != generation)
                        return false;
                if (sim.now_us >= until_us)
                        return true;
        }
}

struct sim_usb {
        struct usb_device usb;
        unsigned generation;
};

static inline unsigned generation_of(struct usb_device *usb) {
        return ((struct sim_usb *) usb)->generation;
}

static inline int sim_control(struct usb_device *usb, uint8_t request_type, uint8_t request,
                              uint16_t value, uint16_t index, void *data, uint16_t length,
                              unsigned timeout_ms) {
        const struct model_setup setup = {request_type, request, value, index, length};
        const uint64_t deadline_us = sim.now_us + timeout_ms * 1000ULL;
        static struct model_answer answer;

        if (!sim_advance(generation_of(usb), sim.now_us))
                return -ENODEV;
        model_control(sim.model, &setup, data, sim.now_us, &answer);
        if (answer.at_us > deadline_us)
                return sim_advance(generation_of(usb), deadline_us) ? -ETIMEDOUT : -ENODEV;
        if (!sim_advance(generation_of(usb), answer.at_us) || answer.kind == ANSWER_GONE)
                return -ENODEV;
        if (answer.kind == ANSWER_STALL)
                return -EPIPE;
        if (request_type & 0x80) {
                assert_true(answer.size <= length);
                memcpy(data, answer.data, answer.size);
                return (int) answer.size;
        }
        return length;
}

static inline int sim_claim(struct usb_device *usb, int interface) {
        return !sim.model->on_bus ? -ENODEV : sim.is_held ? -EBUSY : 0;
}

static inline int sim_set_alt(struct usb_device *usb, int interface, int alt) {
        return sim_control(usb, 0x01, 11, (uint16_t) alt, (uint16_t) interface, NULL, 0, 1000);
}

static inline int sim_reset(struct usb_device *usb) {
        model_reset(sim.model, sim.now_us);
        return sim_advance(generation_of(usb), sim.now_us) ? 0 : -ENODEV;
}

static inline int sim_sleep(struct usb_device *usb, unsigned ms) {
        (void) sim_advance(generation_of(usb), sim.now_us + ms * 1000ULL);
        return 0;
}

static inline uint64_t sim_usb_now_ms(struct usb_device *usb) {
        return sim.now_us / 1000;
}

static inline void sim_usb_close(struct usb_device *usb) {
        free(usb->descriptors);
        free(usb);
}

static inline int sim_open_usb(const char *node, struct usb_device **ret, struct fault *fault) {
        static const struct usb_ops ops = {
                .control = sim_control,
                .claim = sim_claim,
                .set_alt = sim_set_alt,
                .reset = sim_reset,
                .sleep = sim_sleep,
                .now_ms = sim_usb_now_ms,
                .close = sim_usb_close,
        };
        const uint8_t *device;
        struct sim_usb *u;

        assert_string_equal(node, MODEL_NODE);
        sim.opened++;
        if (!sim.model->on_bus)
                return fault_set(fault, FWD_DEVICE_LOST, "%s is gone", node);
        u = calloc(1, sizeof(*u));
        assert_non_null(u);
        device = sim.model->device_descriptor;
        u->usb.ops = &ops;
        u->generation = sim.model->generation;
        u->usb.vendor_id = (uint16_t) (device[8] | device[9] << 8);
        u->usb.product_id = (uint16_t) (device[10] | device[11] << 8);
        u->usb.bcd_device = (uint16_t) (device[12] | device[13] << 8);
        u->usb.descriptors_size = 18 + sim.model->config_size;
        u->usb.descriptors = malloc(u->usb.descriptors_size);
        assert_non_null(u->usb.descriptors);
        memcpy(u->usb.descriptors, device, 18);
        memcpy(u->usb.descriptors + 18, sim.model->config_descriptor, sim.model->config_size);
        *ret = &u->usb;
        return 0;
}

struct sim_tty {
        struct serial_port port;
        unsigned generation;
};

static inline int sim_tty_read(struct serial_port *port, void *to, size_t size,
                               unsigned timeout_ms) {
        const unsigned generation = ((struct sim_tty *) port)->generation;
        const uint64_t deadline_us = sim.now_us + timeout_ms * 1000ULL;

        for (;;) {
                uint64_t next_us;
                size_t n;

                if (!sim_advance(generation, sim.now_us))
                        return -ENODEV;
                n = model_serial_read(sim.model, to, size, sim.now_us);
                if (n > 0)
                        return (int) n;
                next_us = model_next_event(sim.model);
                if (next_us > deadline_us)
                        return sim_advance(generation, deadline_us) ? 0 : -ENODEV;
                if (!sim_advance(generation, next_us))
                        return -ENODEV;
        }
}

static inline int sim_tty_write(struct serial_port *port, const void *data, size_t size,
                                unsigned timeout_ms) {
        if (!sim_advance(((struct sim_tty *) port)->generation, sim.now_us))
                return -ENODEV;
        if (size <= sizeof(sim.sent) - sim.n_sent) {
                memcpy(sim.sent + sim.n_sent, data, size);
                sim.n_sent += size;
        }
        model_serial_write(sim.model, data, size, sim.now_us);
        return 0;
}

static inline void sim_tty_discard(struct serial_port *port) {
        char ignored[256];

        while (model_serial_read(sim.model, (uint8_t *) ignored, sizeof(ignored), sim.now_us) > 0)
                ;
}

static inline uint64_t sim_tty_now_ms(struct serial_port *port) {
        return sim.now_us / 1000;
}

static inline void sim_tty_close(struct serial_port *port) {
        free(port);
}

static inline bool sim_tty_is_shared(struct serial_port *port) {
        return sim.is_shared;
}

static inline int sim_open_tty(const char *node, struct serial_port **ret, struct fault *fault) {
        static const struct serial_ops ops = {sim_tty_read,   sim_tty_write, sim_tty_discard,
                                              sim_tty_now_ms, sim_tty_close, sim_tty_is_shared};
        struct sim_tty *t;

        assert_string_equal(node, MODEL_TTY);
        sim.opened++;
        if (!sim.model->on_bus || !sim.model->has_serial_port)
                return fault_set(fault, FWD_DEVICE_LOST, "%s is gone", node);
        if (sim.is_held)
                return fault_set(fault, FWD_PORT_HELD, "Another program has %s open", node);
        t = calloc(1, sizeof(*t));
        assert_non_null(t);
        t->port.ops = &ops;
        t->generation = sim.model->generation;
        strcpy(t->port.name, node);
        *ret = &t->port;
        return 0;
}
