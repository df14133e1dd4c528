/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/text.h"
#include "service/calls.h"
#include "service/device.h"
#include "service/job.h"
#include "service/node-list.h"
#include "service/polkit.h"

/* At most ten messages of a kind a second and job: nine of these and the last word. */
#define TELL_INTERVAL_US 112000U

static const struct {
        const char *name, *signature;
} properties[_JOB_P_MAX] = {
        [JOB_P_ID] = {"Id", "u"},
        [JOB_P_DEVICE] = {"Device", "o"},
        [JOB_P_KIND] = {"Kind", "s"},
        [JOB_P_PHASE] = {"Phase", "s"},
        [JOB_P_BYTES_DONE] = {"BytesDone", "t"},
        [JOB_P_BYTES_TOTAL] = {"BytesTotal", "t"},
        [JOB_P_STARTED_BY_UID] = {"StartedByUid", "u"},
        [JOB_P_START_TIME] = {"StartTime", "t"},
        [JOB_P_CANCELABLE] = {"Cancelable", "b"},
        [JOB_P_RESULT] = {"Result", "s"},
        [JOB_P_ERROR_NAME] = {"ErrorName", "s"},
        [JOB_P_ERROR_MESSAGE] = {"ErrorMessage", "s"},
        [JOB_P_IMAGE_SHA256] = {"ImageSha256", "s"},
        [JOB_P_DETAILS] = {"Details", "a{sv}"},
};

static int append_details(sd_bus_message *m, const struct job *job, bool with_error) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "{sv}", "State", "s", board_state_name(job->state));
        for (size_t i = 0; r >= 0 && i < job->n_facts; i++)
                r = sd_bus_message_append(m, "{sv}", job->facts[i].key, "s", job->facts[i].value);
        if (r >= 0 && with_error && *job_error_name(job))
                r = sd_bus_message_append(m, "{sv}{sv}", "ErrorName", "s", job_error_name(job),
                                          "ErrorMessage", "s", job->message ? job->message : "");
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const struct job *job, enum job_property property) {
        const char *text;

        switch (property) {
        case JOB_P_ID:
                return sd_bus_message_append(m, "u", job->id);
        case JOB_P_DEVICE:
                return sd_bus_message_append(m, "o", job->device_path);
        case JOB_P_KIND:
                return sd_bus_message_append(m, "s", job_kind_name(job->kind));
        case JOB_P_PHASE:
                return sd_bus_message_append(m, "s", job->phase);
        case JOB_P_BYTES_DONE:
                return sd_bus_message_append(m, "t", job->done);
        case JOB_P_BYTES_TOTAL:
                return sd_bus_message_append(m, "t", job->total);
        case JOB_P_STARTED_BY_UID:
                return sd_bus_message_append(m, "u", (uint32_t) job->uid);
        case JOB_P_START_TIME:
                return sd_bus_message_append(m, "t", job->start_time_us);
        case JOB_P_CANCELABLE:
                return sd_bus_message_append(m, "b", job_is_cancelable(job));
        case JOB_P_RESULT:
                return sd_bus_message_append(m, "s", job_result_name(job->result));
        case JOB_P_ERROR_NAME:
                return sd_bus_message_append(m, "s", job_error_name(job));
        case JOB_P_ERROR_MESSAGE:
                return sd_bus_message_append(m, "s", job->message ? job->message : "");
        case JOB_P_IMAGE_SHA256:
                text = job_fact(job, "Sha256");
                return sd_bus_message_append(m, "s", text ? text : "");
        default:
                return append_details(m, job, false);
        }
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        for (enum job_property p = 0; p < _JOB_P_MAX; p++)
                if (strcmp(properties[p].name, name) == 0)
                        return append_value(reply, userdata, p);
        return -ENOENT;
}

static int append_entry(sd_bus_message *m, const struct job *job, enum job_property property) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", properties[property].name);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', properties[property].signature);
        if (r < 0)
                return r;
        r = append_value(m, job, property);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int job_append(sd_bus_message *message, const struct job *job) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        for (enum job_property p = 0; r >= 0 && p < _JOB_P_MAX; p++)
                r = append_entry(message, job, p);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* Telling */

static void tell_now(struct job *job) {
        sd_bus *bus = job->service->bus;
        char *names[_JOB_P_MAX + 1];
        size_t n = 0;

        for (enum job_property p = 0; p < _JOB_P_MAX; p++)
                if (job->dirty & 1U << p)
                        names[n++] = (char *) properties[p].name;
        names[n] = NULL;
        (void) sd_event_now(job->service->event, CLOCK_MONOTONIC, &job->told_us);
        if (bus && n > 0)
                (void) sd_bus_emit_properties_changed_strv(bus, job->path, JOB_INTERFACE, names);
        if (bus && job->progress_dirty)
                (void) sd_bus_emit_signal(bus, SERVICE_PATH, MANAGER_INTERFACE, "Progress", "oostt",
                                          job->path, job->device_path, job->phase, job->done,
                                          job->total);
        job->dirty = 0;
        job->progress_dirty = false;
}

static int on_tell(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;

        job->tell_timer = sd_event_source_unref(job->tell_timer);
        tell_now(job);
        return 0;
}

void job_tell(struct job *job, uint32_t bits) {
        uint64_t now = 0;

        job->dirty |= bits;
        if (job->tell_timer || job->result != JOB_RUNNING)
                return;
        (void) sd_event_now(job->service->event, CLOCK_MONOTONIC, &now);
        /* Always by way of the loop, so that what changes together is told together. */
        if (sd_event_add_time(
                    job->service->event, &job->tell_timer, CLOCK_MONOTONIC,
                    job->told_us + TELL_INTERVAL_US > now ? job->told_us + TELL_INTERVAL_US : now,
                    1000, on_tell, job) < 0)
                tell_now(job);
}

static int answer_wait(struct job *job, sd_bus_message *call) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", job_result_name(job->result));
        if (r < 0)
                return r;
        r = append_details(reply, job, true);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

void job_tell_end(struct job *job) {
        sd_bus *bus = job->service->bus;

        job->dirty |= 1U << JOB_P_RESULT | 1U << JOB_P_ERROR_NAME | 1U << JOB_P_ERROR_MESSAGE |
                      1U << JOB_P_DETAILS | 1U << JOB_P_CANCELABLE;
        job->tell_timer = sd_event_source_unref(job->tell_timer);
        tell_now(job);
        if (bus)
                (void) sd_bus_emit_signal(bus, SERVICE_PATH, MANAGER_INTERFACE, "JobRemoved", "os",
                                          job->path, job_result_name(job->result));
        for (size_t i = 0; i < job->n_waiters; i++) {
                (void) answer_wait(job, job->waiters[i]);
                sd_bus_message_unref(job->waiters[i]);
        }
        job->n_waiters = 0;
}

void job_announce(struct job *job) {
        sd_bus *bus = job->service->bus;

        if (!bus)
                return;
        (void) sd_bus_emit_object_added(bus, job->path);
        (void) sd_bus_emit_signal(bus, SERVICE_PATH, MANAGER_INTERFACE, "JobAdded", "o", job->path);
}

void job_withdraw(struct job *job) {
        if (job->service->bus)
                (void) sd_bus_emit_object_removed(job->service->bus, job->path);
}

/* Methods */

static int on_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct job *job = userdata;
        _cleanup_free_ char *board =
                job->device ? text_format("%s (%s)", job->port, device_name(job->device)) : NULL;
        const struct authorize_request request = {.owner = job->uid,
                                                  .board = board ? board : job->port};
        struct fault fault = FAULT_INIT;
        uid_t uid;
        int r;

        r = authorize(job->service, m, &request, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = job_cancel(job, &fault);
        if (r < 0) /* nothing that one could do about it */
                return sd_bus_error_set(error, fwd_error_bus_name(fault.error), fault.message);
        return sd_bus_reply_method_return(m, NULL);
}

static int on_wait(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct job *job = userdata;
        struct fault fault = FAULT_INIT;

        if (job->result != JOB_RUNNING)
                return answer_wait(job, m);
        if (job->n_waiters >= JOB_WAITERS_MAX) {
                int r = fault_set(&fault, FWD_LIMIT_EXCEEDED, "%u calls wait for this job already",
                                  JOB_WAITERS_MAX);

                return call_refuse(error, &fault, r);
        }
        job->waiters[job->n_waiters++] = sd_bus_message_ref(m);
        return 1;
}

#define PROPERTY(name, signature)                                                                  \
        SD_BUS_PROPERTY(name, signature, get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Cancel", NULL, NULL, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Wait", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("s", result, "a{sv}", details), on_wait,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        PROPERTY("Id", "u"),
        PROPERTY("Device", "o"),
        PROPERTY("Kind", "s"),
        PROPERTY("Phase", "s"),
        PROPERTY("BytesDone", "t"),
        PROPERTY("BytesTotal", "t"),
        PROPERTY("StartedByUid", "u"),
        PROPERTY("StartTime", "t"),
        PROPERTY("Cancelable", "b"),
        PROPERTY("Result", "s"),
        PROPERTY("ErrorName", "s"),
        PROPERTY("ErrorMessage", "s"),
        PROPERTY("ImageSha256", "s"),
        PROPERTY("Details", "a{sv}"),
        SD_BUS_VTABLE_END,
};

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error) {
        struct job *job = job_find_path(userdata, path);

        if (!job)
                return 0;
        *ret_found = job;
        return 1;
}

static int list_nodes(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                      sd_bus_error *error) {
        _cleanup_(node_list_clear) struct node_list list = {};
        struct service *service = userdata;
        int r;

        for (const struct job *job = service->jobs; job; job = job->next) {
                r = node_list_add(&list, job->path);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(list.paths);
        list.n = 0;
        return 1;
}

int jobs_bus_add(struct service *service) {
        int r;

        r = sd_bus_add_fallback_vtable(service->bus, NULL, SERVICE_PATH "/job", JOB_INTERFACE,
                                       vtable, find_object, service);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(service->bus, NULL, SERVICE_PATH "/job", list_nodes,
                                          service);
}
