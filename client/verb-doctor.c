/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl doctor: all areas are looked at, then all is told, the worst last. */

#include <stdlib.h>
#include <string.h>

#include "client/bus.h"
#include "client/color.h"
#include "client/doctor/doctor.h"
#include "client/screen.h"

#define LEVEL_WIDTH 8 /* "problem" and a blank */

static void print_line(const char *label, const char *text, const char *before, const char *after) {
        _cleanup_free_ char *clean = screen_clean(text);

        if (*text)
                printf("%*s%s%s%s%s\n", LEVEL_WIDTH, "", label, before, clean ? clean : "", after);
}

static void print_finding(const struct client *c, const json_t *finding, enum finding_level level) {
        static const enum color colors[] = {COLOR_GOOD, COLOR_WARN, COLOR_BAD};
        bool on = c->options.color_out;
        _cleanup_free_ char *message = screen_clean(json_text(finding, "message"));

        printf("%s%-*s%s%s\n", color(on, colors[level]), LEVEL_WIDTH, finding_level_name(level),
               color(on, COLOR_RESET), message ? message : "");
        print_line("", json_text(finding, "meaning"), color(on, COLOR_FAINT),
                   color(on, COLOR_RESET));
        print_line("do: ", json_text(finding, "action"), "", "");
        print_line("run: ", json_text(finding, "command"), color(on, COLOR_HEADER),
                   color(on, COLOR_RESET));
}

static void print_text(const struct client *c, const struct doctor *d) {
        enum finding_level first = c->options.quiet ? FINDING_NOTE : FINDING_OK;
        size_t problems = doctor_count(d, FINDING_PROBLEM), notes = doctor_count(d, FINDING_NOTE),
               i;
        const json_t *finding;

        for (enum finding_level level = first; level <= FINDING_PROBLEM; level++)
                json_array_foreach (d->findings, i, finding)
                        if (strcmp(json_text(finding, "level"), finding_level_name(level)) == 0)
                                print_finding(c, finding, level);
        if (c->options.quiet || c->options.no_legend)
                return;
        if (problems == 0 && notes == 0)
                puts("\nNothing stands in the way of a flash.");
        else
                printf("\n%zu problem%s, %zu note%s.\n", problems, problems == 1 ? "" : "s", notes,
                       notes == 1 ? "" : "s");
}

static bool in_container(const struct doctor *d) {
        return doctor_exists(d, "/.dockerenv") || doctor_exists(d, "/run/.containerenv") ||
               doctor_exists(d, "/run/systemd/container") || doctor_exists(d, "/.flatpak-info");
}

static void examine(struct doctor *d) {
        if (d->container)
                doctor_add(d,
                           &(struct finding){
                                   .level = FINDING_NOTE,
                                   .id = "container",
                                   .message = "This is a container: only what the bus and the "
                                              "kernel tell was looked at.",
                                   .meaning =
                                           "Rules, groups and drivers are those of its host; run "
                                           "fwctl doctor there too.",
                           });
        doctor_bus(d);
        doctor_service(d);
        doctor_boards_set(d);
        doctor_udev_files(d);
        doctor_polkit(d);
        doctor_people(d);
        doctor_modem_manager(d);
        doctor_brltty(d);
        doctor_fwupd(d);
        doctor_drivers(d);
        doctor_kernel_log(d);
        doctor_boards(d);
}

int verb_doctor(struct client *c, int argc, char **argv) {
        const char *root = getenv("FWD_DOCTOR_ROOT");
        _cleanup_(doctor_clear) struct doctor d = {
                .client = c, .root = root ? root : "", .uid = geteuid(), .findings = json_array()};
        struct problem p = {};
        int r = d.findings ? usb_list_read(&d.usb) : -ENOMEM;

        if (r == 0) {
                d.container = in_container(&d);
                examine(&d);
                r = d.error;
        }
        if (r == 0 && client_json(c))
                r = json_print(c, d.findings);
        else if (r == 0)
                print_text(c, &d);
        if (r < 0)
                return bus_fail(&p, r), problem_print(c, &p);
        return doctor_count(&d, FINDING_PROBLEM) > 0 ? FWD_EXIT_FAILURE : FWD_EXIT_OK;
}
