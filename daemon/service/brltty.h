/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether brltty runs (base/brltty.h), asked from systemd, never waited for: suspected of what it
 * does to a board where no udev rule says so. In the service. */

#include "service/service.h"

/* Asks, unless the answer is under way. With it the boards' hints and jobs are told anew. */
void brltty_ask(struct service *service);
/* The unit that ran when it was last asked; NULL: none. */
const char *brltty_unit(const struct service *service);
void brltty_clear(struct service *service);
