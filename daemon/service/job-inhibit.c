/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "service/device.h"
#include "service/inhibitor.h"
#include "service/journal.h"
#include "service/steps.h"

/* The machine is kept awake from before a job touches its board, in order to change it, until the
 * job's end, whatever that is. A machine that cannot be kept awake flashes all the same. */

static void tell_refusal(const struct job *job, const char *why) {
        journal_log(LOG_WARNING, job->port, job->id,
                    "Nothing keeps the machine awake while the board is being changed: %s", why);
}

static void on_answer(void *userdata, const char *refusal) {
        struct job *job = userdata;

        if (refusal)
                tell_refusal(job, refusal);
        job_device_changed(job);
}

static int inhibit_check(struct job *job) {
        return inhibitor_is_answered(job->inhibitor);
}

static const struct await inhibit_await = {.check = inhibit_check, .timeless = true};

static bool inhibit_needed(const struct job *job) {
        return job->service->machine_bus && !job->inhibitor && job->kind != JOB_READ;
}

static int inhibit_start(struct job *job) {
        _cleanup_free_ char *why =
                text_format("Board %s (%s) is being changed (job %" PRIu32 ", %s)", job->port,
                            device_name(job->device), job->id, job_kind_name(job->kind));
        int r = why ? inhibitor_take(job->service, why, on_answer, job, &job->inhibitor) : -ENOMEM;

        if (r < 0) {
                tell_refusal(job, strerror(-r));
                return STEP_DONE;
        }
        return step_start_await(job, &inhibit_await);
}

const struct step step_inhibit = {.needed = inhibit_needed, .start = inhibit_start};
