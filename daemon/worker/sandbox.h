/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a worker gives up, so that whoever gets hold of it by a firmware file or a device's answer
 * has this one board and nothing else. In three steps, each for good: limits before anything is
 * read; no other file, network or program before a stranger's byte is looked at; and where a serial
 * port is opened later, no opening at all from then on. Worker only. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/fault.h"

/* `parent`: who started us, as getppid() said first of all; with `follow_parent` the worker ends at
 * a safe point when that process dies. Negative errno; -ESRCH if the parent is gone already. */
int sandbox_enter(pid_t parent, bool follow_parent);

struct sandbox_needs {
        const char *tty;    /* is opened later; NULL: what is needed is open */
        const char *output; /* is removed if nothing comes of it; NULL: nothing is removed */
};

/* What a kernel does not have is done without. FWD_FAILED. */
int sandbox_confine(const struct sandbox_needs *needs, struct fault *fault);
/* The serial port is open. FWD_FAILED. */
int sandbox_seal(struct fault *fault);
