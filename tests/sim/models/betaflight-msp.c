/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/betaflight.h"

#include <stdio.h>
#include <string.h>

enum {
        MSP_API_VERSION = 1,
        MSP_FC_VARIANT = 2,
        MSP_FC_VERSION = 3,
        MSP_BOARD_INFO = 4,
        MSP_BUILD_INFO = 5,
        MSP_NAME = 10,
        MSP_REBOOT = 68,
        MSP_ARMING_DISABLE = 99,
        MSP_STATUS = 101,
        MSP_BOXIDS = 119,
        MSP_STATUS_EX = 150,
        MSP_UID = 160,
        MSP_RESET_CONF = 208,
        MSP_SET_RTC = 246,
        MSP2_GET_TEXT = 0x3006,
        MSP2_MCU_INFO = 0x300C,
};

enum {
        REBOOT_FIRMWARE,
        REBOOT_ROM,
        REBOOT_MSC,
        REBOOT_MSC_UTC,
        REBOOT_FLASH_BOOTLOADER,
};

enum { TEXT_CRAFT_NAME = 2, TEXT_BUILD_KEY = 5 };

#define CAPABILITY_VCP              0x01
#define CAPABILITY_SOFTSERIAL       0x02
#define CAPABILITY_FLASH_BOOTLOADER 0x08
#define CAPABILITY_CUSTOM_DEFAULTS  0x10
#define CAPABILITY_HAS_DEFAULTS     0x20
#define SIGNATURE_SIZE              32U
#define IDENTIFIER_SIZE             4U
#define MCU_ASK                     254U /* "ask MSP2_MCU_INFO" */
#define CONFIGURED                  1U   /* from 4.5 on there are two states */
#define GYRO_RATE_HZ                8000U
#define ARM_BOX                     0x01U /* ARM is the first of MSP_BOXIDS */
#define ARMING_DISABLE_FLAGS        26U
#define SENSORS                     0x21U

static void put_u8(struct betaflight_reply *reply, unsigned value) {
        if (reply->size < sizeof(reply->data))
                reply->data[reply->size++] = (uint8_t) value;
}

static void put_u16(struct betaflight_reply *reply, unsigned value) {
        put_u8(reply, value);
        put_u8(reply, value >> 8);
}

static void put_u32(struct betaflight_reply *reply, uint32_t value) {
        put_u16(reply, value);
        put_u16(reply, value >> 16);
}

static void put_text(struct betaflight_reply *reply, const char *text) {
        while (*text)
                put_u8(reply, (uint8_t) *text++);
}

static void put_pstr(struct betaflight_reply *reply, const char *text) {
        put_u8(reply, (unsigned) strlen(text));
        put_text(reply, text);
}

/* Since API 1.MINOR, of Betaflight's own counting. */
static bool api_from(const struct betaflight *b, unsigned minor) {
        return b->api_major > 1 || b->api_minor >= minor;
}

static void fc_version(const struct betaflight *b, struct betaflight_reply *reply) {
        bool dated = b->major >= 2000;

        put_u8(reply, dated ? b->major - 2000 : b->major);
        put_u8(reply, b->minor);
        put_u8(reply, b->patch);
        if (dated)
                put_pstr(reply, b->version);
}

static void put_identifier(const struct betaflight *b, struct betaflight_reply *reply) {
        put_text(reply, b->identifier);
        for (size_t i = strlen(b->identifier); i < IDENTIFIER_SIZE; i++)
                put_u8(reply, 0);
}

static void inav_board_info(const struct betaflight *b, struct betaflight_reply *reply) {
        put_identifier(b, reply);
        put_u16(reply, 0);
        put_u8(reply, 2);
        put_u8(reply, CAPABILITY_VCP | CAPABILITY_SOFTSERIAL);
        put_pstr(reply, b->board_name);
}

static void board_info(const struct betaflight *b, struct betaflight_reply *reply) {
        put_identifier(b, reply);
        put_u16(reply, 0);
        put_u8(reply, 2); /* a flight controller with OSD */
        put_u8(reply, CAPABILITY_VCP | CAPABILITY_SOFTSERIAL |
                              (b->flash_bootloader ? CAPABILITY_FLASH_BOOTLOADER : 0) |
                              (custom_defaults_are_known(b) ? CAPABILITY_CUSTOM_DEFAULTS : 0) |
                              (custom_defaults_are_there(b) ? CAPABILITY_HAS_DEFAULTS : 0));
        put_pstr(reply, b->target_name);
        put_pstr(reply, b->board_name);
        put_pstr(reply, b->manufacturer_id);
        for (unsigned i = 0; i < SIGNATURE_SIZE; i++)
                put_u8(reply, 0);
        put_u8(reply, api_from(b, 47) ? MCU_ASK : b->target->mcu_id);
        if (api_from(b, 42))
                put_u8(reply, api_from(b, 46) ? CONFIGURED : b->settings.state);
        if (api_from(b, 43)) {
                put_u16(reply, GYRO_RATE_HZ);
                put_u32(reply, 0);
        }
        if (api_from(b, 44)) {
                put_u8(reply, 3);
                put_u8(reply, 1);
        }
}

static void build_info(const struct betaflight *b, struct betaflight_reply *reply) {
        static const uint16_t options[] = {4097, 16412, 16416};

        put_text(reply, "Jan 12 2026");
        put_text(reply, "12:34:56");
        put_text(reply, "0a1b2c3");
        for (size_t i = 0; api_from(b, 46) && i < sizeof(options) / sizeof(options[0]); i++)
                put_u16(reply, options[i]);
}

static void status(const struct betaflight *b, bool extended, struct betaflight_reply *reply) {
        put_u16(reply, 125); /* µs a cycle */
        put_u16(reply, 0);
        put_u16(reply, SENSORS);
        put_u32(reply, b->armed ? ARM_BOX : 0);
        put_u8(reply, 0);
        put_u16(reply, 12); /* % load */
        if (extended) {
                put_u8(reply, 4);
                put_u8(reply, 0);
        } else
                put_u16(reply, 0);
        put_u8(reply, 0); /* no more than 32 boxes */
        put_u8(reply, ARMING_DISABLE_FLAGS);
        put_u32(reply, 0);
        put_u8(reply, 0);
        if (api_from(b, 46))
                put_u16(reply, 40); /* °C */
        if (api_from(b, 47))
                put_u8(reply, 4);
        if (api_from(b, 48)) {
                put_u8(reply, 0);
                put_u8(reply, 1);
        }
}

static void get_text(const struct betaflight *b, const struct msp_request *request,
                     struct betaflight_reply *reply) {
        if (!api_from(b, 45) || request->size < 1) {
                reply->error = true;
                return;
        }
        put_u8(reply, request->payload[0]);
        switch (request->payload[0]) {
        case TEXT_CRAFT_NAME:
                put_pstr(reply, b->craft_name);
                break;
        case TEXT_BUILD_KEY:
                put_pstr(reply, b->build_key);
                break;
        default:
                reply->error = true;
        }
}

static void reboot_inav(const struct betaflight *b, const struct msp_request *request,
                        struct betaflight_reply *reply) {
        if (b->armed) {
                reply->error = true;
                return;
        }
        reply->wish = WISH_RESET;
        if (!b->msp_dfu)
                return; /* the payload is not looked at */
        if (request->size > 1)
                reply->error = true;
        else if (request->size == 1 && request->payload[0] != 0)
                reply->wish = WISH_BOOTLOADER;
        if (reply->error)
                reply->wish = WISH_NOTHING;
}

/* Betaflight does not look whether it is armed. */
static void reboot(const struct betaflight *b, const struct msp_request *request,
                   struct betaflight_reply *reply) {
        unsigned mode = request->size > 0 ? request->payload[0] : REBOOT_FIRMWARE;
        bool emuflight = betaflight_is(b, "EMUF");

        if (betaflight_is(b, "INAV")) {
                reboot_inav(b, request, reply);
                return;
        }
        if (!emuflight && !betaflight_is(b, "RTFL") &&
            (!betaflight_is(b, "BTFL") || betaflight_is_before(b, 4, 0, 0))) {
                reply->wish = WISH_RESET;
                return;
        }
        put_u8(reply, mode);
        switch (mode) {
        case REBOOT_FIRMWARE:
                reply->wish = WISH_RESET;
                break;
        case REBOOT_ROM:
                reply->wish = WISH_BOOTLOADER;
                break;
        case REBOOT_FLASH_BOOTLOADER:
                /* Taken and echoed; without a flash bootloader nothing comes of it. */
                reply->error = emuflight || betaflight_is_before(b, 4, 1, 0);
                if (b->flash_bootloader)
                        reply->wish = WISH_RESET;
                break;
        case REBOOT_MSC: /* this board has no mass storage */
        case REBOOT_MSC_UTC:
        default:
                reply->error = true;
        }
        if (reply->error)
                reply->wish = WISH_NOTHING;
}

/* Of 4.1 and later: applied, stored, answered, and then the board restarts. */
static void reset_conf(struct betaflight *b, const struct msp_request *request,
                       struct betaflight_reply *reply) {
        const bool custom = request->size == 0 || request->payload[0] == 1;
        bool done = !b->armed && b->reset_fault != RESET_REFUSED &&
                    (!custom || !custom_defaults_are_known(b) || custom_defaults_are_there(b));

        if (done && b->reset_fault != RESET_IGNORED) {
                if (custom)
                        settings_reset_custom(b);
                else
                        settings_reset(&b->settings);
                settings_save(b);
        }
        put_u8(reply, done);
        if (done)
                reply->wish = WISH_RESET;
}

void betaflight_handle(struct betaflight *b, const struct msp_request *request,
                       struct betaflight_reply *reply) {
        switch (request->code) {
        case MSP_API_VERSION:
                put_u8(reply, 0);
                put_u8(reply, b->api_major);
                put_u8(reply, b->api_minor);
                break;
        case MSP_FC_VARIANT:
                put_text(reply, b->variant);
                break;
        case MSP_FC_VERSION:
                fc_version(b, reply);
                break;
        case MSP_BOARD_INFO:
                if (betaflight_is(b, "INAV"))
                        inav_board_info(b, reply);
                else
                        board_info(b, reply);
                break;
        case MSP_BUILD_INFO:
                build_info(b, reply);
                break;
        case MSP_NAME:
                put_text(reply, b->craft_name);
                break;
        case MSP_REBOOT:
                reply->error = b->refuse_reboot;
                if (!reply->error)
                        reboot(b, request, reply);
                break;
        case MSP_RESET_CONF:
                reset_conf(b, request, reply);
                break;
        case MSP_STATUS:
                status(b, false, reply);
                break;
        case MSP_STATUS_EX:
                status(b, true, reply);
                break;
        case MSP_BOXIDS:
                put_u8(reply, 0); /* ARM */
                put_u8(reply, 1);
                put_u8(reply, 2);
                break;
        case MSP_UID:
                for (int i = 0; i < 3; i++)
                        put_u32(reply, b->fw.uid[i]);
                break;
        case MSP2_GET_TEXT:
                get_text(b, request, reply);
                break;
        case MSP2_MCU_INFO:
                reply->error = !api_from(b, 47) || betaflight_is(b, "INAV");
                put_u8(reply, MCU_ASK);
                put_pstr(reply, b->target->target);
                break;
        case MSP_ARMING_DISABLE:
        case MSP_SET_RTC:
                break;
        default:
                reply->error = true;
        }
}
