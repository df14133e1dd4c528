/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of an operation, opened before the worker is confined: the firmware file that is named,
 * the board's USB or HID node. Opening them asks nothing of the board. A serial port is opened
 * where the operation comes to it, as that raises DTR and whoever holds it is to be told of then.
 * Worker only; one board at a time. */

#include "worker/worker.h"

/* Opens them and gives the worker its openers, which hand them over. What cannot be opened is told
 * by whoever takes it. */
void files_open(struct worker *worker);
/* Closes what nobody took. */
void files_close(struct worker *worker);
