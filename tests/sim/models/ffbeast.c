/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/ffbeast.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define VENDOR_ID           0x045B
#define REBOOT_US           20000U /* until it leaves the bus, in real time always */

#define REPORT_SIZE         65U /* with its number */
#define REPORT_GENERIC      0xA3
#define REPORT_INFORMATION  0x25
#define COMMAND_REBOOT      0x01
#define COMMAND_DFU         0x03
#define ENDPOINT_VENDOR_OUT 0x01
#define INTERFACES_WITH_OUT 2U

#define REQUEST_TYPE_OUT    0x21
#define REQUEST_TYPE_IN     0xA1
#define REQUEST_GET_REPORT  0x01
#define REQUEST_SET_REPORT  0x09
#define REQUEST_SET_IDLE    0x0A
#define REPORT_TYPE_FEATURE 3
#define REPORT_TYPE_OUTPUT  2

/* clang-format off */
static const uint8_t vendor_report[] = {
        0x06, 0x72, 0xFF, 0x09, 0xA1, 0xA1, 0x01,
        0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x40,
        0x85, REPORT_GENERIC, 0x09, 0x01, 0x81, 0x02, 0x09, 0x02, 0x91, 0x02,
        0x85, REPORT_INFORMATION, 0x09, 0x03, 0xB1, 0x02,
        0xC0,
};

static const uint8_t joystick_report[] = {
        0x05, 0x01, 0x09, 0x04, 0xA1, 0x01,
        0x85, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xFF, 0x7F,
        0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
        0xC0,
};
/* clang-format on */

struct ffbeast {
        struct firmware fw;
        const struct ffbeast_product *product;
        bool old, ignore_reboot; /* knobs */
        unsigned version[3];
};

static struct ffbeast *ffbeast_of(struct firmware *fw) {
        return (struct ffbeast *) fw;
}

static void add_hid(struct usb_face *face, uint8_t number, const uint8_t *report, size_t size) {
        uint8_t endpoint = (uint8_t) (number + 1);
        /* clang-format off */
        const uint8_t bytes[] = {
                9, 4, number, 0, 2, 0x03, 0, 0, 0,
                9, 0x21, 0x11, 0x01, 0, 1, 0x22, (uint8_t) size, (uint8_t) (size >> 8),
                7, 5, (uint8_t) (0x80 | endpoint), 0x03, 64, 0, 1,
                7, 5, endpoint, 0x03, 64, 0, 1,
        };
        /* clang-format on */

        face_add(face, bytes, sizeof(bytes));
        face->n_alts[number] = 1;
        face->hid_report[number] = report;
        face->hid_report_size[number] = size;
}

static void start(struct firmware *fw, uint64_t now_us) {
        struct ffbeast *f = ffbeast_of(fw);
        struct usb_face *face = &fw->face;
        const uint8_t device[18] = {18,
                                    1,
                                    0x00,
                                    0x02,
                                    0,
                                    0,
                                    0,
                                    64,
                                    (uint8_t) (VENDOR_ID & 0xFF),
                                    VENDOR_ID >> 8,
                                    (uint8_t) f->product->product_id,
                                    (uint8_t) (f->product->product_id >> 8),
                                    0x00,
                                    f->old ? 0x02 : 0x01,
                                    1,
                                    2,
                                    3,
                                    1};
        const uint8_t config[] = {9, 2, 0, 0, f->old ? 1 : 2, 1, 0, 0xA0, 50};

        *face = (struct usb_face){};
        memcpy(face->device, device, sizeof(device));
        face_add(face, config, sizeof(config));
        if (!f->old)
                add_hid(face, 0, vendor_report, sizeof(vendor_report));
        add_hid(face, f->old ? 0 : 1, joystick_report, sizeof(joystick_report));
        face->strings[1] = "DIY";
        face->strings[2] = f->product->product;
        face->strings[3] = "000000000001";
}

static void command(struct ffbeast *f, const uint8_t *data, size_t size, uint64_t now_us) {
        if (f->old || f->ignore_reboot || size != REPORT_SIZE || data[0] != REPORT_GENERIC)
                return;
        if (data[1] != COMMAND_DFU && data[1] != COMMAND_REBOOT)
                return;
        f->fw.wish = data[1] == COMMAND_DFU ? WISH_BOOTLOADER : WISH_RESET;
        f->fw.wish_us = now_us + REBOOT_US;
}

static void put_u32(uint8_t *to, uint32_t value) {
        for (size_t i = 0; i < 4; i++)
                to[i] = (uint8_t) (value >> (8 * i));
}

/* Number, release type, version, serial key, device id, whether it is registered. */
static void information(const struct ffbeast *f, uint8_t to[REPORT_SIZE]) {
        memset(to, 0, REPORT_SIZE);
        to[0] = REPORT_INFORMATION;
        to[1] = 1;
        for (size_t i = 0; i < 3; i++) {
                to[2 + i] = (uint8_t) f->version[i];
                put_u32(to + 5 + 4 * i, 0x11111111U * (uint32_t) (i + 1));
                put_u32(to + 17 + 4 * i, f->fw.uid[i]);
        }
        to[29] = 1;
}

static bool control(struct firmware *fw, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        struct ffbeast *f = ffbeast_of(fw);

        ret->kind = ANSWER_DATA;
        ret->size = 0;
        if (setup->request_type == REQUEST_TYPE_OUT && setup->request == REQUEST_SET_IDLE)
                return true;
        if (f->old || (setup->index & 0xFF) != 0)
                return false;
        if (setup->request_type == REQUEST_TYPE_IN && setup->request == REQUEST_GET_REPORT &&
            setup->value == (REPORT_TYPE_FEATURE << 8 | REPORT_INFORMATION)) {
                information(f, ret->data);
                ret->size = setup->length < REPORT_SIZE ? setup->length : REPORT_SIZE;
                return true;
        }
        if (setup->request_type == REQUEST_TYPE_OUT && setup->request == REQUEST_SET_REPORT &&
            setup->value == (REPORT_TYPE_OUTPUT << 8 | REPORT_GENERIC)) {
                command(f, data, setup->length, now_us);
                ret->size = setup->length;
                return true;
        }
        return false;
}

static void serial_write(struct firmware *fw, const uint8_t *data, size_t size, uint64_t now_us) {
}

static size_t serial_read(struct firmware *fw, uint8_t *to, size_t size, uint64_t now_us) {
        return 0;
}

static int out(struct firmware *fw, uint8_t endpoint, const uint8_t *data, size_t size,
               uint64_t now_us) {
        struct ffbeast *f = ffbeast_of(fw);

        if (endpoint == 0 || endpoint > (f->old ? 1U : INTERFACES_WITH_OUT))
                return -ENOENT;
        if (endpoint == ENDPOINT_VENDOR_OUT)
                command(f, data, size, now_us);
        return (int) size;
}

/* Nobody turns the wheel. */
static int in(struct firmware *fw, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us) {
        return -EAGAIN;
}

static uint64_t next_event(const struct firmware *fw) {
        return MODEL_NEVER;
}

static void advance(struct firmware *fw, uint64_t now_us) {
}

static int set(struct firmware *fw, const char *key, const char *value) {
        struct ffbeast *f = ffbeast_of(fw);
        bool *flag;
        int end = -1, r;

        if (strcmp(key, "version") == 0)
                return sscanf(value, "%3u.%3u.%3u%n", &f->version[0], &f->version[1],
                              &f->version[2], &end) == 3 &&
                                       end >= 0 && !value[end]
                               ? 0
                               : -EINVAL;
        if (strcmp(key, "old") == 0)
                flag = &f->old;
        else if (strcmp(key, "ignore-reboot") == 0)
                flag = &f->ignore_reboot;
        else
                return -ENOENT;
        r = parse_bool(value);
        if (r < 0)
                return -EINVAL;
        *flag = r;
        return 0;
}

static const struct firmware_ops ffbeast_ops = {
        .start = start,
        .control = control,
        .serial_write = serial_write,
        .serial_read = serial_read,
        .out = out,
        .in = in,
        .next_event = next_event,
        .advance = advance,
        .set = set,
};

struct firmware *ffbeast_new(const struct ffbeast_product *product) {
        struct ffbeast *f = calloc(1, sizeof(*f));

        if (!f)
                return NULL;
        f->fw.ops = &ffbeast_ops;
        f->fw.wish_us = MODEL_NEVER;
        f->fw.no_serial_port = true;
        f->fw.resets_first = true;
        f->product = product;
        f->version[0] = 24;
        f->version[1] = 1;
        f->version[2] = 5;
        return &f->fw;
}
