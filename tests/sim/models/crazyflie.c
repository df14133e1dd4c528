/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/crazyflie.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "models/board.h"
#include "models/cdc.h"

#define FLASH_START    0x08000000U
#define FIRMWARE_START 0x08004000U
#define OTP_START      0x1FFF7800U
#define OTP_BLOCK      32U
#define LOADER_SIZE    10240U         /* about what cf2loader 1.0 has */
#define FIRMWARE_SIZE  (240U * 1024U) /* about what a release of 2023 has */
#define ENTER_INDEX    2U             /* wIndex of "enter the bootloader" */
#define RESET_US       2500U          /* from the request until a hub sees that it is gone */

struct crazyflie {
        struct firmware fw;
        struct cdc_port cdc;
        bool no_entry; /* firmware before February 2022: the request is answered, nothing happens */
        char serial[25];
        char product[64];
};

static struct crazyflie *crazyflie_of(struct firmware *fw) {
        return (struct crazyflie *) fw;
}

static void start(struct firmware *fw, uint64_t now_us) {
        /* usbd_desc.c */
        static const uint8_t device[18] = {18,   1,    0x00, 0x02, 0,    0, 0, 64, 0x83,
                                           0x04, 0x40, 0x57, 0x00, 0x02, 1, 2, 3,  1};
        /* clang-format off */
        static const uint8_t config[] = { /* usb.c, 98 bytes */
                9, 2, 0, 0, 3, 1, 0, 0x80, 0x32,
                9, 4, 0, 0, 2, 0xFF, 0xFF, 0x00, 0,     /* CRTP packets */
                7, 5, 0x81, 0x02, 64, 0, 0,
                7, 5, 0x01, 0x02, 64, 0, 0,
                8, 11, 1, 2, 0x02, 0x02, 0x01, 0,       /* the two of the serial port belong together */
                9, 4, 1, 0, 1, 0x02, 0x02, 0x01, 0,
                5, 0x24, 0x00, 0x10, 0x01,              /* header, CDC 1.10 */
                5, 0x24, 0x01, 0x00, 0x02,              /* call management */
                4, 0x24, 0x02, 0x02,                    /* ACM */
                5, 0x24, 0x06, 0x01, 0x02,              /* union */
                7, 5, 0x83, 0x03, 8, 0, 0xFF,
                9, 4, 2, 0, 2, 0x0A, 0, 0, 0,
                7, 5, 0x02, 0x02, 64, 0, 0,
                7, 5, 0x82, 0x02, 64, 0, 0,
        };
        /* clang-format on */
        struct crazyflie *c = crazyflie_of(fw);

        fw->face = (struct usb_face){.n_alts = {1, 1, 1}};
        memcpy(fw->face.device, device, sizeof(device));
        face_add(&fw->face, config, sizeof(config));
        /* The chip's number, byte by byte as it is in memory. */
        for (unsigned i = 0; i < 12; i++)
                (void) snprintf(c->serial + (size_t) 2 * i, 3, "%02X",
                                fw->uid[i / 4] >> 8 * (i % 4) & 0xFFU);
        fw->face.strings[1] = "Bitcraze AB";
        fw->face.strings[2] = c->product;
        fw->face.strings[3] = c->serial;
        fw->face.strings[5] = "Raw CRTP interface";
        c->cdc = (struct cdc_port){.line_coding = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8}};
}

static bool control(struct firmware *fw, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        struct crazyflie *c = crazyflie_of(fw);

        if (cdc_control(&c->cdc, setup, data, ret)) {
                fw->passthroughs += setup->length == 0;
                return true;
        }
        if ((setup->request_type & 0x60) != 0x40 || setup->request_type & 0x80)
                return false;
        ret->size = setup->length;
        if (setup->index == ENTER_INDEX && !c->no_entry) {
                /* It resets in the interrupt of the SETUP packet: there is no status stage. */
                fw->wish = WISH_BOOTLOADER;
                fw->wish_us = now_us + (uint64_t) (RESET_US * fw->time_scale);
                ret->kind = ANSWER_GONE;
                ret->at_us = fw->wish_us;
                ret->size = 0;
                return true;
        }
        ret->kind = ANSWER_DATA;
        return true;
}

static void serial_write(struct firmware *fw, const uint8_t *data, size_t size, uint64_t now_us) {
}

static size_t serial_read(struct firmware *fw, uint8_t *to, size_t size, uint64_t now_us) {
        return 0;
}

static uint64_t next_event(const struct firmware *fw) {
        return MODEL_NEVER;
}

static void advance(struct firmware *fw, uint64_t now_us) {
}

static int set(struct firmware *fw, const char *key, const char *value) {
        struct crazyflie *c = crazyflie_of(fw);

        if (strcmp(key, "product") == 0) {
                if (strlen(value) >= sizeof(c->product))
                        return -EINVAL;
                (void) strcpy(c->product, value);
                return 0;
        }
        if (strcmp(key, "soft-entry") == 0) {
                int r = parse_bool(value);

                if (r >= 0)
                        c->no_entry = r == 0;
                return r < 0 ? -EINVAL : 0;
        }
        return -ENOENT;
}

static uint32_t word_at(const struct flash *flash, uint32_t address) {
        uint8_t b[4] = {0xFF, 0xFF, 0xFF, 0xFF};

        (void) flash_read(flash, address, b, sizeof(b));
        return b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 | (uint32_t) b[3] << 24;
}

/* A linker script with an odd end of RAM makes the first word what flash_bootable() refuses. */
static bool has_firmware(const struct flash *flash) {
        uint32_t reset = word_at(flash, FIRMWARE_START + 4);

        return word_at(flash, FIRMWARE_START) != 0xFFFFFFFFU && reset % 2 == 1 &&
               reset > FIRMWARE_START && flash_in_array(flash, reset - 1, 2);
}

static bool has_loader(const struct flash *flash) {
        uint32_t reset = word_at(flash, FLASH_START + 4);

        return flash_bootable(flash, FLASH_START) && reset < FIRMWARE_START;
}

static enum firmware_boot boot(const struct firmware *fw, const struct flash *flash,
                               uint32_t address, enum firmware_entry entry) {
        bool starts = has_firmware(flash);

        switch (entry) {
        case ENTRY_POWER: /* the loader decides; without one there may be a firmware in its place */
                return has_loader(flash) ? starts ? BOOT_FIRMWARE : BOOT_NOTHING : BOOT_NOTHING;
        case ENTRY_SOFTWARE:
                /* The vector table's address is still the firmware's, for the loader has set it. */
                return starts && (address == FIRMWARE_START ||
                                  (address == FLASH_START && has_loader(flash)))
                               ? BOOT_FIRMWARE
                               : BOOT_NOTHING;
        case ENTRY_BUTTON:
                /* The loader has set the table to the ROM's (its main.c): the first interrupt of
                 * the firmware goes astray. Through the loader, the pins of the radio chip, which
                 * is held, say ROM again. */
                return address == FLASH_START && has_loader(flash) ? BOOT_ROM : BOOT_NOTHING;
        }
        return BOOT_NOTHING;
}

static const struct firmware_ops ops = {
        .start = start,
        .control = control,
        .serial_write = serial_write,
        .serial_read = serial_read,
        .next_event = next_event,
        .advance = advance,
        .set = set,
        .boot = boot,
};

static void fill(uint8_t *bytes, size_t size, uint32_t stack, uint32_t reset) {
        for (size_t i = 0; i < size; i++)
                bytes[i] = i < 4   ? (uint8_t) (stack >> 8 * i)
                           : i < 8 ? (uint8_t) (reset >> 8 * (i - 4))
                                   : (uint8_t) ((i * 2246822519U) >> 16 ^ i >> 9);
}

static int make_contents(struct model *m, const char *type) {
        _cleanup_free_ uint8_t *bytes = malloc(FIRMWARE_SIZE);
        uint8_t block[OTP_BLOCK] = {0};

        if (!bytes)
                return -ENOMEM;
        /* The loader is linked with the scripts of an F103, the firmware with DEF_CLOAD.ld. */
        fill(bytes, LOADER_SIZE, 0x20005000U, FLASH_START + 0x199U);
        (void) model_load(m, FLASH_START, bytes, LOADER_SIZE);
        fill(bytes, FIRMWARE_SIZE, 0x2001FFFFU, FIRMWARE_START + 0x1F1U);
        (void) snprintf((char *) bytes + 0x1000, 16, "%s", type);
        (void) model_load(m, FIRMWARE_START, bytes, FIRMWARE_SIZE);
        (void) snprintf((char *) block, sizeof(block), "0;%s", type);
        return model_load(m, OTP_START, block, sizeof(block));
}

struct model *crazyflie_board(const char *type) {
        struct crazyflie *c = calloc(1, sizeof(*c));
        struct model *m;

        if (!c)
                return NULL;
        c->fw.ops = &ops;
        c->fw.wish_us = MODEL_NEVER;
        (void) strcpy(c->product, "Crazyflie 2.x");
        m = board_new(chip_find("f405"), &c->fw);
        if (m && make_contents(m, type) < 0)
                m = model_free(m);
        return m;
}
