/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A table for people: columns as wide as their text, cut with an ellipsis where a terminal is
 * narrower. The table owns copies of its cells, cleaned for a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

#define TABLE_COLUMNS_MAX 12U

struct table_column {
        const char *header;
        size_t width_min; /* not cut below this many columns of the screen */
        /* The colour's escape sequence for a cell, or NULL for none; may be NULL. */
        const char *(*style)(const char *cell);
};

struct table;

/* `columns` must outlive the table. NULL when memory is out. */
struct table *table_new(const struct table_column *columns, size_t n_columns);
struct table *table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free)
#define _cleanup_table_ _cleanup_(table_free_p)

/* One row of n_columns texts; "" and NULL are shown as "-". -ENOMEM. */
int table_add(struct table *table, const char *const *cells);
size_t table_rows(const struct table *table);
/* `width` 0: not cut. Colour as `colored` says. */
int table_print(const struct table *table, FILE *to, size_t width, bool header, bool colored);
