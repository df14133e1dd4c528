/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/doctor.h"

#include <stdarg.h>
#include <string.h>

#include "base/config-files.h"
#include "base/text.h"
#include "client/bus.h"

#define TEXT_SIZE_MAX 2048U
#define SYSTEMD       "org.freedesktop.systemd1"
#define SYSTEMD_PATH  "/org/freedesktop/systemd1"
#define BUS           "org.freedesktop.DBus"
#define BUS_PATH      "/org/freedesktop/DBus"

const char *finding_level_name(enum finding_level level) {
        static const char *const names[] = {"ok", "note", "problem"};

        return names[level];
}

/* What boards and programs call themselves may be in a text. */
static json_t *clean_json(const char *text) {
        char clean[TEXT_SIZE_MAX];

        if (!text)
                return json_null();
        text_sanitize(clean, sizeof(clean), text);
        return json_string(clean);
}

void doctor_add(struct doctor *d, const struct finding *f) {
        json_t *object;

        if (!f->message) {
                d->error = -ENOMEM;
                return;
        }
        object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id", f->id, "level",
                           finding_level_name(f->level), "port", clean_json(f->port), "message",
                           clean_json(f->message), "meaning", clean_json(f->meaning), "command",
                           clean_json(f->command), "action", clean_json(f->action));
        if (!object || json_array_append_new(d->findings, object) < 0)
                d->error = -ENOMEM;
}

void doctor_problem(struct doctor *d, const char *id, const char *port, const char *message,
                    const char *meaning, char *command) {
        _cleanup_free_ char *owned = command;

        doctor_add(d, &(struct finding){.level = FINDING_PROBLEM,
                                        .id = id,
                                        .port = port,
                                        .message = owned ? message : NULL,
                                        .meaning = meaning,
                                        .command = owned});
}

void doctor_ok(struct doctor *d, const char *id, const char *format, ...) {
        char message[TEXT_SIZE_MAX];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        doctor_add(d, &(struct finding){.level = FINDING_OK, .id = id, .message = message});
}

size_t doctor_count(const struct doctor *d, enum finding_level level) {
        const json_t *finding;
        size_t i, n = 0;

        json_array_foreach (d->findings, i, finding)
                if (strcmp(json_text(finding, "level"), finding_level_name(level)) == 0)
                        n++;
        return n;
}

void doctor_clear(struct doctor *d) {
        json_decref(TAKE_PTR(d->findings));
        json_decref(TAKE_PTR(d->boards));
        json_decref(TAKE_PTR(d->jobs));
        usb_list_clear(&d->usb);
}

char *doctor_path(const struct doctor *d, const char *path) {
        return text_format("%s%s", d->root, path);
}

bool doctor_exists(const struct doctor *d, const char *path) {
        _cleanup_free_ char *full = doctor_path(d, path);

        return full && access(full, F_OK) == 0;
}

char *doctor_read(const struct doctor *d, const char *path) {
        _cleanup_free_ char *full = doctor_path(d, path);

        return full ? text_file_read(full) : NULL;
}

char *doctor_bus_text(struct doctor *d, const char *name, const char *path, const char *interface,
                      const char *property) {
        char *text = NULL;

        if (!d->bus || sd_bus_get_property_string(d->client->bus, name, path, interface, property,
                                                  NULL, &text) < 0)
                return NULL;
        return text;
}

static bool is_listed(struct doctor *d, const char *list, const char *name) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *listed;

        if (!d->bus ||
            sd_bus_call_method(d->client->bus, BUS, BUS_PATH, BUS, list, NULL, &reply, NULL) < 0)
                return false;
        if (sd_bus_message_enter_container(reply, 'a', "s") < 0)
                return false;
        while (sd_bus_message_read_basic(reply, 's', &listed) > 0)
                if (strcmp(listed, name) == 0)
                        return true;
        return false;
}

bool doctor_bus_has(struct doctor *d, const char *name) {
        return is_listed(d, "ListNames", name);
}

bool doctor_bus_can_start(struct doctor *d, const char *name) {
        return is_listed(d, "ListActivatableNames", name);
}

char *doctor_unit_text(struct doctor *d, const char *unit, const char *interface,
                       const char *property) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;

        if (!d->bus || sd_bus_call_method(d->client->bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager",
                                          "LoadUnit", NULL, &reply, "s", unit) < 0)
                return NULL;
        if (sd_bus_message_read_basic(reply, 'o', &path) <= 0)
                return NULL;
        return doctor_bus_text(d, SYSTEMD, path, interface, property);
}
