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
int call_recover(struct service *service, sd_bus_message *message, struct device *device,
                 sd_bus_error *error);
/* The jobs that take no options: reboot, identify, leave. */
int call_start(struct service *service, sd_bus_message *message, struct device *device,
               enum job_kind kind, sd_bus_error *error);
/* calls-config.c: jobs about a board's configuration, and what is kept of them. */
int call_backup(struct service *service, sd_bus_message *message, struct device *device,
                sd_bus_error *error);
int call_restore(struct service *service, sd_bus_message *message, struct device *device,
                 sd_bus_error *error);
int call_list_backups(struct service *service, sd_bus_message *message, sd_bus_error *error);
int call_get_backup(struct service *service, sd_bus_message *message, sd_bus_error *error);

/* calls-chip.c: jobs about the chip under the firmware. */
int call_read(struct service *service, sd_bus_message *message, struct device *device,
              sd_bus_error *error);
int call_erase(struct service *service, sd_bus_message *message, struct device *device,
               sd_bus_error *error);
int call_unprotect(struct service *service, sd_bus_message *message, struct device *device,
                   sd_bus_error *error);

/* The last two parts of each: 1 if the caller may (0: pending, return 1 from the handler; negative:
 * refused), and the job's beginning with the reply. `device` NULL: about no board. */
int call_ask(struct service *service, sd_bus_message *m, const struct device *device,
             const struct options *options, const char *image, uid_t *ret_uid, sd_bus_error *error);
int call_begin(struct service *service, sd_bus_message *m, struct device *device,
               enum job_kind kind, const struct options *options, uid_t uid, int source_fd,
               sd_bus_error *error);
/* Turns a fault into the method's error; `r` is passed on if the fault is empty. */
int call_refuse(sd_bus_error *error, const struct fault *fault, int r);
