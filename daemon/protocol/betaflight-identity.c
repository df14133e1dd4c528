/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "protocol/betaflight-cli.h"
#include "protocol/betaflight.h"

/* First byte of FC_VERSION: releases before 2025.12 are 0 to 4, later ones count years since 2000.
 */
#define VERSION_YEAR_MIN 10U
#define VERSION_YEAR_0   2000U

#define SIGNATURE_SIZE   32U

/* MSP versions that have custom defaults: Betaflight 4.1 to 4.4. */
#define DEFAULTS_API_MIN 42U
#define DEFAULTS_API_MAX 45U

#define MCU_TYPE_ASK     254U /* "ask MSP2_MCU_INFO" */

struct reader { /* over a payload; past its end there are zeros and `short_by` is set */
        const uint8_t *data;
        size_t left;
        bool over;
};

static void read_bytes(struct reader *r, void *to, size_t size) {
        if (size > r->left) {
                r->over = true;
                r->left = 0;
                memset(to, 0, size);
                return;
        }
        memcpy(to, r->data, size);
        r->data += size;
        r->left -= size;
}

static uint8_t read_u8(struct reader *r) {
        uint8_t value;

        read_bytes(r, &value, sizeof(value));
        return value;
}

static uint32_t read_u32(struct reader *r) {
        uint8_t b[4];

        read_bytes(r, b, sizeof(b));
        return (uint32_t) b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 |
               (uint32_t) b[3] << 24;
}

/* Text of a given length; a NUL ends it. */
static void read_text(struct reader *r, size_t length, char *to, size_t to_size) {
        char raw[UINT8_MAX + 1] = "";

        read_bytes(r, raw, length);
        text_sanitize(to, to_size, raw);
}

static void read_pstring(struct reader *r, char *to, size_t to_size) {
        size_t length = read_u8(r);

        /* A length that reaches over the end: what is there is taken. */
        if (length > r->left)
                length = r->left;
        read_text(r, length, to, to_size);
}

static const char *mcu_name(uint8_t type) {
        /* McuTypeId of Betaflight 4.5's build_config.h */
        static const char *const names[] = {
                "Simulator", "STM32F40x", "STM32F411", "STM32F446", "STM32F722", "STM32F745",
                "STM32F746", "STM32F765", "STM32H750", "STM32H743", "STM32H743", "STM32H743",
                "STM32H743", "STM32H7A3", "STM32H723", "STM32G474", "STM32H730", "AT32F435",
        };

        return type < ARRAY_SIZE(names) ? names[type] : "";
}

const char *fc_variant_name(const struct fc_identity *identity) {
        static const struct {
                const char *variant, *name;
        } table[] = {
                {"BTFL", "Betaflight"},
                {"INAV", "INAV"},
                {"EMUF", "EmuFlight"},
                {"CLFL", "Cleanflight"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (strcmp(identity->variant, table[i].variant) == 0)
                        return table[i].name;
        return identity->variant;
}

const char *fc_board_name(const struct fc_identity *identity) {
        return strcmp(identity->variant, "INAV") == 0 ? identity->target : identity->board;
}

int fc_parse_version(struct fc_identity *identity, const uint8_t *payload, size_t size) {
        struct reader r = {payload, size};
        unsigned major = read_u8(&r), minor = read_u8(&r), patch = read_u8(&r);

        if (r.over)
                return -EBADMSG;
        identity->has_version = true;
        identity->version[0] = major;
        identity->version[1] = minor;
        identity->version[2] = patch;
        if (major >= VERSION_YEAR_MIN && strcmp(identity->variant, "BTFL") == 0) {
                identity->version[0] += VERSION_YEAR_0;
                read_pstring(&r, identity->version_text, sizeof(identity->version_text));
                if (identity->version_text[0])
                        return 0;
        }
        (void) snprintf(identity->version_text, sizeof(identity->version_text), "%u.%u.%u",
                        identity->version[0], identity->version[1], identity->version[2]);
        return 0;
}

const char *fc_custom_defaults_name(enum fc_custom_defaults custom_defaults) {
        static const char *const names[] = {"", "none", "available"};

        return names[custom_defaults];
}

const char *fc_config_state_name(enum fc_config_state state) {
        static const char *const names[] = {"", "bare", "custom-defaults", "configured"};

        return names[state];
}

static void take_defaults(struct fc_identity *identity, uint8_t capabilities, uint8_t state) {
        static const enum fc_config_state states[] = {FC_CONFIG_BARE, FC_CONFIG_CUSTOM_DEFAULTS,
                                                      FC_CONFIG_CONFIGURED};

        if (strcmp(identity->variant, "BTFL") != 0 || identity->api_major != 1 ||
            identity->api_minor < DEFAULTS_API_MIN || identity->api_minor > DEFAULTS_API_MAX)
                return;
        if (capabilities & FC_CAPABILITY_CUSTOM_DEFAULTS)
                identity->custom_defaults = capabilities & FC_CAPABILITY_CUSTOM_DEFAULTS_INCLUDED
                                                    ? FC_CUSTOM_DEFAULTS_AVAILABLE
                                                    : FC_CUSTOM_DEFAULTS_NONE;
        if (state < ARRAY_SIZE(states))
                identity->config_state = states[state];
}

int fc_parse_board_info(struct fc_identity *identity, const uint8_t *payload, size_t size) {
        struct reader r = {payload, size};
        char signature[SIGNATURE_SIZE];
        uint8_t type;

        if (size < 4)
                return -EBADMSG;
        read_text(&r, 4, identity->board_id, sizeof(identity->board_id));
        (void) read_u8(&r); /* hardware revision, two bytes */
        (void) read_u8(&r);
        (void) read_u8(&r); /* board type; INAV: on-screen display */
        type = read_u8(&r);
        if (!r.over && strcmp(identity->variant, "INAV") != 0)
                identity->capabilities = type;
        read_pstring(&r, identity->target, sizeof(identity->target));
        if (strcmp(identity->variant, "INAV") == 0)
                return 0;
        read_pstring(&r, identity->board, sizeof(identity->board));
        read_pstring(&r, identity->manufacturer, sizeof(identity->manufacturer));
        read_bytes(&r, signature, sizeof(signature));
        type = read_u8(&r);
        if (!r.over && type != 0)
                (void) snprintf(identity->mcu, sizeof(identity->mcu), "%s", mcu_name(type));
        type = read_u8(&r); /* the configuration's state */
        if (!r.over)
                take_defaults(identity, identity->capabilities, type);
        return 0;
}

int fc_parse_mcu_info(struct fc_identity *identity, const uint8_t *payload, size_t size) {
        struct reader r = {payload, size};
        char name[sizeof(identity->mcu)];

        (void) read_u8(&r); /* the type id again: always "ask" */
        read_pstring(&r, name, sizeof(name));
        if (r.over || !name[0])
                return -EBADMSG;
        memcpy(identity->mcu, name, sizeof(name));
        return 0;
}

/* Asks for something that a board may not know: only a lost board or a cancel ends the job. */
static int ask(struct serial_port *port, uint16_t code, struct msp_frame *reply,
               struct fault *fault) {
        struct fault f = FAULT_INIT;
        int r = msp_request(port, code, NULL, 0, reply, &f);

        if (r >= 0)
                return 1;
        if (f.error != FWD_NOT_SUPPORTED && f.error != FWD_TIMEOUT) {
                *fault = f;
                return r;
        }
        return 0;
}

static int identify_api(struct serial_port *port, struct fc_identity *identity,
                        struct msp_frame *reply, struct fault *fault) {
        struct reader r;
        int e;

        e = msp_request(port, MSP_API_VERSION, NULL, 0, reply, fault);
        if (e < 0)
                return e;
        r = (struct reader){reply->payload, reply->size};
        (void) read_u8(&r);
        identity->api_major = read_u8(&r);
        identity->api_minor = read_u8(&r);
        if (r.over || (identity->api_major == 0 && identity->api_minor == 0))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The board on %s answers MSP without an API version", port->name);
        return 0;
}

/* "# Betaflight / STM32F405 (S405) 4.5.4 Jan 12 2026 / …": whose command line it is. */
static void parse_cli_version(const char *text, struct fc_identity *identity) {
        const char *close = strstr(text, "# Betaflight /") ? strchr(text, ')') : NULL;
        unsigned *v = identity->version;

        if (!close || sscanf(close + 1, " %4u.%3u.%3u", &v[0], &v[1], &v[2]) != 3)
                return;
        memcpy(identity->variant, "BTFL", 5);
        identity->has_version = true;
}

/* A board whose command line was left open answers no MSP. It is closed where that is possible
 * without a restart. 1: closed. 0: it was not open. */
static int close_cli(struct serial_port *port, struct fault *fault) {
        _cleanup_fc_cli_ struct fc_cli cli = {};
        struct fc_identity identity = {};
        int r;

        r = fc_cli_resume(&cli, port, fault);
        if (r <= 0)
                return r;
        r = fc_cli_run(&cli, "version", fault);
        if (r < 0)
                return r;
        parse_cli_version(cli.reply, &identity);
        cli.knows_noreboot = fc_cli_has_frames(&identity);
        if (!cli.knows_noreboot)
                return fault_set(fault, FWD_NEEDS_USER_ACTION,
                                 "The command line of the board on %s is open, another program "
                                 "left it so, and this firmware leaves it by a restart alone: "
                                 "plug the board in again",
                                 port->name);
        (void) fc_cli_leave(&cli, false);
        log_notice("The command line of the board on %s was open and is closed now; the board "
                   "cannot be armed until it starts again",
                   port->name);
        return 1;
}

int fc_identify(struct serial_port *port, struct fc_identity *ret, struct fault *fault) {
        struct fault local = FAULT_INIT, deaf = FAULT_INIT;
        struct fc_identity identity = {};
        struct msp_frame reply;
        int r;

        if (!fault)
                fault = &local;
        port->ops->discard_input(port);
        r = identify_api(port, &identity, &reply, &deaf);
        if (deaf.error == FWD_TIMEOUT) {
                int closed = close_cli(port, fault);

                if (closed < 0)
                        return closed;
                identity.cli_was_open = closed > 0;
                if (closed > 0) {
                        deaf = (struct fault) FAULT_INIT;
                        r = identify_api(port, &identity, &reply, &deaf);
                }
        }
        if (r < 0)
                return fault_set(fault, deaf.error, "%s", deaf.message);
        r = msp_request(port, MSP_FC_VARIANT, NULL, 0, &reply, fault);
        if (r < 0)
                return r;
        if (reply.size < 4)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The board on %s does not say what firmware it runs", port->name);
        read_text(&(struct reader){reply.payload, reply.size}, 4, identity.variant,
                  sizeof(identity.variant));

        r = ask(port, MSP_FC_VERSION, &reply, fault);
        if (r > 0)
                (void) fc_parse_version(&identity, reply.payload, reply.size);
        if (r >= 0)
                r = ask(port, MSP_BOARD_INFO, &reply, fault);
        if (r > 0)
                (void) fc_parse_board_info(&identity, reply.payload, reply.size);
        if (r >= 0 && !identity.mcu[0] && strcmp(identity.variant, "BTFL") == 0) {
                r = ask(port, MSP2_MCU_INFO, &reply, fault);
                if (r > 0)
                        (void) fc_parse_mcu_info(&identity, reply.payload, reply.size);
        }
        if (r >= 0)
                r = ask(port, MSP_UID, &reply, fault);
        if (r > 0 && reply.size >= sizeof(identity.uid)) {
                struct reader words = {reply.payload, reply.size};

                for (size_t i = 0; i < ARRAY_SIZE(identity.uid); i++)
                        identity.uid[i] = read_u32(&words);
                identity.has_uid = true;
        }
        if (r < 0)
                return r;
        *ret = identity;
        return 0;
}

int fc_parse_armed(const uint8_t *status, size_t status_size, const uint8_t *boxes,
                   size_t boxes_size) {
        /* cycle time, I2C errors, sensors: two bytes each, then the flight mode flags */
        enum { FLAGS_OFFSET = 6, BOX_ARM = 0 };
        struct reader r = {status, status_size};
        uint8_t skipped[FLAGS_OFFSET];
        uint32_t flags;

        read_bytes(&r, skipped, sizeof(skipped));
        flags = read_u32(&r);
        if (r.over)
                return -EBADMSG;
        if (boxes_size == 0)
                return flags & 1;
        for (size_t i = 0; i < boxes_size && i < 32; i++)
                if (boxes[i] == BOX_ARM)
                        return flags >> i & 1;
        return -EBADMSG;
}
