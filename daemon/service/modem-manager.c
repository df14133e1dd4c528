/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/modem-manager.h"

#include <string.h>

#include "base/log.h"
#include "service/port-wait.h"

#define MM_NAME       "org.freedesktop.ModemManager1"
#define MM_PATH       "/org/freedesktop/ModemManager1"
#define MM_MODEM      "org.freedesktop.ModemManager1.Modem"
#define CALL_LIMIT_US (5ULL * 1000 * 1000)

struct modem_question {
        char *tty;  /* "ttyACM0" */
        char *port; /* "1-2.3" */
        modem_answer_t answer;
        void *userdata;
        sd_bus_slot *call;
};

struct modem_inhibition {
        sd_bus *bus; /* no reference: it keeps the slot, and so this, until it goes itself */
        char *device;
        modem_inhibited_t done; /* NULL: nobody wants it any more */
        void *userdata;
        sd_bus_slot *call; /* until it is answered */
        bool held;
};

static int on_name_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *now;

        if (sd_bus_message_read(m, "sss", &name, &before, &now) >= 0 && !*now)
                port_waits_retry(userdata);
        return 0;
}

int modem_manager_start(struct service *service) {
        if (!service->machine_bus)
                return 0;
        return sd_bus_add_match_async(
                service->machine_bus, NULL,
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" MM_NAME "'",
                on_name_owner, NULL, service);
}

static int call_new(sd_bus *bus, const char *interface, const char *member, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(bus, &call, MM_NAME, MM_PATH, interface, member);

        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(call);
        return 0;
}

/* --- questions */

struct answer {
        enum modem_presence presence;
        const char *device; /* "" */
};

/* 1 if the array a(su) at the read pointer has the port. */
static int read_ports(sd_bus_message *m, const char *tty) {
        const char *name;
        int r, found = 0;

        r = sd_bus_message_enter_container(m, 'v', "a(su)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(su)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(su)", &name, NULL)) > 0)
                if (strcmp(name, tty) == 0)
                        found = 1;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : found;
}

/* A modem's Device is the path in sysfs of what it is, unless a rule gives it a name of its own
 * (ID_MM_PHYSDEV_UID); the path ends as the bus calls the device. */
static bool is_board(const char *device, const char *port) {
        const char *slash = strrchr(device, '/');

        return slash && strcmp(slash + 1, port) == 0;
}

/* What the modem with the properties a{sv} is to the port. */
static int read_modem(sd_bus_message *m, const struct modem_question *question,
                      struct answer *answer) {
        enum modem_presence presence = MODEM_MANAGER_RUNS;
        const char *key, *device = "";
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0 && strcmp(key, "Ports") == 0) {
                        r = read_ports(m, question->tty);
                        if (r > 0)
                                presence = MODEM_MANAGER_OWNS;
                } else if (r >= 0 && strcmp(key, "Device") == 0)
                        r = sd_bus_message_read(m, "v", "s", &device);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        if (presence == MODEM_MANAGER_RUNS && is_board(device, question->port))
                presence = MODEM_MANAGER_BESIDE;
        if (*device && presence > answer->presence)
                *answer = (struct answer){presence, device};
        return 0;
}

/* a{sa{sv}} of one object */
static int read_object(sd_bus_message *m, const struct modem_question *question,
                       struct answer *answer) {
        const char *interface;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read(m, "s", &interface);
                if (r >= 0 && strcmp(interface, MM_MODEM) == 0)
                        r = read_modem(m, question, answer);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "a{sv}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r;
}

static int read_objects(sd_bus_message *m, const struct modem_question *question,
                        struct answer *answer) {
        const char *path;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
                r = sd_bus_message_read(m, "o", &path);
                if (r >= 0)
                        r = read_object(m, question, answer);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int on_objects(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct modem_question *question = userdata;
        struct answer answer = {MODEM_MANAGER_RUNS, ""};

        question->call = sd_bus_slot_unref(question->call);
        if (sd_bus_message_is_method_error(reply, NULL))
                answer.presence = MODEM_MANAGER_ABSENT;
        else if (read_objects(reply, question, &answer) < 0)
                answer = (struct answer){MODEM_MANAGER_RUNS, ""};
        question->answer(question->userdata, answer.presence, answer.device);
        return 0;
}

struct modem_question *modem_question_free(struct modem_question *question) {
        if (!question)
                return NULL;
        sd_bus_slot_unref(question->call);
        free(question->tty);
        free(question->port);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(struct modem_question *, modem_question_free)

int modem_ask(struct service *service, const char *tty, const char *port, modem_answer_t answer,
              void *userdata, struct modem_question **ret) {
        _cleanup_(modem_question_free_p) struct modem_question *question =
                calloc(1, sizeof(*question));
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        const char *slash = strrchr(tty, '/');
        int r;

        if (!question)
                return -ENOMEM;
        question->answer = answer;
        question->userdata = userdata;
        question->tty = strdup(slash ? slash + 1 : tty);
        question->port = strdup(port);
        if (!question->tty || !question->port)
                return -ENOMEM;
        r = call_new(service->machine_bus, "org.freedesktop.DBus.ObjectManager",
                     "GetManagedObjects", &call);
        if (r < 0)
                return r;
        r = sd_bus_call_async(service->machine_bus, &question->call, call, on_objects, question,
                              CALL_LIMIT_US);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(question);
        return 0;
}

/* --- inhibitions */

static void inhibition_drop(void *userdata) {
        struct modem_inhibition *inhibition = userdata;

        free(inhibition->device);
        free(inhibition);
}

static void release(struct modem_inhibition *inhibition) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;

        inhibition->held = false;
        if (call_new(inhibition->bus, MM_NAME, "InhibitDevice", &call) < 0 ||
            sd_bus_message_append(call, "sb", inhibition->device, 0) < 0 ||
            sd_bus_message_set_expect_reply(call, false) < 0 ||
            sd_bus_send(inhibition->bus, call, NULL) < 0)
                log_warning("ModemManager could not be told that %s is free again",
                            inhibition->device);
}

static int on_inhibited(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct modem_inhibition *inhibition = userdata;
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);

        if (refusal)
                log_warning("ModemManager does not let go of %s: %s", inhibition->device,
                            refusal->message ? refusal->message : refusal->name);
        inhibition->held = !refusal;
        if (!inhibition->done) { /* its slot floats, and frees it */
                if (inhibition->held)
                        release(inhibition);
                return 0;
        }
        inhibition->call = sd_bus_slot_unref(inhibition->call);
        inhibition->done(inhibition->userdata, refusal ? -EPERM : 0);
        return 0;
}

struct modem_inhibition *modem_inhibition_free(struct modem_inhibition *inhibition) {
        if (!inhibition)
                return NULL;
        if (inhibition->call && sd_bus_is_open(inhibition->bus) > 0) {
                /* Releasing now could overtake the request: it is released when it is answered. */
                inhibition->done = NULL;
                (void) sd_bus_slot_set_destroy_callback(inhibition->call, inhibition_drop);
                (void) sd_bus_slot_set_floating(inhibition->call, true);
                sd_bus_slot_unref(inhibition->call);
                return NULL;
        }
        if (inhibition->held)
                release(inhibition);
        sd_bus_slot_unref(inhibition->call);
        inhibition_drop(inhibition);
        return NULL;
}
DEFINE_CLEANUP(struct modem_inhibition *, modem_inhibition_free)

int modem_inhibit(struct service *service, const char *device, modem_inhibited_t done,
                  void *userdata, struct modem_inhibition **ret) {
        _cleanup_(modem_inhibition_free_p) struct modem_inhibition *inhibition =
                calloc(1, sizeof(*inhibition));
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r;

        if (!inhibition)
                return -ENOMEM;
        inhibition->bus = service->machine_bus;
        inhibition->done = done;
        inhibition->userdata = userdata;
        inhibition->device = strdup(device);
        if (!inhibition->device)
                return -ENOMEM;
        r = call_new(service->machine_bus, MM_NAME, "InhibitDevice", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "sb", device, 1);
        if (r < 0)
                return r;
        r = sd_bus_call_async(service->machine_bus, &inhibition->call, call, on_inhibited,
                              inhibition, CALL_LIMIT_US);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(inhibition);
        return 0;
}
