/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Backups: whose they are, and that what is kept is whole. */

#include "config-jobs.h"

static void test_backup(void **state) {
        struct bench *bench = *state;
        const struct options dump = {.leave = true, .dump = true};
        _cleanup_free_ char *call = NULL;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        job = begin(bench, JOB_BACKUP, &dump);
        succeeded(bench, job);
        called(bench, "identify backup");
        call = bench_call(bench, "backup");
        assert_non_null(strstr(call, "tty=/dev/ttyACM0 "));
        assert_non_null(strstr(call, "options= dump=yes"));
        backup_is_safe(bench, job, "1");
}

/* Its owner is asked first: it is the name of the directory. */
static void test_backup_asks_whose_it_is(void **state) {
        struct bench *bench = *state;
        struct device *device;
        struct job *job;

        bench_script(bench, "identify", "fail Timeout untouched 'No answer'");
        device = bench_plug_firmware(bench, PORT);
        bench_until(bench, !device->identify);
        bench_script(bench, "identify",
                     "say X.Variant=BTFL X.BoardName=STUB405 X.UniqueId=" UID_HEX);
        set_config(bench, "1");
        job = begin(bench, JOB_BACKUP, NULL);
        succeeded(bench, job);
        called(bench, "identify identify backup");
        backup_is_safe(bench, job, "1");
}

/* Older firmware leaves its command line by a restart: the job ends when the board is back. */
static void test_backup_restarts_the_board(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        struct job *job;

        set_config(bench, "1");
        bench_script(bench, "backup", "say X.Rebooting=yes");
        job = begin(bench, JOB_BACKUP, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        backup_is_safe(bench, job, "1");
        bench_unplug(bench, PORT);
        assert_int_equal(job->result, JOB_RUNNING);
        assert_ptr_equal(bench_plug_firmware(bench, PORT), device);
        succeeded(bench, job);
        assert_null(job_fact(job, "Notice"));
}

static void test_backup_board_does_not_return(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "backup", "say X.Rebooting=yes");
        job = begin(bench, JOB_BACKUP, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_TIMEOUT, BOARD_UNTOUCHED, "did not come back");
        assert_int_equal(n_backups(bench, NULL), 1);
}

static void test_backup_of_what_has_none(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        failed(bench, begin(bench, JOB_BACKUP, NULL), FWD_NOT_SUPPORTED, BOARD_UNTOUCHED,
               "in its bootloader");
        called(bench, "");
}

static void test_backup_gives_nothing(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "backup", "success");
        failed(bench, begin(bench, JOB_BACKUP, NULL), FWD_FAILED, BOARD_UNTOUCHED, "empty");
        assert_int_equal(n_backups(bench, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_backup),
                TEST(test_backup_asks_whose_it_is),
                TEST(test_backup_restarts_the_board),
                TEST(test_backup_board_does_not_return),
                TEST(test_backup_of_what_has_none),
                TEST(test_backup_gives_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
