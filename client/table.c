/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/table.h"

#include <stdint.h>
#include <string.h>

#include "client/color.h"
#include "client/screen.h"

#define GAP 2U /* blanks between two columns */

struct table {
        const struct table_column *columns;
        size_t n_columns, n_rows;
        char **cells; /* n_rows * n_columns */
};

struct table *table_new(const struct table_column *columns, size_t n_columns) {
        struct table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->columns = columns;
        table->n_columns = n_columns < TABLE_COLUMNS_MAX ? n_columns : TABLE_COLUMNS_MAX;
        return table;
}

struct table *table_free(struct table *table) {
        if (!table)
                return NULL;
        for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
                free(table->cells[i]);
        free(table->cells);
        free(table);
        return NULL;
}

int table_add(struct table *table, const char *const *cells) {
        size_t first = table->n_rows * table->n_columns;
        char **grown = reallocarray(table->cells, first + table->n_columns, sizeof(char *));

        if (!grown)
                return -ENOMEM;
        table->cells = grown;
        for (size_t i = 0; i < table->n_columns; i++) {
                grown[first + i] = screen_clean(cells[i] && *cells[i] ? cells[i] : "-");
                if (!grown[first + i]) {
                        while (i-- > 0)
                                free(grown[first + i]);
                        return -ENOMEM;
                }
        }
        table->n_rows++;
        return 0;
}

size_t table_rows(const struct table *table) {
        return table->n_rows;
}

static void natural_widths(const struct table *table, bool header, size_t *widths) {
        for (size_t c = 0; c < table->n_columns; c++) {
                widths[c] = header ? screen_width(table->columns[c].header) : 0;
                for (size_t r = 0; r < table->n_rows; r++) {
                        size_t w = screen_width(table->cells[r * table->n_columns + c]);

                        if (w > widths[c])
                                widths[c] = w;
                }
        }
}

/* Takes from the widest column that has something to give, one by one, until the row fits. */
static void shrink(const struct table *table, size_t width, size_t *widths) {
        size_t total = GAP * (table->n_columns - 1);

        for (size_t c = 0; c < table->n_columns; c++)
                total += widths[c];
        while (total > width) {
                size_t widest = SIZE_MAX;

                for (size_t c = 0; c < table->n_columns; c++)
                        if (widths[c] > table->columns[c].width_min && widths[c] > 1 &&
                            (widest == SIZE_MAX || widths[c] > widths[widest]))
                                widest = c;
                if (widest == SIZE_MAX)
                        return;
                widths[widest]--;
                total--;
        }
}

static int print_cell(FILE *to, const char *text, size_t width, bool last, const char *style) {
        _cleanup_free_ char *cut = screen_cut(text, width);
        size_t shown;

        if (!cut)
                return -ENOMEM;
        fprintf(to, "%s%s%s", style ? style : "", cut, style ? color(true, COLOR_RESET) : "");
        shown = screen_width(cut);
        if (!last)
                fprintf(to, "%*s", (int) (width + GAP - shown), "");
        return 0;
}

static int print_row(const struct table *table, FILE *to, const size_t *widths, size_t row,
                     bool colored) {
        for (size_t c = 0; c < table->n_columns; c++) {
                const struct table_column *column = &table->columns[c];
                const char *cell = table->cells[row * table->n_columns + c];
                int r = print_cell(to, cell, widths[c], c + 1 == table->n_columns,
                                   colored && column->style ? column->style(cell) : NULL);

                if (r < 0)
                        return r;
        }
        fputc('\n', to);
        return 0;
}

int table_print(const struct table *table, FILE *to, size_t width, bool header, bool colored) {
        size_t widths[TABLE_COLUMNS_MAX] = {};

        natural_widths(table, header, widths);
        if (width > 0)
                shrink(table, width, widths);
        if (header) {
                for (size_t c = 0; c < table->n_columns; c++) {
                        int r = print_cell(to, table->columns[c].header, widths[c],
                                           c + 1 == table->n_columns,
                                           colored ? color(true, COLOR_HEADER) : NULL);

                        if (r < 0)
                                return r;
                }
                fputc('\n', to);
        }
        for (size_t r = 0; r < table->n_rows; r++) {
                int k = print_row(table, to, widths, r, colored);

                if (k < 0)
                        return k;
        }
        return 0;
}
