/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs on the bench: begun, waited for, and how they ended. */

#include <string.h>

#include "base/text.h"
#include "bench.h"

static inline int try_begin(struct bench *bench, struct device *device, enum job_kind kind,
                            const struct options *options, struct job **ret, struct fault *fault) {
        /* A flash that keeps the configuration has other steps: test-job-keep-config.c. */
        static const struct options none = {.leave = true, .keep_config = KEEP_NO};

        return job_new(&bench->service, device, kind, options ? options : &none, 1000,
                       kind == JOB_FLASH     ? bench_image(bench, "firmware")
                       : kind == JOB_RESTORE ? bench_image(bench, "set stub = 7\nsave\n")
                                             : -EBADF,
                       ret, fault);
}

static inline struct job *begin(struct bench *bench, enum job_kind kind,
                                const struct options *options) {
        struct fault fault = FAULT_INIT;
        struct job *job = NULL;

        assert_int_equal(try_begin(bench, bench->service.devices, kind, options, &job, &fault), 0);
        return job;
}

static inline bool in_phase(const struct job *job, const char *phase) {
        return strcmp(job->phase, phase) == 0;
}

static inline void succeeded(struct bench *bench, struct job *job) {
        bench_until(bench, job->result != JOB_RUNNING);
        if (job->result != JOB_SUCCESS)
                fail_msg("%s", job->message);
        assert_string_equal(job->phase, "done");
        assert_null(job->device);
}

static inline void failed(struct bench *bench, struct job *job, enum fwd_error error,
                          enum board_state state, const char *sentence) {
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, error == FWD_CANCELLED ? JOB_CANCELLED : JOB_FAILED);
        if (job->fault.error != error || !strstr(job->message, sentence))
                fail_msg("expected %s with \"%s\", got %s: %s", fwd_error_name(error), sentence,
                         fwd_error_name(job->fault.error), job->message);
        assert_int_equal(job->state, state);
        assert_non_null(strstr(job->message, "Board " PORT));
        assert_null(job->device);
}

static inline void called(struct bench *bench, const char *operations) {
        _cleanup_free_ char *calls = bench_calls(bench);

        assert_string_equal(calls, operations);
}

/* The same after a job in which the board restarted: when it is over, the service asks who is there
 * now, as after any arrival. */
static inline void called_and_asked(struct bench *bench, const char *operations) {
        _cleanup_free_ char *all = text_format("%s identify", operations);

        bench_until(bench, bench->service.devices->identified);
        called(bench, all);
}
