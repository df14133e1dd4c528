/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The flash of a board as it was before a flash that takes the board's settings with it, where
 * these are no text that could be backed up (ODrive):
 *
 *   STATE/old-flash/UID/20251121T115900Z.bin
 *
 * The worker writes and synchronises it before it erases the first sector. Of each board the newest
 * OLD_FLASH_PER_BOARD are kept. In the service alone. */

#include "base/fault.h"
#include "service/job.h"

#define OLD_FLASH_PER_BOARD 4U

/* Whether this flash may cost settings that nothing else keeps. */
bool old_flash_wanted(const struct job *job);
/* An empty new file for it, and its path, to be freed. FWD_STORAGE_FAILED. */
int old_flash_open(struct job *job, int *ret_fd, char **ret_path, struct fault *fault);
/* What the worker did not fill is taken away; what it did is told, and older ones go. */
void old_flash_settle(struct job *job);
