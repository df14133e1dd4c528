/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last words on the bus. The name is given back, and calls that were sent before that are
 * answered; but a connection is not to be closed on them. Whatever the bus writes to it from then
 * on (somebody who is watched for has left) fails, and dbus-daemon drops a connection that it
 * cannot write to with all that it has not read from it yet: callers would hear that nobody
 * answers. So the bus is asked a question behind all answers. It takes messages in their order: who
 * has its answer knows that it has read the rest. In the service. */

#include "service/service.h"

/* Calls `then` when the bus has read everything that was sent, also if it does not answer. Once at
 * a time. */
void farewell(struct service *service, void (*then)(struct service *service));
