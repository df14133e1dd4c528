/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl jobs: what runs, and what ended a short while ago. */

#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/cells.h"
#include "client/listing.h"

static int add_job(struct table *table, const json_t *job) {
        _cleanup_free_ char *id = bus_id_of(json_text(job, "Path"));
        _cleanup_free_ char *port = bus_port_of(json_text(job, "Device"));
        _cleanup_free_ char *user = cell_user(job);
        double done = 0, total = 0;
        char percent[16] = "", started[CELL_TIME_SIZE];

        if (json_number(job, "BytesDone", &done) && json_number(job, "BytesTotal", &total) &&
            total > 0)
                (void) snprintf(percent, sizeof(percent), "%.0f %%",
                                done >= total ? 100.0 : 100.0 * done / total);
        cell_time(job, "StartTime", false, started);
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

static const struct table_column columns[] = {
        {"JOB", 3, NULL},     {"PORT", 6, NULL},
        {"KIND", 6, NULL},    {"PHASE", 6, NULL},
        {"DONE", 5, NULL},    {"USER", 4, NULL},
        {"STARTED", 8, NULL}, {"RESULT", 7, cell_result_style},
        {"ERROR", 6, NULL},
};

static const struct listing listing = {
        .columns = columns,
        .n_columns = ARRAY_SIZE(columns),
        .add = add_job,
        .none = "There is no job.",
};

int verb_jobs(struct client *c, int argc, char **argv) {
        _cleanup_json_ json_t *jobs = NULL;
        struct problem p = {};
        int r = bus_list(c, "ListJobs", &jobs, &p);

        if (r == 0)
                r = listing_print(c, &listing, jobs, &p);
        return r == 0 ? FWD_EXIT_OK : problem_print(c, &p);
}
