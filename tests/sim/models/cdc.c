/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/cdc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "models/firmware.h"

#define REQUEST_TYPE_CDC 0x21

enum {
        SET_LINE_CODING = 0x20,
        GET_LINE_CODING = 0x21,
        SET_CONTROL_LINE_STATE = 0x22,
        SEND_BREAK = 0x23,
};

enum { CONFIG_HEAD_SIZE = 9, CONFIG_INTERFACES = 4 }; /* of the configuration descriptor */

/* Two interfaces more. */
static void add_port(struct usb_face *face, bool associated, uint8_t notify, uint8_t data) {
        const uint8_t n = face->config[CONFIG_INTERFACES], in = 0x80U | data;
        /* clang-format off */
        const uint8_t association[] = {8, 11, n, 2, 0x02, 0x02, 0x01, 0};
        const uint8_t port[] = {
                9, 4, n, 0, 1, 0x02, 0x02, 0x01, 0,     /* communication, AT commands */
                5, 0x24, 0x00, 0x10, 0x01,              /* header, CDC 1.10 */
                5, 0x24, 0x01, 0x00, n + 1,             /* call management */
                4, 0x24, 0x02, 0x02,                    /* ACM */
                5, 0x24, 0x06, n, n + 1,                /* union */
                7, 5, notify, 0x03, 8, 0, 0xFF,
                9, 4, n + 1, 0, 2, 0x0A, 0, 0, 0,       /* data */
                7, 5, data, 0x02, 64, 0, 0,
                7, 5, in, 0x02, 64, 0, 0,
        };
        /* clang-format on */

        if (associated)
                face_add(face, association, sizeof(association));
        face_add(face, port, sizeof(port));
        face->n_alts[n] = face->n_alts[n + 1] = 1;
        face->config[CONFIG_INTERFACES] = n + 2;
}

void cdc_show(struct usb_face *face, uint16_t vendor_id, uint16_t product_id) {
        const uint8_t device[18] = {18,
                                    1,
                                    0x00,
                                    0x02,
                                    0x02,
                                    0x02,
                                    0x00,
                                    64,
                                    (uint8_t) vendor_id,
                                    (uint8_t) (vendor_id >> 8),
                                    (uint8_t) product_id,
                                    (uint8_t) (product_id >> 8),
                                    0x00,
                                    0x02,
                                    1,
                                    2,
                                    3,
                                    1};
        /* clang-format off */
        static const uint8_t config[] = {9, 2, 0, 0, 0, 1, 0, 0xC0, 0x32};
        /* clang-format on */

        *face = (struct usb_face){};
        memcpy(face->device, device, sizeof(device));
        face_add(face, config, sizeof(config));
        add_port(face, false, 0x82, 0x01);
}

void cdc_show_two(struct usb_face *face, uint16_t vendor_id, uint16_t product_id) {
        static const uint8_t composite[] = {0xEF, 0x02, 0x01};

        cdc_show(face, vendor_id, product_id);
        memcpy(face->device + 4, composite, sizeof(composite));
        face->config[CONFIG_INTERFACES] = 0;
        face->config_size = CONFIG_HEAD_SIZE;
        add_port(face, true, 0x82, 0x01);
        add_port(face, true, 0x84, CDC_SECOND_PORT);
}

bool cdc_control(struct cdc_port *port, const struct model_setup *setup, const uint8_t *data,
                 struct model_answer *ret) {
        if ((setup->request_type & 0x7F) != REQUEST_TYPE_CDC)
                return false;
        ret->kind = ANSWER_DATA;
        ret->size = setup->length;
        switch (setup->request) {
        case SET_LINE_CODING:
                if (setup->length == sizeof(port->line_coding))
                        memcpy(port->line_coding, data, sizeof(port->line_coding));
                return true;
        case GET_LINE_CODING:
                if (ret->size > sizeof(port->line_coding))
                        ret->size = sizeof(port->line_coding);
                memcpy(ret->data, port->line_coding, ret->size);
                return true;
        case SET_CONTROL_LINE_STATE:
                port->control_lines = setup->value;
                return true;
        case SEND_BREAK:
                return true;
        }
        return false;
}

/* The silent port */

struct cdc_firmware {
        struct firmware fw;
        struct cdc_port port;
};

static void cdc_start(struct firmware *fw, uint64_t now_us) {
        (void) now_us;
        cdc_show(&fw->face, 0x0483, 0x5740);
        fw->face.strings[1] = "STMicroelectronics";
        fw->face.strings[2] = "STM32 Virtual ComPort";
        fw->face.strings[3] = "00000000001A";
}

static bool cdc_fw_control(struct firmware *fw, const struct model_setup *setup,
                           const uint8_t *data, uint64_t now_us, struct model_answer *ret) {
        return cdc_control(&((struct cdc_firmware *) fw)->port, setup, data, ret);
}

static void cdc_fw_write(struct firmware *fw, const uint8_t *data, size_t size, uint64_t now_us) {
}

static size_t cdc_fw_read(struct firmware *fw, uint8_t *to, size_t size, uint64_t now_us) {
        return 0;
}

static uint64_t cdc_fw_next_event(const struct firmware *fw) {
        return MODEL_NEVER;
}

static void cdc_fw_advance(struct firmware *fw, uint64_t now_us) {
}

static int cdc_fw_set(struct firmware *fw, const char *key, const char *value) {
        return -ENOENT;
}

static const struct firmware_ops cdc_ops = {
        .start = cdc_start,
        .control = cdc_fw_control,
        .serial_write = cdc_fw_write,
        .serial_read = cdc_fw_read,
        .next_event = cdc_fw_next_event,
        .advance = cdc_fw_advance,
        .set = cdc_fw_set,
};

struct firmware *firmware_cdc_new(void) {
        struct cdc_firmware *cdc = calloc(1, sizeof(*cdc));

        if (!cdc)
                return NULL;
        cdc->fw.ops = &cdc_ops;
        return &cdc->fw;
}
