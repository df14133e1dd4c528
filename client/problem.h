/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What went wrong, as fwctl tells it: a name for programs, a sentence for people, what to do now,
 * and the exit code. Made from a D-Bus error, from a job's result, or here. A plain value. */

#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "client/client.h"

struct problem {
        char name[64];      /* "VerifyFailed", "ServiceUnavailable", …; "" means none */
        char message[1024]; /* clean text */
        char advice[512];   /* clean text; may be "" */
        int exit_code;
};

/* Names of what only the client sees. */
#define PROBLEM_SERVICE_UNAVAILABLE "ServiceUnavailable"
#define PROBLEM_SERVICE_LOST        "ServiceLost"

/* Each returns the exit code. */
int problem_set(struct problem *p, enum fwd_error error, const char *format, ...) _printf_(3, 4);
int problem_unavailable(struct problem *p, const char *format, ...) _printf_(2, 3);
/* Another advice than the error's own; returns the exit code. */
int problem_advise(struct problem *p, const char *advice);
/* From the name and text of an error of the service (a job's ErrorName and ErrorMessage). */
int problem_from_name(struct problem *p, const char *name, const char *message);
/* From a failed call: `error` may be unset, `r` is the negative errno. */
int problem_from_bus(struct problem *p, const sd_bus_error *error, int r);

/* To standard error: "fwctl: MESSAGE", and on a second line what to do. Returns the exit code. */
int problem_print(const struct client *c, const struct problem *p);
