/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A flight controller made of a table: MSP code -> answer, behind the serial port's functions, with
 * a clock that only waiting moves. For tests of what the host does; the board models of tests/sim
 * are the faithful ones. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/msp.h"
#include "protocol/serial.h"

#define FAKE_ANSWERS_MAX 16

struct fake_fc {
        struct serial_port port;
        uint64_t clock_ms;
        struct fake_answer {
                uint16_t code;
                uint8_t payload[300];
                size_t size;
                bool refuse;
                unsigned deaf; /* so many requests go unheard first */
        } answers[FAKE_ANSWERS_MAX];
        size_t n_answers;
        uint8_t output[16384]; /* on its way to the host */
        size_t n_output, taken;
        unsigned requests; /* frames heard */
        uint8_t raw[64];   /* bytes outside of frames, and when each came */
        uint64_t raw_ms[64];
        size_t n_raw;
        uint64_t last_frame_ms;
        uint16_t last_code;
        uint8_t last_payload[16];
        size_t last_size;
        size_t chunk;      /* bytes a read at most; 0: any */
        unsigned read_ms;  /* what a read of a chunk takes */
        const char *noise; /* before each answer */
        bool noise_once;
        int corrupt;        /* so many answers come with one bit wrong */
        bool is_shared;     /* another program has opened the port, too */
        bool lost;          /* the cable is out */
        uint16_t lost_code; /* leaves the bus when asked this */
};

static inline struct fake_fc *fake_of(struct serial_port *port) {
        return (struct fake_fc *) port;
}

static inline int fake_read(struct serial_port *port, void *to, size_t size, unsigned timeout_ms) {
        struct fake_fc *fc = fake_of(port);
        size_t n = fc->n_output - fc->taken;

        if (fc->lost)
                return -ENODEV;
        if (n == 0) {
                fc->clock_ms += timeout_ms;
                return 0;
        }
        if (fc->chunk && n > fc->chunk)
                n = fc->chunk;
        if (n > size)
                n = size;
        memcpy(to, fc->output + fc->taken, n);
        fc->taken += n;
        fc->clock_ms += fc->read_ms;
        return (int) n;
}

static inline void fake_say(struct fake_fc *fc, const void *data, size_t size) {
        assert_true(fc->n_output + size <= sizeof(fc->output));
        memcpy(fc->output + fc->n_output, data, size);
        fc->n_output += size;
}

static inline void fake_answer_frame(struct fake_fc *fc, const struct msp_frame *request) {
        uint8_t frame[MSP_FRAME_MAX];

        for (size_t i = 0; i < fc->n_answers; i++) {
                struct fake_answer *a = &fc->answers[i];
                int n;

                if (a->code != request->code)
                        continue;
                if (a->deaf > 0) {
                        a->deaf--;
                        return;
                }
                n = msp_encode(request->version, a->refuse ? MSP_ERROR : MSP_FROM_FC, a->code,
                               a->payload, a->refuse ? 0 : a->size, frame, sizeof(frame));
                assert_true(n > 0);
                if (fc->noise)
                        fake_say(fc, fc->noise, strlen(fc->noise));
                if (fc->noise_once)
                        fc->noise = NULL;
                if (fc->corrupt > 0) {
                        fc->corrupt--;
                        frame[n - 2] ^= 0x10;
                }
                fake_say(fc, frame, (size_t) n);
                return;
        }
}

static inline int fake_write(struct serial_port *port, const void *data, size_t size,
                             unsigned timeout_ms) {
        struct fake_fc *fc = fake_of(port);
        struct msp_frame request;
        size_t used = 0;

        (void) timeout_ms;
        if (fc->lost)
                return -ENODEV;
        if (msp_decode(data, size, &request, &used) == 1) {
                assert_int_equal(used, size);
                fc->requests++;
                fc->last_frame_ms = fc->clock_ms;
                fc->last_code = request.code;
                fc->last_size = request.size;
                memcpy(fc->last_payload, request.payload,
                       request.size < sizeof(fc->last_payload) ? request.size
                                                               : sizeof(fc->last_payload));
                if (fc->lost_code && request.code == fc->lost_code)
                        fc->lost = true;
                else
                        fake_answer_frame(fc, &request);
                return 0;
        }
        assert_true(fc->n_raw + size <= sizeof(fc->raw));
        for (size_t i = 0; i < size; i++) {
                fc->raw_ms[fc->n_raw] = fc->clock_ms;
                fc->raw[fc->n_raw++] = ((const uint8_t *) data)[i];
        }
        return 0;
}

static inline void fake_discard(struct serial_port *port) {
        struct fake_fc *fc = fake_of(port);

        fc->taken = fc->n_output;
}

static inline uint64_t fake_now(struct serial_port *port) {
        return fake_of(port)->clock_ms;
}

static inline void fake_close(struct serial_port *port) {
        (void) port;
}

static inline bool fake_is_shared(struct serial_port *port) {
        return fake_of(port)->is_shared;
}

static inline void fake_init(struct fake_fc *fc) {
        static const struct serial_ops ops = {fake_read, fake_write, fake_discard,
                                              fake_now,  fake_close, fake_is_shared};

        memset(fc, 0, sizeof(*fc));
        fc->port.ops = &ops;
        strcpy(fc->port.name, "/dev/ttyACM7");
        fc->clock_ms = 1000;
}

static inline struct fake_answer *fake_answer(struct fake_fc *fc, uint16_t code,
                                              const void *payload, size_t size) {
        struct fake_answer *a = NULL;

        for (size_t i = 0; i < fc->n_answers; i++)
                if (fc->answers[i].code == code)
                        a = &fc->answers[i];
        if (!a) {
                assert_true(fc->n_answers < FAKE_ANSWERS_MAX);
                a = &fc->answers[fc->n_answers++];
        }
        assert_true(size <= sizeof(a->payload));
        *a = (struct fake_answer){.code = code, .size = size};
        if (size > 0)
                memcpy(a->payload, payload, size);
        return a;
}
