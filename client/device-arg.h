/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* DEVICE and JOB of the command line made into objects of the bus. The service knows what names a
 * board (port, serial number, node, alias, a beginning of one); here is what happens when it is
 * left out. */

#include "client/bus.h"

struct device {
        char *path;
        char *port;
        json_t *properties; /* as ListDevices gives them, "Path" among them */
};

void device_clear(struct device *device);
#define _cleanup_device_ _cleanup_(device_clear)

/* `what` NULL: the only board there is; it is an error (exit code 2) if there are several, and they
 * are listed. A name below /dev is followed to the node it stands for. */
int device_resolve(struct client *c, const char *what, struct device *ret, struct problem *p);
/* The choice among the boards of ListDevices when none was named: an element of `devices`,
 * borrowed. */
int device_choose(const json_t *devices, const json_t **ret, struct problem *p);
/* "1-2.3 (Board name)", or the port alone. NULL when memory is out. */
char *device_title(const struct device *device);
/* [DEVICE] FILE, argv[0] the verb. */
void device_split(int argc, char **argv, const char **ret_device, const char **ret_file);

/* `what` NULL: the only job that runs. Gives the job's properties, "Path" among them. */
int job_resolve(struct client *c, const char *what, json_t **ret, struct problem *p);
/* The choice in jobs of ListJobs, by number or path; borrowed. */
int job_choose(const json_t *jobs, const char *what, const json_t **ret, struct problem *p);
