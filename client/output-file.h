/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A file that a job fills: made here, with the caller's rights, and handed over as a descriptor. A
 * file that is there already is not opened unless that was asked for; then it keeps its content
 * until the job has all of the new. A file that was made for nothing is gone again. */

#include <stdbool.h>

#include "client/problem.h"

struct output_file {
        int fd;
        const char *path; /* borrowed */
        bool created;
};

#define OUTPUT_FILE_INIT                                                                           \
        { .fd = -EBADF }

int output_file_open(const char *path, bool overwrite, struct output_file *ret, struct problem *p);
/* `filled`: the job has written it, or is still at it. */
void output_file_close(struct output_file *file, bool filled);
