/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/device-arg.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"

void device_clear(struct device *device) {
        free(device->path);
        free(device->port);
        json_decref(device->properties);
        *device = (struct device){};
}

int device_choose(const json_t *devices, const json_t **ret, struct problem *p) {
        size_t n = json_array_size(devices), i;
        char names[512] = "";
        const json_t *device;

        if (n == 1) {
                *ret = json_array_get(devices, 0);
                return 0;
        }
        if (n == 0)
                return (void) problem_set(p, FWD_NOT_FOUND, "No board is plugged in."),
                       problem_advise(p, "If there is one, \"fwctl doctor\" tells why it is not "
                                         "seen.");
        json_array_foreach (devices, i, device) {
                size_t length = strlen(names);
                const char *title = json_text(device, "BoardName");

                (void) snprintf(names + length, sizeof(names) - length, "%s%s%s%s%s", i ? ", " : "",
                                json_text(device, "Port"), *title ? " (" : "", title,
                                *title ? ")" : "");
        }
        (void) problem_set(p, FWD_INVALID_ARGUMENT,
                           "There are %zu boards: %s. Say which one is meant.", n, names);
        return problem_advise(p, "Name it by its port, for example: fwctl show PORT");
}

static int device_from_properties(const json_t *properties, struct device *ret, struct problem *p) {
        struct device device = {
                .path = strdup(json_text(properties, "Path")),
                .port = strdup(json_text(properties, "Port")),
                .properties = json_deep_copy(properties),
        };

        if (!device.path || !device.port || !device.properties) {
                device_clear(&device);
                return bus_fail(p, -ENOMEM);
        }
        *ret = device;
        return 0;
}

static int device_named(struct client *c, const char *what, struct device *ret, struct problem *p) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_json_ json_t *properties = NULL;
        _cleanup_free_ char *node = strncmp(what, "/dev/", 5) == 0 ? realpath(what, NULL) : NULL;
        const char *path;
        int r;

        if (!*what)
                return problem_set(p, FWD_INVALID_ARGUMENT, "The name of the board is empty.");
        if (!text_is_clean(what))
                return problem_set(p, FWD_INVALID_ARGUMENT,
                                   "The name of the board has characters that no name has.");
        r = bus_call_text(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, "GetDevice", node ? node : what,
                          &reply, p);
        if (r != 0)
                return r;
        r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_OBJECT_PATH, &path);
        if (r < 0)
                return bus_fail(p, r);
        r = bus_get_all(c, path, FWD_DEVICE_INTERFACE, &properties, p);
        if (r != 0)
                return r;
        if (json_object_set_new(properties, "Path", json_string(path)) < 0)
                return bus_fail(p, -ENOMEM);
        return device_from_properties(properties, ret, p);
}

int device_resolve(struct client *c, const char *what, struct device *ret, struct problem *p) {
        _cleanup_json_ json_t *devices = NULL;
        const json_t *properties;
        int r;

        if (what)
                return device_named(c, what, ret, p);
        r = bus_list(c, "ListDevices", &devices, p);
        if (r != 0)
                return r;
        r = device_choose(devices, &properties, p);
        return r != 0 ? r : device_from_properties(properties, ret, p);
}

char *device_title(const struct device *device) {
        const char *name = json_text(device->properties, "BoardName");

        return *name ? text_format("%s (%s)", device->port, name) : strdup(device->port);
}

void device_split(int argc, char **argv, const char **ret_device, const char **ret_file) {
        *ret_device = argc > 2 ? argv[1] : NULL;
        *ret_file = argv[argc - 1];
}

static bool job_is(const json_t *job, const char *what) {
        const char *path = json_text(job, "Path");
        _cleanup_free_ char *id = bus_id_of(path);

        return strcmp(path, what) == 0 || (id && strcmp(id, what) == 0);
}

int job_choose(const json_t *jobs, const char *what, const json_t **ret, struct problem *p) {
        const json_t *job, *found = NULL;
        size_t i, running = 0;

        json_array_foreach (jobs, i, job) {
                if (what ? job_is(job, what) : !*json_text(job, "Result")) {
                        found = job;
                        running++;
                }
        }
        if (!found) {
                if (what)
                        (void) problem_set(p, FWD_NOT_FOUND, "There is no job %s.", what);
                else
                        (void) problem_set(p, FWD_NOT_FOUND, "No job is running.");
                return problem_advise(p, "fwctl jobs lists what runs, and what ended lately.");
        }
        if (running > 1) {
                (void) problem_set(p, FWD_INVALID_ARGUMENT,
                                   "%zu jobs are running. Say which one is meant.", running);
                return problem_advise(p, "Name it by its number; fwctl jobs lists them.");
        }
        *ret = found;
        return 0;
}

int job_resolve(struct client *c, const char *what, json_t **ret, struct problem *p) {
        _cleanup_json_ json_t *jobs = NULL;
        const json_t *job;
        int r = bus_list(c, "ListJobs", &jobs, p);

        if (r != 0)
                return r;
        r = job_choose(jobs, what, &job, p);
        if (r != 0)
                return r;
        *ret = json_deep_copy(job);
        return *ret ? 0 : bus_fail(p, -ENOMEM);
}
