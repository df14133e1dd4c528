/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* FILE of the command line: opened here, with the caller's rights, and handed over as a descriptor;
 * the service never sees its name. */

#include "client/problem.h"

/* Refuses what is no regular file, and an empty one, before the service is called. */
int image_open(const char *path, int *ret_fd, struct problem *p);
