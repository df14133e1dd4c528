/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which system calls a worker may make: a seccomp filter (libseccomp). Everything else is answered
 * with EPERM rather than the process's end: a library that asks for something new gets on without
 * it or fails with an error that a person reads, and the state of the board is told with it. Worker
 * only. */

enum {
        SYSCALLS_OPEN = 1 << 0,   /* files that exist, and what a port's library needs besides */
        SYSCALLS_REMOVE = 1 << 1, /* files */
};

/* What is needed to work with files and devices that are open, and `more`. -EOPNOTSUPP if the
 * kernel has no filters. */
int syscall_filter_load(unsigned more);
/* Takes SYSCALLS_OPEN back. */
int syscall_filter_seal(void);
