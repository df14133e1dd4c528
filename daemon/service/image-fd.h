/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The descriptor that a caller sends as firmware. The service looks at what kind it is, which never
 * blocks, and makes the memfd; the worker's `inspect` copies, bounds, hashes and seals. */

#include <stddef.h>

#include "base/fault.h"

#define IMAGE_NAME_SIZE 128U /* bytes, with the NUL */

/* Refuses what cannot be read as a file: opened without read access, a directory, a pipe, a socket,
 * a device. FWD_INVALID_ARGUMENT. The image's file name, clean, goes to `ret_name` ("" if it has
 * none), for people alone. */
int image_fd_check(int fd, char ret_name[IMAGE_NAME_SIZE], struct fault *fault);
/* The same for a file that is to be filled: a regular one, opened for writing. */
int output_fd_check(int fd, char ret_name[IMAGE_NAME_SIZE], struct fault *fault);
/* An empty memfd that can be sealed. Negative errno. */
int image_fd_new(void);
