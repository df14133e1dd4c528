/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs about the chip: reading, erasing, unprotecting, and plans that move no board. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "jobs.h"
#include "service/image-fd.h"

static int output(void) {
        int fd = memfd_create("output", MFD_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

/* What the worker fills is the caller's own file; the board comes back to its firmware. */
static void test_read_from_firmware(void **state) {
        struct bench *bench = *state;
        _cleanup_close_ int fd = output();
        const struct options options = {.leave = true, .has_output = true, .output_fd = fd};
        _cleanup_free_ char *call = NULL;
        char got[16] = "";
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "read", "say PHASE=reading; printf flash >&6; success");
        job = begin(bench, JOB_READ, &options);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        succeeded(bench, job);
        assert_int_equal(job->state, BOARD_UNTOUCHED);
        assert_int_equal(pread(fd, got, sizeof(got), 0), 5);
        assert_string_equal(got, "flash");
        call = bench_call(bench, "read");
        assert_non_null(strstr(call, "node=/dev/bus/usb/001/005"));
        assert_non_null(strstr(call, "serial=" ROM_SERIAL));
}

/* One that was in its bootloader stays there. */
static void test_read_in_bootloader(void **state) {
        struct bench *bench = *state;
        _cleanup_close_ int fd = output();
        const struct options options = {.leave = true,
                                        .range = {0x08004000, 0x08008000},
                                        .has_output = true,
                                        .output_fd = fd};
        _cleanup_free_ char *call = NULL;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, begin(bench, JOB_READ, &options));
        called(bench, "read");
        call = bench_call(bench, "read");
        assert_non_null(strstr(call, "options= range=0x08004000-0x08008000"));
}

/* A reading that fails leaves the board in its firmware, too. */
static void test_read_fails(void **state) {
        struct bench *bench = *state;
        _cleanup_close_ int fd = output();
        const struct options options = {.leave = true, .has_output = true, .output_fd = fd};
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "read", "fail ReadProtected untouched 'The chip is read protected.'");
        job = begin(bench, JOB_READ, &options);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        failed(bench, job, FWD_READ_PROTECTED, BOARD_UNTOUCHED, "fwctl unprotect");
}

static void test_erase(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "erase", "say PHASE=erasing STATE=erased; success");
        job = begin(bench, JOB_ERASE, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, job);
        assert_int_equal(job->state, BOARD_ERASED);
        called(bench, "identify reboot erase");
}

/* Success is what was checked, not what was said. */
static void test_erase_that_did_nothing(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "erase", "success");
        failed(bench, begin(bench, JOB_ERASE, NULL), FWD_ERASE_FAILED, BOARD_UNTOUCHED,
               "without having erased");
}

static void test_erase_unplugged(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_pipe(bench, "pipe");
        bench_script(bench, "erase", "say PHASE=erasing STATE=erased; hold pipe");
        job = begin(bench, JOB_ERASE, NULL);
        bench_until(bench, job->state == BOARD_ERASED);
        bench_unplug(bench, PORT);
        failed(bench, job, FWD_DEVICE_LOST, BOARD_ERASED, "is erased");
}

static const char unprotects[] = "say PHASE=opening X.ReadProtected=yes; say PHASE=unprotecting; "
                                 "say STATE=erased; success";

/* The chip resets itself, and is open only when it says so. */
static void test_unprotect(void **state) {
        struct bench *bench = *state;
        struct device *device;
        struct job *job;

        device = bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "unprotect", unprotects);
        bench_script(bench, "identify", "say X.ReadProtected=no X.OptionBytes=efaa; success");
        job = begin(bench, JOB_UNPROTECT, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        assert_true(device->read_protected);
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, job);
        called(bench, "unprotect identify");
        assert_int_equal(job->state, BOARD_ERASED);
        assert_false(device->read_protected);
        assert_string_equal(device_get(device, DEVICE_OPTION_BYTES), "efaa");
}

static void test_unprotect_in_vain(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "unprotect", unprotects);
        bench_script(bench, "identify", "say X.ReadProtected=yes; success");
        job = begin(bench, JOB_UNPROTECT, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        failed(bench, job, FWD_READ_PROTECTED, BOARD_ERASED, "read protected as before");
}

/* A chip without a boot pin held has nothing to start from: a person has to help. */
static void test_unprotect_does_not_return(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "unprotect", unprotects);
        job = begin(bench, JOB_UNPROTECT, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        bench_until(bench, job_fact(job, "Notice"));
        assert_non_null(strstr(job_fact(job, "Notice"), "no firmware any more"));
        failed(bench, job, FWD_NEEDS_USER_ACTION, BOARD_ERASED,
               "has not come back to show that it is open");
        assert_int_equal(job->state, BOARD_ERASED);
}

/* Nothing was protected: the board goes on as it was. */
static void test_unprotect_open_chip(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "unprotect", "say X.ReadProtected=no NOTICE='nothing to do'; success");
        succeeded(bench, begin(bench, JOB_UNPROTECT, NULL));
        called(bench, "unprotect");
}

static void test_unprotect_is_not_cancelled(void **state) {
        struct bench *bench = *state;
        struct fault fault = FAULT_INIT;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_pipe(bench, "pipe");
        bench_script(bench, "unprotect",
                     "say PHASE=unprotecting; hold pipe; say X.ReadProtected=no STATE=erased; "
                     "success");
        job = begin(bench, JOB_UNPROTECT, NULL);
        bench_until(bench, in_phase(job, "unprotecting"));
        assert_false(job_is_cancelable(job));
        assert_true(job_cancel(job, &fault) < 0);
        assert_non_null(strstr(fault.message, "cannot be cancelled any more"));
        bench_release(bench, "pipe");
        succeeded(bench, job);
}

/* Plans: from what is known, without a step of the board. */
static void test_plan_in_firmware(void **state) {
        struct bench *bench = *state;
        const struct options options = {.leave = true, .dry_run = true, .keep_config = KEEP_NO};
        struct device *device = bench_plug_identified(bench, PORT);
        static const enum job_kind kinds[] = {JOB_FLASH, JOB_ERASE, JOB_UNPROTECT};
        static const char *const operations[] = {"flash", "erase", "unprotect"};

        device_set(device, DEVICE_MEMORY_MAP, "0x08000000/4*16K");
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                struct job *job;
                _cleanup_free_ char *call = NULL;

                bench_script(bench, operations[i], "say X.Plan=plan; success");
                job = begin(bench, kinds[i], &options);
                succeeded(bench, job);
                assert_int_equal(job->state, BOARD_UNTOUCHED);
                assert_string_equal(job_fact(job, "Plan"), "plan");
                call = bench_call(bench, operations[i]);
                assert_non_null(strstr(call, " node= tty= "));
                assert_non_null(strstr(call, "dry-run=yes"));
                assert_int_equal(device->mode, MODE_FIRMWARE);
        }
        called(bench, "identify inspect flash erase unprotect");
}

static void test_plan_in_bootloader(void **state) {
        struct bench *bench = *state;
        const struct options options = {.leave = true, .dry_run = true};
        _cleanup_free_ char *call = NULL;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, begin(bench, JOB_ERASE, &options));
        call = bench_call(bench, "erase");
        assert_non_null(strstr(call, "node=/dev/bus/usb/001/005"));
        assert_non_null(strstr(call, "dry-run=yes"));
}

static void test_output_fd(void **state) {
        _cleanup_close_ int readable = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int device = open("/dev/null", O_WRONLY | O_CLOEXEC);
        _cleanup_close_ int path = open("/etc/passwd", O_PATH | O_CLOEXEC);
        _cleanup_close_ int good = output();
        const int bad[] = {readable, device, path, -1};
        char name[IMAGE_NAME_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct fault fault = FAULT_INIT;

                assert_true(output_fd_check(bad[i], name, &fault) < 0);
                assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
        }
        assert_int_equal(output_fd_check(good, name, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_read_from_firmware),
                TEST(test_read_in_bootloader),
                TEST(test_read_fails),
                TEST(test_erase),
                TEST(test_erase_that_did_nothing),
                TEST(test_erase_unplugged),
                TEST(test_unprotect),
                TEST(test_unprotect_in_vain),
                TEST(test_unprotect_does_not_return),
                TEST(test_unprotect_open_chip),
                TEST(test_unprotect_is_not_cancelled),
                TEST(test_plan_in_firmware),
                TEST(test_plan_in_bootloader),
                TEST(test_output_fd),
        };
#undef TEST

        return cmocka_run_group_tests_name("job-chip", tests, NULL, NULL);
}
