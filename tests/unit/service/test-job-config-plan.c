/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dry runs of a restore and of the custom defaults: asked, and nothing given. */

#include "config-jobs.h"

static const struct options dry = {.leave = true, .dry_run = true};

/* A board with settings of its own and custom defaults that it could be reset to. */
static void plug_with_defaults(struct bench *bench, const char *available, const char *state) {
        char script[256];
        struct device *device;

        (void) snprintf(script, sizeof(script),
                        "say X.Variant=BTFL X.FirmwareVersion=4.4.2 X.BoardName=STUB405 "
                        "X.UniqueId=" UID_HEX "%s%s X.ConfigState=%s",
                        *available ? " X.CustomDefaults=" : "", available, state);
        bench_script(bench, "identify", script);
        device = bench_plug_firmware(bench, PORT);
        bench_until(bench, device->identified);
}

static void changed_nothing(struct bench *bench, const struct job *job) {
        config_is(bench, "1");
        assert_int_equal(job->state, BOARD_UNTOUCHED);
        assert_int_equal(n_backups(bench, NULL), 0);
}

static void test_restore(void **state) {
        struct bench *bench = *state;
        const struct options options = {.leave = true,
                                        .dry_run = true,
                                        .force = true,
                                        .save_with_errors = true,
                                        .only = "serial,osd"};
        _cleanup_free_ char *restore = NULL, *compare = NULL;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        job = begin(bench, JOB_RESTORE, &options);
        bench_until(bench, in_phase(job, "planning"));
        assert_true(job_is_cancelable(job));
        succeeded(bench, job);
        called(bench, "identify restore compare");
        restore = bench_call(bench, "restore");
        assert_non_null(strstr(restore, "tty=/dev/ttyACM0 "));
        assert_non_null(strstr(restore, " force=yes"));
        assert_non_null(strstr(restore, " dry-run=yes"));
        assert_non_null(strstr(restore, " only=serial,osd"));
        compare = bench_call(bench, "compare");
        assert_non_null(strstr(compare, "options= only=serial,osd"));
        assert_null(strstr(compare, "dry-run"));
        assert_string_equal(job_fact(job, "Config"), "planned");
        assert_string_equal(job_fact(job, "ConfigPlan"), "1");
        assert_string_equal(job_fact(job, "ConfigPlanLines"), "set stub = 7");
        assert_string_equal(job_fact(job, "ConfigMissing"), "1");
        assert_string_equal(job_fact(job, "ConfigMissingLines"), "set stub = 7");
        assert_null(job_fact(job, "Notice"));
        changed_nothing(bench, job);
}

/* Each session with an interactive command line ends with a restart, and the person learns of it.
 */
static void test_restore_restarts_the_board(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        bench_script(bench, "restore", "say X.Rebooting=yes");
        bench_script(bench, "compare", "say X.Rebooting=yes");
        job = begin(bench, JOB_RESTORE, &dry);
        to_firmware(bench, job);
        assert_int_equal(job->result, JOB_RUNNING);
        assert_non_null(strstr(job_fact(job, "Notice"), "The board restarted"));
        to_firmware(bench, job);
        succeeded(bench, job);
        called_and_asked(bench, "identify restore compare");
        assert_non_null(strstr(job_fact(job, "Notice"), "The board restarted"));
        assert_non_null(strstr(job_fact(job, "Notice"), "What it has saved is as it was."));
        changed_nothing(bench, job);
}

static void test_restore_board_does_not_return(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        bench_script(bench, "restore", "say X.Rebooting=yes");
        job = begin(bench, JOB_RESTORE, &dry);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_TIMEOUT, BOARD_UNTOUCHED, "did not come back");
        changed_nothing(bench, job);
}

static void test_restore_refused(void **state) {
        static const struct {
                const char *script, *sentence;
                enum fwd_error error;
        } rows[] = {
                {"fail WrongBoard untouched 'The configuration is of another board'",
                 "is of another board", FWD_WRONG_BOARD},
                {"fail Armed untouched 'The board is armed'", "is armed", FWD_ARMED},
                {"fail InvalidConfig untouched 'The configuration file is empty'", "is empty",
                 FWD_INVALID_CONFIG},
        };
        struct bench *bench = *state;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct job *job;

                bench_script(bench, "restore", rows[i].script);
                job = begin(bench, JOB_RESTORE, &dry);
                failed(bench, job, rows[i].error, BOARD_UNTOUCHED, rows[i].sentence);
                assert_null(job_fact(job, "Config"));
                changed_nothing(bench, job);
        }
        called(bench, "identify restore restore restore");
}

static void test_restore_without_firmware(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        failed(bench, begin(bench, JOB_RESTORE, &dry), FWD_NOT_SUPPORTED, BOARD_UNTOUCHED,
               "in its bootloader");
        called(bench, "");
}

static void test_cancel(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "1");
        bench_script(bench, "restore", "say X.Begun=1; exec sleep 100");
        job = begin(bench, JOB_RESTORE, &dry);
        bench_until(bench, job_fact(job, "ConfigBegun"));
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
        changed_nothing(bench, job);
}

static void test_defaults(void **state) {
        static const struct {
                const char *config_state, *backup;
        } rows[] = {{"configured", "yes"}, {"bare", "no"}, {"custom-defaults", "no"}};

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct bench *bench = *state;
                _cleanup_free_ char *call = NULL;
                struct job *job;

                plug_with_defaults(bench, "available", rows[i].config_state);
                set_config(bench, "1");
                bench_script(bench, "defaults",
                             "say X.Plan=2 'X.PlanLines=set a = 1; map A' X.Replaced=0; success");
                job = begin(bench, JOB_DEFAULTS, &dry);
                succeeded(bench, job);
                call = bench_call(bench, "defaults");
                assert_non_null(strstr(call, "tty=/dev/ttyACM0 "));
                assert_non_null(strstr(call, "options= dry-run=yes"));
                assert_string_equal(job_fact(job, "Config"), "planned");
                assert_string_equal(job_fact(job, "ConfigPlan"), "2");
                assert_string_equal(job_fact(job, "ConfigPlanLines"), "set a = 1; map A");
                assert_string_equal(job_fact(job, "ConfigReplaced"), "0");
                assert_string_equal(job_fact(job, "BackupPlanned"), rows[i].backup);
                assert_null(job_fact(job, "Notice"));
                changed_nothing(bench, job);
                bench_unplug(bench, PORT);
        }
        called(*state, "identify defaults identify defaults identify defaults");
}

static void test_defaults_restart_the_board(void **state) {
        struct bench *bench = *state;
        struct job *job;

        plug_with_defaults(bench, "available", "configured");
        set_config(bench, "1");
        bench_script(bench, "defaults", "say X.Rebooting=yes");
        job = begin(bench, JOB_DEFAULTS, &dry);
        to_firmware(bench, job);
        succeeded(bench, job);
        called_and_asked(bench, "identify defaults");
        assert_non_null(strstr(job_fact(job, "Notice"), "The board restarted"));
        changed_nothing(bench, job);
}

static void test_defaults_that_are_not_there(void **state) {
        static const struct {
                const char *available, *sentence;
        } rows[] = {{"none", "has no custom defaults with it"},
                    {"", "does not know custom defaults"}};

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct bench *bench = *state;

                plug_with_defaults(bench, rows[i].available, "bare");
                failed(bench, begin(bench, JOB_DEFAULTS, &dry), FWD_NOT_SUPPORTED, BOARD_UNTOUCHED,
                       rows[i].sentence);
                bench_unplug(bench, PORT);
        }
        called(*state, "identify identify");
}

static void test_defaults_refused(void **state) {
        struct bench *bench = *state;
        struct job *job;

        plug_with_defaults(bench, "available", "configured");
        set_config(bench, "1");
        bench_script(bench, "defaults", "fail Armed untouched 'The board is armed'");
        job = begin(bench, JOB_DEFAULTS, &dry);
        failed(bench, job, FWD_ARMED, BOARD_UNTOUCHED, "is armed");
        assert_null(job_fact(job, "BackupPlanned"));
        changed_nothing(bench, job);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_restore),
                TEST(test_restore_restarts_the_board),
                TEST(test_restore_board_does_not_return),
                TEST(test_restore_refused),
                TEST(test_restore_without_firmware),
                TEST(test_cancel),
                TEST(test_defaults),
                TEST(test_defaults_restart_the_board),
                TEST(test_defaults_that_are_not_there),
                TEST(test_defaults_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
