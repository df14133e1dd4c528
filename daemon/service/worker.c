/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/worker.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/text.h"
#include "service/journal.h"

/* How long a worker may take to tell of an unplug by itself. A transfer to a device that is gone
 * ends with ENODEV at once; one that the kernel still holds would keep the job alive. */
#define UNPLUG_GRACE_MS  500U

#define REPORTS_A_WAKEUP 64U /* so that a talkative worker leaves time for the others */
#define LOG_LINE_SIZE    1024U

/* Reports are read before the log, and both before the child's end is looked at. */
enum {
        PRIORITY_REPORT = SD_EVENT_PRIORITY_NORMAL - 20,
        PRIORITY_LOG = SD_EVENT_PRIORITY_NORMAL - 15,
        PRIORITY_CHILD = SD_EVENT_PRIORITY_NORMAL - 10
};

enum stop_reason { STOP_NONE, STOP_CANCEL, STOP_GRACE_OVER, STOP_SILENT, STOP_LOST, STOP_NONSENSE };

struct worker {
        struct service *service;
        const struct worker_handlers *handlers;
        void *userdata;
        unsigned job;
        char *port;
        pid_t pid;
        int report_fd, log_fd;
        sd_event_source *report_source, *log_source, *child_source;
        sd_event_source *silence_timer, *stop_timer;
        enum stop_reason stop;
        bool has_result;
        struct worker_outcome outcome; /* as far as it is known */
        char line[LOG_LINE_SIZE];
        size_t line_used;
};

static void worker_kill(struct worker *worker, int signal) {
        (void) sd_event_source_send_child_signal(worker->child_source, signal, NULL, 0);
}

static void log_emit(struct worker *worker) {
        char *text = worker->line, clean[LOG_LINE_SIZE];
        int priority = LOG_INFO;

        worker->line[worker->line_used] = '\0';
        worker->line_used = 0;
        if (text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
                priority = text[1] - '0';
                text += 3;
        }
        text_sanitize(clean, sizeof(clean), text);
        if (*clean)
                journal_log(priority, worker->port, worker->job, "%s", clean);
}

/* Returns the bytes read; 0 at the end or when there is nothing. */
static size_t log_read(struct worker *worker) {
        char buffer[2048];
        ssize_t n = read(worker->log_fd, buffer, sizeof(buffer));

        for (ssize_t i = 0; i < n; i++) {
                if (buffer[i] != '\n' && buffer[i] != '\0')
                        worker->line[worker->line_used++] = buffer[i];
                if (buffer[i] == '\n' || worker->line_used == sizeof(worker->line) - 1)
                        log_emit(worker);
        }
        if (n == 0 && worker->line_used > 0)
                log_emit(worker);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                worker->log_source = sd_event_source_unref(worker->log_source);
        return n > 0 ? (size_t) n : 0;
}

static int on_log(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        (void) log_read(userdata);
        return 0;
}

static void take_result(struct worker *worker, const struct report *report, const char *result) {
        struct fault *fault = &worker->outcome.fault;
        const char *message = report_get(report, "MESSAGE");
        enum fwd_error error = fwd_error_from_name(report_get(report, "ERROR"));
        uint64_t value;

        worker->has_result = true;
        if (strcmp(result, "success") == 0)
                return;
        if (strcmp(result, "cancelled") == 0)
                error = FWD_CANCELLED;
        if (error == FWD_OK)
                error = FWD_FAILED;
        fault_set(fault, error, "%s",
                  message                  ? message
                  : error == FWD_CANCELLED ? "The job was cancelled"
                                           : "The worker failed without saying why");
        if (report_get_u64(report, "ADDRESS", &value) == 0) {
                fault->has_address = true;
                fault->address = value;
        }
        if (report_get_u64(report, "DFU_STATE", &value) == 0 && value <= UINT8_MAX)
                fault->dfu_state = (int) value;
        if (report_get_u64(report, "DFU_STATUS", &value) == 0 && value <= UINT8_MAX)
                fault->dfu_status = (int) value;
}

static void take_report(struct worker *worker, const struct report *report) {
        const char *result = report_get(report, "RESULT");
        int state = board_state_from_name(report_get(report, "STATE"));

        if (worker->has_result)
                return;
        /* The state only moves forward: what was erased stays erased. */
        if (state > (int) worker->outcome.state)
                worker->outcome.state = (enum board_state) state;
        worker->handlers->report(worker->userdata, report);
        if (result)
                take_result(worker, report, result);
}

/* 1 if a report was taken, 0 if there is none now or ever. */
static int report_read(struct worker *worker) {
        struct report report;
        int r = report_receive(&report, worker->report_fd);

        if (r == 1) {
                take_report(worker, &report);
                return 1;
        }
        if (r == -EAGAIN || r == -EINTR)
                return 0;
        worker->report_source = sd_event_source_unref(worker->report_source);
        if (r == -EBADMSG && !worker->has_result) {
                worker->stop = STOP_NONSENSE;
                worker_kill(worker, SIGKILL);
        }
        return 0;
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct worker *worker = userdata;

        for (unsigned i = 0; i < REPORTS_A_WAKEUP && worker->report_source; i++)
                if (report_read(worker) == 0)
                        break;
        if (worker->silence_timer) {
                (void) sd_event_source_set_time_relative(
                        worker->silence_timer, worker->service->settings.worker_timeout_ms * 1000);
                (void) sd_event_source_set_enabled(worker->silence_timer, SD_EVENT_ONESHOT);
        }
        return 0;
}

/* The worker ended without a result, or against it: what that means. */
static void judge_death(struct worker *worker, const siginfo_t *si) {
        struct fault *fault = &worker->outcome.fault;

        switch (worker->stop) {
        case STOP_CANCEL:
                if (si->si_code == CLD_KILLED && si->si_status == SIGTERM)
                        fault_set(fault, FWD_CANCELLED, "The job was cancelled");
                break;
        case STOP_GRACE_OVER:
                fault_set(fault, FWD_INTERRUPTED,
                          "The worker did not stop within %" PRIu64
                          " s of the cancel and was killed",
                          worker->service->settings.cancel_grace_ms / 1000);
                break;
        case STOP_SILENT:
                fault_set(fault, FWD_INTERRUPTED,
                          "The worker said nothing for %" PRIu64 " s and was killed",
                          worker->service->settings.worker_timeout_ms / 1000);
                break;
        case STOP_LOST:
                fault_set(fault, FWD_DEVICE_LOST, "The board was unplugged");
                break;
        case STOP_NONSENSE:
                fault_set(fault, FWD_INTERRUPTED, "The worker sent a broken report and was killed");
                break;
        default:
                break;
        }
        if (si->si_code != CLD_EXITED)
                fault_set(fault, FWD_INTERRUPTED, "The worker died by signal %d (%s)",
                          si->si_status, strsignal(si->si_status));
        else
                fault_set(fault, FWD_INTERRUPTED,
                          "The worker ended with status %d and without a proper result",
                          si->si_status);
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        struct worker *worker = userdata;
        bool ended_well = si->si_code == CLD_EXITED && si->si_status == 0;
        struct worker_outcome outcome;

        while (worker->report_source && report_read(worker) > 0)
                ;
        while (worker->log_source && log_read(worker) > 0)
                ;
        if (worker->line_used > 0)
                log_emit(worker);
        if (!worker->has_result || (worker->outcome.fault.error == FWD_OK && !ended_well))
                judge_death(worker, si);
        outcome = worker->outcome;
        worker->handlers->done(worker->userdata, &outcome); /* which frees the worker */
        return 0;
}

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata) {
        struct worker *worker = userdata;

        worker->stop = STOP_SILENT;
        worker_kill(worker, SIGKILL);
        return 0;
}

static int on_stop(sd_event_source *source, uint64_t usec, void *userdata) {
        struct worker *worker = userdata;

        if (worker->stop == STOP_CANCEL)
                worker->stop = STOP_GRACE_OVER;
        worker_kill(worker, SIGKILL);
        return 0;
}

static void stop_after(struct worker *worker, uint64_t ms) {
        worker->stop_timer = sd_event_source_unref(worker->stop_timer);
        if (sd_event_add_time_relative(worker->service->event, &worker->stop_timer, CLOCK_MONOTONIC,
                                       ms * 1000, 10 * 1000, on_stop, worker) < 0)
                worker_kill(worker, SIGKILL);
}

void worker_cancel(struct worker *worker) {
        if (worker->stop != STOP_NONE)
                return;
        worker->stop = STOP_CANCEL;
        worker_kill(worker, SIGTERM);
        stop_after(worker, worker->service->settings.cancel_grace_ms);
}

void worker_lost(struct worker *worker) {
        if (worker->stop != STOP_NONE && worker->stop != STOP_CANCEL)
                return;
        worker->stop = STOP_LOST;
        stop_after(worker, UNPLUG_GRACE_MS);
}

struct worker *worker_free(struct worker *worker) {
        if (!worker)
                return NULL;
        sd_event_source_unref(worker->report_source);
        sd_event_source_unref(worker->log_source);
        sd_event_source_unref(worker->silence_timer);
        sd_event_source_unref(worker->stop_timer);
        sd_event_source_unref(worker->child_source); /* kills and reaps, if it still runs */
        fd_close(worker->report_fd);
        fd_close(worker->log_fd);
        free(worker->port);
        free(worker);
        return NULL;
}
DEFINE_CLEANUP(struct worker *, worker_free)

static int add_sources(struct worker *worker) {
        sd_event *event = worker->service->event;
        int r;

        r = sd_event_add_child(event, &worker->child_source, worker->pid, WEXITED, on_child,
                               worker);
        if (r < 0) {
                (void) kill(worker->pid, SIGKILL);
                (void) waitpid(worker->pid, NULL, 0);
                return r;
        }
        (void) sd_event_source_set_child_process_own(worker->child_source, true);
        (void) sd_event_source_set_priority(worker->child_source, PRIORITY_CHILD);
        r = sd_event_add_io(event, &worker->report_source, worker->report_fd, EPOLLIN, on_report,
                            worker);
        if (r < 0)
                return r;
        (void) sd_event_source_set_priority(worker->report_source, PRIORITY_REPORT);
        r = sd_event_add_io(event, &worker->log_source, worker->log_fd, EPOLLIN, on_log, worker);
        if (r < 0)
                return r;
        (void) sd_event_source_set_priority(worker->log_source, PRIORITY_LOG);
        return sd_event_add_time_relative(event, &worker->silence_timer, CLOCK_MONOTONIC,
                                          worker->service->settings.worker_timeout_ms * 1000, 0,
                                          on_silence, worker);
}

int worker_start(struct service *service, const struct worker_request *request,
                 const struct worker_handlers *handlers, void *userdata, struct worker **ret) {
        _cleanup_(worker_free_p) struct worker *worker = calloc(1, sizeof(*worker));
        int r;

        if (!worker)
                return -ENOMEM;
        *worker = (struct worker){
                .service = service,
                .handlers = handlers,
                .userdata = userdata,
                .job = request->job,
                .report_fd = -EBADF,
                .log_fd = -EBADF,
                .outcome.fault = FAULT_INIT,
        };
        if (request->port) {
                worker->port = strdup(request->port);
                if (!worker->port)
                        return -ENOMEM;
        }
        r = worker_exec(service->settings.worker, request, &worker->pid, &worker->report_fd,
                        &worker->log_fd);
        if (r < 0)
                return r;
        r = add_sources(worker);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(worker);
        return 0;
}
