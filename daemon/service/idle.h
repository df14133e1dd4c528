/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The service leaves when nobody needs it: no board, no job that runs or can still be read, no call
 * that waits for its answer and no client on the bus, for settings.idle_exit_ms. udev starts it
 * again with the next board, the bus with the next call. Nothing that comes meanwhile is lost, by
 * this order:
 *
 * 1. STOPPING=1, and systemd has read it: from here on it queues starts.
 * 2. The name is given back, and the bus has said so: calls from before are in our queue and are
 *    answered, calls after it start the service again.
 * 3. The bus has read the answers (farewell.h).
 * 4. A board that came in between? Then with EXIT_START_AGAIN, which the unit knows.
 *
 * The same way is gone when only a new start helps (storage.h); then jobs that run are all that it
 * is kept by.
 *
 * In the service. */

#include "service/service.h"

/* When everything else has been started. 0 or negative errno. */
int idle_start(struct service *service);
void idle_stop(struct service *service);
