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
#define FWUPD           "org.freedesktop.fwupd"
#define FWUPD_IDLE      1U /* FwupdStatus: none of its devices is being worked on */

struct port_wait {
        struct port_wait *next;
        struct service *service;
        const struct port_wait_handlers *handlers;
        void *userdata;
        char *port, *node;
        bool is_usb; /* a bootloader's USB node, no serial port */
        enum modem_rule rule;
        enum modem_presence presence;
        bool fwupd_suspect;
        bool active;
        bool asking;                /* port_wait_ask() */
        bool hurry;                 /* no pause before the next try */
        uint64_t begin_ms, next_ms; /* CLOCK_MONOTONIC; the pause before the next try */
        sd_event_source *timer;
        struct modem_question *question;
        struct modem_inhibition *inhibition;
        sd_bus_slot *fwupd_question;
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static uint64_t now_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void settle(struct port_wait *wait) {
        if (!wait->asking)
                return;
        wait->asking = false;
        wait->handlers->settled(wait->userdata);
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
                if (!wait->asking && !wait->is_usb)
                        retry_now(wait);
                else if (wait->asking && !wait->timer)
                        (void) sd_event_add_time_relative(service->event, &wait->timer,
                                                          CLOCK_MONOTONIC, 0, 0, on_timer, wait);
        }
}

static void on_inhibited(void *userdata, int r) {
        struct port_wait *wait = userdata;

        if (r >= 0)
                log_info("ModemManager, which takes board %s for a modem, is kept off it",
                         wait->port);
        if (r >= 0 && wait->active)
                retry_now(wait);
        settle(wait);
}

static void on_answer(void *userdata, enum modem_presence presence, const char *device) {
        struct port_wait *wait = userdata;
        bool news = wait->presence != presence, begun = false;

        wait->presence = presence;
        if (presence >= MODEM_MANAGER_BESIDE && wait->handlers->may_inhibit && !wait->inhibition)
                begun = modem_inhibit(wait->service, device, on_inhibited, wait,
                                      &wait->inhibition) >= 0;
        if (presence >= MODEM_MANAGER_BESIDE && wait->handlers->may_inhibit && !wait->inhibition)
                log_warning("ModemManager could not be asked to let go of board %s", wait->port);
        wait->question = modem_question_free(wait->question);
        if (news && wait->active)
                wait->handlers->told(wait->userdata);
        if (!begun)
                settle(wait);
}

static void suspect_fwupd(struct port_wait *wait, bool suspect) {
        bool news = suspect != wait->fwupd_suspect;

        wait->fwupd_suspect = suspect;
        if (news && wait->active)
                wait->handlers->told(wait->userdata);
}

static bool is_absent(sd_bus_message *reply) {
        return sd_bus_message_is_method_error(reply, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

static int on_fwupd(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct port_wait *wait = userdata;
        uint32_t status = 0;

        wait->fwupd_question = sd_bus_slot_unref(wait->fwupd_question);
        if (!sd_bus_message_is_method_error(reply, NULL))
                (void) sd_bus_message_read(reply, "v", "u", &status);
        suspect_fwupd(wait, !is_absent(reply) && status != FWUPD_IDLE);
        return 0;
}

/* fwupd opens every DFU device that comes, to see what it is, and those that it updates. It has no
 * word for which; but it says when it is idle, and answers nothing while it speaks to a device. */
static int ask_for_fwupd(struct port_wait *wait) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r;

        if (wait->fwupd_question) {
                suspect_fwupd(wait, true);
                return 0;
        }
        r = sd_bus_message_new_method_call(wait->service->machine_bus, &call, FWUPD, "/",
                                           "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", FWUPD, "Status");
        return r < 0 ? r
                     : sd_bus_call_async(wait->service->machine_bus, &wait->fwupd_question, call,
                                         on_fwupd, wait, 0);
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

/* fwupd closes a board and opens it again in the middle of an update: who came in between would
 * spoil it. So it is left in peace until it says that it is idle, or for the time of the wait. */
static bool is_fwupds(const struct port_wait *wait) {
        return wait->is_usb && (wait->fwupd_suspect || wait->fwupd_question);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct port_wait *wait = userdata;

        wait->timer = sd_event_source_unref(wait->timer);
        if (wait->asking)
                settle(wait);
        else if (!is_fwupds(wait) || schedule(wait) < 0)
                wait->handlers->retry(wait->userdata);
        else
                (void) ask_for_fwupd(wait);
        return 0;
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
        free(wait->port);
        free(wait->node);
        free(wait);
        return NULL;
}
DEFINE_CLEANUP(struct port_wait *, port_wait_free)

void port_wait_end(struct port_wait *wait) {
        wait->active = false;
        wait->timer = sd_event_source_unref(wait->timer);
        wait->question = modem_question_free(wait->question);
        wait->fwupd_question = sd_bus_slot_unref(wait->fwupd_question);
        wait->asking = false;
}

static int set_text(char **to, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

static int set_names(struct port_wait *wait, const struct port_wait_for *what) {
        int r = set_text(&wait->port, what->port);

        return r < 0 ? r : set_text(&wait->node, what->node);
}

static void begin(struct port_wait *wait) {
        wait->active = true;
        wait->hurry = false;
        wait->begin_ms = now_ms();
        wait->next_ms = FIRST_TRY_MS;
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

static int ask(struct port_wait *wait) {
        if (wait->is_usb)
                return ask_for_fwupd(wait);
        return wait->question ? 0
                              : modem_ask(wait->service, wait->node, wait->port, on_answer, wait,
                                          &wait->question);
}

/* Makes it, if there is none yet, and sets what it is for. */
static int prepare(struct service *service, struct port_wait **wait,
                   const struct port_wait_for *what, const struct port_wait_handlers *handlers,
                   void *userdata) {
        int r = *wait ? 0 : make(service, wait);

        if (r >= 0)
                r = set_names(*wait, what);
        if (r < 0)
                return r;
        (*wait)->handlers = handlers;
        (*wait)->userdata = userdata;
        (*wait)->is_usb = what->is_usb;
        (*wait)->rule = what->rule;
        return 0;
}

int port_wait_again(struct service *service, struct port_wait **wait,
                    const struct port_wait_for *what, const struct port_wait_handlers *handlers,
                    void *userdata) {
        int r = prepare(service, wait, what, handlers, userdata);

        if (r < 0)
                return r;
        if (!(*wait)->active)
                begin(*wait);
        r = schedule(*wait);
        if (r < 0)
                return r;
        if (service->machine_bus && ask(*wait) < 0)
                log_warning("Nobody could be asked about %s", what->node);
        return 0;
}

int port_wait_ask(struct service *service, struct port_wait **wait,
                  const struct port_wait_for *what, const struct port_wait_handlers *handlers,
                  void *userdata) {
        int r = prepare(service, wait, what, handlers, userdata);

        if (r < 0)
                return r;
        r = ask(*wait);
        (*wait)->asking = r >= 0;
        return r;
}

bool port_wait_is_asking(const struct port_wait *wait) {
        return wait && wait->asking;
}

bool port_wait_is_active(const struct port_wait *wait) {
        return wait && wait->active;
}

uint64_t port_wait_elapsed_ms(const struct port_wait *wait) {
        return now_ms() - wait->begin_ms;
}

char *port_wait_who(const struct port_wait *wait) {
        const char *who = "Another program";

        if (wait->is_usb) {
                if (wait->fwupd_suspect)
                        who = "Another program, probably fwupd,";
        } else if (wait->presence == MODEM_MANAGER_OWNS)
                who = "ModemManager";
        else if (wait->presence == MODEM_MANAGER_RUNS && !wait->inhibition)
                who = wait->rule == MODEM_RULE_PROCESS ? "ModemManager"
                      : wait->rule == MODEM_RULE_NONE  ? "Another program, probably ModemManager,"
                                                       : who;
        return text_format("%s has %s open", who, wait->node);
}
