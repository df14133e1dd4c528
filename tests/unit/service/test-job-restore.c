/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Restores: what the board is given, and what is said of what it took. */

#include "config-jobs.h"

static void test_restore(void **state) {
        struct bench *bench = *state;
        const struct options options = {
                .leave = true, .save_with_errors = true, .only = "serial,osd"};
        _cleanup_free_ char *restore = NULL, *compare = NULL;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        bench_script(bench, "restore", "say X.Rebooting=yes X.Applied=1");
        job = begin(bench, JOB_RESTORE, &options);
        to_firmware(bench, job);
        succeeded(bench, job);
        config_is(bench, "7");
        called_and_asked(bench, "identify restore compare");
        restore = bench_call(bench, "restore");
        assert_non_null(strstr(restore, "options= only=serial,osd save-with-errors=yes"));
        compare = bench_call(bench, "compare");
        assert_non_null(strstr(compare, "options= only=serial,osd"));
        assert_null(strstr(compare, "save-with-errors"));
        assert_string_equal(job_fact(job, "Config"), "restored");
        assert_string_equal(job_fact(job, "ConfigApplied"), "1");
}

static void test_restore_partly(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "compare",
                     "say X.Missing=2 'X.MissingLines=set a = 1; set b = 2'; success");
        job = begin(bench, JOB_RESTORE, NULL);
        succeeded(bench, job);
        assert_string_equal(job_fact(job, "Config"), "partly-restored");
        assert_non_null(strstr(job_fact(job, "Notice"), "2 settings of the configuration did not "
                                                        "come back: set a = 1; set b = 2"));
}

/* Older firmware leaves its command line by a restart, after the comparison, too. */
static void test_restore_partly_and_restarts(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "restore", "say X.Rebooting=yes");
        bench_script(bench, "compare",
                     "say X.Rebooting=yes X.Missing=1 'X.MissingLines=set a = 1'; success");
        job = begin(bench, JOB_RESTORE, NULL);
        to_firmware(bench, job);
        bench_until(bench, in_phase(job, "comparing-config"));
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_string_equal(job_fact(job, "Config"), "partly-restored");
        assert_non_null(strstr(job_fact(job, "Notice"), "did not come back: set a = 1"));
}

/* INAV is at its defaults while it is given the lines: what it had is on the disk before. */
static void test_restore_inav(void **state) {
        static const struct options part = {.leave = true, .only = "osd"};
        struct bench *bench = *state;
        struct job *job;

        device_set(bench_plug_identified(bench, PORT), DEVICE_VARIANT, "INAV");
        bench_script(bench, "identify",
                     "say X.Variant=INAV X.BoardName=STUB405 X.UniqueId=" UID_HEX "; success");
        set_config(bench, "42");
        bench_script(bench, "restore", "say X.Rebooting=yes");
        job = begin(bench, JOB_RESTORE, &part);
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_int_equal(n_backups(bench, NULL), 0);
        set_config(bench, "42");
        bench_script(bench, "restore", "fail DeviceLost untouched 'The board went away'");
        job = begin(bench, JOB_RESTORE, NULL);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_UNTOUCHED, "went away");
        backup_is_safe(bench, job, "42");
        bench_script(bench, "backup", "fail Timeout untouched 'It stopped half way'");
        failed(bench, begin(bench, JOB_RESTORE, NULL), FWD_TIMEOUT, BOARD_UNTOUCHED,
               "could not be backed up, so it was given none: It stopped half way");
        called(bench, "identify restore compare identify backup restore backup");
}

static void test_restore_refused(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        bench_script(bench, "restore",
                     "fail WrongBoard untouched 'The configuration is of another board'");
        job = begin(bench, JOB_RESTORE, NULL);
        failed(bench, job, FWD_WRONG_BOARD, BOARD_UNTOUCHED, "is of another board");
        assert_non_null(strstr(job->message, "still has its firmware"));
        config_is(bench, "1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_restore),
                TEST(test_restore_partly),
                TEST(test_restore_partly_and_restarts),
                TEST(test_restore_inav),
                TEST(test_restore_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
