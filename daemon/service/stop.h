/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the service ends when it is told to, by a signal, or has to, because the bus is gone: jobs
 * that have begun to change their board come to their end, the others are cancelled, no new ones
 * are taken. A board half written is worse than a service that takes a minute to go. When nobody
 * needs it, it leaves by idle.h. In the service. */

#include "service/service.h"

/* SIGTERM and SIGINT: the first stops, the second ends at once. Negative errno. */
int stop_on_signals(struct service *service);
/* The bus is restarted, or was killed. Negative errno. */
int stop_on_bus_loss(struct service *service);
/* Leaves with this exit status as soon as the jobs let it. */
void service_stop(struct service *service, int status);
/* Gives the name back and ends the event loop, if a stop was asked for and no job runs any more. */
void service_consider_exit(struct service *service);
