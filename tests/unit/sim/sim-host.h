/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host for the models in unit tests: one transfer after the other, its clock jumps to each
 * answer. Fails the test where a model answers outside its contract. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model.h"

struct sim_host {
        struct model *m;
        uint64_t now_us;
        struct model_answer answer; /* the last one */
        uint64_t took_us;           /* by the last transfer */
};

enum { DETACH, DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };

/* Options are a NULL-terminated list. Plugs it in. */
void sim_host_start(struct sim_host *h, const char *kind, ...) __attribute__((sentinel));
void sim_host_stop(struct sim_host *h);
void sim_host_set(struct sim_host *h, const char *key, const char *value);
/* Bytes moved, -EPIPE, -ENODEV, or -ETIMEDOUT (held for ever). */
int sim_host_transfer(struct sim_host *h, uint8_t type, uint8_t request, uint16_t value,
                      uint16_t length, const void *data);
/* Runs the clock to the next event of the model; false if there is none. */
bool sim_host_run(struct sim_host *h);
/* Until it is on the bus again, or for good off it. */
void sim_host_reattach(struct sim_host *h);

static inline int sim_out(struct sim_host *h, uint8_t request, uint16_t block, const void *data,
                          uint16_t size) {
        return sim_host_transfer(h, 0x21, request, block, size, data);
}

static inline int sim_in(struct sim_host *h, uint8_t request, uint16_t block, uint16_t size) {
        return sim_host_transfer(h, 0xA1, request, block, size, NULL);
}

/* DNLOAD of a DfuSe command with an address. */
int sim_command(struct sim_host *h, uint8_t command, uint32_t address);
/* GETSTATUS must say: status, poll time, state. */
#define sim_status(h, status, poll_ms, state)                                                      \
        _sim_status(h, status, poll_ms, state, __FILE__, __LINE__)
void _sim_status(struct sim_host *h, uint8_t status, unsigned poll_ms, uint8_t state,
                 const char *file, int line);
/* To dfuIDLE after power-up. */
void sim_clear(struct sim_host *h);

/* The serial port of the board's firmware. */
void sim_send(struct sim_host *h, const void *data, size_t size);
/* Runs the clock until `ms` have passed, reads all that came; there must be room for more. */
size_t sim_receive(struct sim_host *h, unsigned ms, void *to, size_t size);
/* What is sent must be answered so, within 10 ms. Both are texts, their ends not counted. */
#define sim_exchange(h, request, reply)                                                            \
        _sim_exchange(h, request, sizeof(request) - 1, reply, sizeof(reply) - 1, __FILE__, __LINE__)
void _sim_exchange(struct sim_host *h, const void *request, size_t request_size, const void *reply,
                   size_t reply_size, const char *file, int line);
