/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The service leaves when nobody needs it: no board, no job that runs or can still be read, no call
 * that waits for its answer and no client on the bus, for settings.idle_exit_ms. udev starts it
 * again with the next board, the bus with the next call. Nothing that comes meanwhile is lost:
 *
 *   timer ─► STOPPING=1, and systemd has read it ─► the name is given back, and the bus has said so
 *            from here on it queues starts          calls before that are in our queue, and
 * answered; calls after it start the service again ─► a board that came in between? then with
 * EXIT_START_AGAIN, which the unit knows
 *
 * In the service. */

#include "service/service.h"

/* When everything else has been started. 0 or negative errno. */
int idle_start(struct service *service);
void idle_stop(struct service *service);
