/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The a{sv} options at the end of a method call, from those of the command line: only what was
 * asked for, for the defaults are the service's. */

#include "client/bus.h"

/* One entry, into the open dictionary. Negative errno. */
int call_append_option(sd_bus_message *call, const char *key, const char *type, ...);
/* The dictionary for a verb that takes these options and no more: range, dry-run, leave. */
int call_append_common_options(sd_bus_message *call, const struct options *o);
