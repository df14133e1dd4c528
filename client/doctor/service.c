/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bus, its policy, the unit, and whether the service answers. */

#include <glob.h>
#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"
#include "config.h"

#define UNIT            "fwd.service"
#define SERVICE         "org.freedesktop.systemd1.Service"
#define POLICY_FILE     FWD_DBUSDIR "/system.d/org.fwctl1.conf"
#define ACTIVATION_FILE FWD_DBUSDIR "/system-services/org.fwctl1.service"
#define UNIT_FILE       FWD_UNITDIR "/" UNIT
#define RELOAD_BUS                                                                                 \
        "busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig"
#define ANSWER_TIMEOUT_US                                                                          \
        (10U * 1000000U) /* an answer takes milliseconds; a start a second or two */

static void no_bus(struct doctor *d, const struct problem *p) {
        if (doctor_exists(d, "/run/systemd/system")) {
                doctor_problem(d, "bus-unreachable", NULL, p->message,
                               "Nothing can speak to the service, fwctl neither.",
                               mend_as_root(d, "systemctl start dbus.socket", NULL));
                return;
        }
        doctor_add(d, &(struct finding){
                              .level = FINDING_PROBLEM,
                              .id = "bus-unreachable",
                              .message = p->message,
                              .meaning = "There is no systemd here, so this is a container or a "
                                         "rescue system: the service runs outside, or not at all.",
                              .action = "Give the container the bus of its host (for example: "
                                        "--volume /run/dbus:/run/dbus), or use fwctl --direct.",
                      });
}

void doctor_bus(struct doctor *d) {
        struct problem p = {};

        d->bus = bus_open(d->client, &p) == 0;
        if (d->bus)
                doctor_ok(d, "bus", "The system bus answers.");
        else
                no_bus(d, &p);
}

/* False if a file of the package is not where it belongs; that explains all that follows. */
static bool files_are_there(struct doctor *d) {
        static const struct {
                const char *path, *id, *meaning;
        } files[] = {
                {FWD_SERVICE, "program-missing", "The service cannot be started."},
                {FWD_WORKER, "program-missing", "Every job fails: the worker does it."},
                {UNIT_FILE, "unit-missing", "systemd does not know the service."},
                {ACTIVATION_FILE, "activation-missing", "The bus does not start the service."},
                {POLICY_FILE, "policy-missing",
                 "The bus lets nobody speak to the service, nor the service have its name."},
        };
        bool all = true;

        if (d->container)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_free_ char *message = NULL;

                if (doctor_exists(d, files[i].path))
                        continue;
                message = text_format("%s is not there.", files[i].path);
                doctor_add_reinstall(d, files[i].id, message, files[i].meaning);
                all = false;
        }
        return all;
}

/* What systemd says of it. True if that explains why it does not answer. */
static bool unit_tells(struct doctor *d) {
        _cleanup_free_ char *load = doctor_unit_text(d, UNIT, UNIT_INTERFACE, "LoadState");
        _cleanup_free_ char *active = doctor_unit_text(d, UNIT, UNIT_INTERFACE, "ActiveState");
        _cleanup_free_ char *result = NULL, *message = NULL;

        if (!load || !active)
                return false;
        if (strcmp(load, "masked") == 0) {
                doctor_problem(d, "service-masked", NULL,
                               "The service is masked: systemd may not start it.",
                               "Somebody switched it off; no board can be flashed.",
                               mend_as_root(d, "systemctl unmask " UNIT, NULL));
                return true;
        }
        if (strcmp(load, "loaded") != 0) {
                bool unread = strcmp(load, "not-found") == 0;

                /* Ours is good, a test sees to it; what spoils it is a drop-in, or another in its
                 * place. */
                message = text_format("systemd does not take the service's unit file (%s).", load);
                doctor_problem(
                        d, "unit-refused", NULL, message,
                        unread ? "It was installed after systemd last looked."
                               : "An administrator's change to it is wrong (systemctl cat "
                                 "shows it); the command takes all changes back.",
                        mend_as_root(d,
                                     unread ? "systemctl daemon-reload" : "systemctl revert " UNIT,
                                     NULL));
                return true;
        }
        if (strcmp(active, "failed") != 0)
                return false;
        result = doctor_unit_text(d, UNIT, SERVICE, "Result");
        message = text_format("The service has failed (%s).", result ? result : "reason unknown");
        doctor_problem(
                d, "service-failed", NULL, message,
                "Why it did is in its log: journalctl -b -u " UNIT ".",
                mend_as_root(d, "systemctl reset-failed " UNIT, "systemctl restart " UNIT, NULL));
        return true;
}

/* A file of the administrator's that speaks of the service, and so may be what refuses. New, or
 * NULL. */
static char *other_policy(const struct doctor *d) {
        _cleanup_free_ char *pattern = doctor_path(d, "/etc/dbus-1/system.d/*.conf");
        glob_t found = {};
        char *name = NULL;

        if (!pattern || glob(pattern, 0, NULL, &found) != 0)
                return NULL;
        for (size_t i = 0; i < found.gl_pathc && !name; i++) {
                const char *path = found.gl_pathv[i] + strlen(d->root);
                _cleanup_free_ char *text = doctor_read(d, path);

                if (text && strstr(text, FWD_BUS_NAME))
                        name = strdup(path);
        }
        globfree(&found);
        return name;
}

static void denied(struct doctor *d) {
        _cleanup_free_ char *file = d->container ? NULL : other_policy(d), *message = NULL,
                            *away = NULL;

        if (!file) {
                doctor_problem(d, "policy-not-loaded", NULL,
                               "The bus does not let you speak to the service.",
                               "It has not read the policy that came with fwd.",
                               mend_as_root(d, RELOAD_BUS, NULL));
                return;
        }
        message = text_format("The bus does not let you speak to the service, as %s says.", file);
        away = text_format("mv %s %s.off", file, file);
        doctor_problem(
                d, "policy-overridden", NULL, message,
                "It goes before fwd's own policy, by which anybody may look and polkit decides the "
                "rest.",
                away ? mend_as_root(d, away, RELOAD_BUS, NULL) : NULL);
}

static void no_answer(struct doctor *d, const sd_bus_error *error, int r) {
        bool there = doctor_bus_has(d, FWD_BUS_NAME);
        _cleanup_free_ char *message = NULL;

        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED)) {
                denied(d);
                return;
        }
        if (unit_tells(d))
                return;
        if (!there && !doctor_bus_can_start(d, FWD_BUS_NAME)) {
                doctor_problem(d, "activation-not-loaded", NULL,
                               "The bus does not know the service's name.",
                               "It has not read its files since fwd was installed.",
                               mend_as_root(d, RELOAD_BUS, NULL));
                return;
        }
        message = text_format(there ? "The service runs but does not answer (%s)."
                                    : "The service cannot be started (%s).",
                              error->message ? error->message : strerror(-r));
        doctor_problem(d, there ? "service-silent" : "service-not-started", NULL, message,
                       "No board can be flashed. Its log: journalctl -b -u " UNIT ".",
                       mend_as_root(d, "systemctl restart " UNIT, NULL));
}

static void check_version(struct doctor *d, const char *version) {
        _cleanup_free_ char *message = NULL, *command = NULL;

        if (strcmp(version, FWD_VERSION) == 0) {
                doctor_ok(d, "service", "The service answers, version %s.", version);
                return;
        }
        message = text_format("The service that runs is version %s, fwctl is %s.", version,
                              FWD_VERSION);
        command = mend_as_root(d, "systemctl restart " UNIT, NULL);
        doctor_add(d, &(struct finding){
                              .level = FINDING_NOTE,
                              .id = "service-other-version",
                              .message = message,
                              .meaning = "One of them was replaced while the service ran; what is "
                                         "new is missing until it is started again.",
                              .command = command,
                      });
}

void doctor_service(struct doctor *d) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_t *manager = NULL;
        struct problem p = {};
        int r;

        if (!files_are_there(d) || !d->bus)
                return;
        r = bus_new_call(d->client, FWD_ROOT_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                         &call, &p);
        r = r == 0 ? sd_bus_message_append(call, "s", FWD_MANAGER_INTERFACE) : -ENOMEM;
        if (r >= 0)
                r = sd_bus_call(d->client->bus, call, ANSWER_TIMEOUT_US, &error, &reply);
        if (r >= 0)
                r = json_from_message(reply, &manager);
        if (r <= 0) {
                no_answer(d, &error, r);
                return;
        }
        d->service_answers = true;
        check_version(d, json_text(manager, "Version"));
        if (bus_list(d->client, "ListDevices", &d->boards, &p) != 0 ||
            bus_list(d->client, "ListJobs", &d->jobs, &p) != 0)
                doctor_problem(d, "service-silent", NULL, p.message, "No board can be flashed.",
                               mend_as_root(d, "systemctl restart " UNIT, NULL));
}
