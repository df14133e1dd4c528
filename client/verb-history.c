/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl history: every job that there was. */

#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/cells.h"
#include "client/device-arg.h"
#include "client/listing.h"

/* What is asked for of one board: by its chip, if that is known; a board that is not there is named
 * by its port or by the unique id of its chip. */
struct filter {
        const char *key; /* NULL: all boards */
        char *value;
};

static void filter_clear(struct filter *filter) {
        free(filter->value);
}

static bool is_port(const char *text) {
        return strchr(text, '-') && text[strspn(text, "0123456789-.")] == '\0';
}

static int filter_make(struct client *c, const char *what, struct filter *ret, struct problem *p) {
        _cleanup_device_ struct device device = {};
        int r = device_resolve(c, what, &device, p);
        const char *unique_id;

        if (r == 0) {
                unique_id = json_text(device.properties, "UniqueId");
                ret->key = *unique_id ? "unique-id" : "port";
                ret->value = strdup(*unique_id ? unique_id : device.port);
        } else if (p->exit_code == FWD_EXIT_NOT_FOUND) {
                *p = (struct problem){};
                ret->key = is_port(what) ? "port" : "unique-id";
                ret->value = strdup(what);
        } else {
                return r;
        }
        return ret->value ? 0 : bus_fail(p, -ENOMEM);
}

static int append_options(struct client *c, sd_bus_message *call, const struct filter *filter) {
        int r = sd_bus_message_open_container(call, 'a', "{sv}");

        if (r >= 0 && c->options.lines)
                r = sd_bus_message_append(call, "{sv}", "limit", "t", c->options.lines);
        if (r >= 0 && filter->key)
                r = sd_bus_message_append(call, "{sv}", filter->key, "s", filter->value);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int list(struct client *c, const struct filter *filter, json_t **ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_new_call(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, "ListHistory", &call, p);

        if (r != 0)
                return r;
        r = append_options(c, call, filter);
        if (r < 0)
                return bus_fail(p, r);
        return bus_call_json(c, call, BUS_DEFAULT_TIMEOUT, ret, p);
}

static int add(struct table *table, const json_t *job) {
        const char *error = json_text(job, "ErrorName"), *dot = strrchr(error, '.');
        _cleanup_free_ char *user = cell_user(job);
        const char *result = json_text(job, "Result");
        char when[CELL_TIME_SIZE];

        cell_time(job, "StartTime", true, when);
        return table_add(table, (const char *const[]){
                                        when,
                                        json_text(job, "Port"),
                                        json_text(job, "BoardName"),
                                        json_text(job, "Kind"),
                                        json_text(job, "ImageName"),
                                        user,
                                        *result ? result : "running",
                                        json_text(job, "State"),
                                        dot ? dot + 1 : error,
                                });
}

static const struct table_column columns[] = {
        {"TIME", 19, NULL},
        {"PORT", 6, NULL},
        {"BOARD", 6, NULL},
        {"KIND", 6, NULL},
        {"FILE", 6, NULL},
        {"USER", 4, NULL},
        {"RESULT", 7, cell_result_style},
        {"STATE", 8, NULL},
        {"ERROR", 6, NULL},
};

static const struct listing listing = {
        .columns = columns,
        .n_columns = ARRAY_SIZE(columns),
        .add = add,
        .none = "There was no job.",
};

int verb_history(struct client *c, int argc, char **argv) {
        _cleanup_(filter_clear) struct filter filter = {};
        _cleanup_json_ json_t *jobs = NULL;
        struct problem p = {};
        int r = argc > 1 ? filter_make(c, argv[1], &filter, &p) : 0;

        if (r == 0)
                r = list(c, &filter, &jobs, &p);
        if (r == 0)
                r = listing_print(c, &listing, jobs, &p);
        return r == 0 ? FWD_EXIT_OK : problem_print(c, &p);
}
