/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting for a board that is to come, for as long as a person needs. Ctrl-C ends it as it ends any
 * program: there is no job yet. */

#include "client/device-arg.h"

/* Until the board that `what` names (NULL: one of all) can be flashed without a hand: it is there,
 * no job runs on it, and its Hint is empty. Tells what it waits for, and the board's hint whenever
 * that changes. Several that are ready: exit code 2, as device_resolve(). */
int device_wait(struct client *c, const char *what, struct device *ret, struct problem *p);
/* Of a device's properties. */
bool device_is_ready(const json_t *properties);
