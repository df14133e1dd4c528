/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl wait and cancel: a job that runs already. */

#include <string.h>

#include "client/agent.h"
#include "client/job.h"

static int find(struct client *c, const char *what, struct job *ret, struct problem *p) {
        _cleanup_json_ json_t *properties = NULL;
        int r = job_resolve(c, what, &properties, p);

        return r != 0 ? r : job_from_properties(properties, ret, p);
}

int verb_wait(struct client *c, int argc, char **argv) {
        _cleanup_job_ struct job job = {};
        _cleanup_watch_ struct watch *watch = NULL;
        _cleanup_outcome_ struct outcome outcome = {};
        struct problem p = {};
        int r = watch_new(c, &watch, &p);

        if (r == 0)
                r = find(c, argc > 1 ? argv[1] : NULL, &job, &p);
        if (r == 0)
                r = watch_run(watch, &job, &outcome, &p);
        return r != 0 ? problem_print(c, &p) : outcome_print(c, &job, &outcome);
}

static int send_cancel(struct client *c, const struct job *job, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_agent_ struct agent agent = {};
        int r = bus_new_call(c, job->path, FWD_JOB_INTERFACE, "Cancel", &call, p);

        if (r != 0)
                return r;
        agent_start(c, &agent);
        return bus_call(c, call, BUS_NO_TIMEOUT, &reply, p);
}

/* Here "cancelled" is what was wanted, and everything else is not. */
static int cancel_print(struct client *c, const struct job *job, const struct outcome *o) {
        struct problem p = {};

        if (o->ending != ENDING_KNOWN || strcmp(o->result, "success") != 0) {
                int r = outcome_print(c, job, o);

                return r == FWD_EXIT_CANCELLED ? FWD_EXIT_OK : r;
        }
        (void) problem_set(&p, FWD_FAILED, "Job %s on %s had already succeeded.", job->id,
                           job->title);
        (void) problem_advise(&p, "There is nothing to cancel.");
        (void) problem_print(c, &p);
        return client_json(c) && outcome_print(c, job, o) != 0 ? FWD_EXIT_FAILURE : p.exit_code;
}

int verb_cancel(struct client *c, int argc, char **argv) {
        _cleanup_job_ struct job job = {};
        _cleanup_watch_ struct watch *watch = NULL;
        _cleanup_outcome_ struct outcome outcome = {};
        struct problem p = {};
        int r = c->options.no_block ? 0 : watch_new(c, &watch, &p);

        if (r == 0)
                r = find(c, argv[1], &job, &p);
        if (r == 0)
                r = send_cancel(c, &job, &p);
        if (r == 0 && watch)
                r = watch_run(watch, &job, &outcome, &p);
        if (r != 0)
                return problem_print(c, &p);
        return watch ? cancel_print(c, &job, &outcome) : FWD_EXIT_OK;
}
