/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* May this caller do that? Asked before anything changes, and without waiting:
 *
 *   handler called ── authorize(): 0 ──► the handler returns 1, the message is kept
 *                     who is it? (GetConnectionUnixUser) ─► polkit (CheckAuthorization) ─► answer
 *   message re-queued ─► the same handler, from the top ── authorize(): 1, or negative: refused
 *
 * So a handler reads and checks, asks, and only then changes anything. Without polkit on the bus,
 * root and the service's own user may do all, others nothing. */

#include <stdbool.h>
#include <sys/types.h>

#include "service/service.h"

#define NOBODYS_UID ((uid_t) -1)

struct authorize_request {
        bool dry_run;      /* changes nothing: asks for the weakest action */
        bool forced;       /* asks for the stronger action, where there is one */
        uid_t owner;       /* may without being asked; NOBODYS_UID: nobody */
        const char *board; /* for the dialog; may be NULL */
        const char *image;
};

/* 1: go on, the caller's uid in `ret_uid`. 0: pending, return 1 from the handler. Negative: `error`
 * is set, org.fwctl1.Error.NotAuthorized or .LimitExceeded. */
int authorize(struct service *service, sd_bus_message *message,
              const struct authorize_request *request, uid_t *ret_uid, sd_bus_error *error);
void authorizations_clear(struct service *service);
