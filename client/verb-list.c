/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl list: one call, one table. */

#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/color.h"
#include "client/listing.h"

static const char *mode_style(const char *mode) {
        if (strcmp(mode, "firmware") == 0)
                return color(true, COLOR_GOOD);
        return strcmp(mode, "bootloader") == 0 ? color(true, COLOR_WARN) : NULL;
}

/* What a board is called: its profile's or its own name, else what the USB strings say. */
static const char *board_name(const json_t *device) {
        static const char *const keys[] = {"BoardName", "Product", "Board"};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (*json_text(device, keys[i]))
                        return json_text(device, keys[i]);
        return "";
}

static int add_device(struct table *table, const json_t *device) {
        const char *alias = json_text(device, "Alias");
        _cleanup_free_ char *job = bus_id_of(json_text(device, "Job"));
        /* Not told by the board just now, but known by its serial number. */
        _cleanup_free_ char *board = text_format(
                "%s%s", board_name(device),
                json_is_true(json_object_get(device, "Remembered")) ? " (remembered)" : "");
        _cleanup_free_ char *firmware = text_format("%s%s%s", json_text(device, "Variant"),
                                                    *json_text(device, "Variant") ? " " : "",
                                                    json_text(device, "FirmwareVersion"));

        if (!firmware || !board)
                return -ENOMEM;
        return table_add(table, (const char *const[]){
                                        json_text(device, "Port"),
                                        json_text(device, "Mode"),
                                        board,
                                        firmware,
                                        json_text(device, "Mcu"),
                                        *alias ? alias : json_text(device, "Serial"),
                                        job,
                                });
}

static const struct table_column columns[] = {
        {"PORT", 5, NULL}, {"MODE", 4, mode_style},   {"BOARD", 6, NULL}, {"FIRMWARE", 6, NULL},
        {"MCU", 4, NULL},  {"SERIAL/ALIAS", 4, NULL}, {"JOB", 3, NULL},
};

static const struct listing listing = {
        .columns = columns,
        .n_columns = ARRAY_SIZE(columns),
        .add = add_device,
        .none = "No board is plugged in. If there is one, \"fwctl doctor\" tells why it is not "
                "seen.",
};

int verb_list(struct client *c, int argc, char **argv) {
        _cleanup_json_ json_t *devices = NULL;
        struct problem p = {};
        int r = bus_list(c, "ListDevices", &devices, &p);

        if (r == 0)
                r = listing_print(c, &listing, devices, &p);
        return r == 0 ? FWD_EXIT_OK : problem_print(c, &p);
}
