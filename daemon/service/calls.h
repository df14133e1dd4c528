/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The methods that begin jobs, shared by Manager and Device. Each reads and checks all of its
 * arguments, asks whether the caller may, and only then changes anything; it may run twice for one
 * message (polkit.h). The message's read pointer stands behind the device argument. */

#include "base/fault.h"
#include "service/job.h"
#include "service/service.h"

struct device;

int call_flash(struct service *service, sd_bus_message *message, struct device *device,
               sd_bus_error *error);
/* The jobs that take no options: reboot, identify, leave. */
int call_start(struct service *service, sd_bus_message *message, struct device *device,
               enum job_kind kind, sd_bus_error *error);
/* Turns a fault into the method's error; `r` is passed on if the fault is empty. */
int call_refuse(sd_bus_error *error, const struct fault *fault, int r);
