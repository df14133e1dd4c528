/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <string.h>

#include "service/device.h"
#include "service/job.h"

/* A JSON object of the facts; NULL without memory. Free with free(). */
static char *details(const struct job *job) {
        json_t *object = json_object();
        char *text;

        for (size_t i = 0; i < job->n_facts; i++)
                /* A text that is no UTF-8 is left out. */
                (void) json_object_set_new(object, job->facts[i].key,
                                           json_string(job->facts[i].value));
        text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(object);
        return text;
}

/* What this job found out, before what was known of the board. */
static const char *known(const struct job *job, const char *fact, enum device_property property) {
        const char *text = job_fact(job, fact);

        if (text)
                return text;
        return job->device ? device_get(job->device, property) : "";
}

void job_write_history(struct job *job) {
        _cleanup_free_ char *facts = details(job);
        struct history_entry entry = {
                .id = job->history_id,
                .text =
                        {
                                [HISTORY_KIND] = job_kind_name(job->kind),
                                [HISTORY_PORT] = job->port,
                                [HISTORY_UNIQUE_ID] = known(job, "UniqueId", DEVICE_UNIQUE_ID),
                                [HISTORY_BOARD] = known(job, "Board", DEVICE_BOARD),
                                [HISTORY_BOARD_NAME] = known(job, "BoardName", DEVICE_BOARD_NAME),
                                [HISTORY_IMAGE_NAME] = job->image_name,
                                [HISTORY_IMAGE_SHA256] = job_fact(job, "Sha256"),
                                [HISTORY_STATE] = board_state_name(job->state),
                                [HISTORY_RESULT] = job_result_name(job->result),
                                [HISTORY_ERROR_NAME] = job_error_name(job),
                                [HISTORY_ERROR_MESSAGE] = job->message,
                                [HISTORY_DETAILS] = facts,
                        },
                .uid = job->uid,
                .start_us = job->start_time_us,
                .end_us = job->result == JOB_RUNNING ? 0 : realtime_us(),
                .dry_run = job->options.dry_run,
        };

        history_write(&job->service->history, &entry);
        job->history_id = entry.id;
}
