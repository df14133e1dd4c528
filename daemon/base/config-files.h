/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text files by which programs are configured, spread over /etc, /run and /usr/lib: read to say
 * what one of them does to a board, never to be obeyed. In the service and the client. */

#include <stdbool.h>

/* A text file, 4 MiB of it at most, new; NULL with errno. */
char *text_file_read(const char *path);

/* The first file that fits, its path below `root`, new; or NULL. `folders` end with NULL and are
 * looked through in this order, `pattern` (glob(7)) is below each. */
char *config_file_find(const char *root, const char *const *folders, const char *pattern,
                       bool (*fits)(const char *path, const char *content, const void *userdata),
                       const void *userdata);
/* The udev rules file, but fwd's, that speaks of `text`. */
char *udev_rules_find(const char *root, const char *text);
