/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A configuration on the command line: a file of the caller's, or a backup that the service keeps.
 */

#include "client/bus.h"

/* Looks like the id of a backup ("20251121T115900Z-1a2b3c4d"), or the beginning of one that has at
 * least its day and the T? */
bool backup_is_id(const char *text);
/* The service's copy of a backup; may ask for authentication. */
int backup_get(struct client *c, const char *id, int *ret_fd, struct problem *p);
/* A file is opened; what is none and looks like an id is asked for. */
int backup_open(struct client *c, const char *what, int *ret_fd, struct problem *p);
/* Copies it to a file that must not be there yet, or ("-") to standard output. */
int backup_check_target(const char *file, struct problem *p);
int backup_copy(int fd, const char *file, struct problem *p);
