/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a worker puts what it read from a board: a memfd of the service's, which is sealed when it
 * is full, or a file of the caller's. Nothing is written to it before all is there, so that a
 * reading that fails leaves an old file as it was. Worker only; descriptors are borrowed. */

#include <stddef.h>

#include "base/fault.h"

/* FWD_INVALID_ARGUMENT if it is no file that can be written. */
int output_check(int fd, struct fault *fault);
/* Replaces what is in it, and has it on the disk. Makes room first: on a full disk the old content
 * stays. FWD_FAILED. */
int output_write(int fd, const void *data, size_t size, struct fault *fault);
