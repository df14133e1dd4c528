/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Flight controllers that speak MSP: Betaflight, INAV, EmuFlight, Cleanflight. Who they are,
 * whether they are armed, and how each is asked for its bootloader. Worker only. The parsers are
 * pure and take any bytes: they stop at the payload's end. Source: Betaflight src/main/msp/msp.c of
 * each release line, INAV src/main/fc/fc_msp.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "protocol/msp.h"
#include "protocol/serial.h"

/* Bits of the target capabilities in BOARD_INFO. */
enum {
        FC_CAPABILITY_FLASH_BOOTLOADER = 1 << 3,         /* since Betaflight 4.1 */
        FC_CAPABILITY_CUSTOM_DEFAULTS = 1 << 4,          /* 4.1 to 4.4: it can have some */
        FC_CAPABILITY_CUSTOM_DEFAULTS_INCLUDED = 1 << 5, /* and it has */
};

/* Firmware for any board of a chip has the board's own defaults as a text beside it: which pin is
 * what, which sensor lies how. From 4.5 on they are built in. */
enum fc_custom_defaults {
        FC_CUSTOM_DEFAULTS_UNKNOWN, /* such firmware, or an answer that does not say */
        FC_CUSTOM_DEFAULTS_NONE,
        FC_CUSTOM_DEFAULTS_AVAILABLE,
};

enum fc_config_state { /* of 4.1 to 4.4 (configurationState_e of config/config.h) */
                       FC_CONFIG_STATE_UNKNOWN,
                       FC_CONFIG_BARE,            /* at the defaults of the chip's firmware */
                       FC_CONFIG_CUSTOM_DEFAULTS, /* at those of the board */
                       FC_CONFIG_CONFIGURED,
};

struct fc_identity {
        unsigned api_major, api_minor;
        char variant[5]; /* "BTFL", "INAV", "EMUF", "CLFL" */
        bool has_version;
        unsigned version[3]; /* 4.5.1, or 2025.12.1 */
        char version_text[48];
        char board_id[5]; /* short id of the MCU target: "F405" */
        uint8_t capabilities;
        enum fc_custom_defaults custom_defaults;
        enum fc_config_state config_state;
        char target[64], board[64]; /* build target and board; "" if not said */
        char manufacturer[32];
        char mcu[32]; /* "STM32F405"; "" if not known */
        bool has_uid;
        uint32_t uid[3];
        bool cli_was_open; /* its command line; closed now, and the board not to be armed before it
                              starts again */
};

/* "BTFL" and friends in words: "Betaflight"; the variant itself if it is not known. */
const char *fc_variant_name(const struct fc_identity *identity);

/* What the board is called: a name of its own, or (INAV) the build's; "" if it was never given one.
 */
const char *fc_board_name(const struct fc_identity *identity);

/* Asks for all of it. A command line that somebody left open is closed first, or
 * FWD_NEEDS_USER_ACTION where the firmware can not without a restart. A board that answers
 * MSP_API_VERSION and nothing else is still identified, as far as it goes. FWD_TIMEOUT,
 * FWD_NOT_SUPPORTED (an answer that is none of MSP), FWD_DEVICE_LOST, FWD_CANCELLED. */
int fc_identify(struct serial_port *port, struct fc_identity *ret, struct fault *fault);

/* 1 armed, 0 not; negative with fault if it does not say. */
int fc_is_armed(struct serial_port *port, struct fault *fault);

enum fc_reboot {
        FC_REBOOT_FIRMWARE,
        FC_REBOOT_BOOTLOADER,
};

/* Asks the firmware to leave for its bootloader, by the way that this variant and version knows.
 * Refused while armed. Whether the bootloader came is seen on the bus, not here: firmware may go
 * without an answer. A way that the board refuses, or stays after, is followed by the next: MSP,
 * the command line, the character. `*ret_method` is a static word: "msp-reboot",
 * "msp-reboot-flash-bootloader", "cli", "reboot-character". FWD_ARMED, FWD_NOT_SUPPORTED,
 * FWD_TIMEOUT, FWD_DEVICE_LOST (before it was asked), FWD_CANCELLED. */
int fc_reboot(struct serial_port *port, const struct fc_identity *identity, enum fc_reboot to,
              const char **ret_method, struct fault *fault);

/* The same, of a board that `after` (a method; NULL: none was tried) has started again with its
 * firmware: by the ways that come after that one. FWD_NOT_SUPPORTED if there is none. */
int fc_reboot_after(struct serial_port *port, const struct fc_identity *identity, const char *after,
                    const char **ret_method, struct fault *fault);
bool fc_reboot_has_more(const struct fc_identity *identity, const char *method);
bool fc_reboot_is_method(const char *name);

/* "none", "available"; "bare", "custom-defaults", "configured"; "" if not known. */
const char *fc_custom_defaults_name(enum fc_custom_defaults custom_defaults);
const char *fc_config_state_name(enum fc_config_state state);

/* Has it any? FWD_NOT_SUPPORTED, which tells why not. */
int fc_check_custom_defaults(const struct serial_port *port, const struct fc_identity *identity,
                             struct fault *fault);

/* Resets the board to its custom defaults, which it stores at once: it restarts then. Whether they
 * are what it has now is told by another fc_identify(). FWD_NOT_SUPPORTED (it has none),
 * FWD_CONFIG_REJECTED (it refuses), FWD_TIMEOUT (no answer, and it stays), FWD_DEVICE_LOST,
 * FWD_CANCELLED. */
int fc_apply_custom_defaults(struct serial_port *port, const struct fc_identity *identity,
                             struct fault *fault);

/* Pure parts. */
int fc_parse_version(struct fc_identity *identity, const uint8_t *payload, size_t size);
int fc_parse_board_info(struct fc_identity *identity, const uint8_t *payload, size_t size);
int fc_parse_mcu_info(struct fc_identity *identity, const uint8_t *payload, size_t size);
/* Is the ARM box set? `status` is MSP_STATUS, `boxes` MSP_BOXIDS (may be empty: ARM is the first
 * box then). -EBADMSG. */
int fc_parse_armed(const uint8_t *status, size_t status_size, const uint8_t *boxes,
                   size_t boxes_size);
