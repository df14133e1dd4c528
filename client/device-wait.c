/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/device-wait.h"

#include <string.h>

#include "base/text.h"
#include "client/color.h"
#include "client/screen.h"

struct waiting {
        struct client *client;
        const char *what;
        bool changed;
        bool told;
        char hint[1024];
};

bool device_is_ready(const json_t *properties) {
        const char *job = json_text(properties, "Job");

        return (!*job || strcmp(job, "/") == 0) && !*json_text(properties, "Hint");
}

static int on_change(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct waiting *w = userdata;

        w->changed = true;
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct waiting *w = userdata;
        const char *name, *before, *after;

        /* It left because it had nothing to do: asking again starts it. */
        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && !*after)
                w->changed = true;
        return 0;
}

static int add_matches(struct waiting *w) {
        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } matches[] = {
                {"type='signal',sender='" FWD_BUS_NAME "',path='" FWD_ROOT_PATH
                 "',interface='" FWD_MANAGER_INTERFACE "',member='DeviceAdded'",
                 on_change},
                {"type='signal',sender='" FWD_BUS_NAME "',path='" FWD_ROOT_PATH
                 "',interface='" FWD_MANAGER_INTERFACE "',member='DeviceRemoved'",
                 on_change},
                {"type='signal',sender='" FWD_BUS_NAME
                 "',interface='org.freedesktop.DBus.Properties',"
                 "member='PropertiesChanged',path_namespace='" FWD_DEVICE_PREFIX "'",
                 on_change},
                {"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                 "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                 "arg0='" FWD_BUS_NAME "'",
                 on_owner},
        };

        for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
                int r = sd_bus_add_match(w->client->bus, NULL, matches[i].rule, matches[i].handler,
                                         w);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Once at first, and again when there is another hint. */
static int tell(struct waiting *w, const char *hint) {
        struct client *c = w->client;
        _cleanup_free_ char *what = w->what ? screen_clean(w->what) : NULL;
        _cleanup_free_ char *clean = screen_clean(hint);

        if (w->told && strncmp(hint, w->hint, sizeof(w->hint) - 1) == 0)
                return 0;
        if (client_json(c)) {
                _cleanup_json_ json_t *line =
                        json_pack("{s:s?, s:s}", "waiting", w->what, "hint", hint);

                if (!line || json_print_line(line) < 0)
                        return -EIO;
        } else {
                if (!w->told && !c->options.quiet)
                        fprintf(stderr, "Waiting for %s; Ctrl-C ends.\n",
                                what ? what : "a board that can be flashed");
                if (clean && *clean)
                        fprintf(stderr, "%s%s%s\n", color(c->options.color_err, COLOR_WARN), clean,
                                color(c->options.color_err, COLOR_RESET));
        }
        w->told = true;
        (void) snprintf(w->hint, sizeof(w->hint), "%s", hint);
        return 0;
}

static int until_change(struct waiting *w, struct problem *p) {
        while (!w->changed) {
                int r = sd_bus_process(w->client->bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(w->client->bus, UINT64_MAX);
                if (r < 0 && r != -EINTR)
                        return bus_fail(p, r);
        }
        w->changed = false;
        return 0;
}

/* 0 with a board, or with none yet (`ret->path` NULL) and the hint for it. */
static int look_for(struct waiting *w, struct device *ret, char **ret_hint, struct problem *p) {
        _cleanup_device_ struct device device = {};
        struct problem missing = {};
        int r = device_resolve(w->client, w->what, &device, &missing);

        if (r != 0 && missing.exit_code == FWD_EXIT_NOT_FOUND)
                return 0;
        if (r != 0) {
                *p = missing;
                return r;
        }
        if (!device_is_ready(device.properties)) {
                *ret_hint = strdup(json_text(device.properties, "Hint"));
                return 0;
        }
        *ret = device;
        device = (struct device){};
        return 0;
}

/* Among all boards, those that are ready count. */
static int look_among(struct waiting *w, struct device *ret, char **ret_hint, struct problem *p) {
        _cleanup_json_ json_t *devices = NULL, *ready = json_array();
        const json_t *device, *chosen;
        size_t i;
        int r = bus_list(w->client, "ListDevices", &devices, p);

        if (r != 0)
                return r;
        json_array_foreach (devices, i, device)
                if (device_is_ready(device))
                        (void) json_array_append(ready, (json_t *) device);
        if (json_array_size(ready) == 0) {
                if (json_array_size(devices) == 1)
                        *ret_hint = strdup(json_text(json_array_get(devices, 0), "Hint"));
                return 0;
        }
        r = device_choose(ready, &chosen, p);
        return r != 0 ? r : device_resolve(w->client, json_text(chosen, "Port"), ret, p);
}

int device_wait(struct client *c, const char *what, struct device *ret, struct problem *p) {
        struct waiting w = {.client = c, .what = what};
        int r = bus_open(c, p);

        if (r != 0)
                return r;
        r = add_matches(&w);
        if (r < 0)
                return bus_fail(p, r);
        for (;;) {
                _cleanup_free_ char *hint = NULL;

                r = what ? look_for(&w, ret, &hint, p) : look_among(&w, ret, &hint, p);
                if (r != 0 || ret->path)
                        return r;
                if (tell(&w, hint ? hint : "") < 0)
                        return bus_fail(p, -EIO);
                r = until_change(&w, p);
                if (r != 0)
                        return r;
        }
}
