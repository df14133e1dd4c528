/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/listing.h"

#include <unistd.h>

#include "client/bus.h"
#include "client/screen.h"

static int print_table(const struct client *c, const struct listing *listing,
                       const json_t *objects) {
        _cleanup_table_ struct table *table = table_new(listing->columns, listing->n_columns);
        const json_t *object;
        size_t i;

        if (!table)
                return -ENOMEM;
        json_array_foreach (objects, i, object) {
                int r = listing->add(table, object);

                if (r < 0)
                        return r;
        }
        if (table_rows(table) == 0) {
                if (!c->options.no_legend && !c->options.quiet)
                        fprintf(stderr, "%s\n", listing->none);
                return 0;
        }
        return table_print(table, stdout, c->options.full ? 0 : screen_columns(STDOUT_FILENO),
                           !c->options.no_legend, c->options.color_out);
}

int listing_print(const struct client *c, const struct listing *listing, const json_t *objects,
                  struct problem *p) {
        int r = client_json(c) ? json_print(c, objects) : print_table(c, listing, objects);

        return r < 0 ? bus_fail(p, r) : 0;
}
