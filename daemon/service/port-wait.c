/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/port-wait.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "service/modem-manager.h"

#define FIRST_TRY_MS    250U
#define LAST_TRY_MS     2000U
#define TRY_ACCURACY_US (10U * 1000)

struct port_wait {
        struct port_wait *next;
        struct service *service;
        const struct port_wait_handlers *handlers;
        void *userdata;
        char *tty;
        enum modem_rule rule;
        enum modem_presence presence;
        bool active;
        bool hurry;                 /* no pause before the next try */
        uint64_t begin_ms, next_ms; /* CLOCK_MONOTONIC; the pause before the next try */
        sd_event_source *timer;
        struct modem_question *question;
        struct modem_inhibition *inhibition;
};

static uint64_t now_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct port_wait *wait = userdata;

        wait->timer = sd_event_source_unref(wait->timer);
        wait->handlers->retry(wait->userdata);
        return 0;
}

/* From the event loop: a retry may end the job, and with it what is being walked through here. */
static void retry_now(struct port_wait *wait) {
        if (wait->timer)
                (void) sd_event_source_set_time_relative(wait->timer, 0);
        else
                wait->hurry = true; /* a try is running, and may have come too early */
}

void port_waits_retry(struct service *service) {
        for (struct port_wait *wait = service->port_waits; wait; wait = wait->next) {
                wait->presence = MODEM_MANAGER_ABSENT;
                wait->inhibition = modem_inhibition_free(wait->inhibition);
                retry_now(wait);
        }
}

static void on_inhibited(void *userdata, int r) {
        struct port_wait *wait = userdata;

        if (r >= 0)
                retry_now(wait);
}

static void on_answer(void *userdata, enum modem_presence presence, const char *device) {
        struct port_wait *wait = userdata;
        bool news = wait->presence != presence;

        wait->presence = presence;
        if (presence == MODEM_MANAGER_OWNS && wait->handlers->may_inhibit && !wait->inhibition &&
            modem_inhibit(wait->service, device, on_inhibited, wait, &wait->inhibition) < 0)
                log_warning("ModemManager could not be asked to let go of %s", wait->tty);
        wait->question = modem_question_free(wait->question);
        if (news && wait->active)
                wait->handlers->told(wait->userdata);
}

struct port_wait *port_wait_free(struct port_wait *wait) {
        struct port_wait **at;

        if (!wait)
                return NULL;
        for (at = &wait->service->port_waits; *at; at = &(*at)->next)
                if (*at == wait) {
                        *at = wait->next;
                        break;
                }
        port_wait_end(wait);
        modem_inhibition_free(wait->inhibition);
        free(wait->tty);
        free(wait);
        return NULL;
}
DEFINE_CLEANUP(struct port_wait *, port_wait_free)

void port_wait_end(struct port_wait *wait) {
        wait->active = false;
        wait->timer = sd_event_source_unref(wait->timer);
        wait->question = modem_question_free(wait->question);
}

static int begin(struct port_wait *wait, const char *tty) {
        char *copy = strdup(tty);

        if (!copy)
                return -ENOMEM;
        free(wait->tty);
        wait->tty = copy;
        wait->active = true;
        wait->hurry = false;
        wait->begin_ms = now_ms();
        wait->next_ms = FIRST_TRY_MS;
        return 0;
}

static int make(struct service *service, struct port_wait **ret) {
        struct port_wait *wait = calloc(1, sizeof(*wait));

        if (!wait)
                return -ENOMEM;
        wait->service = service;
        wait->next = service->port_waits;
        service->port_waits = wait;
        *ret = wait;
        return 0;
}

static int schedule(struct port_wait *wait) {
        uint64_t limit_ms = wait->service->settings.port_wait_ms, past_ms, pause_ms = wait->next_ms;

        past_ms = port_wait_elapsed_ms(wait);
        if (past_ms >= limit_ms)
                return -ETIMEDOUT;
        if (pause_ms > limit_ms - past_ms)
                pause_ms = limit_ms - past_ms;
        if (wait->hurry)
                pause_ms = 0;
        wait->hurry = false;
        wait->timer = sd_event_source_unref(wait->timer);
        wait->next_ms = wait->next_ms * 2 > LAST_TRY_MS ? LAST_TRY_MS : wait->next_ms * 2;
        return sd_event_add_time_relative(wait->service->event, &wait->timer, CLOCK_MONOTONIC,
                                          pause_ms * 1000, TRY_ACCURACY_US, on_timer, wait);
}

int port_wait_again(struct service *service, struct port_wait **wait, const char *tty,
                    enum modem_rule rule, const struct port_wait_handlers *handlers,
                    void *userdata) {
        int r = 0;

        if (!*wait)
                r = make(service, wait);
        if (r >= 0 && !(*wait)->active)
                r = begin(*wait, tty);
        if (r < 0)
                return r;
        (*wait)->handlers = handlers;
        (*wait)->userdata = userdata;
        (*wait)->rule = rule;
        r = schedule(*wait);
        if (r < 0)
                return r;
        if (service->machine_bus && !(*wait)->question &&
            modem_ask(service, tty, on_answer, *wait, &(*wait)->question) < 0)
                log_warning("ModemManager could not be asked about %s", tty);
        return 0;
}

bool port_wait_is_active(const struct port_wait *wait) {
        return wait && wait->active;
}

uint64_t port_wait_elapsed_ms(const struct port_wait *wait) {
        return now_ms() - wait->begin_ms;
}

char *port_wait_who(const struct port_wait *wait) {
        const char *who = "Another program";

        if (wait->presence == MODEM_MANAGER_OWNS ||
            (wait->presence == MODEM_MANAGER_RUNS && wait->rule == MODEM_RULE_PROCESS))
                who = "ModemManager";
        else if (wait->presence == MODEM_MANAGER_RUNS && wait->rule == MODEM_RULE_NONE)
                who = "Another program, probably ModemManager,";
        return text_format("%s has %s open", who, wait->tty);
}
