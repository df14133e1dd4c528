/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text as a terminal shows it: how wide it is, where to cut it, and what must not get there.
 * Whatever came from a board or from the bus goes through screen_clean() on its way to a person. */

#include <stdbool.h>
#include <stddef.h>

/* LC_CTYPE from the environment. Where that is not UTF-8, a terminal gets ASCII and a file gets
 * UTF-8. Call once in main(). */
void screen_setup(void);
/* A terminal that understands escape sequences. */
bool screen_is_capable(int fd);
/* Columns of the terminal behind `fd`; 0 if there is none. COLUMNS of the environment wins. */
size_t screen_columns(int fd);

/* A copy without control, direction and other unprintable characters: '?' stands for each. NULL
 * when memory is out. Free with free(). */
char *screen_clean(const char *text);
/* Columns that clean text takes. */
size_t screen_width(const char *text);
/* A copy of clean text that takes at most `width` columns (0: as it is); what was cut ends with an
 * ellipsis. NULL when memory is out. */
char *screen_cut(const char *text, size_t width);
