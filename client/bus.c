/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bus.h"

#include <string.h>

#include "base/text.h"
#include "client/direct.h"

int bus_fail(struct problem *p, int r) {
        return problem_set(p, FWD_FAILED, "fwctl could not go on: %s.", strerror(-r));
}

int bus_open(struct client *c, struct problem *p) {
        const char *name;
        int r;

        if (c->bus)
                return 0;
        if (c->options.direct)
                return direct_open(c, p);
        r = sd_bus_open_system(&c->bus);
        if (r >= 0) /* waits until the bus has said hello */
                r = sd_bus_get_unique_name(c->bus, &name);
        if (r < 0)
                return problem_unavailable(p, "The system bus cannot be reached: %s.",
                                           strerror(-r));
        return 0;
}

int bus_new_call(struct client *c, const char *path, const char *interface, const char *member,
                 sd_bus_message **ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_open(c, p);

        if (r != 0)
                return r;
        r = sd_bus_message_new_method_call(c->bus, &call, FWD_BUS_NAME, path, interface, member);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(call,
                                                                       !c->options.no_ask_password);
        if (r < 0)
                return bus_fail(p, r);
        *ret = TAKE_PTR(call);
        return 0;
}

int bus_call(struct client *c, sd_bus_message *call, uint64_t timeout_us, sd_bus_message **ret,
             struct problem *p) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call(c->bus, call, timeout_us, &error, ret);

        return r < 0 ? problem_from_bus(p, &error, r) : 0;
}

static int take_value(sd_bus_message *reply, json_t **ret, struct problem *p) {
        int r = json_from_message(reply, ret);

        return r <= 0 ? bus_fail(p, r < 0 ? r : -EBADMSG) : 0;
}

int bus_call_json(struct client *c, sd_bus_message *call, uint64_t timeout_us, json_t **ret,
                  struct problem *p) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = bus_call(c, call, timeout_us, &reply, p);

        return r != 0 ? r : take_value(reply, ret, p);
}

int bus_call_text(struct client *c, const char *path, const char *interface, const char *member,
                  const char *argument, sd_bus_message **ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL;
        int r = bus_new_call(c, path, interface, member, &call, p);

        if (r != 0)
                return r;
        if (argument) {
                r = sd_bus_message_append(call, "s", argument);
                if (r < 0)
                        return bus_fail(p, r);
        }
        return bus_call(c, call, BUS_DEFAULT_TIMEOUT, ret, p);
}

int bus_get_all(struct client *c, const char *path, const char *interface, json_t **ret,
                struct problem *p) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = bus_call_text(c, path, "org.freedesktop.DBus.Properties", "GetAll", interface,
                              &reply, p);

        return r != 0 ? r : take_value(reply, ret, p);
}

int bus_list(struct client *c, const char *member, json_t **ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = bus_call_text(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, member, NULL, &reply, p);

        if (r != 0)
                return r;
        r = json_from_objects(reply, ret);
        return r < 0 ? bus_fail(p, r) : 0;
}

static char *decode(const char *path, const char *prefix) {
        char *name = NULL;

        return path && sd_bus_path_decode(path, prefix, &name) > 0 ? name : NULL;
}

char *bus_port_of(const char *device_path) {
        return decode(device_path, FWD_DEVICE_PREFIX);
}

char *bus_id_of(const char *job_path) {
        return decode(job_path, FWD_JOB_PREFIX);
}
