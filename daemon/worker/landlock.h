/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's landlock(7): from here on this process opens the files that it names, in the way it
 * says, and makes, moves, removes and traces nothing else. By system calls, as Debian 12 has no
 * library for it; each kernel gives what it knows (ABI 1 to 6). Worker only. */

#include <stddef.h>

enum landlock_right {
        LANDLOCK_USE_DEVICE, /* a device node: read, write, control */
        LANDLOCK_READ_TREE,  /* what is below a directory: read */
        LANDLOCK_REMOVE,     /* files of a directory: take away */
};

struct landlock_grant {
        const char *path; /* one that cannot be looked at grants nothing; NULL ends a list */
        enum landlock_right right;
};

/* no_new_privs must be set. The ABI that is in force; -EOPNOTSUPP if the kernel has none, or has it
 * switched off or out of reach; else what it says. */
int landlock_enter(const struct landlock_grant *grants);
