/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Long work: a method call gives a job, the job is watched to its end, and its end is told. The job
 * belongs to the service and outlives fwctl; nothing that happens to fwctl ends it but a call of
 * Cancel. */

#include "client/bus.h"
#include "client/device-arg.h"

struct job {
        char *path;
        char *id;
        char *port;
        char *title; /* of the board, clean text */
        char *kind;  /* "flash", "reboot", "identify", "leave" … */
};

void job_clear(struct job *job);
#define _cleanup_job_ _cleanup_(job_clear)

enum ending {
        ENDING_KNOWN, /* the job has ended, and this is how */
        ENDING_LEFT,  /* fwctl ends first; the job goes on */
        ENDING_LOST,  /* the service went away */
};

struct outcome {
        enum ending ending;
        char result[16]; /* "success", "failed", "cancelled"; "" if not ENDING_KNOWN */
        struct problem problem;
        json_t *details; /* of the job; NULL if not known */
        uint64_t bytes;  /* written, as far as progress told */
        double seconds;
        bool notice_told; /* details' Notice is on the screen already */
};

void outcome_clear(struct outcome *outcome);
#define _cleanup_outcome_ _cleanup_(outcome_clear)

/* The whole of a verb that makes a job: sends the call with its matches installed before, watches
 * (but with --no-block), and tells. Returns the exit code. */
int job_run(struct client *c, const struct device *device, const char *kind, sd_bus_message *call);
/* Its parts, for a verb that has something to do between the end and telling it: 0 with the outcome
 * of a job that was watched, or the exit code when all is told already. */
int job_run_to_end(struct client *c, const struct device *device, const char *kind,
                   sd_bus_message *call, struct job *ret_job, struct outcome *ret);
/* A job of ListJobs as struct job. */
int job_from_properties(const json_t *properties, struct job *ret, struct problem *p);

/* job-watch.c: listens for a job. Begin before the call that makes it, so that no report is missed;
 * then tell it which job it is, and run. */
struct watch;
int watch_new(struct client *c, struct watch **ret, struct problem *p);
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free)
#define _cleanup_watch_ _cleanup_(watch_free_p)
/* 0 with the outcome, or the exit code. `job` must outlive the watch. */
int watch_run(struct watch *w, const struct job *job, struct outcome *ret, struct problem *p);

/* job-result.c: prints how it ended and returns the exit code. */
int outcome_print(struct client *c, const struct job *job, const struct outcome *outcome);
/* A call that was refused before there was a job. */
int refusal_print(struct client *c, const char *port, const char *kind, const struct problem *p);
/* --no-block. */
int started_print(struct client *c, const struct job *job);
/* {"job", "kind", "port", "result", "error", "state", "details"}; `job_id` and `port` may be NULL.
 */
json_t *result_json(const char *job_id, const char *port, const char *kind, const char *result,
                    const struct problem *problem, const json_t *details);
