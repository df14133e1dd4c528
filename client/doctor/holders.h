/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which process has a device node open, as far as we may see: one's own, or all as root. The node
 * itself is not opened. */

#include <stdbool.h>
#include <sys/types.h>

struct holder {
        pid_t pid;
        char name[64];  /* of the program */
        char unit[128]; /* of the system service that it belongs to; "" if to none */
};

/* 1 if there is one, 0 if none was seen; *ret_hidden: there are processes that we may not look at.
 */
int holder_find(const char *node, struct holder *ret, bool *ret_hidden);
/* What ends it, new. */
char *holder_end_command(const struct holder *holder);
