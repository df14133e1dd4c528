/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names that the administrator gave to ports: /etc/fwd/aliases, INI, `[Aliases]`, `bay1 = 1-2.3`.
 * Read once at the start; FWD_ALIASES in the environment names another file. */

#include "service/service.h"

/* What cannot be read is told and left out. */
void aliases_load(struct service *service);
void aliases_clear(struct service *service);
/* "" if the port has none. */
const char *alias_of_port(const struct service *service, const char *port);
