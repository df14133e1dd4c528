/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl inspect: what is in a firmware file, as the service's worker reads it. */

#include <inttypes.h>
#include <string.h>

#include "base/range.h"
#include "base/text.h"
#include "client/bus.h"
#include "client/image-arg.h"
#include "client/screen.h"

#define KEY_WIDTH          16
#define INSPECT_TIMEOUT_US 60000000U /* 64 MiB of Intel HEX take a slow machine some seconds */

static void print_line(const char *key, const char *text) {
        _cleanup_free_ char *name = screen_clean(key), *clean = screen_clean(text);

        printf("%*s: %s\n", KEY_WIDTH, name ? name : "?", clean ? clean : "?");
}

/* "0x08000000+481280,…": one line each, with the end and the size in words. */
static void print_segments(const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *item;
        const char *key = "Segments";

        while (rest && (item = strsep(&rest, ","))) {
                struct range range;
                char line[96];

                if (range_parse(item, &range) < 0) {
                        print_line(key, item);
                } else {
                        (void) snprintf(line, sizeof(line),
                                        "0x%08" PRIx64 "-0x%08" PRIx64 ", %" PRIu64 " bytes",
                                        range.start, range.end, range_size(range));
                        print_line(key, line);
                }
                key = "";
        }
}

static void print_details(const char *file, const json_t *details) {
        const char *key;
        json_t *value;

        print_line("File", file);
        json_object_foreach ((json_t *) details, key, value) {
                _cleanup_free_ char *text = json_to_text(value);

                if (!text)
                        continue;
                if (strcmp(key, "Segments") == 0)
                        print_segments(text);
                else
                        print_line(key, text);
        }
}

static int append_options(const struct client *c, sd_bus_message *call) {
        return c->options.has_address
                       ? sd_bus_message_append(call, "a{sv}", 1, "address", "t", c->options.address)
                       : sd_bus_message_append(call, "a{sv}", 0);
}

static int inspect(struct client *c, const char *file, json_t **ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = image_open(file, &fd, p);

        if (r == 0)
                r = bus_new_call(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, "Inspect", &call, p);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "h", fd);
        if (r >= 0)
                r = append_options(c, call);
        if (r < 0)
                return bus_fail(p, r);
        return bus_call_json(c, call, INSPECT_TIMEOUT_US, ret, p);
}

int verb_inspect(struct client *c, int argc, char **argv) {
        _cleanup_json_ json_t *details = NULL;
        struct problem p = {};
        int r = inspect(c, argv[1], &details, &p);

        if (r != 0)
                return problem_print(c, &p);
        if (client_json(c))
                return json_print(c, details) < 0 ? FWD_EXIT_FAILURE : FWD_EXIT_OK;
        print_details(argv[1], details);
        return FWD_EXIT_OK;
}
