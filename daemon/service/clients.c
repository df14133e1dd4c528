/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/clients.h"

#include <string.h>

#include "base/text.h"

/* Each costs a match on the bus, which allows a connection 512 of them. Those beyond are served as
 * all others, they only do not keep the service up. */
#define CLIENTS_MAX 256U

struct client {
        struct client *next;
        struct service *service;
        char *name;                    /* unique, ":1.42" */
        sd_bus_slot *match, *question; /* that it left; whether it is there at all */
};

static void client_free(struct client *client) {
        sd_bus_slot_unref(client->match);
        sd_bus_slot_unref(client->question);
        free(client->name);
        free(client);
}
DEFINE_CLEANUP(struct client *, client_free)

static void forget(struct client *client) {
        struct client **at = &client->service->clients;

        while (*at != client)
                at = &(*at)->next;
        *at = client->next;
        client_free(client);
}

void clients_clear(struct service *service) {
        while (service->clients)
                forget(service->clients);
}

/* A unique name has one owner for all its life. */
static int on_gone(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        forget(userdata);
        return 0;
}

static int on_watched(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        /* Nobody would tell of its end: better not to count it than to count it for ever. */
        if (sd_bus_message_is_method_error(reply, NULL))
                forget(userdata);
        return 0;
}

static int on_present(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct client *client = userdata;
        int present;

        client->question = sd_bus_slot_unref(client->question);
        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read(reply, "b", &present) < 0 || !present)
                forget(client);
        return 0;
}

/* First the watch, then the question: who left before the watch is not there when it is asked. */
static int watch(struct client *client) {
        sd_bus *bus = client->service->bus;
        _cleanup_free_ char *rule = text_format(
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                client->name);
        int r;

        if (!rule)
                return -ENOMEM;
        r = sd_bus_add_match_async(bus, &client->match, rule, on_gone, on_watched, client);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(bus, &client->question, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "NameHasOwner", on_present, client, "s", client->name);
}

static void take(struct service *service, const char *name) {
        _cleanup_(client_free_p) struct client *client = NULL;
        size_t n = 0;

        for (const struct client *other = service->clients; other; other = other->next, n++)
                if (strcmp(other->name, name) == 0)
                        return;
        client = n < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
        if (!client)
                return;
        client->service = service;
        client->name = strdup(name);
        if (!client->name || watch(client) < 0)
                return;
        client->next = service->clients;
        service->clients = TAKE_PTR(client);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *sender = sd_bus_message_get_sender(m);
        struct service *service = userdata;

        if (sender && sd_bus_message_is_method_call(m, NULL, NULL) > 0) {
                service->n_calls++;
                take(service, sender);
        }
        return 0; /* on to who it is for */
}

int clients_start(struct service *service) {
        return sd_bus_add_filter(service->bus, NULL, on_message, service);
}
