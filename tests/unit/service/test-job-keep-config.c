/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flashes that keep the configuration: the order of things, and that no end is without the backup.
 */

#include "config-jobs.h"

static const struct options keep = {.leave = true, .keep_config = KEEP_YES};
static const struct options by_the_profile = OPTIONS_INIT;

/* A flash of a board with a configuration of its own, which is in its bootloader by now. */
static struct job *flash_keeping(struct bench *bench) {
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        return job;
}

/* The configuration survives the flash: nothing is written. */
static void test_flash_kept(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        job = begin(bench, JOB_FLASH, &keep);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        /* On the disk before the board went. */
        backup_is_safe(bench, job, "42");
        to_bootloader(bench, job);
        to_firmware(bench, job);
        succeeded(bench, job);
        called(bench, "identify inspect backup reboot flash identify compare");
        assert_string_equal(job_fact(job, "Config"), "kept");
        assert_null(job_fact(job, "Notice"));
        config_is(bench, "42");
}

/* The new firmware throws it away: it comes back. */
static void test_flash_restored(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        bench_script(bench, "restore", "say X.Rebooting=yes");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        set_config(bench, "0");
        to_firmware(bench, job);
        bench_until(bench, in_phase(job, "restoring"));
        to_firmware(bench, job);
        succeeded(bench, job);
        called_and_asked(bench,
                         "identify inspect backup reboot flash identify compare restore compare");
        assert_string_equal(job_fact(job, "Config"), "restored");
        config_is(bench, "42");
        backup_is_safe(bench, job, "42");
        /* What names the image is not what names a configuration. */
        assert_int_equal(strlen(job_fact(job, "Sha256")), 64);
}

static void told(const struct job *job, const char *words) {
        const char *notice = job_fact(job, "Notice");

        if (!words)
                assert_null(notice);
        else if (!notice || !strstr(notice, words))
                fail_msg("\"%s\" is not in \"%s\"", words, notice ? notice : "");
}

/* Told before, not after; in a plan, too. */
static void test_flash_warns(void **state) {
        struct bench *bench = *state;
        static const struct {
                const char *firmware, *version;
                enum keep_config keep;
                const char *notice; /* NULL: none */
        } rows[] = {
                {"Betaflight", "4.5.3", KEEP_YES, NULL},
                {"Betaflight", "4.6.0", KEEP_YES,
                 "(4.6.0) does not take over the configuration of "
                 "the present one (4.5.1): it is read before the "
                 "flash and put back"},
                {"Betaflight", "2025.12.1", KEEP_NO, "will be lost"},
                {"Betaflight", "4.51.0", KEEP_NO, "will be lost"},
                {"Betaflight", "4", KEEP_NO, NULL},
                {"INAV", "8.0.1", KEEP_NO,
                 "(INAV 8.0.1) does not take over the configuration of "
                 "the present one (Betaflight 4.5.1): what is set"},
                {"Rotorflight", "4.5.1", KEEP_NO, "will be lost"},
        };

        (void) bench_plug_identified(bench, PORT);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct options options = {.leave = true, .keep_config = rows[i].keep};
                const size_t n = n_backups(bench, NULL);
                struct options plan = options;
                char script[128];
                struct job *job;

                (void) snprintf(script, sizeof(script),
                                "say X.TargetFirmware=%s X.TargetVersion=%s", rows[i].firmware,
                                rows[i].version);
                bench_script(bench, "inspect", script);
                plan.dry_run = true;
                bench_script(bench, "flash", "success");
                job = begin(bench, JOB_FLASH, &plan);
                succeeded(bench, job);
                told(job, rows[i].notice);
                assert_string_equal(job_fact(job, "BackupPlanned"),
                                    rows[i].keep == KEEP_YES ? "yes" : "no");
                assert_int_equal(n_backups(bench, NULL), n);
                bench_script(bench, "flash", "");
                job = begin(bench, JOB_FLASH, &options);
                bench_until(bench, in_phase(job, "waiting-for-bootloader"));
                told(job, rows[i].notice);
                to_bootloader(bench, job);
                to_firmware(bench, job);
                succeeded(bench, job);
                assert_int_equal(job_fact(job, "Notice") != NULL,
                                 rows[i].notice && rows[i].keep == KEEP_NO);
        }
}

static void test_flash_refused_lines(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        bench_script(bench, "restore",
                     "say X.Rejected=1 'X.RejectedLines=set x = 1'\n"
                     "fail NotSupported untouched 'The board refused 1 line'");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        set_config(bench, "0");
        to_firmware(bench, job);
        failed(bench, job, FWD_NOT_SUPPORTED, BOARD_VERIFIED, "refused 1 line");
        assert_string_equal(job_fact(job, "ConfigRejectedLines"), "set x = 1");
        backup_is_safe(bench, job, "42");
}

static void test_flash_no_backup_no_flash(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "backup", "fail Timeout untouched 'It stopped half way'");
        job = begin(bench, JOB_FLASH, &keep);
        failed(bench, job, FWD_TIMEOUT, BOARD_UNTOUCHED, "nothing was flashed");
        assert_non_null(strstr(job->message, "It stopped half way"));
        assert_non_null(strstr(job->message, "--no-keep-config"));
        called(bench, "identify inspect backup");
        assert_int_equal(n_backups(bench, NULL), 0);
}

/* A file in the place of the store's directory: so nobody can write there, not even root. */
static void test_flash_no_storage_no_flash(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "backups", "");
        job = begin(bench, JOB_FLASH, &keep);
        failed(bench, job, FWD_STORAGE_FAILED, BOARD_UNTOUCHED, "nothing was flashed");
        called(bench, "identify inspect backup");
}

static void plug_with_profile(struct bench *bench) {
        bench_plug_identified(bench, PORT)->profile->keep_config = true;
        set_config(bench, "42");
}

static void test_flash_by_profile(void **state) {
        struct bench *bench = *state;
        const struct options without = {.leave = true, .keep_config = KEEP_NO};
        struct job *job;

        plug_with_profile(bench);
        job = begin(bench, JOB_FLASH, &without);
        to_bootloader(bench, job);
        to_firmware(bench, job);
        succeeded(bench, job);
        called(bench, "identify inspect reboot flash identify");
        assert_int_equal(n_backups(bench, NULL), 0);

        bench->service.devices->profile->keep_config = true;
        job = begin(bench, JOB_FLASH, &by_the_profile);
        to_bootloader(bench, job);
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_int_equal(n_backups(bench, NULL), 1);
}

/* A board met in its bootloader: told, with the backup that there is of it; asked for, refused. */
static void test_flash_from_bootloader(void **state) {
        struct bench *bench = *state;
        struct options keep_plan = keep;
        struct backup backup;
        struct job *job;

        keep_plan.dry_run = true;
        plug_with_profile(bench);
        succeeded(bench, begin(bench, JOB_BACKUP, NULL));
        assert_int_equal(n_backups(bench, &backup), 1);
        job = begin(bench, JOB_REBOOT, NULL);
        to_bootloader(bench, job);
        succeeded(bench, job);

        failed(bench, begin(bench, JOB_FLASH, &keep), FWD_NOT_SUPPORTED, BOARD_UNTOUCHED,
               "start its firmware first");
        failed(bench, begin(bench, JOB_FLASH, &keep_plan), FWD_NOT_SUPPORTED, BOARD_UNTOUCHED,
               "start its firmware first");
        /* All of it is told: what will be lost, too. */
        bench_script(bench, "inspect", "say X.TargetFirmware=Betaflight X.TargetVersion=2025.12.1");
        job = begin(bench, JOB_FLASH, &by_the_profile);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        told(job, "could not be backed up. Its last backup is ");
        told(job, backup.id);
        told(job, ". The new firmware (2025.12.1) does not take over");
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_int_equal(n_backups(bench, NULL), 1);
        assert_null(job_fact(job, "Config"));
}

/* Pulled in each phase: the error, the state, and the backup. */
static void test_flash_pulled(void **state) {
        struct bench *bench = *state;
        static const struct {
                const char *operation, *said, *phase;
                enum fwd_error error;
                enum board_state state;
        } rows[] = {
                {"flash", "say PHASE=erasing STATE=erased", "erasing", FWD_DEVICE_LOST,
                 BOARD_ERASED},
                {"flash", "say PHASE=writing STATE=partly-written", "writing", FWD_DEVICE_LOST,
                 BOARD_PARTLY_WRITTEN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char script[128], command[128];
                struct job *job;

                (void) bench_plug_identified(bench, PORT);
                set_config(bench, "42");
                (void) snprintf(script, sizeof(script), "%s; exec sleep 100", rows[i].said);
                bench_script(bench, rows[i].operation, script);
                job = begin(bench, JOB_FLASH, &keep);
                to_bootloader(bench, job);
                bench_until(bench, in_phase(job, rows[i].phase));
                bench_unplug(bench, PORT);
                failed(bench, job, rows[i].error, rows[i].state, "unplugged");
                backup_is_safe(bench, job, "42");
                (void) snprintf(command, sizeof(command), "rm -r '%s/backups'", bench->dir);
                assert_int_equal(system(command), 0);
        }
}

/* Before and after the flash itself. */
static void test_flash_pulled_around(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        bench_script(bench, "backup", "fail DeviceLost untouched 'The port is gone'");
        job = begin(bench, JOB_FLASH, &keep);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_UNTOUCHED, "The port is gone");
        assert_int_equal(n_backups(bench, NULL), 0);

        bench_script(bench, "backup", "");
        bench_script(bench, "compare", "fail DeviceLost untouched 'The port is gone'");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        to_firmware(bench, job);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_VERIFIED, "The port is gone");
        backup_is_safe(bench, job, "42");
}

static void test_flash_does_not_return(void **state) {
        struct bench *bench = *state;
        struct job *job;

        job = flash_keeping(bench);
        bench_short_waits(bench);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_TIMEOUT, BOARD_VERIFIED, "has not come back");
        backup_is_safe(bench, job, "42");
}

/* Another board, another firmware: nothing is written to what the configuration is not of. */
static void test_flash_something_else_returns(void **state) {
        struct bench *bench = *state;
        struct job *job;

        job = flash_keeping(bench);
        bench_script(bench, "identify", "say X.UniqueId=00580027333150; success");
        to_firmware(bench, job);
        failed(bench, job, FWD_WRONG_BOARD, BOARD_VERIFIED, "Another board");
        backup_is_safe(bench, job, "42");
        bench_unplug(bench, PORT);

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        bench_script(bench, "identify", "say X.Variant=INAV X.UniqueId=" UID_HEX "; success");
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_string_equal(job_fact(job, "Config"), "not-restored");
        assert_non_null(strstr(job_fact(job, "Notice"), job_fact(job, "Backup")));
        called(bench, "identify inspect backup reboot flash identify "
                      "identify inspect backup reboot flash identify");
}

static void test_flash_and_stay(void **state) {
        struct bench *bench = *state;
        const struct options stay = {.keep_config = KEEP_YES};
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        job = begin(bench, JOB_FLASH, &stay);
        to_bootloader(bench, job);
        succeeded(bench, job);
        assert_non_null(strstr(job_fact(job, "Notice"), job_fact(job, "Backup")));
        backup_is_safe(bench, job, "42");
}

/* Cancelled while the configuration is read, after that, and while it is put back. */
static void test_cancel(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        bench_script(bench, "backup", "say PHASE=reading-config X.Begun=1; exec sleep 100");
        job = begin(bench, JOB_FLASH, &keep);
        bench_until(bench, job_fact(job, "ConfigBegun"));
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
        assert_int_equal(n_backups(bench, NULL), 0);

        bench_script(bench, "backup", "");
        job = begin(bench, JOB_FLASH, &keep);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
        backup_is_safe(bench, job, "42");
}

static void test_cancel_restore(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        bench_script(bench, "restore", "say X.Begun=1; exec sleep 100");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        set_config(bench, "0");
        to_firmware(bench, job);
        bench_until(bench, job_fact(job, "ConfigBegun"));
        assert_true(job_is_cancelable(job));
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_VERIFIED, "cancelled");
        backup_is_safe(bench, job, "42");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_flash_kept),
                TEST(test_flash_restored),
                TEST(test_flash_warns),
                TEST(test_flash_refused_lines),
                TEST(test_flash_no_backup_no_flash),
                TEST(test_flash_no_storage_no_flash),
                TEST(test_flash_by_profile),
                TEST(test_flash_from_bootloader),
                TEST(test_flash_pulled),
                TEST(test_flash_pulled_around),
                TEST(test_flash_does_not_return),
                TEST(test_flash_something_else_returns),
                TEST(test_flash_and_stay),
                TEST(test_cancel),
                TEST(test_cancel_restore),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
