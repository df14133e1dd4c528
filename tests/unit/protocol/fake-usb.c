/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-usb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_US UINT64_C(3600000000) /* nobody waits an hour for a board to attach */

static struct fake_usb *fake_of(struct usb_device *usb) {
        return (struct fake_usb *) usb;
}

static bool is_gone(struct fake_usb *f) {
        model_advance(f->model, f->now_us);
        return !f->model->on_bus || f->model->generation != f->generation;
}

static int answer(struct fake_usb *f, const struct model_setup *setup, uint8_t *data,
                  uint64_t timeout_us) {
        struct model_answer answer;
        uint64_t deadline_us = f->now_us + timeout_us;

        if (is_gone(f))
                return -ENODEV;
        model_control(f->model, setup, data, f->now_us, &answer);
        if (answer.at_us > deadline_us) {
                uint64_t event_us = model_next_event(f->model);

                if (event_us < deadline_us) {
                        model_advance(f->model, event_us);
                        if (!f->model->on_bus) { /* held when it left */
                                f->now_us = event_us;
                                return -ENODEV;
                        }
                }
                f->now_us = deadline_us;
                return -ETIMEDOUT;
        }
        if (answer.at_us > f->now_us)
                f->now_us = answer.at_us;
        if (answer.kind == ANSWER_GONE)
                return -ENODEV;
        if (answer.kind == ANSWER_STALL)
                return -EPIPE;
        if ((setup->request_type & 0x80) && answer.size)
                memcpy(data, answer.data, answer.size);
        return (int) answer.size;
}

static void note(struct fake_usb *f, const struct fake_transfer *t) {
        if (f->n_trace == f->trace_room) {
                f->trace_room = f->trace_room ? f->trace_room * 2 : 256;
                f->trace = reallocarray(f->trace, f->trace_room, sizeof(*f->trace));
                if (!f->trace)
                        abort();
        }
        f->trace[f->n_trace++] = *t;
}

static int op_control(struct usb_device *usb, uint8_t request_type, uint8_t request, uint16_t value,
                      uint16_t index, void *data, uint16_t length, unsigned timeout_ms) {
        struct fake_usb *f = fake_of(usb);
        struct fake_transfer t = {
                .setup = {request_type, request, value, index, length},
                .begin_us = f->now_us,
        };

        t.result = answer(f, &t.setup, data, (uint64_t) timeout_ms * 1000);
        if (data)
                memcpy(t.data, data, length < sizeof(t.data) ? length : sizeof(t.data));
        t.end_us = f->now_us;
        note(f, &t);
        return t.result;
}

static int op_transfer(struct usb_device *usb, uint8_t endpoint, void *data, size_t size,
                       unsigned timeout_ms) {
        struct fake_usb *f = fake_of(usb);
        uint64_t deadline_us = f->now_us + (uint64_t) timeout_ms * 1000;

        for (;;) {
                uint64_t next_us;
                int r;

                if (is_gone(f))
                        return -ENODEV;
                r = endpoint & 0x80 ? model_in(f->model, endpoint, data, size, f->now_us)
                                    : model_out(f->model, endpoint, data, size, f->now_us);
                if (r != -EAGAIN)
                        return r;
                next_us = model_next_event(f->model);
                if (f->now_us >= deadline_us)
                        return -ETIMEDOUT;
                f->now_us = next_us < deadline_us ? next_us : deadline_us;
        }
}

static int op_claim(struct usb_device *usb, int interface) {
        return fake_of(usb)->busy ? -fake_of(usb)->busy : is_gone(fake_of(usb)) ? -ENODEV : 0;
}

static int op_set_alt(struct usb_device *usb, int interface, int alt) {
        int r = usb_control(usb, 0x01, 0x0b, (uint16_t) alt, (uint16_t) interface, NULL, 0, 1000);

        return r < 0 ? r : 0;
}

static int op_reset(struct usb_device *usb) {
        struct fake_usb *f = fake_of(usb);

        if (is_gone(f))
                return -ENODEV;
        model_reset(f->model, f->now_us);
        return is_gone(f) ? -ENODEV : 0;
}

static int op_sleep(struct usb_device *usb, unsigned ms) {
        struct fake_usb *f = fake_of(usb);

        if (f->cancel_sleeps && !f->sleep_broken) {
                f->sleep_broken = true;
                return -ECANCELED;
        }
        f->sleep_broken = false;
        f->now_us += (uint64_t) ms * 1000;
        f->slept_ms += ms;
        return 0;
}

static uint64_t op_now_ms(struct usb_device *usb) {
        return fake_of(usb)->now_us / 1000;
}

static void op_close(struct usb_device *usb) {
}

static const struct usb_ops ops = {
        .control = op_control,
        .transfer = op_transfer,
        .claim = op_claim,
        .set_alt = op_set_alt,
        .reset = op_reset,
        .sleep = op_sleep,
        .now_ms = op_now_ms,
        .close = op_close,
};

static uint16_t read_u16(const uint8_t *p) {
        return (uint16_t) (p[0] | p[1] << 8);
}

void fake_usb_init(struct fake_usb *fake, struct model *model, uint64_t now_us) {
        *fake = (struct fake_usb){.usb.ops = &ops, .model = model, .now_us = now_us};
        if (!model->on_bus)
                model_plug(model, now_us);
        while (!model->on_bus && fake->now_us < now_us + STUCK_US) {
                uint64_t event_us = model_next_event(model);

                if (event_us == MODEL_NEVER)
                        abort();
                fake->now_us = event_us > fake->now_us ? event_us : fake->now_us;
                model_advance(model, fake->now_us);
        }
        fake->generation = model->generation;
        fake->usb.vendor_id = read_u16(model->device_descriptor + 8);
        fake->usb.product_id = read_u16(model->device_descriptor + 10);
        fake->usb.bcd_device = read_u16(model->device_descriptor + 12);
        fake->usb.descriptors_size = 18 + model->config_size;
        fake->usb.descriptors = malloc(fake->usb.descriptors_size);
        if (!fake->usb.descriptors)
                abort();
        memcpy(fake->usb.descriptors, model->device_descriptor, 18);
        memcpy(fake->usb.descriptors + 18, model->config_descriptor, model->config_size);
}

void fake_usb_clear(struct fake_usb *fake) {
        free(fake->usb.descriptors);
        free(fake->trace);
        *fake = (struct fake_usb){};
}

static void print_transfer(FILE *f, const struct fake_transfer *t) {
        fprintf(f, "%02X %02X", t->setup.request_type, t->setup.request);
        if (t->result < 0)
                fprintf(f, " %04X %04X -> %s\n", t->setup.value, t->setup.length,
                        strerrorname_np(-t->result));
        else if (t->setup.request_type == 0xa1 && t->setup.request == 3)
                fprintf(f, " -> %02X %02X\n", t->data[0], t->data[4]);
        else {
                fprintf(f, " %04X %04X", t->setup.value, t->setup.length);
                if (t->setup.length == 5)
                        fprintf(f, " %02X%02X%02X%02X%02X", t->data[0], t->data[1], t->data[2],
                                t->data[3], t->data[4]);
                fputc('\n', f);
        }
}

char *fake_usb_trace(const struct fake_usb *fake, size_t first) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        for (size_t i = first; f && i < fake->n_trace; i++)
                print_transfer(f, &fake->trace[i]);
        if (!f || fclose(f) != 0)
                abort();
        return text;
}
