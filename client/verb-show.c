/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl show: everything that is known of one board. */

#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/device-arg.h"
#include "client/screen.h"

#define KEY_WIDTH 16 /* FirmwareVersion and a colon */

/* Ids as they are written everywhere else; paths as the names that fwctl takes. */
static char *value_text(const char *key, const json_t *value) {
        _cleanup_free_ char *text = NULL;

        if ((strcmp(key, "VendorId") == 0 || strcmp(key, "ProductId") == 0) &&
            json_is_integer(value))
                return text_format("%04x", (unsigned) json_integer_value(value));
        if (strcmp(key, "Job") == 0 && json_is_string(value)) {
                char *id = bus_id_of(json_string_value(value));

                return id ? id : strdup("");
        }
        text = json_to_text(value);
        return text ? screen_clean(text) : NULL;
}

static int print_property(const struct client *c, const char *key, const json_t *value) {
        _cleanup_free_ char *text = value_text(key, value), *name = screen_clean(key);

        if (!text || !name)
                return -ENOMEM;
        if (c->options.value)
                puts(text);
        else if (c->options.n_properties > 0)
                printf("%s=%s\n", name, text);
        else
                printf("%*s: %s\n", KEY_WIDTH, name, text);
        return 0;
}

/* What -p chose, in that order; everything without -p. */
static int choose(const struct client *c, const json_t *all, json_t **ret, struct problem *p) {
        _cleanup_json_ json_t *chosen = json_object();

        if (!chosen)
                return bus_fail(p, -ENOMEM);
        if (c->options.n_properties == 0 && json_object_update(chosen, (json_t *) all) < 0)
                return bus_fail(p, -ENOMEM);
        for (size_t i = 0; i < c->options.n_properties; i++) {
                const char *key = c->options.properties[i];
                json_t *value = json_object_get(all, key);

                if (!value) {
                        (void) problem_set(p, FWD_INVALID_ARGUMENT, "A board has no property %s.",
                                           key);
                        return problem_advise(p, "fwctl show without -p lists them all.");
                }
                if (json_object_set(chosen, key, value) < 0)
                        return bus_fail(p, -ENOMEM);
        }
        *ret = TAKE_PTR(chosen);
        return 0;
}

int verb_show(struct client *c, int argc, char **argv) {
        _cleanup_device_ struct device device = {};
        _cleanup_json_ json_t *chosen = NULL;
        struct problem p = {};
        const char *key;
        json_t *value;
        int r = device_resolve(c, argc > 1 ? argv[1] : NULL, &device, &p);

        if (r == 0)
                r = choose(c, device.properties, &chosen, &p);
        if (r != 0)
                return problem_print(c, &p);
        if (client_json(c))
                return json_print(c, chosen) < 0 ? FWD_EXIT_FAILURE : FWD_EXIT_OK;
        json_object_foreach (chosen, key, value) {
                /* The object path is for programs. */
                if (strcmp(key, "Path") == 0 && c->options.n_properties == 0)
                        continue;
                r = print_property(c, key, value);
                if (r < 0)
                        return bus_fail(&p, r), problem_print(c, &p);
        }
        return FWD_EXIT_OK;
}
