/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between betaflight-config.c, which reads configurations, and betaflight-lines.c, which knows
 * single lines. Worker only; pure. */

#include "protocol/betaflight-config.h"

/* Of a line whose kind and profile are known. */
enum fc_section fc_section_of_line(const struct fc_config_line *line);
