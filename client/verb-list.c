/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl list: one call, one table. */

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/color.h"
#include "client/screen.h"
#include "client/table.h"

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

static int print_table(struct client *c, const json_t *devices) {
        static const struct table_column columns[] = {
                {"PORT", 5, NULL},     {"MODE", 4, mode_style}, {"BOARD", 6, NULL},
                {"FIRMWARE", 6, NULL}, {"MCU", 4, NULL},        {"SERIAL/ALIAS", 4, NULL},
                {"JOB", 3, NULL},
        };
        _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
        const json_t *device;
        size_t i;

        if (!table)
                return -ENOMEM;
        json_array_foreach (devices, i, device) {
                int r = add_device(table, device);

                if (r < 0)
                        return r;
        }
        if (table_rows(table) == 0) {
                if (!c->options.no_legend && !c->options.quiet)
                        fputs("No board is plugged in. If there is one, \"fwctl doctor\" tells why "
                              "it "
                              "is not seen.\n",
                              stderr);
                return 0;
        }
        return table_print(table, stdout, c->options.full ? 0 : screen_columns(STDOUT_FILENO),
                           !c->options.no_legend, c->options.color_out);
}

int verb_list(struct client *c, int argc, char **argv) {
        _cleanup_json_ json_t *devices = NULL;
        struct problem p = {};
        int r = bus_list(c, "ListDevices", &devices, &p);

        if (r != 0)
                return problem_print(c, &p);
        r = client_json(c) ? json_print(c, devices) : print_table(c, devices);
        return r < 0 ? (bus_fail(&p, r), problem_print(c, &p)) : FWD_EXIT_OK;
}
