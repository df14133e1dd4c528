/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What more than one table shows, made from the service's properties. */

#include <jansson.h>
#include <stdbool.h>

#define CELL_TIME_SIZE 32U

/* A time in microseconds since 1970 as local time, "2025-11-21 11:59:00" or "11:59:00"; "" if there
 * is none. */
void cell_time(const json_t *object, const char *key, bool with_date, char ret[CELL_TIME_SIZE]);
/* The name of StartedByUid, or its number. Free with free(); NULL without memory. */
char *cell_user(const json_t *job);
/* How a Result is coloured, for a table's column. */
const char *cell_result_style(const char *result);
