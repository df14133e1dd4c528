/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl backups: the configurations that the service keeps. */

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/cells.h"
#include "client/device-arg.h"
#include "client/listing.h"

static int list(struct client *c, json_t **ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_new_call(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, "ListBackups", &call, p);

        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return bus_fail(p, r);
        return bus_call_json(c, call, BUS_DEFAULT_TIMEOUT, ret, p);
}

/* Only those of one chip. */
static void filter(json_t *backups, const char *unique_id) {
        for (size_t i = json_array_size(backups); i-- > 0;)
                if (strcmp(json_text(json_array_get(backups, i), "UniqueId"), unique_id) != 0)
                        (void) json_array_remove(backups, i);
}

static int add(struct table *table, const json_t *backup) {
        _cleanup_free_ char *firmware = text_format("%s %s", json_text(backup, "Variant"),
                                                    json_text(backup, "FirmwareVersion"));
        double size = 0;
        char when[CELL_TIME_SIZE], bytes[24];

        cell_time(backup, "Time", true, when);
        (void) json_number(backup, "Size", &size);
        (void) snprintf(bytes, sizeof(bytes), "%.0f", size);
        return table_add(table, (const char *const[]){
                                        json_text(backup, "Id"),
                                        when,
                                        json_text(backup, "BoardName"),
                                        firmware,
                                        bytes,
                                        json_text(backup, "UniqueId"),
                                });
}

static const struct table_column columns[] = {
        {"BACKUP", 25, NULL},  {"TIME", 10, NULL}, {"BOARD", 6, NULL},
        {"FIRMWARE", 8, NULL}, {"BYTES", 5, NULL}, {"CHIP", 6, NULL},
};

static const struct listing listing = {
        .columns = columns,
        .n_columns = ARRAY_SIZE(columns),
        .add = add,
        .none = "There is no backup.",
};

int verb_backups(struct client *c, int argc, char **argv) {
        _cleanup_device_ struct device device = {};
        _cleanup_json_ json_t *backups = NULL;
        struct problem p = {};
        int r = 0;

        if (argc > 1)
                r = device_resolve(c, argv[1], &device, &p);
        if (r == 0)
                r = list(c, &backups, &p);
        if (r == 0 && argc > 1)
                filter(backups, json_text(device.properties, "UniqueId"));
        if (r == 0)
                r = listing_print(c, &listing, backups, &p);
        return r == 0 ? FWD_EXIT_OK : problem_print(c, &p);
}
