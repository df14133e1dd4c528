/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* --direct: fwctl starts the service for this one command, on a socket of its own, and speaks to it
 * as it would over the bus. For a rescue system, a container, a machine where it is not installed.
 * Refused where the service runs. */

#include "client/client.h"
#include "client/problem.h"

/* Fills c->bus. Returns the exit code, 0 on success. */
int direct_open(struct client *c, struct problem *p);
/* Waits for the service's end, so that the next command finds nobody. One that was left to a job by
 * a signal is left alone: it brings a board that is being changed to the end. */
void direct_close(struct client *c);
