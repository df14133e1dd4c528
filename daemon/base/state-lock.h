/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who has the state directory has the boards: the service holds a lock in it as long as it lives,
 * and `fwctl --direct` does too, so that there is never more than one of them on the same state.
 * The lock goes with the last descriptor of it, however a process ends. */

#include <stdbool.h>

/* The descriptor; close-on-exec. Makes the directory (not the ones above it) if it is not there.
 * The file belongs to who owns the directory. -EWOULDBLOCK if another one has it and `wait` is not
 * set; else negative errno. */
int state_lock(const char *dir, bool wait);
