/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl monitor: what is there, then every change, until it is interrupted. The matches are
 * installed before the first listing, so that nothing falls between the two; an event that the
 * listing had already is told again, which is harmless. */

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/progress.h"
#include "client/screen.h"

struct monitor {
        struct client *client;
        struct problem problem;
        bool failed;
        bool stopped;  /* the service went away, and has not come back */
        char told[96]; /* the last progress line: job, phase and tenth */
};

/* "12:00:01  1-1  device-added  Board …" */
static void print_text(const char *subject, const char *event, const char *format, ...)
        _printf_(3, 4);

static void print_text(const char *subject, const char *event, const char *format, ...) {
        _cleanup_free_ char *text = NULL, *clean = NULL, *name = NULL;
        time_t now = time(NULL);
        char clock[16] = "";
        struct tm tm;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        clean = text ? screen_clean(text) : NULL;
        name = screen_clean(subject);
        if (localtime_r(&now, &tm))
                (void) strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
        printf("%s  %-8s  %-15s%s%s\n", clock, name ? name : "", event, clean && *clean ? "  " : "",
               clean ? clean : "");
        (void) fflush(stdout);
}

/* Takes the reference. */
static void print_json(json_t *object) {
        if (object)
                (void) json_print_line(object);
        json_decref(object);
}

static void tell_device(struct monitor *m, const char *event, const json_t *device) {
        const char *name = json_text(device, "BoardName");

        if (client_json(m->client))
                print_json(json_pack("{s:s, s:O}", "event", event, "device", device));
        else
                print_text(json_text(device, "Port"), event, "%s, %s",
                           *name ? name : json_text(device, "Product"), json_text(device, "Mode"));
}

static void tell_job(struct monitor *m, const char *event, const json_t *job) {
        _cleanup_free_ char *id = bus_id_of(json_text(job, "Path"));
        _cleanup_free_ char *port = bus_port_of(json_text(job, "Device"));

        if (client_json(m->client))
                print_json(json_pack("{s:s, s:O}", "event", event, "job", job));
        else
                print_text(port ? port : "", event, "job %s, %s%s%s", id ? id : "?",
                           json_text(job, "Kind"), *json_text(job, "Result") ? ", " : "",
                           json_text(job, "Result"));
}

static void tell_service(struct monitor *m, const char *event) {
        if (client_json(m->client))
                print_json(json_pack("{s:s}", "event", event));
        else
                print_text("fwd", event, "%s", "");
}

static int tell_all(struct monitor *m, const char *member, const char *event,
                    void (*tell)(struct monitor *m, const char *event, const json_t *object)) {
        _cleanup_json_ json_t *objects = NULL;
        const json_t *object;
        size_t i;
        int r = bus_list(m->client, member, &objects, &m->problem);

        if (r != 0)
                return r;
        json_array_foreach (objects, i, object)
                tell(m, event, object);
        return 0;
}

static int tell_present(struct monitor *m) {
        int r = tell_all(m, "ListDevices", "device-added", tell_device);

        return r != 0 ? r : tell_all(m, "ListJobs", "job-added", tell_job);
}

static int on_device_added(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_json_ json_t *path = NULL, *properties = NULL, *device = json_object();

        if (!device || json_from_message(m, &path) <= 0 || json_from_message(m, &properties) <= 0 ||
            json_object_set(device, "Path", path) < 0 || json_object_update(device, properties) < 0)
                return 0;
        tell_device(userdata, "device-added", device);
        return 0;
}

static int on_device_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        const char *path;
        _cleanup_free_ char *port = NULL;

        if (sd_bus_message_read_basic(m, SD_BUS_TYPE_OBJECT_PATH, &path) < 0)
                return 0;
        port = bus_port_of(path);
        if (client_json(monitor->client))
                print_json(json_pack("{s:s, s:{s:s, s:s?}}", "event", "device-removed", "device",
                                     "Path", path, "Port", port));
        else
                print_text(port ? port : path, "device-removed", "%s", "");
        return 0;
}

static int on_job_added(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        _cleanup_json_ json_t *job = NULL;
        struct problem ignored = {};
        const char *path;

        if (sd_bus_message_read_basic(m, SD_BUS_TYPE_OBJECT_PATH, &path) < 0)
                return 0;
        /* Gone already: its removal follows. */
        if (bus_get_all(monitor->client, path, FWD_JOB_INTERFACE, &job, &ignored) != 0)
                job = json_object();
        if (job && json_object_set_new(job, "Path", json_string(path)) == 0)
                tell_job(monitor, "job-added", job);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        const char *path, *result;
        _cleanup_free_ char *id = NULL;

        if (sd_bus_message_read(m, "os", &path, &result) < 0)
                return 0;
        id = bus_id_of(path);
        if (client_json(monitor->client))
                print_json(json_pack("{s:s, s:{s:s, s:s}}", "event", "job-removed", "job", "Path",
                                     path, "Result", result));
        else
                print_text("", "job-removed", "job %s, %s", id ? id : "?", result);
        return 0;
}

static void print_progress(struct monitor *m, const char *job, const char *device,
                           const char *phase, uint64_t done, uint64_t total) {
        _cleanup_free_ char *id = bus_id_of(job), *port = bus_port_of(device);
        unsigned percent = total == 0      ? 0
                           : done >= total ? 100U
                                           : (unsigned) ((double) done * 100.0 / (double) total);
        char now[sizeof(m->told)];

        /* A person gets each tenth of a phase, a program everything. */
        (void) snprintf(now, sizeof(now), "%s %s %u", id ? id : "?", phase, percent / 10U);
        if (strcmp(now, m->told) == 0)
                return;
        memcpy(m->told, now, sizeof(now));
        if (total > 0)
                print_text(port ? port : "", "progress", "job %s, %s, %u %%", id ? id : "?",
                           progress_phase_text(phase), percent);
        else
                print_text(port ? port : "", "progress", "job %s, %s", id ? id : "?",
                           progress_phase_text(phase));
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        const char *job, *device, *phase;
        uint64_t done, total;

        if (sd_bus_message_read(m, "oostt", &job, &device, &phase, &done, &total) < 0)
                return 0;
        if (client_json(monitor->client))
                print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "event", "progress", "job",
                                     job, "device", device, "phase", phase, "done",
                                     (json_int_t) done, "total", (json_int_t) total));
        else
                print_progress(monitor, job, device, phase, done, total);
        return 0;
}

static int on_manager(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const struct {
                const char *member;
                sd_bus_message_handler_t handler;
        } handlers[] = {
                {"DeviceAdded", on_device_added}, {"DeviceRemoved", on_device_removed},
                {"JobAdded", on_job_added},       {"JobRemoved", on_job_removed},
                {"Progress", on_progress},
        };

        for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
                if (strcmp(handlers[i].member, sd_bus_message_get_member(m)) == 0)
                        return handlers[i].handler(m, userdata, error);
        return 0;
}

static void print_change(const char *subject, const char *event, const json_t *changed) {
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *) changed, key, value) {
                _cleanup_free_ char *text = json_to_text(value);

                print_text(subject, event, "%s=%s", key, text ? text : "");
        }
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        const char *path = sd_bus_message_get_path(m), *interface;
        _cleanup_json_ json_t *changed = NULL, *invalidated = NULL;
        _cleanup_free_ char *port = bus_port_of(path), *id = bus_id_of(path);
        json_t *name;
        size_t i;

        if (sd_bus_message_read_basic(m, SD_BUS_TYPE_STRING, &interface) < 0 ||
            json_from_message(m, &changed) <= 0 || json_from_message(m, &invalidated) <= 0)
                return 0;
        json_array_foreach (invalidated, i, name)
                (void) json_object_set_new(changed, json_string_value(name), json_null());
        if (json_object_size(changed) == 0)
                return 0;
        if (strcmp(interface, FWD_DEVICE_INTERFACE) == 0) {
                if (client_json(monitor->client))
                        print_json(json_pack("{s:s, s:{s:s, s:s?}, s:O}", "event", "device-changed",
                                             "device", "Path", path, "Port", port, "changed",
                                             changed));
                else
                        print_change(port ? port : path, "device-changed", changed);
        } else if (strcmp(interface, FWD_JOB_INTERFACE) == 0 && client_json(monitor->client))
                /* For a person, progress and the job's removal say the same. */
                print_json(json_pack("{s:s, s:{s:s}, s:O}", "event", "job-changed", "job", "Path",
                                     path, "changed", changed));
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct monitor *monitor = userdata;
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
                return 0;
        if (*before) {
                tell_service(monitor, "service-stopped");
                monitor->stopped = true;
        }
        /* Its first start was by our own call, whose answer told everything. */
        if (!*after || !monitor->stopped)
                return 0;
        monitor->stopped = false;
        tell_service(monitor, "service-started");
        monitor->failed = tell_present(monitor) != 0;
        return 0;
}

static int add_matches(struct monitor *m) {
        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } matches[] = {
                {"type='signal',sender='" FWD_BUS_NAME "',path='" FWD_ROOT_PATH
                 "',interface='" FWD_MANAGER_INTERFACE "'",
                 on_manager},
                {"type='signal',sender='" FWD_BUS_NAME
                 "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
                 "path_namespace='" FWD_ROOT_PATH "'",
                 on_properties},
                {"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                 "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" FWD_BUS_NAME
                 "'",
                 on_owner},
        };
        int r = bus_open(m->client, &m->problem);

        for (size_t i = 0; i < ARRAY_SIZE(matches) && r == 0; i++) {
                int k = sd_bus_add_match_async(m->client->bus, NULL, matches[i].rule,
                                               matches[i].handler, NULL, m);

                if (k < 0)
                        r = bus_fail(&m->problem, k);
        }
        return r;
}

int verb_monitor(struct client *c, int argc, char **argv) {
        struct monitor m = {.client = c};
        int r = add_matches(&m);

        if (r == 0)
                r = tell_present(&m);
        while (r == 0 && !m.failed) {
                int k = sd_bus_process(c->bus, NULL);

                if (k == 0)
                        k = sd_bus_wait(c->bus, UINT64_MAX);
                if (k < 0)
                        r = problem_unavailable(&m.problem, "The bus went away: %s.", strerror(-k));
                if (ferror(stdout))
                        r = problem_set(&m.problem, FWD_FAILED, "Nobody can read this output.");
        }
        return problem_print(c, &m.problem);
}
