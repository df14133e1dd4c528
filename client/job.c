/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/job.h"

#include <string.h>

#include "client/agent.h"
#include "client/screen.h"

void job_clear(struct job *job) {
        free(job->path);
        free(job->id);
        free(job->port);
        free(job->title);
        free(job->kind);
        *job = (struct job){};
}

void outcome_clear(struct outcome *outcome) {
        json_decref(outcome->details);
        outcome->details = NULL;
}

static int job_fill(struct job *job, struct problem *p) {
        if (job->path && job->id && job->port && job->title && job->kind)
                return 0;
        return problem_set(p, FWD_FAILED, "The service named a job that is none.");
}

int job_from_properties(const json_t *properties, struct job *ret, struct problem *p) {
        _cleanup_job_ struct job job = {
                .path = strdup(json_text(properties, "Path")),
                .id = bus_id_of(json_text(properties, "Path")),
                .port = bus_port_of(json_text(properties, "Device")),
                .kind = strdup(json_text(properties, "Kind")),
        };
        int r;

        job.title = job.port ? screen_clean(job.port) : NULL;
        r = job_fill(&job, p);
        if (r != 0)
                return r;
        *ret = job;
        job = (struct job){};
        return 0;
}

static int job_from_reply(sd_bus_message *reply, const struct device *device, const char *kind,
                          struct job *ret, struct problem *p) {
        _cleanup_free_ char *title = device_title(device);
        _cleanup_job_ struct job job = {};
        const char *path;
        int r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_OBJECT_PATH, &path);

        if (r < 0)
                return bus_fail(p, r);
        job = (struct job){
                .path = strdup(path),
                .id = bus_id_of(path),
                .port = strdup(device->port),
                .title = title ? screen_clean(title) : NULL,
                .kind = strdup(kind),
        };
        r = job_fill(&job, p);
        if (r != 0)
                return r;
        *ret = job;
        job = (struct job){};
        return 0;
}

static int job_start(struct client *c, const struct device *device, const char *kind,
                     sd_bus_message *call, struct job *ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_agent_ struct agent agent = {};
        int r;

        agent_start(c, &agent);
        r = bus_call(c, call, BUS_NO_TIMEOUT, &reply, p);
        return r != 0 ? r : job_from_reply(reply, device, kind, ret, p);
}

int job_run_to_end(struct client *c, const struct device *device, const char *kind,
                   sd_bus_message *call, struct job *ret_job, struct outcome *ret) {
        _cleanup_job_ struct job job = {};
        _cleanup_watch_ struct watch *watch = NULL;
        struct problem p = {};
        int r = watch_new(c, &watch, &p);

        if (r == 0)
                r = job_start(c, device, kind, call, &job, &p);
        if (r != 0)
                return refusal_print(c, device->port, kind, &p);
        r = watch_run(watch, &job, ret, &p);
        if (r != 0)
                return problem_print(c, &p);
        *ret_job = job;
        job = (struct job){};
        return 0;
}

static int job_start_only(struct client *c, const struct device *device, const char *kind,
                          sd_bus_message *call) {
        _cleanup_job_ struct job job = {};
        struct problem p = {};
        int r = job_start(c, device, kind, call, &job, &p);

        return r != 0 ? refusal_print(c, device->port, kind, &p) : started_print(c, &job);
}

int job_run(struct client *c, const struct device *device, const char *kind, sd_bus_message *call) {
        _cleanup_job_ struct job job = {};
        _cleanup_outcome_ struct outcome outcome = {};
        int r;

        if (c->options.no_block)
                return job_start_only(c, device, kind, call);
        r = job_run_to_end(c, device, kind, call, &job, &outcome);
        return r != 0 ? r : outcome_print(c, &job, &outcome);
}
