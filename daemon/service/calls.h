/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The methods that begin jobs, shared by Manager and Device: one way for all, and a table of what
 * each takes. All arguments are read and checked, then it is asked whether the caller may, and only
 * then anything changes; it may run twice for one message (polkit.h). The message's read pointer
 * stands behind the device argument. */

#include "base/fault.h"
#include "service/job.h"
#include "service/service.h"

struct device;

/* Any of them, by the name that the message calls. */
int call_job(struct service *service, sd_bus_message *message, struct device *device,
             sd_bus_error *error);

/* calls-backups.c: the configurations that are kept. */
int call_list_backups(struct service *service, sd_bus_message *message, sd_bus_error *error);
int call_get_backup(struct service *service, sd_bus_message *message, sd_bus_error *error);

/* calls-history.c */
int call_list_history(struct service *service, sd_bus_message *message, sd_bus_error *error);

/* 1 if the caller may (0: pending, return 1 from the handler; negative: refused). `file` is what
 * the dialog calls the caller's file. */
int call_ask(struct service *service, sd_bus_message *m, const struct device *device,
             const struct options *options, const char *file, uid_t *ret_uid, sd_bus_error *error);
/* Turns a fault into the method's error; `r` is passed on if the fault is empty. */
int call_refuse(sd_bus_error *error, const struct fault *fault, int r);
