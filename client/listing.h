/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs print that list something: an array of objects, as JSON or as one table. A verb
 * says which columns there are, how an object becomes a row, and what is said if there is none. */

#include "client/json.h"
#include "client/problem.h"
#include "client/table.h"

struct listing {
        const struct table_column *columns;
        size_t n_columns;
        int (*add)(struct table *table, const json_t *object); /* negative errno */
        const char *none; /* a sentence for standard error, in place of an empty table */
};

int listing_print(const struct client *c, const struct listing *listing, const json_t *objects,
                  struct problem *p);
