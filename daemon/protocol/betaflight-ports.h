/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which serial port does what, in the two ways in which Betaflight is told. Until 2026.6 by port:
 * `serial UART2 64 115200 57600 0 115200`, a mask of functions and four rates. From 2026.12 (MSP
 * 1.49) on by function: `set rx_uart = UART2`, and a serial line is answered with an error. What
 * one line becomes depends on what the other settings say, so that they are kept here as they
 * change. Worker only; pure. Source: Betaflight docs Serial.md (per-feature port assignment) and
 * src/main/io/serial_feature_map.c (serialApplyFunctionMask). */

#include "protocol/betaflight-config.h"

#define FC_PORTS_COMMANDS_MAX 24U /* that one line can become */
#define FC_PORTS_COMMAND_SIZE 64U
#define FC_PORTS_WHY_SIZE     160U

struct fc_ports_commands {
        char text[FC_PORTS_COMMANDS_MAX][FC_PORTS_COMMAND_SIZE]; /* "set rx_uart = UART2" */
        size_t n;
        char why[FC_PORTS_WHY_SIZE]; /* what of the line has no counterpart; "": nothing */
};

struct fc_ports;

/* Does this firmware take its ports by function? */
bool fc_ports_are_settings(const struct fc_identity *identity);
/* Is it one of their settings: "rx_uart", "msp_baud_2", "telemetry_1_protocol"? Up to the first
 * blank or '='. */
bool fc_ports_is_setting(const char *name);

/* `here` is the firmware's own `dump all`: what it is built with, and what is where. NULL: no
 * memory. */
struct fc_ports *fc_ports_new(const struct fc_config *here);
struct fc_ports *fc_ports_free(struct fc_ports *ports);
/* As they are at the defaults: `dump` is the text of a `dump all defaults`. */
void fc_ports_reset(struct fc_ports *ports, const char *dump);
DEFINE_CLEANUP(struct fc_ports *, fc_ports_free)
#define _cleanup_fc_ports_ _cleanup_(fc_ports_free_p)

/* What `line` ("serial …") becomes, if the commands of the lines before it were given; none: it is
 * so already. */
void fc_ports_translate(struct fc_ports *ports, const char *line, struct fc_ports_commands *ret);
