/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager.Inspect(): a worker reads the file, the call is answered when it is through. No board is
 * involved and nothing is changed, so nobody is asked; the number at one time is bounded. */

#include "service/service.h"

int inspect_start(struct service *service, sd_bus_message *message, sd_bus_error *error);
void inspections_clear(struct service *service);
