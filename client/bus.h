/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls to the service over sd-bus. A call that fails fills a `struct problem`, and its exit code
 * is returned, which is never 0; 0 is success. */

#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "client/client.h"
#include "client/json.h"
#include "client/problem.h"

DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
#define _cleanup_message_ _cleanup_(sd_bus_message_unref_p)
#define _cleanup_error_   _cleanup_(sd_bus_error_free)

/* For calls that a person may have to authenticate for: no limit. */
#define BUS_NO_TIMEOUT UINT64_MAX
/* The library's default: 25 s. */
#define BUS_DEFAULT_TIMEOUT 0U

/* The system bus, or where DBUS_SYSTEM_BUS_ADDRESS points; with --direct, a service of its own. */
int bus_open(struct client *c, struct problem *p);

/* A method call to be filled; bus_open() comes first. Authentication may be asked for unless
 * --no-ask-password was given. */
int bus_new_call(struct client *c, const char *path, const char *interface, const char *member,
                 sd_bus_message **ret, struct problem *p);
/* Sends it and waits. */
int bus_call(struct client *c, sd_bus_message *call, uint64_t timeout_us, sd_bus_message **ret,
             struct problem *p);
/* The same, for an answer that is one value. */
int bus_call_json(struct client *c, sd_bus_message *call, uint64_t timeout_us, json_t **ret,
                  struct problem *p);
/* A call without arguments, or with one text. */
int bus_call_text(struct client *c, const char *path, const char *interface, const char *member,
                  const char *argument, sd_bus_message **ret, struct problem *p);
/* All properties of one interface of an object. */
int bus_get_all(struct client *c, const char *path, const char *interface, json_t **ret,
                struct problem *p);
/* ListDevices or ListJobs, as json_from_objects() has it. */
int bus_list(struct client *c, const char *member, json_t **ret, struct problem *p);

/* Fails with `problem` for what the library itself could not do (mostly: memory). */
int bus_fail(struct problem *p, int r);

/* The port of a device path and the number of a job path: a new string, or NULL for "/" and what is
 * no such path. */
char *bus_port_of(const char *device_path);
char *bus_id_of(const char *job_path);
