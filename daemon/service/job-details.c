/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/job.h"

#include <string.h>

#include "base/text.h"

/* What a job says of itself while it runs: how far it is, the facts, and the notice to a person. */

void job_set_phase(struct job *job, const char *phase) {
        char *copy;

        if (strcmp(job->phase, phase) == 0)
                return;
        copy = strdup(phase);
        if (!copy)
                return;
        free(job->phase);
        job->phase = copy;
        job->done = job->total = 0;
        job->progress_dirty = true;
        job_tell(job, 1U << JOB_P_PHASE | 1U << JOB_P_BYTES_DONE | 1U << JOB_P_BYTES_TOTAL |
                              1U << JOB_P_CANCELABLE);
}

void job_set_progress(struct job *job, uint64_t done, uint64_t total) {
        if (job->done == done && job->total == total)
                return;
        job->done = done;
        job->total = total;
        job->progress_dirty = true;
        job_tell(job, 1U << JOB_P_BYTES_DONE | 1U << JOB_P_BYTES_TOTAL);
}

void job_set_state(struct job *job, enum board_state state) {
        if (state <= job->state)
                return;
        job->state = state;
        job_write_history(job);
        job_tell(job, 1U << JOB_P_DETAILS);
}

const char *job_fact(const struct job *job, const char *key) {
        for (size_t i = 0; i < job->n_facts; i++)
                if (strcmp(job->facts[i].key, key) == 0)
                        return job->facts[i].value;
        return NULL;
}

void job_set_fact(struct job *job, const char *key, const char *value) {
        _cleanup_free_ char *value_copy = strdup(value);
        _cleanup_free_ char *key_copy = strdup(key);
        size_t i = 0;

        if (!value_copy || !key_copy)
                return;
        while (i < job->n_facts && strcmp(job->facts[i].key, key) != 0)
                i++;
        if (i == JOB_FACTS_MAX)
                return;
        if (i == job->n_facts)
                job->facts[job->n_facts++] = (struct fact){TAKE_PTR(key_copy), NULL};
        free(job->facts[i].value);
        job->facts[i].value = TAKE_PTR(value_copy);
        job_tell(job, 1U << JOB_P_DETAILS | 1U << JOB_P_IMAGE_SHA256);
}

void job_add_notice(struct job *job, const char *sentence) {
        const char *before = job_fact(job, "Notice");
        _cleanup_free_ char *both = NULL;

        if (!before || !*before) {
                job_set_fact(job, "Notice", sentence);
                return;
        }
        if (strstr(before, sentence))
                return;
        both = text_format("%s %s", before, sentence);
        if (both)
                job_set_fact(job, "Notice", both);
}

void job_clear_fact(struct job *job, const char *key) {
        for (size_t i = 0; i < job->n_facts; i++)
                if (strcmp(job->facts[i].key, key) == 0) {
                        free(job->facts[i].key);
                        free(job->facts[i].value);
                        job->facts[i] = job->facts[--job->n_facts];
                        job_tell(job, 1U << JOB_P_DETAILS);
                        return;
                }
}

void job_set_standing_notice(struct job *job, const char *notice) {
        free(job->standing_notice);
        job->standing_notice = notice ? strdup(notice) : NULL;
        job_clear_notice(job);
}

void job_add_standing_notice(struct job *job, const char *sentence) {
        _cleanup_free_ char *both = NULL;

        if (job->standing_notice) {
                both = text_format("%s %s", job->standing_notice, sentence);
                if (both)
                        job_set_standing_notice(job, both);
        } else
                job_set_standing_notice(job, sentence);
}

void job_clear_notice(struct job *job) {
        if (job->standing_notice)
                job_set_fact(job, "Notice", job->standing_notice);
        else
                job_clear_fact(job, "Notice");
}

void job_notice_save(struct job *job) {
        const char *notice = job_fact(job, "Notice");

        free(job->notice_before);
        job->notice_before = notice ? strdup(notice) : NULL;
}

void job_notice_restore(struct job *job) {
        if (job->notice_before)
                job_set_fact(job, "Notice", job->notice_before);
        else
                job_clear_fact(job, "Notice");
        free(TAKE_PTR(job->notice_before));
}
