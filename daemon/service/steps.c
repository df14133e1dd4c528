/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/steps.h"

#include <stdarg.h>
#include <string.h>

#include "service/device.h"
#include "service/udev.h"

int job_fault(struct job *job, enum fwd_error error, const char *format, ...) {
        char message[sizeof(job->fault.message)];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        return fault_set(&job->fault, error, "%s", message);
}

static const struct step *present(const struct job *job) {
        return job->steps[job->step];
}

static bool board_is_gone(const struct job *job) {
        return job->lost || job->device->mode == MODE_AWAY ||
               job->device->generation != job->generation;
}

/* What was refused or cancelled before anything was erased leaves the board as it was found:
 * running, unless it was asked to stay in its bootloader. */
static bool is_to_restore(const struct job *job) {
        return job->kind != JOB_REBOOT && !job->restoring && job->went_firmware &&
               job->options.leave && job->state == BOARD_UNTOUCHED &&
               job->device->mode == MODE_BOOTLOADER && !board_is_gone(job);
}

static void restore(struct job *job) {
        job->restoring = true;
        job->detour_from = NULL;
        job->cause = job->fault;
        job->fault = (struct fault) FAULT_INIT;
        job->cancelling = false;
        job->await = NULL;
        job->await_timer = sd_event_source_unref(job->await_timer);
        job->steps = restore_steps;
        job->step = 0;
        job_run(job);
}

/* Ends the job by job->fault, or by what was its cause. */
static void fail(struct job *job) {
        if (is_to_restore(job)) {
                restore(job);
                return;
        }
        if (job->restoring)
                job->fault = job->cause;
        job_finish(job, job->fault.error == FWD_CANCELLED ? JOB_CANCELLED : JOB_FAILED,
                   &job->fault);
}

/* Between two steps: is there a reason not to begin the next? */
static bool may_go_on(struct job *job) {
        const struct step *step = present(job);

        if (job->cancelling && !(step->flags & STEP_NO_CANCEL)) {
                job_fault(job, FWD_CANCELLED, "The job was cancelled");
                return false;
        }
        if (!(step->flags & STEP_MAY_VANISH) && board_is_gone(job)) {
                job_fault(job, FWD_DEVICE_LOST, "The board was unplugged");
                return false;
        }
        return true;
}

void job_detour(struct job *job, const struct step *const *steps) {
        if (!job->detour_from) {
                job->detour_from = job->steps;
                job->detour_step = job->step;
        }
        job->steps = steps;
        job->step = 0;
        job_run(job);
}

void job_go_back(struct job *job, const struct step *step) {
        size_t i = 0;

        while (job->steps[i] && job->steps[i] != step)
                i++;
        if (job->steps[i])
                job->step = i - 1; /* next_step() is next; of the first one this wraps, and back */
}

/* Back to the step that a detour began in. */
static void detour_end(struct job *job) {
        job->steps = job->detour_from;
        job->step = job->detour_step;
        job->detour_from = NULL;
        job_run(job);
}

void job_run(struct job *job) {
        for (; present(job); job->step++) {
                const struct step *step = present(job);
                int r;

                if (step->needed && !step->needed(job))
                        continue;
                if (!may_go_on(job)) {
                        fail(job);
                        return;
                }
                if (job->held_step != job->step)
                        job_held_end(job);
                if (step->phase && !job_is_held(job))
                        job_set_phase(job, step->phase);
                job_tell(job, 1U << JOB_P_CANCELABLE);
                r = step->start(job);
                if (r < 0 && job->fault.error == FWD_DEVICE_LOST && job_is_held(job) &&
                    job_follow(job))
                        return;
                if (r < 0) {
                        fail(job);
                        return;
                }
                if (r == STEP_STARTED)
                        return;
        }
        if (job->detour_from)
                detour_end(job);
        else if (job->restoring)
                fail(job);
        else
                job_finish(job, JOB_SUCCESS, NULL);
}

static void next_step(struct job *job) {
        job->await = NULL;
        job->await_timer = sd_event_source_unref(job->await_timer);
        job->step++;
        job_run(job);
}

/* Worker steps */

/* Who the board is, whichever worker asks it. */
static bool is_identity(const char *key) {
        static const char *const keys[] = {
                "Variant", "FirmwareVersion", "ApiVersion", "BoardName",      "Manufacturer",
                "Mcu",     "UniqueId",        "DfuSerials", "CustomDefaults", "ConfigState"};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (strcmp(keys[i], key) == 0)
                        return true;
        return false;
}

static void take_fact(struct job *job, const char *key, const char *value) {
        const char *prefix = present(job)->fact_prefix;
        char name[128];

        if (strcmp(key, "MoreWays") == 0) {
                job->more_ways = strcmp(value, "yes") == 0;
                return;
        }
        if (strcmp(key, "Rebooting") == 0) {
                job->resets = strcmp(value, "yes") == 0;
                return;
        }
        (void) snprintf(name, sizeof(name), "%s%s", prefix && !is_identity(key) ? prefix : "", key);
        job_set_fact(job, name, value);
}

static void take_facts(struct job *job, const struct report *report) {
        for (size_t i = 0; i < report->n; i++) {
                const char *key = report->lines[i].key;

                if (strncmp(key, "X.", 2) == 0 && key[2])
                        take_fact(job, key + 2, report->lines[i].value);
        }
}

static void on_report(void *userdata, const struct report *report) {
        struct job *job = userdata;
        const char *phase = report_get(report, "PHASE"), *notice = report_get(report, "NOTICE");
        int state = board_state_from_name(report_get(report, "STATE"));
        uint64_t done, total;

        if (phase) {
                job_held_end(job);
                if (!(present(job)->flags & STEP_OWN_PHASE))
                        job_set_phase(job, phase);
        }
        /* A configuration is counted in lines, and BytesDone is not. */
        if (!present(job)->fact_prefix && report_get_u64(report, "DONE", &done) == 0 &&
            report_get_u64(report, "TOTAL", &total) == 0)
                job_set_progress(job, done, total);
        if (state >= 0)
                job_set_state(job, (enum board_state) state);
        if (notice)
                job_add_notice(job, notice);
        take_facts(job, report);
        /* What an image says of itself is not what the board is. */
        if (!(present(job)->flags & STEP_ABOUT_IMAGE))
                device_learn(job->device, report);
}

int step_port_gone(struct job *job) {
        _cleanup_free_ char *text = NULL;

        udev_look_at_driver(job->service, job->port);
        text = port_driver_text(job->device);
        return job_fault(job, port_driver_is_held(job->device) ? FWD_PORT_HELD : FWD_DEVICE_LOST,
                         "%s", text ? text : "The board's serial port went away");
}

/* The worker's port has gone, and the board has not: who took it? What leaves the bus has lost the
 * kernel's driver too, but nobody has claimed it. */
static void name_claim(struct job *job, struct fault *fault) {
        if (!job->worker_has_tty || fault->error != FWD_DEVICE_LOST || board_is_gone(job))
                return;
        udev_look_at_driver(job->service, job->port);
        if (job->device->port_driver.state != PORT_DRIVER_CLAIMED)
                return;
        (void) step_port_gone(job);
        *fault = job->fault;
        job->fault = (struct fault) FAULT_INIT;
}

static void on_done(void *userdata, const struct worker_outcome *said) {
        struct job *job = userdata;
        const struct step *step = present(job);
        struct worker_outcome outcome = *said;
        int r;

        job->worker = worker_free(job->worker);
        job_set_state(job, outcome.state);
        if ((job->lost || outcome.fault.error == FWD_DEVICE_LOST) && job_is_held(job) &&
            job_follow(job))
                return;
        if (job_held_again(job, &outcome))
                return;
        job->never_open = job_is_held(job);
        name_claim(job, &outcome.fault);
        job_held_end(job);
        if (step->finish)
                r = step->finish(job, &outcome);
        else {
                r = outcome.fault.error == FWD_OK ? 0 : -EIO;
                if (r < 0)
                        job->fault = outcome.fault;
        }
        if (r < 0)
                fail(job);
        else
                next_step(job);
}

struct worker_request step_request(const struct job *job, const char *operation) {
        struct worker_request request = WORKER_REQUEST_INIT;

        request.operation = operation;
        request.port = job->port;
        request.job = job->id;
        request.board = device_get(job->device, DEVICE_BOARD);
        return request;
}

int step_start_worker(struct job *job, const struct worker_request *request) {
        static const struct worker_handlers handlers = {on_report, on_done};
        int r = worker_start(job->service, request, &handlers, job, &job->worker);

        job->worker_has_tty = request->tty != NULL;
        job->worker_has_hidraw = request->hidraw != NULL;
        if (r < 0)
                return job_fault(job, FWD_FAILED, "The worker could not be started: %s",
                                 strerror(-r));
        return STEP_STARTED;
}

/* Waits */

/* Acts on what a check or a timer said. */
static void await_judge(struct job *job, int r) {
        if (r < 0)
                fail(job);
        else if (r > 0)
                next_step(job);
}

static int on_second(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;

        await_judge(job, job->await->second(job));
        return 0;
}

static int on_first(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;
        int r = job->await->first(job);

        if (r != 0) {
                await_judge(job, r);
                return 0;
        }
        job->hinted = true;
        job->await_timer = sd_event_source_unref(job->await_timer);
        r = sd_event_add_time_relative(job->service->event, &job->await_timer, CLOCK_MONOTONIC,
                                       job->service->settings.await_second_ms * 1000, 0, on_second,
                                       job);
        if (r < 0) {
                job_fault(job, FWD_FAILED, "No timer: %s", strerror(-r));
                fail(job);
        }
        return 0;
}

int step_start_await(struct job *job, const struct await *await) {
        uint64_t first_ms = job->service->settings.await_first_ms;
        int r = await->check(job);

        if (r < 0)
                return r;
        if (r > 0)
                return STEP_DONE;
        job->await = await;
        job->hinted = false;
        if (await->timeless)
                return STEP_STARTED;
        if (await->first_ms > 0 && await->first_ms < first_ms)
                first_ms = await->first_ms;
        r = sd_event_add_time_relative(job->service->event, &job->await_timer, CLOCK_MONOTONIC,
                                       first_ms * 1000, 0, on_first, job);
        if (r < 0)
                return job_fault(job, FWD_FAILED, "No timer: %s", strerror(-r));
        return STEP_STARTED;
}

/* The flash worker's last act is to send the board off. */
static bool may_vanish(const struct job *job) {
        return present(job)->flags & STEP_MAY_VANISH || strcmp(job->phase, "leaving") == 0;
}

void job_device_changed(struct job *job) {
        if (job->result != JOB_RUNNING || job->start_source)
                return;
        if (!job->worker && board_is_gone(job) && job_follow(job))
                return;
        if (job_is_held(job) && !job->worker && present(job)->flags & STEP_NO_CANCEL) {
                if (board_is_gone(job))
                        job_run(job); /* nothing to ask any more */
                return;
        }
        if ((!may_vanish(job) || job_is_held(job)) && board_is_gone(job)) {
                job->lost = true;
                if (job->worker) {
                        worker_lost(job->worker);
                        return;
                }
                job_fault(job, FWD_DEVICE_LOST, "The board was unplugged");
                fail(job);
                return;
        }
        if (job->await)
                await_judge(job, job->await->check(job));
}
