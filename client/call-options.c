/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/call-options.h"

#include <stdarg.h>

int call_append_option(sd_bus_message *call, const char *key, const char *type, ...) {
        va_list ap;
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv");

        if (r >= 0)
                r = sd_bus_message_append(call, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_VARIANT, type);
        if (r >= 0) {
                va_start(ap, type);
                r = sd_bus_message_appendv(call, type, ap);
                va_end(ap);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

int call_append_common_options(sd_bus_message *call, const struct options *o) {
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");

        if (r >= 0 && o->range)
                r = call_append_option(call, "range", "s", o->range);
        if (r >= 0 && o->dry_run)
                r = call_append_option(call, "dry-run", "b", 1);
        if (r >= 0 && o->no_leave)
                r = call_append_option(call, "leave", "b", 0);
        return r < 0 ? r : sd_bus_message_close_container(call);
}
