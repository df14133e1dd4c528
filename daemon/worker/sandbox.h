/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a worker gives up before it looks at a byte from a stranger: new privileges, dumps, memory
 * and files without bound. Worker only. */

#include <stdbool.h>
#include <sys/types.h>

/* `parent`: who started us, as getppid() said first of all; with `follow_parent` the worker ends at
 * a safe point when that process dies. Negative errno; -ESRCH if the parent is gone already. */
int sandbox_enter(pid_t parent, bool follow_parent);
