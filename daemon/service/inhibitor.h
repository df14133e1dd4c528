/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keeps the machine from suspending, shutting down and sleeping with its lid closed: one of
 * logind's block inhibitors, asked for over the bus and never waited for. It is a descriptor, so
 * the kernel lets go of it whatever becomes of the service. Owned by who took it (job-inhibit.c: a
 * job). In the service. */

#include <stdbool.h>

#include "service/service.h"

struct inhibitor;

/* `refusal` is what logind, or the bus in its place, said; NULL: it is held. Called once, never
 * from within inhibitor_take(). */
typedef void (*inhibitor_answer_t)(void *userdata, const char *refusal);

/* `why` is for the person whose suspend is refused. Negative errno. */
int inhibitor_take(struct service *service, const char *why, inhibitor_answer_t answer,
                   void *userdata, struct inhibitor **ret);
bool inhibitor_is_answered(const struct inhibitor *inhibitor);
/* Lets go, also if logind has not even answered yet. */
struct inhibitor *inhibitor_free(struct inhibitor *inhibitor);
