/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Backups, restores, and flashes that keep the configuration: the order of things, and that no end
 * is without the backup. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct options keep = {.leave = true, .keep_config = KEEP_YES};

static int try_begin(struct bench *bench, enum job_kind kind, const struct options *options,
                     struct job **ret, struct fault *fault) {
        static const struct options none = OPTIONS_INIT;
        bool has_file = kind == JOB_FLASH || kind == JOB_RESTORE;

        return job_new(&bench->service, bench->service.devices, kind, options ? options : &none,
                       1000, has_file ? bench_image(bench, "set stub = 7\nsave\n") : -EBADF, ret,
                       fault);
}

static struct job *begin(struct bench *bench, enum job_kind kind, const struct options *options) {
        struct fault fault = FAULT_INIT;
        struct job *job = NULL;

        assert_int_equal(try_begin(bench, kind, options, &job, &fault), 0);
        return job;
}

static bool in_phase(const struct job *job, const char *phase) {
        return strcmp(job->phase, phase) == 0;
}

static void succeeded(struct bench *bench, struct job *job) {
        bench_until(bench, job->result != JOB_RUNNING);
        if (job->result != JOB_SUCCESS)
                fail_msg("%s", job->message);
}

static void failed(struct bench *bench, struct job *job, enum fwd_error error,
                   enum board_state state, const char *sentence) {
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, error == FWD_CANCELLED ? JOB_CANCELLED : JOB_FAILED);
        if (job->fault.error != error || !strstr(job->message, sentence))
                fail_msg("expected %s with \"%s\", got %s: %s", fwd_error_name(error), sentence,
                         fwd_error_name(job->fault.error), job->message);
        assert_int_equal(job->state, state);
}

static void called(struct bench *bench, const char *operations) {
        _cleanup_free_ char *calls = bench_calls(bench);

        assert_string_equal(calls, operations);
}

/* What the board has as its configuration: a value of the stub's. */
static void set_config(struct bench *bench, const char *value) {
        bench_script(bench, "config-" PORT, value);
}

static void config_is(struct bench *bench, const char *value) {
        _cleanup_fclose_ FILE *file = NULL;
        char path[128], line[64] = "";

        (void) snprintf(path, sizeof(path), "%s/config-" PORT, bench->dir);
        file = fopen(path, "re");
        assert_non_null(file);
        if (!fgets(line, sizeof(line), file))
                line[0] = '\0';
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, value);
}

static size_t n_backups(struct bench *bench, struct backup *ret_newest) {
        _cleanup_free_ struct backup *list = NULL;
        size_t n;

        assert_int_equal(backup_list(&bench->service.backups, NULL, &list, &n, NULL), 0);
        if (n > 0 && ret_newest)
                *ret_newest = list[0];
        return n;
}

/* The backup is on the disk, its text is the board's, and a bad end names it and the way back. */
static void backup_is_safe(struct bench *bench, const struct job *job, const char *value) {
        _cleanup_close_ int fd = -EBADF;
        char text[256] = "", line[64], command[64];
        struct backup backup;

        assert_int_equal(n_backups(bench, &backup), 1);
        assert_string_equal(job_fact(job, "Backup"), backup.id);
        assert_string_equal(backup.owner, UID_HEX);
        assert_string_equal(backup.board_name, "STUB405");
        assert_int_equal(backup_open(&bench->service.backups, backup.id, &fd, NULL, NULL), 0);
        assert_true(read(fd, text, sizeof(text) - 1) > 0);
        (void) snprintf(line, sizeof(line), "set stub = %s\n", value);
        assert_non_null(strstr(text, line));
        if (job->result == JOB_RUNNING || job->result == JOB_SUCCESS)
                return;
        (void) snprintf(command, sizeof(command), "fwctl restore " PORT " %s", backup.id);
        assert_non_null(strstr(job->message, command));
}

static void to_bootloader(struct bench *bench, struct job *job) {
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
}

static void to_firmware(struct bench *bench, struct job *job) {
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
}

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
        called(bench, "identify restore compare");
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
        called(bench, "identify inspect backup reboot flash identify compare restore compare");
        assert_string_equal(job_fact(job, "Config"), "restored");
        config_is(bench, "42");
        backup_is_safe(bench, job, "42");
        /* What names the image is not what names a configuration. */
        assert_int_equal(strlen(job_fact(job, "Sha256")), 64);
}

/* Told before, not after. */
static void test_flash_warns(void **state) {
        struct bench *bench = *state;
        static const struct {
                const char *version;
                enum keep_config keep;
                const char *notice; /* NULL: none */
        } rows[] = {
                {"4.5.3", KEEP_YES, NULL},      {"4.6.0", KEEP_YES, "put back"},
                {"2025.12.1", KEEP_NO, "lost"}, {"4.51.0", KEEP_NO, "lost"},
                {"4", KEEP_NO, NULL},
        };

        (void) bench_plug_identified(bench, PORT);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct options options = {.leave = true, .keep_config = rows[i].keep};
                char script[128];
                struct job *job;

                (void) snprintf(script, sizeof(script),
                                "say X.TargetFirmware=Betaflight X.TargetVersion=%s",
                                rows[i].version);
                bench_script(bench, "inspect", script);
                job = begin(bench, JOB_FLASH, &options);
                bench_until(bench, in_phase(job, "waiting-for-bootloader"));
                if (rows[i].notice)
                        assert_non_null(strstr(job_fact(job, "Notice"), rows[i].notice));
                else
                        assert_null(job_fact(job, "Notice"));
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
        job = begin(bench, JOB_FLASH, NULL);
        to_bootloader(bench, job);
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_int_equal(n_backups(bench, NULL), 1);
}

/* A board met in its bootloader: told, with the backup that there is of it; asked for, refused. */
static void test_flash_from_bootloader(void **state) {
        struct bench *bench = *state;
        struct backup backup;
        struct job *job;

        plug_with_profile(bench);
        succeeded(bench, begin(bench, JOB_BACKUP, NULL));
        assert_int_equal(n_backups(bench, &backup), 1);
        job = begin(bench, JOB_REBOOT, NULL);
        to_bootloader(bench, job);
        succeeded(bench, job);

        failed(bench, begin(bench, JOB_FLASH, &keep), FWD_NOT_SUPPORTED, BOARD_UNTOUCHED,
               "start its firmware first");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        assert_non_null(strstr(job_fact(job, "Notice"), "could not be backed up"));
        assert_non_null(strstr(job_fact(job, "Notice"), backup.id));
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

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_TIMEOUT, BOARD_VERIFIED, "has not come back");
        backup_is_safe(bench, job, "42");
}

/* Another board, another firmware: nothing is written to what the configuration is not of. */
static void test_flash_something_else_returns(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_backup),
                TEST(test_backup_asks_whose_it_is),
                TEST(test_backup_restarts_the_board),
                TEST(test_backup_board_does_not_return),
                TEST(test_backup_of_what_has_none),
                TEST(test_backup_gives_nothing),
                TEST(test_restore),
                TEST(test_restore_partly),
                TEST(test_restore_refused),
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
