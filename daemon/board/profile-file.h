/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One `.board` file -> a profile: the INI syntax and the keys. Inside board/ only; others use
 * board.h. */

#include "board/board.h"

/* -ENOENT (no such file), -ESTALE (an empty file or /dev/null: hidden on purpose), -EINVAL (logged
 * with path and line), -E2BIG, or what the system says. `ret` is new. */
int profile_file_read(const char *path, const char *name, struct board_profile **ret);
