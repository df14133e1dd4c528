/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How jobs end badly: always with a name, a sentence, and the state of the board. */

#include "jobs.h"

static void test_bad_image(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);

        bench_script(bench, "inspect", "fail InvalidImage untouched 'Line 3 has a bad checksum'");
        failed(bench, begin(bench, JOB_FLASH, NULL), FWD_INVALID_IMAGE, BOARD_UNTOUCHED,
               "Line 3 has a bad checksum");
        called(bench, "identify inspect"); /* the board was not touched */
        assert_string_equal(device_get(device, DEVICE_MODE), "firmware");
        assert_null(device->job);
}

static void test_other_board_came(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT), *other;
        struct job *job = begin(bench, JOB_FLASH, NULL);

        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        other = bench_plug_bootloader(bench, PORT, "208B317A3331");
        failed(bench, job, FWD_WRONG_BOARD, BOARD_UNTOUCHED,
               "208B317A3331 does not belong to the chip " UID_HEX " that was there");
        assert_non_null(strstr(job->message, "Plug the right board in again"));
        assert_null(strstr(job->message, "firmware file"));
        called(bench, "identify inspect reboot");
        /* And is shown as what it is. */
        assert_string_equal(device_get(other, DEVICE_UNIQUE_ID), "");
        assert_string_equal(device_get(other, DEVICE_BOARD), "stm32-dfu");
        (void) device;
}

static void test_other_board_forced(void **state) {
        struct bench *bench = *state;
        const struct options force = {.force = true, .keep_config = KEEP_NO};
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, &force);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, "208B317A3331");
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, JOB_SUCCESS);
}

static void test_firmware_again(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        failed(bench, job, FWD_NOT_SUPPORTED, BOARD_UNTOUCHED, "started its firmware again");
}

/* The worker does as `script` says; the board came back with its firmware, and has gone again. */
static struct job *rebooted_twice(struct bench *bench, const char *script) {
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "reboot", script);
        job = begin(bench, JOB_REBOOT, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        bench_until(bench, in_phase(job, "waiting-for-bootloader") && !job->worker);
        bench_unplug(bench, PORT);
        return job;
}

/* What one way does not do the next one may. */
static void test_next_way(void **state) {
        struct bench *bench = *state;
        _cleanup_free_ char *call = NULL;
        struct job *job;

        job = rebooted_twice(bench, "case $options in "
                                    "*after=msp-reboot*) say X.Method=cli X.MoreWays=yes ;; "
                                    "*) say X.Method=msp-reboot X.MoreWays=yes ;; esac; success");
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, JOB_SUCCESS);
        assert_string_equal(job_fact(job, "Method"), "cli");
        assert_null(job_fact(job, "MoreWays"));
        called(bench, "identify reboot reboot");
        call = bench_call(bench, "reboot");
        assert_non_null(strstr(call, "after=msp-reboot"));
}

static void test_no_next_way(void **state) {
        struct bench *bench = *state;
        struct job *job;

        job = rebooted_twice(bench, "case $options in "
                                    "*after=cli*) say X.Method=reboot-character X.MoreWays=no ;; "
                                    "*) say X.Method=cli X.MoreWays=yes ;; esac; success");
        (void) bench_plug_firmware(bench, PORT);
        failed(bench, job, FWD_NOT_SUPPORTED, BOARD_UNTOUCHED, "started its firmware again");
        called_and_asked(bench, "identify reboot reboot");
}

static void test_unknown_bootloader(void **state) {
        struct bench *bench = *state;
        const struct device_usb mouse = {.port = PORT,
                                         .node = "/dev/bus/usb/001/009",
                                         .vendor_id = 0x1234,
                                         .product_id = 0x5678};
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        devices_usb_added(&bench->service, &mouse);
        failed(bench, job, FWD_NOT_SUPPORTED, BOARD_UNTOUCHED, "1234:5678");
}

static void test_never_comes(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_NEEDS_USER_ACTION, BOARD_UNTOUCHED, "BOOT button");
        assert_non_null(strstr(job_fact(job, "Notice"), "BOOT button"));
        assert_null(device_find_port(&bench->service, PORT));
}

/* It says that it reboots, and stays. */
static void test_never_goes(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);

        bench_short_waits(bench);
        failed(bench, begin(bench, JOB_REBOOT, NULL), FWD_NEEDS_USER_ACTION, BOARD_UNTOUCHED,
               "did not come as its bootloader");
        assert_ptr_equal(device_find_port(&bench->service, PORT), device);
}

static void test_armed(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "reboot", "fail Armed untouched 'The board is armed'");
        failed(bench, begin(bench, JOB_FLASH, NULL), FWD_ARMED, BOARD_UNTOUCHED, "armed");
        called(bench, "identify inspect reboot");
}

/* A flash of a board that ran, until its worker has said what the test wants. */
static struct job *flash_with(struct bench *bench, const char *script,
                              const struct options *options) {
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "flash", script);
        job = begin(bench, JOB_FLASH, options);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        return job;
}

/* What only the bootloader could tell costs the board its firmware no more than what the file
 * tells. */
static void test_untouched_runs_again(void **state) {
        struct bench *bench = *state;
        struct job *job =
                flash_with(bench, "fail WrongBoard untouched 'The file is for another'", NULL);

        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        assert_int_equal(job->result, JOB_RUNNING);
        assert_true(job_cancel(job, NULL) < 0);
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        failed(bench, job, FWD_WRONG_BOARD, BOARD_UNTOUCHED, "still has its old firmware");
        called_and_asked(bench, "identify inspect reboot flash leave");
}

/* Why it failed is told, not that it could not be brought back. */
static void test_untouched_does_not_return(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_script(bench, "leave", "fail Timeout untouched 'It does not leave'");
        job = flash_with(bench, "fail WrongBoard untouched 'The file is for another'", NULL);
        failed(bench, job, FWD_WRONG_BOARD, BOARD_UNTOUCHED, "it is in its bootloader");
}

static void test_untouched_is_to_stay(void **state) {
        struct bench *bench = *state;
        const struct options stay = {.leave = false, .keep_config = KEEP_NO};
        struct job *job =
                flash_with(bench, "fail WrongBoard untouched 'The file is for another'", &stay);

        failed(bench, job, FWD_WRONG_BOARD, BOARD_UNTOUCHED, "it is in its bootloader");
        called(bench, "identify inspect reboot flash");
}

static void test_touched_is_not_started(void **state) {
        struct bench *bench = *state;
        struct job *job = flash_with(bench, "fail WriteFailed erased 'It does not write'", NULL);

        failed(bench, job, FWD_WRITE_FAILED, BOARD_ERASED, "it has no firmware now");
        called(bench, "identify inspect reboot flash");
}

/* The worker hangs in a transfer that the kernel does not give back: longer than this test may
 * last. */
static void test_unplugged_in_flash(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "flash",
                     "say PHASE=erasing STATE=erased; say PHASE=writing DONE=2048 "
                     "TOTAL=4096; say STATE=partly-written; exec sleep 1000");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job->state == BOARD_PARTLY_WRITTEN);
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_PARTLY_WRITTEN, "partly written");
        assert_int_equal(job->done, 2048);
        assert_int_equal(job->total, 4096);
        assert_null(bench->service.devices);
}

static void test_unplugged_and_back_in_flash(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "flash", "say PHASE=writing STATE=erased; exec sleep 1000");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job->state == BOARD_ERASED);
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_ERASED, "unplugged");
        /* The board is there again and can be flashed. */
        assert_non_null(device_find_port(&bench->service, PORT));
        assert_null(bench->service.devices->job);
}

static void test_unplugged_in_inspect(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_pipe(bench, "go");
        bench_script(bench, "inspect", "say X.Format=raw; hold go");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job_fact(job, "Format"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL); /* perhaps another one */
        bench_release(bench, "go");
        failed(bench, job, FWD_DEVICE_LOST, BOARD_UNTOUCHED, "unplugged");
        called(bench, "inspect");
}

static void test_success_without_proof(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "flash", "say STATE=written; success");
        failed(bench, begin(bench, JOB_FLASH, NULL), FWD_VERIFY_FAILED, BOARD_WRITTEN,
               "without having verified");
}

static void test_worker_dies(void **state) {
        struct bench *bench = *state;
        struct job *job, *other;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "flash@" PORT, "say STATE=erased; kill -SEGV $$");
        job = begin(bench, JOB_FLASH, NULL);
        (void) bench_plug_bootloader(bench, "3-1", ROM_SERIAL);
        {
                struct fault fault = FAULT_INIT;

                assert_int_equal(try_begin(bench, device_find_port(&bench->service, "3-1"),
                                           JOB_FLASH, NULL, &other, &fault),
                                 0);
        }
        failed(bench, job, FWD_INTERRUPTED, BOARD_ERASED, "signal 11");
        /* Its neighbour does not notice. */
        bench_until(bench, other->result != JOB_RUNNING);
        assert_int_equal(other->result, JOB_SUCCESS);
}

static void test_worker_missing(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench->service.settings.worker = "/nonexistent/fwd-worker";
        failed(bench, begin(bench, JOB_FLASH, NULL), FWD_INTERRUPTED, BOARD_UNTOUCHED,
               "status 203");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_bad_image),
                TEST(test_other_board_came),
                TEST(test_other_board_forced),
                TEST(test_firmware_again),
                TEST(test_next_way),
                TEST(test_no_next_way),
                TEST(test_unknown_bootloader),
                TEST(test_never_comes),
                TEST(test_never_goes),
                TEST(test_armed),
                TEST(test_untouched_runs_again),
                TEST(test_untouched_does_not_return),
                TEST(test_untouched_is_to_stay),
                TEST(test_touched_is_not_started),
                TEST(test_unplugged_in_flash),
                TEST(test_unplugged_and_back_in_flash),
                TEST(test_unplugged_in_inspect),
                TEST(test_success_without_proof),
                TEST(test_worker_dies),
                TEST(test_worker_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
