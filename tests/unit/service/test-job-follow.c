/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs that wait for a serial port, and whose board is started into its bootloader by who has it:
 * they go on from there. What a job needs of the firmware is still got from it. */

#include "config-jobs.h"

static const struct options keep = {.leave = true, .keep_config = KEEP_YES};
#define HELD "fail PortHeld untouched 'Another program has it open'"

/* Begins a job whose worker for `operation` finds the port held, and waits until the job does. */
static struct job *begin_held(struct bench *bench, enum job_kind kind,
                              const struct options *options, const char *operation) {
        struct job *job;

        bench->service.settings.port_wait_ms = 60000;
        bench_script(bench, operation, HELD);
        set_config(bench, "42");
        job = begin(bench, kind, options);
        bench_until(bench, in_phase(job, "waiting-for-port"));
        return job;
}

/* What has the port starts the bootloader, and so lets go of the port. */
static void kicked(struct bench *bench, const char *operation) {
        bench_script(bench, operation, "");
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
}

static void test_reboot(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_REBOOT, NULL, "reboot");
        bench_unplug(bench, PORT);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, job);
        assert_int_equal(bench->service.devices->mode, MODE_BOOTLOADER);
        assert_non_null(strstr(job_fact(job, "Notice"), "went into its bootloader"));
        assert_non_null(job_fact(job, "PortWaitSeconds"));
}

/* udev tells of the port first. */
static void test_port_goes_first(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_BACKUP, NULL, "backup");
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        bench_until(bench, !in_phase(job, "waiting-for-port"));
        kicked(bench, "backup");
        to_firmware(bench, job);
        succeeded(bench, job);
        backup_is_safe(bench, job, "42");
}

static void test_flash(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, NULL, "reboot");
        kicked(bench, "reboot");
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_int_equal(job->state, BOARD_VERIFIED);
}

/* Its backup is on the disk by then. */
static void test_flash_has_backup(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, &keep, "reboot");
        backup_is_safe(bench, job, "42");
        kicked(bench, "reboot");
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_string_equal(job_fact(job, "Config"), "kept");
        assert_null(job_fact(job, "Notice"));
}

/* Only the firmware can tell the configuration: it is started again for it. */
static void test_flash_needs_backup(void **state) {
        struct bench *bench = *state;
        _cleanup_free_ char *calls = NULL;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, &keep, "backup");
        kicked(bench, "backup");
        to_firmware(bench, job);
        to_bootloader(bench, job);
        backup_is_safe(bench, job, "42");
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_string_equal(job_fact(job, "Config"), "kept");
        calls = bench_calls(bench);
        assert_non_null(strstr(calls, "backup leave backup reboot flash identify compare"));
}

static void test_backup(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_BACKUP, NULL, "backup");
        kicked(bench, "backup");
        to_firmware(bench, job);
        succeeded(bench, job);
        backup_is_safe(bench, job, "42");
}

/* The service itself asks who a board is, and finds the port held: a job waits for that. */
static void test_unidentified(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench->service.settings.port_wait_ms = 60000;
        bench_pipe(bench, "go");
        bench_script(bench, "identify", "hold go");
        (void) bench_plug_firmware(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job->await);
        bench_unplug(bench, PORT);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_script(bench, "identify", "");
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_int_equal(job->state, BOARD_VERIFIED);
}

/* After the flash, too: the work is done, and the board is to be back. */
static void test_flashed(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        set_config(bench, "42");
        job = begin(bench, JOB_FLASH, &keep);
        to_bootloader(bench, job);
        bench->service.settings.port_wait_ms = 60000;
        bench_script(bench, "identify", HELD);
        to_firmware(bench, job);
        bench_until(bench, in_phase(job, "waiting-for-port"));
        kicked(bench, "identify");
        to_firmware(bench, job);
        succeeded(bench, job);
        assert_string_equal(job_fact(job, "Config"), "kept");
        assert_string_equal(job_fact(job, "Return"), "firmware");
}

/* --- what does not come to a good end */

static void test_unplugged(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_REBOOT, NULL, "reboot");
        bench_short_waits(bench);
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_UNTOUCHED, "unplugged");
}

/* Who knows whether it is the same board. */
static void test_plugged_in_again(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, &keep, "backup");
        bench_unplug(bench, PORT);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        (void) bench_plug_firmware(bench, PORT);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_UNTOUCHED, "unplugged");
}

static void test_other_board(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, NULL, "reboot");
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, "208B317A3331");
        failed(bench, job, FWD_WRONG_BOARD, BOARD_UNTOUCHED, "208B317A3331");
}

static void test_cancelled(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, NULL, "reboot");
        bench_unplug(bench, PORT);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        assert_int_equal(job_cancel(job, NULL), 0);
        failed(bench, job, FWD_CANCELLED, BOARD_UNTOUCHED, "cancelled");
}

/* It does it each time: the job gives up, and leaves the board in its firmware. */
static void test_again_and_again(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_FLASH, &keep, "backup");
        for (unsigned i = 0; i < 3; i++) {
                bench_unplug(bench, PORT);
                (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
                to_firmware(bench, job);
                bench_until(bench, in_phase(job, "waiting-for-port"));
        }
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        to_firmware(bench, job);
        failed(bench, job, FWD_PORT_HELD, BOARD_UNTOUCHED, "again and again");
        assert_int_equal(n_backups(bench, NULL), 0);
        assert_int_equal(bench->service.devices->mode, MODE_FIRMWARE);
}

/* After the flash: what was flashed is flashed, and where the board is now is told. */
static void test_flashed_again_and_again(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        to_bootloader(bench, job);
        bench->service.settings.port_wait_ms = 60000;
        bench_script(bench, "identify", HELD);
        for (unsigned i = 0; i < 4; i++) {
                to_firmware(bench, job);
                bench_until(bench, in_phase(job, "waiting-for-port"));
                bench_unplug(bench, PORT);
                (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        }
        succeeded(bench, job);
        assert_int_equal(job->state, BOARD_VERIFIED);
        assert_string_equal(job_fact(job, "Return"), "power-cycle");
        assert_non_null(strstr(job_fact(job, "Notice"), "fwctl leave"));
}

/* A bootloader that does not start the firmware. */
static void test_does_not_come_back(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin_held(bench, JOB_BACKUP, NULL, "backup");
        kicked(bench, "backup");
        bench_until(bench, in_phase(job, "leaving"));
        bench_short_waits(bench);
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_TIMEOUT, BOARD_UNTOUCHED, "did not come back");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_reboot),
                TEST(test_port_goes_first),
                TEST(test_flash),
                TEST(test_flash_has_backup),
                TEST(test_flash_needs_backup),
                TEST(test_backup),
                TEST(test_unidentified),
                TEST(test_flashed),
                TEST(test_unplugged),
                TEST(test_plugged_in_again),
                TEST(test_other_board),
                TEST(test_cancelled),
                TEST(test_again_and_again),
                TEST(test_flashed_again_and_again),
                TEST(test_does_not_come_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
