/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-host.h"

#include <errno.h>
#include <string.h>

#define OPTIONS_MAX 16

void sim_host_start(struct sim_host *h, const char *kind, ...) {
        const char *options[OPTIONS_MAX] = {NULL};
        char error[256] = "";
        va_list list;
        int n = 0;

        va_start(list, kind);
        while (n < OPTIONS_MAX - 1 && (options[n] = va_arg(list, const char *)))
                n++;
        va_end(list);
        *h = (struct sim_host){.now_us = 1000000};
        h->m = model_new(kind, options, error, sizeof(error));
        if (!h->m)
                fail_msg("%s", error);
        assert_false(h->m->on_bus);
        model_plug(h->m, h->now_us);
}

void sim_host_stop(struct sim_host *h) {
        h->m = model_free(h->m);
}

void sim_host_set(struct sim_host *h, const char *key, const char *value) {
        assert_int_equal(model_set(h->m, key, value, h->now_us), 0);
}

int sim_host_transfer(struct sim_host *h, uint8_t type, uint8_t request, uint16_t value,
                      uint16_t length, const void *data) {
        const struct model_setup setup = {type, request, value, 0, length};
        uint64_t start_us = h->now_us;

        model_control(h->m, &setup, data, h->now_us, &h->answer);
        assert_true(h->answer.at_us >= h->now_us);
        if (h->answer.at_us == MODEL_NEVER)
                return -ETIMEDOUT;
        h->now_us = h->answer.at_us;
        h->took_us = h->now_us - start_us;
        model_advance(h->m, h->now_us);
        switch (h->answer.kind) {
        case ANSWER_STALL:
                return -EPIPE;
        case ANSWER_GONE:
                assert_false(h->m->on_bus);
                return -ENODEV;
        case ANSWER_DATA:
                break;
        }
        assert_true(h->answer.size <= length);
        return (int) h->answer.size;
}

bool sim_host_run(struct sim_host *h) {
        uint64_t at_us = model_next_event(h->m);

        if (at_us == MODEL_NEVER)
                return false;
        if (at_us > h->now_us)
                h->now_us = at_us;
        model_advance(h->m, h->now_us);
        return true;
}

void sim_host_reattach(struct sim_host *h) {
        unsigned generation = h->m->generation;

        while (h->m->generation == generation && sim_host_run(h))
                ;
}

int sim_command(struct sim_host *h, uint8_t command, uint32_t address) {
        const uint8_t bytes[5] = {command, (uint8_t) address, (uint8_t) (address >> 8),
                                  (uint8_t) (address >> 16), (uint8_t) (address >> 24)};

        return sim_out(h, DNLOAD, 0, bytes, sizeof(bytes));
}

void _sim_status(struct sim_host *h, uint8_t status, unsigned poll_ms, uint8_t state,
                 const char *file, int line) {
        const uint8_t expected[6] = {status,
                                     (uint8_t) poll_ms,
                                     (uint8_t) (poll_ms >> 8),
                                     (uint8_t) (poll_ms >> 16),
                                     state,
                                     0};

        _assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6, file, line);
        _assert_memory_equal(h->answer.data, expected, sizeof(expected), file, line);
}

void sim_clear(struct sim_host *h) {
        sim_status(h, 0x0A, 0, 10);
        assert_int_equal(sim_out(h, CLRSTATUS, 0, NULL, 0), 0);
        sim_status(h, 0x00, 0, 2);
}

void sim_send(struct sim_host *h, const void *data, size_t size) {
        model_serial_write(h->m, data, size, h->now_us);
}

size_t sim_receive(struct sim_host *h, unsigned ms, void *to, size_t size) {
        uint64_t end_us = h->now_us + ms * 1000U;
        uint8_t *bytes = to;
        size_t n = 0;

        for (;;) {
                uint64_t at_us = model_next_event(h->m);

                n += model_serial_read(h->m, bytes + n, size - n, h->now_us);
                assert_true(n < size);
                if (at_us > end_us)
                        break;
                if (at_us > h->now_us)
                        h->now_us = at_us;
                model_advance(h->m, h->now_us);
                n += model_serial_read(h->m, bytes + n, size - n, h->now_us);
        }
        h->now_us = end_us;
        model_advance(h->m, h->now_us);
        return n;
}

void _sim_exchange(struct sim_host *h, const void *request, size_t request_size, const void *reply,
                   size_t reply_size, const char *file, int line) {
        uint8_t got[2048];
        size_t n;

        sim_send(h, request, request_size);
        n = sim_receive(h, 10, got, sizeof(got));
        if (n != reply_size || memcmp(got, reply, n) != 0)
                fail_msg("%s:%d: %zu bytes, %02x … %02x", file, line, n, got[0],
                         got[n ? n - 1 : 0]);
}
