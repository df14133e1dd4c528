/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/passive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "models/usb-face.h"

#define WIRE_US      200U
#define REQUEST_IN   0xC0U /* vendor, device, to the host */
#define READ_VERSION 0x5FU /* of a CH340 */
#define VERSION      0x30U
#define VENDOR       0xFFU /* of a CP210x, with the question in wValue */
#define GET_PARTNUM  0x370BU
#define CP2102       0x02U

struct kind {
        uint8_t device[18], interfaces;
        const char *strings[4];
        uint8_t rest[96]; /* of the configuration, behind its head */
        size_t rest_size;
};

struct passive {
        struct model model;
        struct usb_face face;
        const struct kind *kind;
};

static struct passive *passive_of(struct model *m) {
        return (struct passive *) m;
}

/* clang-format off */

static const struct kind kinds[] = {
        { /* lsusb -v of a CH340G */
                {18, 1, 0x10, 0x01, 0xFF, 0, 0, 8, 0x86, 0x1A, 0x23, 0x75, 0x64, 0x02, 0, 2, 0, 1}, 1,
                {NULL, NULL, "USB2.0-Serial"},
                {9, 4, 0, 0, 3, 0xFF, 1, 2, 0,
                 7, 5, 0x82, 2, 32, 0, 0, 7, 5, 0x02, 2, 32, 0, 0, 7, 5, 0x81, 3, 8, 0, 1},
                9 + 3 * 7,
        },
        { /* lsusb -v of a CP2102 */
                {18, 1, 0x10, 0x01, 0, 0, 0, 64, 0xC4, 0x10, 0x60, 0xEA, 0x00, 0x01, 1, 2, 3, 1}, 1,
                {NULL, "Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001"},
                {9, 4, 0, 0, 2, 0xFF, 0, 0, 2, 7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x01, 2, 64, 0, 0},
                9 + 2 * 7,
        },
        { /* RP2350 data sheet, 5.5 and 5.6: mass storage, and PICOBOOT */
                {18, 1, 0x10, 0x02, 0, 0, 0, 64, 0x8A, 0x2E, 0x0F, 0x00, 0x00, 0x01, 1, 2, 3, 1}, 2,
                {NULL, "Raspberry Pi", "RP2350 Boot", "5EDD7B3A06A8F9C1"},
                {9, 4, 0, 0, 2, 0x08, 0x06, 0x50, 0, 7, 5, 0x81, 2, 64, 0, 0, 7, 5, 0x02, 2, 64, 0, 0,
                 9, 4, 1, 0, 2, 0xFF, 0x00, 0x00, 0, 7, 5, 0x03, 2, 64, 0, 0, 7, 5, 0x84, 2, 64, 0, 0},
                2 * (9 + 2 * 7),
        },
        { /* lsusb -v of an ESP32-S3: a serial port and JTAG */
                {18, 1, 0x00, 0x02, 0xEF, 2, 1, 64, 0x3A, 0x30, 0x01, 0x10, 0x01, 0x01, 1, 2, 3, 1}, 3,
                {NULL, "Espressif", "USB JTAG/serial debug unit", "F4:12:FA:00:00:01"},
                {8, 11, 0, 2, 2, 2, 0, 0,
                 9, 4, 0, 0, 1, 0x02, 0x02, 0x00, 0, 5, 0x24, 0x00, 0x10, 0x01, 4, 0x24, 0x02, 0x02,
                 5, 0x24, 0x06, 0, 1, 7, 5, 0x82, 3, 64, 0, 1,
                 9, 4, 1, 0, 2, 0x0A, 0x02, 0x00, 0, 7, 5, 0x01, 2, 64, 0, 1, 7, 5, 0x81, 2, 64, 0, 1,
                 9, 4, 2, 0, 2, 0xFF, 0xFF, 0x01, 0, 7, 5, 0x02, 2, 64, 0, 1, 7, 5, 0x83, 2, 64, 0, 1},
                8 + 9 + 5 + 4 + 5 + 7 + 2 * (9 + 2 * 7),
        },
};

const char *const passive_kinds[] = {"ch340", "cp2102", "rp2350-bootsel", "esp32", NULL};

/* clang-format on */

static void show(struct passive *p) {
        const uint8_t config[9] = {9, 2, 0, 0, p->kind->interfaces, 1, 0, 0x80, 0x30};

        p->face = (struct usb_face){.n_alts = {1, 1, 1}};
        memcpy(p->face.strings, p->kind->strings, sizeof(p->kind->strings));
        memcpy(p->face.device, p->kind->device, sizeof(p->kind->device));
        face_add(&p->face, config, sizeof(config));
        face_add(&p->face, p->kind->rest, p->kind->rest_size);
        face_show(&p->face, &p->model);
}

static void control(struct model *m, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        struct passive *c = passive_of(m);

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
        if (setup->request_type == REQUEST_IN && setup->request == VENDOR &&
            setup->value == GET_PARTNUM && ret->size > 0)
                ret->data[0] = CP2102;
}

static void plug(struct model *m, uint64_t now_us) {
        if (m->on_bus)
                return;
        show(passive_of(m));
        m->on_bus = true;
        m->generation++;
}

static void unplug(struct model *m, uint64_t now_us) {
        m->on_bus = false;
}

static const struct model_ops passive_ops = {
        .control = control,
        .plug = plug,
        .unplug = unplug,
};

struct model *passive_new(const char *kind) {
        for (size_t i = 0; passive_kinds[i]; i++) {
                struct passive *p;

                if (strcmp(kind, passive_kinds[i]) != 0)
                        continue;
                p = calloc(1, sizeof(*p));
                if (!p)
                        return NULL;
                p->model.ops = &passive_ops;
                p->kind = &kinds[i];
                return &p->model;
        }
        return NULL;
}
