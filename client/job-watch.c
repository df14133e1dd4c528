/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listening to one job. The matches are sent before the call that makes the job, and the bus keeps
 * the order, so that the first report is heard. The end comes as the answer to Job.Wait; the
 * service's own end as NameOwnerChanged, or as an error of Wait, whichever is first.
 *
 * SIGINT and SIGTERM never end the job: on a terminal SIGINT asks, everywhere else fwctl says which
 * job goes on without it and ends by the signal. */

#include <signal.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-event.h>

#include "base/text.h"
#include "client/job.h"
#include "client/progress.h"
#include "client/question.h"
#include "client/screen.h"

#define TICK_US          200000U /* of the seconds on the bar */
#define TICK_ACCURACY_US 20000U

DEFINE_CLEANUP(sd_event *, sd_event_unref)
#define _cleanup_event_ _cleanup_(sd_event_unref_p)

enum { MATCH_PROGRESS, MATCH_PROPERTIES, MATCH_OWNER, _MATCH_MAX };

struct watch {
        struct client *client;
        sd_event *event;
        sd_bus_slot *matches[_MATCH_MAX];
        sd_bus_slot *wait_slot, *cancel_slot;
        sd_event_source *tick;
        const struct job *job; /* NULL until it is known */
        bool finished;
        struct progress progress;
        struct question question;
        struct outcome outcome;
        struct problem cancel_problem; /* why Cancel was refused */
        char notice[512];
};

static uint64_t now_us(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000U + (uint64_t) ts.tv_nsec / 1000U;
}

static void finish(struct watch *w, enum ending ending) {
        w->outcome.ending = ending;
        w->finished = true;
}

static void say_notice(struct watch *w, const json_t *details) {
        const char *notice = json_text(details, "Notice");
        _cleanup_free_ char *clean = NULL;

        if (!*notice || strncmp(notice, w->notice, sizeof(w->notice) - 1) == 0)
                return;
        clean = screen_clean(notice);
        if (!clean)
                return;
        (void) snprintf(w->notice, sizeof(w->notice), "%s", notice);
        progress_say(&w->progress, clean, now_us());
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct watch *w = userdata;
        const char *job, *device, *phase;
        uint64_t done, total;

        if (sd_bus_message_read(m, "oostt", &job, &device, &phase, &done, &total) < 0 || !w->job ||
            strcmp(job, w->job->path) != 0)
                return 0;
        progress_update(&w->progress, phase, done, total, now_us());
        return 0;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct watch *w = userdata;
        _cleanup_json_ json_t *interface = NULL, *changed = NULL;

        if (!w->job || strcmp(sd_bus_message_get_path(m), w->job->path) != 0)
                return 0;
        if (json_from_message(m, &interface) > 0 && json_from_message(m, &changed) > 0)
                say_notice(w, json_object_get(changed, "Details"));
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct watch *w = userdata;
        const char *name, *before, *after;

        /* A first owner is the service being started by our call. */
        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 || !*before)
                return 0;
        finish(w, ENDING_LOST);
        return 0;
}

static int on_wait(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct watch *w = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *result;

        if (e) {
                (void) problem_from_bus(&w->outcome.problem, e, sd_bus_message_get_errno(m));
                finish(w, w->outcome.problem.exit_code == FWD_EXIT_UNAVAILABLE ? ENDING_LOST
                                                                               : ENDING_KNOWN);
                return 0;
        }
        if (sd_bus_message_read_basic(m, SD_BUS_TYPE_STRING, &result) < 0 ||
            json_from_message(m, &w->outcome.details) <= 0)
                (void) problem_set(&w->outcome.problem, FWD_FAILED,
                                   "The service told the job's end in a way unknown to fwctl.");
        else
                text_sanitize(w->outcome.result, sizeof(w->outcome.result), result);
        finish(w, ENDING_KNOWN);
        return 0;
}

static int on_cancelled(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct watch *w = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        _cleanup_free_ char *text = NULL;

        if (!e)
                return 0;
        (void) problem_from_bus(&w->cancel_problem, e, sd_bus_message_get_errno(m));
        text = text_format("It was not cancelled: %s", w->cancel_problem.message);
        if (text)
                progress_say(&w->progress, text, now_us());
        return 0;
}

static int send_cancel(struct watch *w) {
        _cleanup_message_ sd_bus_message *call = NULL;
        struct problem p = {};
        int r = bus_new_call(w->client, w->job->path, FWD_JOB_INTERFACE, "Cancel", &call, &p);

        if (r != 0)
                return -EIO;
        w->cancel_slot = sd_bus_slot_unref(w->cancel_slot);
        return sd_bus_call_async(w->client->bus, &w->cancel_slot, call, on_cancelled, w,
                                 BUS_NO_TIMEOUT);
}

static void leave(struct watch *w, int signal_number) {
        w->client->raise_signal = signal_number;
        finish(w, ENDING_LEFT);
}

static void on_answer(enum answer answer, void *userdata) {
        struct watch *w = userdata;

        w->progress.paused = false;
        switch (answer) {
        case ANSWER_CONTINUE:
                progress_tick(&w->progress, now_us());
                return;
        case ANSWER_LEAVE:
                leave(w, SIGINT);
                return;
        case ANSWER_CANCEL:
                progress_say(&w->progress, "cancelling at the next safe point", now_us());
                (void) send_cancel(w);
                return;
        }
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        struct watch *w = userdata;

        /* A second Ctrl-C wants out, and leaving harms nothing. */
        if (si->ssi_signo != SIGINT || question_is_open(&w->question) || !question_is_possible()) {
                if (question_is_open(&w->question))
                        fputc('\n', stderr);
                leave(w, (int) si->ssi_signo);
                return 0;
        }
        progress_clear(&w->progress);
        w->progress.paused = true;
        if (question_ask(&w->question, w->event, w->job->id) < 0)
                leave(w, SIGINT);
        return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        struct watch *w = userdata;

        w->progress.columns = screen_columns(STDERR_FILENO);
        progress_tick(&w->progress, now_us());
        (void) sd_event_source_set_time_relative(source, TICK_US);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_matches(struct watch *w) {
        sd_bus *bus = w->client->bus;
        int r = sd_bus_match_signal_async(bus, &w->matches[MATCH_PROGRESS], FWD_BUS_NAME,
                                          FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, "Progress",
                                          on_progress, NULL, w);

        if (r < 0)
                return r;
        r = sd_bus_add_match_async(bus, &w->matches[MATCH_PROPERTIES],
                                   "type='signal',sender='" FWD_BUS_NAME "',"
                                   "interface='org.freedesktop.DBus.Properties',"
                                   "member='PropertiesChanged',path_namespace='" FWD_JOB_PREFIX "'",
                                   on_properties, NULL, w);
        if (r < 0)
                return r;
        return sd_bus_add_match_async(bus, &w->matches[MATCH_OWNER],
                                      "type='signal',sender='org.freedesktop.DBus',"
                                      "path='/org/freedesktop/DBus',"
                                      "interface='org.freedesktop.DBus',"
                                      "member='NameOwnerChanged',arg0='" FWD_BUS_NAME "'",
                                      on_owner, NULL, w);
}

/* An ignored signal (nohup, a shell's background job) stays ignored. */
static int add_signal(struct watch *w, int number) {
        struct sigaction action;
        sigset_t set;

        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
                return 0;
        (void) sigemptyset(&set);
        (void) sigaddset(&set, number);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        return sd_event_add_signal(w->event, NULL, number, on_signal, w);
}

static void setup_progress(struct watch *w) {
        const struct options *o = &w->client->options;

        w->progress.out = stderr;
        w->progress.colored = o->color_err;
        w->progress.columns = screen_columns(STDERR_FILENO);
        if (o->quiet)
                w->progress.style = PROGRESS_NONE;
        else if (screen_is_capable(STDERR_FILENO))
                w->progress.style = PROGRESS_BAR;
        else
                w->progress.style = client_json(w->client) ? PROGRESS_NONE : PROGRESS_LINES;
}

int watch_new(struct client *c, struct watch **ret, struct problem *p) {
        _cleanup_watch_ struct watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return bus_fail(p, -ENOMEM);
        w->client = c;
        w->question = (struct question){.answered = on_answer, .userdata = w};
        r = bus_open(c, p);
        if (r != 0)
                return r;
        r = sd_event_new(&w->event);
        if (r >= 0)
                r = add_matches(w);
        if (r < 0)
                return bus_fail(p, r);
        setup_progress(w);
        progress_start(&w->progress, now_us());
        *ret = TAKE_PTR(w);
        return 0;
}

struct watch *watch_free(struct watch *w) {
        if (!w)
                return NULL;
        for (size_t i = 0; i < _MATCH_MAX; i++)
                sd_bus_slot_unref(w->matches[i]);
        sd_bus_slot_unref(w->wait_slot);
        sd_bus_slot_unref(w->cancel_slot);
        sd_event_source_disable_unref(w->tick);
        question_close(&w->question);
        outcome_clear(&w->outcome);
        if (w->client->bus)
                (void) sd_bus_detach_event(w->client->bus);
        sd_event_unref(w->event);
        free(w);
        return NULL;
}

static int prepare(struct watch *w) {
        int r = add_signal(w, SIGINT);

        if (r >= 0)
                r = add_signal(w, SIGTERM);
        if (r >= 0 && w->progress.style == PROGRESS_BAR)
                r = sd_event_add_time_relative(w->event, &w->tick, CLOCK_MONOTONIC, TICK_US,
                                               TICK_ACCURACY_US, on_tick, w);
        if (r >= 0)
                r = sd_bus_attach_event(w->client->bus, w->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static int send_wait(struct watch *w, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_new_call(w->client, w->job->path, FWD_JOB_INTERFACE, "Wait", &call, p);

        if (r != 0)
                return r;
        r = sd_bus_call_async(w->client->bus, &w->wait_slot, call, on_wait, w, BUS_NO_TIMEOUT);
        return r < 0 ? bus_fail(p, r) : 0;
}

/* A bus that ends lets the service go first, so that its going is heard before the bus's own. */
static bool bus_is_gone(struct watch *w) {
        return sd_bus_call_method(w->client->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", "GetId", NULL, NULL, NULL) < 0;
}

/* What the last report said is all that is known when the service is gone. */
static void tell_lost(struct watch *w) {
        struct problem *p = &w->outcome.problem;
        char last[128] = "";

        if (*w->progress.phase && w->progress.total > 0)
                (void) snprintf(last, sizeof(last), "; its last report was: %s, %.0f %%",
                                progress_phase_text(w->progress.phase),
                                100.0 * (double) w->progress.done / (double) w->progress.total);
        else if (*w->progress.phase)
                (void) snprintf(last, sizeof(last), "; its last report was: %s",
                                progress_phase_text(w->progress.phase));
        if (!w->client->options.direct && bus_is_gone(w)) {
                (void) problem_unavailable(p,
                                           "The bus went away during job %s on %s%s. The service "
                                           "goes on alone if it has begun to change the board, and "
                                           "cancels the job if not.",
                                           w->job->id, w->job->title, last);
                (void) snprintf(p->name, sizeof(p->name), "%s", PROBLEM_SERVICE_LOST);
                (void) problem_advise(p, "journalctl -u fwd tells how the job ended; fwctl show "
                                         "tells of the board when the bus is back.");
                return;
        }
        (void) problem_unavailable(p,
                                   "The service fwd went away during job %s on %s%s. How the job "
                                   "ended is not known.",
                                   w->job->id, w->job->title, last);
        (void) snprintf(p->name, sizeof(p->name), "%s", PROBLEM_SERVICE_LOST);
        (void) problem_advise(p, "See journalctl -u fwd and fwctl show; the board may be partly "
                                 "written, so flash it again before it is used.");
}

/* The error of a job that failed: with its details, or in its properties. */
static void tell_failure(struct watch *w) {
        struct outcome *o = &w->outcome;
        _cleanup_json_ json_t *properties = NULL;
        const json_t *from = o->details;
        struct problem ignored = {};

        if (strcmp(o->result, "success") == 0 || *o->problem.name)
                return;
        if (!*json_text(from, "ErrorName") &&
            bus_get_all(w->client, w->job->path, FWD_JOB_INTERFACE, &properties, &ignored) == 0)
                from = properties;
        if (strcmp(o->result, "cancelled") == 0 && !*json_text(from, "ErrorName"))
                (void) problem_set(&o->problem, FWD_CANCELLED,
                                   "Job %s on %s was cancelled; the board is %s.", w->job->id,
                                   w->job->title,
                                   *json_text(from, "State") ? json_text(from, "State")
                                                             : "in an unknown state");
        else
                (void) problem_from_name(&o->problem, json_text(from, "ErrorName"),
                                         json_text(from, "ErrorMessage"));
        if (w->client->options.direct && o->problem.exit_code == FWD_EXIT_NOT_AUTHORIZED)
                (void) problem_advise(&o->problem,
                                      "With --direct you have your own rights alone: run "
                                      "it with sudo, or use the service.");
}

int watch_run(struct watch *w, const struct job *job, struct outcome *ret, struct problem *p) {
        int r;

        w->job = job;
        (void) snprintf(w->progress.label, sizeof(w->progress.label), "%s", job->port);
        r = prepare(w);
        if (r < 0)
                return bus_fail(p, r);
        r = send_wait(w, p);
        if (r != 0)
                return r;
        /* Not sd_event_loop(): its exit closes the bus, which may have one more question to answer.
         */
        while (!w->finished && r >= 0)
                r = sd_event_run(w->event, UINT64_MAX);
        progress_clear(&w->progress);
        if (question_is_open(&w->question))
                fputc('\n', stderr);
        if (r < 0)
                return bus_fail(p, r);
        w->outcome.bytes = w->progress.written;
        w->outcome.seconds = (double) (now_us() - w->progress.start_us) / 1000000.0;
        if (w->outcome.ending == ENDING_LOST)
                tell_lost(w);
        else if (w->outcome.ending == ENDING_KNOWN)
                tell_failure(w);
        w->outcome.notice_told = w->notice[0] && strncmp(json_text(w->outcome.details, "Notice"),
                                                         w->notice, sizeof(w->notice) - 1) == 0;
        *ret = w->outcome;
        w->outcome = (struct outcome){};
        return 0;
}
