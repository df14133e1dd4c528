/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What somebody else ends or refuses: a cancel, a stop of the service, the limits. */

#include <stdio.h>

#include "jobs.h"
#include "service/stop.h"

/* Cancel */

static void test_cancel_at_once(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
        called(bench, "");
}

static void test_cancel_a_worker(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "flash",
                     "trap 'say STATE=erased ERROR=Cancelled MESSAGE=Stopped RESULT=cancelled; "
                     "exit 11' TERM; say PHASE=erasing STATE=erased; while :; do sleep 0.05; done");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job->state == BOARD_ERASED);
        assert_int_equal(job_cancel(job, NULL), 0);
        assert_int_equal(job_cancel(job, NULL), 0); /* twice is once */
        failed(bench, job, FWD_CANCELLED, BOARD_ERASED, "no firmware now");
}

static void test_cancel_a_wait(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        struct job *job = begin(bench, JOB_FLASH, NULL);

        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
        assert_ptr_equal(bench->service.devices, device);
}

/* Between two workers: nothing more is begun. */
static void test_cancel_deaf_inspect(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_pipe(bench, "go");
        bench_script(bench, "inspect", "trap '' TERM; say X.Format=raw; hold go");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job_fact(job, "Format"));
        assert_int_equal(job_cancel(job, NULL), 0);
        bench_release(bench, "go");
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
        called(bench, "inspect");
}

static void test_cancel_too_late(void **state) {
        struct bench *bench = *state;
        struct fault fault = FAULT_INIT;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        assert_true(job_cancel(job, &fault) < 0);
        assert_int_equal(fault.error, FWD_NOT_SUPPORTED);
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, JOB_SUCCESS);
        fault = (struct fault) FAULT_INIT;
        assert_true(job_cancel(job, &fault) < 0);
        assert_non_null(strstr(fault.message, "ended already (success)"));
}

/* Limits */

static void test_busy_names_the_job(void **state) {
        struct bench *bench = *state;
        struct fault fault = FAULT_INIT;
        struct job *job, *other = NULL;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        assert_true(try_begin(bench, bench->service.devices, JOB_IDENTIFY, NULL, &other, &fault) <
                    0);
        assert_null(other);
        assert_int_equal(fault.error, FWD_BUSY);
        assert_non_null(strstr(fault.message, "job 1 (flash"));
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, JOB_SUCCESS); /* and did not suffer */
}

static void test_sixty_four_jobs(void **state) {
        struct bench *bench = *state;
        struct fault fault = FAULT_INIT;
        struct job *job = NULL;
        char port[16];

        for (unsigned i = 0; i < SERVICE_JOBS_MAX; i++) {
                (void) snprintf(port, sizeof(port), "1-%u", i + 1);
                assert_int_equal(try_begin(bench, bench_plug_bootloader(bench, port, ""),
                                           JOB_REBOOT, NULL, &job, &fault),
                                 0);
        }
        job = NULL;
        assert_true(try_begin(bench, bench_plug_bootloader(bench, "2-1", ""), JOB_REBOOT, NULL,
                              &job, &fault) < 0);
        assert_int_equal(fault.error, FWD_LIMIT_EXCEEDED);
        bench_until(bench, jobs_running(&bench->service) == 0);
        fault = (struct fault) FAULT_INIT;
        assert_int_equal(try_begin(bench, device_find_port(&bench->service, "2-1"), JOB_REBOOT,
                                   NULL, &job, &fault),
                         0);
}

static void test_finished_jobs_are_bounded(void **state) {
        struct bench *bench = *state;
        size_t n = 0;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        for (unsigned i = 0; i < 300; i++) {
                struct job *job = begin(bench, JOB_REBOOT, NULL); /* is there: nothing to do */

                bench_until(bench, job->result != JOB_RUNNING);
        }
        for (struct job *job = bench->service.jobs; job; job = job->next)
                n++;
        assert_int_equal(n, 256);
        assert_int_equal(bench->service.jobs->id, 300 - 256 + 1); /* the oldest went */
}

/* An upgrade of the package in mid-job: what has begun to change a board comes to its end, what has
 * not is cancelled. */
static void test_stop(void **state) {
        struct bench *bench = *state;
        struct fault fault = FAULT_INIT;
        struct job *writing, *waiting, *other;
        struct device *second;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_pipe(bench, "go");
        bench_script(bench, "flash",
                     "say PHASE=erasing STATE=erased; hold go; say STATE=verified RESULT=success");
        writing = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, writing->state == BOARD_ERASED);
        second = bench_plug_bootloader(bench, "3-1", "");
        bench_script(bench, "inspect",
                     "trap 'say ERROR=Cancelled MESSAGE=Stopped RESULT=cancelled; exit 11' TERM; "
                     "say X.Format=raw; while :; do sleep 0.05; done");
        assert_int_equal(try_begin(bench, second, JOB_FLASH, NULL, &waiting, &fault), 0);
        bench_until(bench, job_fact(waiting, "Format") != NULL);

        service_stop(&bench->service, 7);
        assert_true(try_begin(bench, bench_plug_bootloader(bench, "4-1", ""), JOB_REBOOT, NULL,
                              &other, &fault) < 0);
        bench_until(bench, waiting->result != JOB_RUNNING);
        assert_int_equal(waiting->result, JOB_CANCELLED);
        assert_int_equal(writing->result, JOB_RUNNING);
        bench_release(bench, "go");
        assert_int_equal(sd_event_loop(bench->event), 7); /* ends by itself, after the job */
        assert_int_equal(writing->result, JOB_SUCCESS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_cancel_at_once),
                TEST(test_cancel_a_worker),
                TEST(test_cancel_a_wait),
                TEST(test_cancel_deaf_inspect),
                TEST(test_cancel_too_late),
                TEST(test_busy_names_the_job),
                TEST(test_sixty_four_jobs),
                TEST(test_finished_jobs_are_bounded),
                TEST(test_stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
