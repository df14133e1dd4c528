/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `fwctl --direct`: the service for one command of one caller, on a machine where it is not
 * installed. fwctl starts it with a socket; on that the same objects are served, from peer to peer:
 * there is no bus, so no names, no other clients and nobody to ask but the caller, who is the same
 * user and may do what the kernel lets him. It ends when he goes. fwctl has locked the state
 * directory before (base/state-lock.h), and the lock is inherited. In the service. */

#include "service/service.h"

/* Makes service->bus of the socket, and service->machine_bus if there is a system bus. Negative
 * errno; -EPERM if another user is at the other end. */
int direct_connect(struct service *service, int fd);
/* What the service writes belongs to who owns the state directory, so that a service that runs as
 * its own user can read it later. */
void direct_own_files(const struct service *service);
/* Boards that are asked what they are when they are found have told it: a command comes at once,
 * and has no time to wait for them. Bounded. Negative errno. */
int direct_settle(struct service *service);
