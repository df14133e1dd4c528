/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/ch340.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "models/usb-face.h"

#define WIRE_US      200U
#define REQUEST_IN   0xC0U /* vendor, device, to the host */
#define READ_VERSION 0x5FU
#define VERSION      0x30U

struct ch340 {
        struct model model;
        struct usb_face face;
};

static struct ch340 *ch340_of(struct model *m) {
        return (struct ch340 *) m;
}

/* lsusb -v of a CH340G */
static void show(struct ch340 *c) {
        static const uint8_t device[18] = {18,   1,    0x10, 0x01, 0xFF, 0,    0, 8, 0x86,
                                           0x1A, 0x23, 0x75, 0x64, 0x02, 0x00, 2, 0, 1};
        static const uint8_t config[9] = {9, 2, 0, 0, 1, 1, 0, 0x80, 0x30};
        static const uint8_t interface[9] = {9, 4, 0, 0, 3, 0xFF, 1, 2, 0};
        static const uint8_t in[7] = {7, 5, 0x82, 2, 32, 0, 0};
        static const uint8_t out[7] = {7, 5, 0x02, 2, 32, 0, 0};
        static const uint8_t status[7] = {7, 5, 0x81, 3, 8, 0, 1};

        c->face = (struct usb_face){.n_alts = {1}, .strings = {NULL, NULL, "USB2.0-Serial"}};
        memcpy(c->face.device, device, sizeof(device));
        face_add(&c->face, config, sizeof(config));
        face_add(&c->face, interface, sizeof(interface));
        face_add(&c->face, in, sizeof(in));
        face_add(&c->face, out, sizeof(out));
        face_add(&c->face, status, sizeof(status));
        face_show(&c->face, &c->model);
}

static void control(struct model *m, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        struct ch340 *c = ch340_of(m);

        m->stats.control_transfers++;
        *ret = (struct model_answer){.kind = ANSWER_GONE, .at_us = now_us};
        if (!m->on_bus)
                return;
        ret->kind = ANSWER_DATA;
        ret->at_us = now_us + WIRE_US;
        if (face_control(&c->face, setup, ret))
                return;
        /* Registers that are read are 0, those that are written are taken. */
        ret->size = setup->length < sizeof(ret->data) ? setup->length : sizeof(ret->data);
        if (setup->request_type == REQUEST_IN && setup->request == READ_VERSION && ret->size > 0)
                ret->data[0] = VERSION;
}

static void plug(struct model *m, uint64_t now_us) {
        if (m->on_bus)
                return;
        show(ch340_of(m));
        m->on_bus = true;
        m->generation++;
}

static void unplug(struct model *m, uint64_t now_us) {
        m->on_bus = false;
}

static const struct model_ops ch340_ops = {
        .control = control,
        .plug = plug,
        .unplug = unplug,
};

struct model *ch340_new(void) {
        struct ch340 *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->model.ops = &ch340_ops;
        return &c->model;
}
