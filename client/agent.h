/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The polkit agent for terminals: a child of fwctl that asks for the password where no desktop
 * does. Started before a call that polkit may want a password for, ended as soon as the call was
 * answered. */

#include <stdbool.h>
#include <sys/types.h>

#include "client/client.h"

struct agent {
        pid_t pid; /* 0: none */
};

/* Waits until it is registered. Does nothing for root, off a terminal and with --no-ask-password; a
 * missing pkttyagent is no error, for a desktop may have its own. */
void agent_start(const struct client *c, struct agent *agent);
void agent_stop(struct agent *agent);
#define _cleanup_agent_ _cleanup_(agent_stop)
