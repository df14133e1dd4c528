/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/color.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/screen.h"

int color_mode_from_name(const char *name) {
        static const char *const names[] = {
                [COLOR_MODE_AUTO] = "auto",
                [COLOR_MODE_ALWAYS] = "always",
                [COLOR_MODE_NEVER] = "never",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], name) == 0)
                        return (int) i;
        return -EINVAL;
}

bool color_wanted(enum color_mode mode, int fd) {
        const char *no_color = getenv("NO_COLOR");

        if (mode != COLOR_MODE_AUTO)
                return mode == COLOR_MODE_ALWAYS;
        return (!no_color || !*no_color) && screen_is_capable(fd);
}

const char *color(bool on, enum color which) {
        static const char *const sequences[] = {
                [COLOR_RESET] = "\033[0m", [COLOR_HEADER] = "\033[1m", [COLOR_GOOD] = "\033[32m",
                [COLOR_WARN] = "\033[33m", [COLOR_BAD] = "\033[31m",   [COLOR_FAINT] = "\033[2m",
        };

        return on ? sequences[which] : "";
}
