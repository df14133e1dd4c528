/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One small file of the state directory, written so that it is there as a whole or not at all, and
 * memfds with its contents. Under backup-store.c; in the service. */

#include <stddef.h>

#include "base/cleanup.h"

#define BACKUP_PREFIX_LENGTH 8U /* of the hash, in a file's name */

/* Writes `temporary`, synchronises, renames to `name`, synchronises the directory; mode 0600. On
 * failure nothing is left. Negative errno. */
int backup_file_write(int dir_fd, const char *temporary, const char *name, const char *text,
                      size_t size);
/* A regular file of at most `max` bytes, and not an empty one: else -EBADMSG. The text has a NUL
 * behind it. */
int backup_file_read(int dir_fd, const char *name, size_t max, char **ret_text, size_t *ret_size);
/* SHA-256 in lower-case hexadecimal. */
void backup_file_hash(const char *text, size_t size, char ret[65]);
/* A sealed memfd. Negative errno. */
int backup_file_memfd(const char *text, size_t size);
