/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The loader that some boards have of their own in front of the firmware. Worker only. */

#include "worker/worker.h"

/* Whether it is where the profile says that it is: the fact Loader is "present" or "missing", and a
 * missing one is told, for the firmware does not start without it. Boards without one say nothing.
 * FWD_DEVICE_LOST and the like. */
int worker_look_for_loader(struct worker *worker, struct dfu *dfu, struct fault *fault);
