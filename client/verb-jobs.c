/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl jobs: what runs, and what ended a short while ago. */

#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/color.h"
#include "client/screen.h"
#include "client/table.h"

#define USEC_PER_SEC 1000000

static const char *result_style(const char *result) {
        if (strcmp(result, "success") == 0)
                return color(true, COLOR_GOOD);
        if (strcmp(result, "failed") == 0)
                return color(true, COLOR_BAD);
        return strcmp(result, "cancelled") == 0 ? color(true, COLOR_WARN) : NULL;
}

static char *user_name(const json_t *job) {
        uid_t uid = (uid_t) json_integer_value(json_object_get(job, "StartedByUid"));
        const struct passwd *entry = getpwuid(uid);

        return entry ? strdup(entry->pw_name) : text_format("%u", uid);
}

/* StartTime is CLOCK_REALTIME in microseconds. */
static void start_time(const json_t *job, char *to, size_t to_size) {
        time_t start = json_integer_value(json_object_get(job, "StartTime")) / USEC_PER_SEC;
        struct tm tm;

        to[0] = '\0';
        if (start > 0 && localtime_r(&start, &tm))
                (void) strftime(to, to_size, "%H:%M:%S", &tm);
}

static int add_job(struct table *table, const json_t *job) {
        _cleanup_free_ char *id = bus_id_of(json_text(job, "Path"));
        _cleanup_free_ char *port = bus_port_of(json_text(job, "Device"));
        _cleanup_free_ char *user = user_name(job);
        double done = 0, total = 0;
        char percent[16] = "", started[16];

        if (json_number(job, "BytesDone", &done) && json_number(job, "BytesTotal", &total) &&
            total > 0)
                (void) snprintf(percent, sizeof(percent), "%.0f %%",
                                done >= total ? 100.0 : 100.0 * done / total);
        start_time(job, started, sizeof(started));
        return table_add(table, (const char *const[]){
                                        id,
                                        port,
                                        json_text(job, "Kind"),
                                        json_text(job, "Phase"),
                                        percent,
                                        user,
                                        started,
                                        json_text(job, "Result"),
                                        json_text(job, "ErrorName"),
                                });
}

static int print_table(struct client *c, const json_t *jobs) {
        static const struct table_column columns[] = {
                {"JOB", 3, NULL},     {"PORT", 6, NULL},           {"KIND", 6, NULL},
                {"PHASE", 6, NULL},   {"DONE", 5, NULL},           {"USER", 4, NULL},
                {"STARTED", 8, NULL}, {"RESULT", 7, result_style}, {"ERROR", 6, NULL},
        };
        _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
        const json_t *job;
        size_t i;

        if (!table)
                return -ENOMEM;
        json_array_foreach (jobs, i, job) {
                int r = add_job(table, job);

                if (r < 0)
                        return r;
        }
        if (table_rows(table) == 0) {
                if (!c->options.no_legend && !c->options.quiet)
                        fputs("There is no job.\n", stderr);
                return 0;
        }
        return table_print(table, stdout, c->options.full ? 0 : screen_columns(STDOUT_FILENO),
                           !c->options.no_legend, c->options.color_out);
}

int verb_jobs(struct client *c, int argc, char **argv) {
        _cleanup_json_ json_t *jobs = NULL;
        struct problem p = {};
        int r = bus_list(c, "ListJobs", &jobs, &p);

        if (r != 0)
                return problem_print(c, &p);
        r = client_json(c) ? json_print(c, jobs) : print_table(c, jobs);
        return r < 0 ? (bus_fail(&p, r), problem_print(c, &p)) : FWD_EXIT_OK;
}
