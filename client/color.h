/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Colour on a terminal, and nothing anywhere else. Whether a stream has colour is decided once in
 * main() and kept in the options. */

#include <stdbool.h>

enum color_mode {
        COLOR_MODE_AUTO,
        COLOR_MODE_ALWAYS,
        COLOR_MODE_NEVER,
};

enum color {
        COLOR_RESET,
        COLOR_HEADER,
        COLOR_GOOD,
        COLOR_WARN,
        COLOR_BAD,
        COLOR_FAINT,
};

/* "auto", "always", "never"; -EINVAL. */
int color_mode_from_name(const char *name);
/* AUTO: a terminal that is not TERM=dumb, and NO_COLOR (no-color.org) unset or empty. */
bool color_wanted(enum color_mode mode, int fd);
/* The escape sequence, or "" if not `on`. */
const char *color(bool on, enum color which);
