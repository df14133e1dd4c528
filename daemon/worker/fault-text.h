/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A fault in whole sentences: what happened, at which address, and what the bootloader said. Pure.
 */

#include <stddef.h>

#include "base/fault.h"

#define FAULT_TEXT_MAX 640U

void fault_describe(const struct fault *fault, char *to, size_t to_size);
/* What the board is in now, as a sentence. Never NULL. */
const char *board_state_sentence(enum board_state state);
