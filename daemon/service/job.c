/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/job.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "service/device.h"
#include "service/image-fd.h"
#include "service/inhibitor.h"
#include "service/journal.h"
#include "service/port-wait.h"
#include "service/result.h"
#include "service/steps.h"
#include "service/stop.h"
#include "service/storage.h"
#include "service/worker.h"

#define KEEP_US           (10ULL * 60 * 1000 * 1000) /* a finished job, on the bus */
#define FINISHED_JOBS_MAX 256U

const char *job_kind_name(enum job_kind kind) {
        static const char *const names[_JOB_KIND_MAX] = {
                [JOB_FLASH] = "flash",
                [JOB_REBOOT] = "reboot",
                [JOB_IDENTIFY] = "identify",
                [JOB_LEAVE] = "leave",
                [JOB_BACKUP] = "backup",
                [JOB_RESTORE] = "restore",
                [JOB_DEFAULTS] = "custom-defaults",
                [JOB_RECOVER] = "recover-bootloader",
                [JOB_READ] = "read",
                [JOB_ERASE] = "erase",
                [JOB_UNPROTECT] = "unprotect",
        };

        return names[kind];
}

const char *job_result_name(enum job_result result) {
        switch (result) {
        case JOB_SUCCESS:
                return "success";
        case JOB_FAILED:
                return "failed";
        case JOB_CANCELLED:
                return "cancelled";
        default:
                return "";
        }
}

const char *job_error_name(const struct job *job) {
        const char *name = fwd_error_bus_name(job->fault.error);

        return name && job->result != JOB_RUNNING && job->result != JOB_SUCCESS ? name : "";
}

static const struct step *const *steps_of(enum job_kind kind, bool dry_run) {
        if (dry_run)
                return kind == JOB_FLASH      ? flash_plan_steps
                       : kind == JOB_RECOVER  ? recover_plan_steps
                       : kind == JOB_RESTORE  ? restore_config_plan_steps
                       : kind == JOB_DEFAULTS ? defaults_plan_steps
                                              : chip_plan_steps;
        switch (kind) {
        case JOB_FLASH:
                return flash_steps;
        case JOB_REBOOT:
                return reboot_steps;
        case JOB_IDENTIFY:
                return identify_steps;
        case JOB_BACKUP:
                return backup_steps;
        case JOB_RESTORE:
                return restore_config_steps;
        case JOB_DEFAULTS:
                return defaults_steps;
        case JOB_RECOVER:
                return recover_steps;
        case JOB_READ:
                return read_steps;
        case JOB_ERASE:
                return erase_steps;
        case JOB_UNPROTECT:
                return unprotect_steps;
        default:
                return leave_steps;
        }
}

/* What a running job holds; a finished one keeps only what can be read on the bus. */
static void release(struct job *job) {
        job->worker = worker_free(job->worker);
        job->port_wait = port_wait_free(job->port_wait);
        job->inhibitor = inhibitor_free(job->inhibitor);
        job->start_source = sd_event_source_unref(job->start_source);
        job->await_timer = sd_event_source_unref(job->await_timer);
        job->await = NULL;
        job->source_fd = fd_close(job->source_fd);
        job->image_fd = fd_close(job->image_fd);
        job->config_fd = fd_close(job->config_fd);
        job->output_fd = fd_close(job->output_fd);
}

static struct job *job_free(struct job *job) {
        if (!job)
                return NULL;
        release(job);
        sd_event_source_unref(job->expiry_timer);
        sd_event_source_unref(job->tell_timer);
        for (size_t i = 0; i < job->n_waiters; i++)
                sd_bus_message_unref(job->waiters[i]);
        for (size_t i = 0; i < job->n_facts; i++) {
                free(job->facts[i].key);
                free(job->facts[i].value);
        }
        free(job->path);
        free(job->device_path);
        free(job->port);
        free(job->phase);
        free(job->message);
        free(job->standing_notice);
        free(job->old_flash);
        free(job->notice_before);
        free(job);
        return NULL;
}
DEFINE_CLEANUP(struct job *, job_free)

static void job_drop(struct job *job) {
        struct job **at = &job->service->jobs;

        while (*at != job)
                at = &(*at)->next;
        job_withdraw(job);
        *at = job->next;
        job_free(job);
}

void jobs_clear(struct service *service) {
        while (service->jobs) {
                struct job *job = service->jobs;

                service->jobs = job->next;
                if (job->device)
                        job->device->job = NULL;
                job_free(job);
        }
}

struct job *job_find_path(const struct service *service, const char *path) {
        for (struct job *job = service->jobs; job; job = job->next)
                if (strcmp(job->path, path) == 0)
                        return job;
        return NULL;
}

size_t jobs_running(const struct service *service) {
        size_t n = 0;

        for (const struct job *job = service->jobs; job; job = job->next)
                if (job->result == JOB_RUNNING)
                        n++;
        return n;
}

static void cut_finished(struct service *service) {
        struct job *oldest = NULL;
        size_t n = 0;

        for (struct job *job = service->jobs; job; job = job->next)
                if (job->result != JOB_RUNNING) {
                        if (!oldest)
                                oldest = job;
                        n++;
                }
        if (n > FINISHED_JOBS_MAX)
                job_drop(oldest);
}

int job_check(const struct service *service, const struct device *device, struct fault *fault) {
        if (service->stopping)
                return fault_set(fault, FWD_BUSY, "The service is stopping");
        if (device->job)
                return fault_set(fault, FWD_BUSY, "Board %s is in use by job %" PRIu32 " (%s, %s)",
                                 device_get(device, DEVICE_PORT), device->job->id,
                                 job_kind_name(device->job->kind),
                                 device->job->phase ? device->job->phase : "beginning");
        if (jobs_running(service) >= SERVICE_JOBS_MAX)
                return fault_set(fault, FWD_LIMIT_EXCEEDED, "%u jobs are running already",
                                 SERVICE_JOBS_MAX);
        return 0;
}

static int on_start(sd_event_source *source, void *userdata) {
        struct job *job = userdata;

        job->start_source = sd_event_source_unref(job->start_source);
        job_run(job);
        return 0;
}

static struct job *job_make(struct service *service, struct device *device, enum job_kind kind,
                            const struct options *options, uid_t uid, int *source_fd) {
        _cleanup_(job_free_p) struct job *job = calloc(1, sizeof(*job));

        if (!job)
                return NULL;
        *job = (struct job){
                .service = service,
                .kind = kind,
                .options = *options,
                .uid = uid,
                .start_time_us = realtime_us(),
                .fault = FAULT_INIT,
                .steps = steps_of(kind, options->dry_run),
                .generation = device->generation,
                .went_firmware = device->mode == MODE_FIRMWARE,
                .source_fd = TAKE_FD(*source_fd),
                .image_fd = -EBADF,
                .config_fd = -EBADF,
                .output_fd = -EBADF,
        };
        if (options->has_output) {
                job->output_fd = fcntl(options->output_fd, F_DUPFD_CLOEXEC, 3);
                if (job->output_fd < 0)
                        return NULL;
        }
        if (kind == JOB_FLASH || kind == JOB_RESTORE || kind == JOB_RECOVER) {
                if (kind == JOB_FLASH)
                        (void) image_fd_check(job->source_fd, job->image_name, NULL);
                job->image_fd = image_fd_new();
                if (job->image_fd < 0)
                        return NULL;
        }
        if (asprintf(&job->path, SERVICE_PATH "/job/%" PRIu32, service->last_job_id + 1) < 0) {
                job->path = NULL;
                return NULL;
        }
        job->device_path = strdup(device->path);
        job->port = strdup(device_get(device, DEVICE_PORT));
        job->phase = strdup("");
        if (!job->device_path || !job->port || !job->phase ||
            sd_event_add_defer(service->event, &job->start_source, on_start, job) < 0)
                return NULL;
        return TAKE_PTR(job);
}

int job_new(struct service *service, struct device *device, enum job_kind kind,
            const struct options *options, uid_t uid, int source_fd, struct job **ret,
            struct fault *fault) {
        _cleanup_close_ int fd = source_fd;
        struct job *job, **at = &service->jobs;
        int r;

        r = job_check(service, device, fault);
        if (r < 0)
                return r;
        job = job_make(service, device, kind, options, uid, &fd);
        if (!job)
                return fault_set(fault, FWD_FAILED, "The job could not be made: out of memory");
        storage_retry(service);
        job->id = ++service->last_job_id;
        while (*at)
                at = &(*at)->next;
        *at = job;
        job->device = device;
        device->job = job;
        device->dirty |= 1U << DEVICE_JOB;
        journal_log(LOG_INFO, job->port, job->id, "Job %" PRIu32 ": %s, for uid %u", job->id,
                    job_kind_name(kind), (unsigned) uid);
        job_write_history(job);
        job_announce(job);
        device_flush(device);
        *ret = job;
        return 0;
}

bool job_is_forced(const struct job *job) {
        return job->options.force;
}

/* The chip erases itself, and nobody can stop it. */
static bool is_unprotecting(const struct job *job) {
        return strcmp(job->phase, "unprotecting") == 0;
}

bool job_is_cancelable(const struct job *job) {
        const struct step *step = job->steps[job->step];

        return job->result == JOB_RUNNING && !(step && step->flags & STEP_NO_CANCEL) &&
               !is_unprotecting(job);
}

int job_cancel(struct job *job, struct fault *fault) {
        if (job->result != JOB_RUNNING)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "Job %" PRIu32 " has ended already (%s).", job->id,
                                 job_result_name(job->result));
        if (is_unprotecting(job))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "Job %" PRIu32 " cannot be cancelled any more: the chip erases "
                                 "itself.",
                                 job->id);
        if (!job_is_cancelable(job))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "Job %" PRIu32 " has done its work, there is nothing to cancel.",
                                 job->id);
        job->cancelling = true;
        if (job->worker) {
                worker_cancel(job->worker);
                return 0;
        }
        job_fault(job, FWD_CANCELLED, "The job was cancelled");
        job_finish(job, JOB_CANCELLED, &job->fault);
        return 0;
}

void jobs_stop(struct service *service) {
        struct job *next;

        for (struct job *job = service->jobs; job; job = next) {
                next = job->next;
                /* A board that is being changed is brought to the end: the stop may be an upgrade
                 * in the background, and half a firmware is nobody's wish. One that only waits for
                 * its board to come back is left to its short wait. */
                if (job->state == BOARD_UNTOUCHED)
                        (void) job_cancel(job, NULL);
        }
}

static int on_expired(sd_event_source *source, uint64_t usec, void *userdata) {
        job_drop(userdata);
        return 0;
}

static enum result_subject subject(enum job_kind kind) {
        switch (kind) {
        case JOB_FLASH:
                return ABOUT_FIRMWARE;
        case JOB_BACKUP:
        case JOB_RESTORE:
        case JOB_DEFAULTS:
                return ABOUT_CONFIG;
        case JOB_RECOVER:
                return ABOUT_LOADER;
        default:
                return ABOUT_BOARD;
        }
}

static void compose_message(struct job *job) {
        const struct result_context context = {
                .port = job->port,
                .name = device_name(job->device),
                .state = job->state,
                .in_bootloader =
                        job->device->mode == MODE_BOOTLOADER && job->fault.error != FWD_DEVICE_LOST,
                .bootloader_was_held = job->bootloader_was_held,
                .profile = job->device->profile,
                .by_hand = job->device->asked_by_hand,
                .other_came = job->other_came,
                .about = subject(job->kind),
                .about_defaults = job->kind == JOB_DEFAULTS || job->options.custom_defaults,
                .backup = job->kind != JOB_BACKUP ? job->backup.id : NULL,
        };

        job->message = result_message(&job->fault, &context);
}

static void tell_fault(struct job *job) {
        char text[32];

        if (job->fault.has_address) {
                (void) snprintf(text, sizeof(text), "0x%08" PRIx64, job->fault.address);
                job_set_fact(job, "Address", text);
        }
        if (job->fault.dfu_state >= 0) {
                (void) snprintf(text, sizeof(text), "%d", job->fault.dfu_state);
                job_set_fact(job, "DfuState", text);
        }
        if (job->fault.dfu_status >= 0) {
                (void) snprintf(text, sizeof(text), "%d", job->fault.dfu_status);
                job_set_fact(job, "DfuStatus", text);
        }
}

void job_finish(struct job *job, enum job_result result, const struct fault *fault) {
        struct service *service = job->service;
        struct device *device = job->device;

        if (job->result != JOB_RUNNING)
                return;
        if (fault)
                job->fault = *fault;
        job_held_end(job);
        release(job);
        if (result != JOB_SUCCESS) {
                compose_message(job);
                tell_fault(job);
                journal_log(result == JOB_CANCELLED ? LOG_NOTICE : LOG_ERR, job->port, job->id,
                            "Job %" PRIu32 " (%s) %s: %s", job->id, job_kind_name(job->kind),
                            job_result_name(result), job->message ? job->message : "");
        } else {
                job_set_phase(job, "done");
                journal_log(LOG_INFO, job->port, job->id, "Job %" PRIu32 " (%s) done, %s", job->id,
                            job_kind_name(job->kind), device_name(device));
        }
        job->result = result;
        job_write_history(job);
        job->device = NULL;
        device->job = NULL;
        job_tell_end(job);
        cut_finished(service);
        (void) sd_event_add_time_relative(service->event, &job->expiry_timer, CLOCK_MONOTONIC,
                                          KEEP_US, 0, on_expired, job);
        device_job_ended(device);
        service_consider_exit(service);
}

void job_fail_wrong_board(struct job *job, const char *serial) {
        const char *uid = device_get(job->device, DEVICE_UNIQUE_ID);

        job->other_came = true;
        job_fault(job, FWD_WRONG_BOARD,
                  "Another board came to port %s: its serial number %s does not belong to the chip "
                  "%s%sthat was there",
                  job->port, serial, uid, *uid ? " " : "");
        job_finish(job, JOB_FAILED, &job->fault);
}
