/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The second serial port of a composite board (cdc_show_two()): one that says nothing, as a console
 * or a telemetry port does, or one behind which a GSM modem answers AT commands, far enough that
 * ModemManager makes a modem object of the board. Pure, as the models are; part of a firmware. */

#include "models/cdc.h"

enum second_port_kind { SECOND_PORT_NONE, SECOND_PORT_SILENT, SECOND_PORT_MODEM };

struct second_port {
        enum second_port_kind kind;
        struct cdc_port cdc;
        bool echo; /* of the modem: until ATE0 */
        char line[128];
        size_t line_size;
        uint8_t out[1024];
        size_t out_size;
};

/* The board starts; `kind` stays. */
void second_port_start(struct second_port *port);
/* As model_ops has them. */
int second_port_out(struct second_port *port, uint8_t endpoint, const uint8_t *data, size_t size);
int second_port_in(struct second_port *port, uint8_t endpoint, uint8_t *to, size_t size);
/* "none", "silent", "modem". -EINVAL. Counts from the next start on. */
int second_port_set(struct second_port *port, const char *value);
