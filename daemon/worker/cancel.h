/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SIGTERM and SIGINT ask the operation to end at its next safe point; nothing else is done in the
 * handler. Worker only. */

#include <signal.h>
#include <stdbool.h>

/* Set by the handler, or by a reporter whose listener is gone. */
extern volatile sig_atomic_t cancel_flag;

void cancel_setup(void);
bool cancel_requested(void);
