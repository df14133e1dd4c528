/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which file is refused for which board, before the board is touched. */

#include <string.h>

#include "bench.h"
#include "service/match.h"

static const struct match_board speedybee = {PORT, "BTFL", "SPEEDYBEEF405V4", "STM32F40x"};

static enum fwd_error check(const struct match_board *board, const struct match_image *image,
                            const char *part) {
        struct fault fault = FAULT_INIT;
        int r = match_check(board, image, &fault);

        assert_int_equal(r < 0, fault.error != FWD_OK);
        if (part && !strstr(fault.message, part))
                fail_msg("\"%s\" is not in: %s", part, fault.message);
        return fault.error;
}

static void test_what_is_not_said_fits(void **state) {
        static const struct match_board nobody = {PORT, "", "", ""};
        static const struct match_image image = {.firmware = "Betaflight",
                                                 .mcu = "STM32F722",
                                                 .board = "MATEKF722SE",
                                                 .stack = "0x20020000",
                                                 .segments = "0x08000000+100"};
        static const struct match_image nothing = {};

        assert_int_equal(check(&nobody, &image, NULL), FWD_OK);
        assert_int_equal(check(&speedybee, &nothing, NULL), FWD_OK);
}

static void test_chip(void **state) {
        static const struct match_image f405 = {.firmware = "Betaflight", .mcu = "STM32F405"},
                                        f722 = {.firmware = "Betaflight", .mcu = "STM32F722"};
        const struct match_board unknown = {PORT, "BTFL", "", "Simulator"};

        assert_int_equal(check(&speedybee, &f405, NULL), FWD_OK);
        assert_int_equal(check(&speedybee, &f722,
                               "The firmware is Betaflight for STM32F722, but board " PORT
                               " has a STM32F40x"),
                         FWD_WRONG_BOARD);
        assert_int_equal(check(&unknown, &f722, NULL), FWD_OK);
}

static void test_board_name(void **state) {
        static const struct {
                const char *variant, *board, *firmware, *image_board;
                enum fwd_error error;
        } cases[] = {
                {"BTFL", "SPEEDYBEEF405V4", "Betaflight", "SPEEDYBEEF405V4", FWD_OK},
                {"BTFL", "SPEEDYBEEF405V4", "Betaflight", "MATEKF405TE", FWD_WRONG_BOARD},
                /* Their lists of boards are not the same. */
                {"INAV", "SPEEDYBEEF405V4", "Betaflight", "MATEKF405TE", FWD_OK},
                {"BTFL", "SPEEDYBEEF405V4", "INAV", "MATEKF405TE", FWD_OK},
                {"INAV", "MATEKF405", "INAV", "MATEKF405TE", FWD_OK},
                /* A board that was never told its name. */
                {"BTFL", "S405", "Betaflight", "MATEKF405TE", FWD_OK},
                {"BTFL", "STM32F405", "Betaflight", "MATEKF405TE", FWD_OK},
                {"BTFL", "", "Betaflight", "MATEKF405TE", FWD_OK},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct match_board board = {PORT, cases[i].variant, cases[i].board,
                                                  "STM32F405"};
                const struct match_image image = {.firmware = cases[i].firmware,
                                                  .mcu = "STM32F405",
                                                  .board = cases[i].image_board};

                assert_int_equal(check(&board, &image, NULL), cases[i].error);
        }
}

static void test_memory(void **state) {
        static const struct {
                const char *mcu, *stack, *segments;
                enum fwd_error error;
        } cases[] = {
                {"STM32F405", "0x10010000", "0x08000000+1048576", FWD_OK},
                {"STM32F411", "0x10010000", "0x08000000+1000", FWD_WRONG_BOARD},
                {"STM32F411", "0x20020000", "0x08000000+1000,0x08008000+491520", FWD_OK},
                {"STM32F411", "0x20020000", "0x08000000+1000,0x08008000+491521",
                 FWD_IMAGE_TOO_LARGE},
                {"STM32F411", "0x20020000", "0x08000000+1000,0x08080000+1",
                 FWD_ADDRESS_OUT_OF_RANGE},
                /* Not flash of the chip; whoever advertises it knows better. */
                {"STM32F411", "0x20020000", "0x1fffc000+16,0x90000000+16", FWD_OK},
                {"STM32H750", "0x24080000", "0x08000000+1000000", FWD_OK},
                /* A chip whose flash is elsewhere: its firmware, another's, and both on the other.
                 */
                {"X32M7B", "0x30050000", "0x15020000+1638400", FWD_OK},
                {"X32M7B", "0x20020000", "0x08000000+1000", FWD_ADDRESS_OUT_OF_RANGE},
                {"X32M7B", "0x30050000", "0x15020000+1900000", FWD_IMAGE_TOO_LARGE},
                {"STM32F411", "0x20020000", "0x15020000+1000", FWD_ADDRESS_OUT_OF_RANGE},
                /* What does not read like segments says nothing. */
                {"STM32F411", "?", "0x08000000+1000,,...,x+y,", FWD_OK},
                {"STM32F411", "", "", FWD_OK},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct match_board board = {PORT, "BTFL", "", cases[i].mcu};
                const struct match_image image = {.stack = cases[i].stack,
                                                  .segments = cases[i].segments};

                assert_int_equal(check(&board, &image, NULL), cases[i].error);
        }
}

/* In the job */

#define TELL_IMAGE "say X.TargetFirmware=Betaflight X.TargetMcu=STM32F722 X.TargetBoard=MATEKF722SE"

static struct job *flash(struct bench *bench, bool force) {
        const struct options options = {.leave = true, .force = force, .keep_config = KEEP_NO};
        struct fault fault = FAULT_INIT;
        struct job *job = NULL;

        assert_int_equal(job_new(&bench->service, bench->service.devices, JOB_FLASH, &options, 1000,
                                 bench_image(bench, "firmware"), &job, &fault),
                         0);
        return job;
}

static void called(struct bench *bench, const char *operations) {
        _cleanup_free_ char *calls = bench_calls(bench);

        assert_string_equal(calls, operations);
}

static void refused(struct bench *bench, struct job *job) {
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, JOB_FAILED);
        assert_int_equal(job->fault.error, FWD_WRONG_BOARD);
        assert_int_equal(job->state, BOARD_UNTOUCHED);
}

static void plug_f405(struct bench *bench) {
        struct device *device;

        bench_script(bench, "identify",
                     "say X.Variant=BTFL X.BoardName=SPEEDYBEEF405V4 X.Mcu=STM32F405 "
                     "X.UniqueId=" UID_HEX " X.DfuSerials=" ROM_SERIAL);
        device = bench_plug_firmware(bench, PORT);
        bench_until(bench, device->identified);
}

static void test_refused_before_the_reboot(void **state) {
        struct bench *bench = *state;
        struct job *job;

        plug_f405(bench);
        bench_script(bench, "inspect", TELL_IMAGE);
        job = flash(bench, false);
        refused(bench, job);
        called(bench, "identify inspect");
        assert_non_null(strstr(job->message, "Betaflight for STM32F722"));
}

static void test_forced(void **state) {
        struct bench *bench = *state;
        struct job *job;

        plug_f405(bench);
        bench_script(bench, "inspect", TELL_IMAGE);
        job = flash(bench, true);
        bench_until(bench, strcmp(job->phase, "waiting-for-bootloader") == 0);
        called(bench, "identify inspect reboot");
}

/* In its bootloader, it is what it was before. */
static void test_refused_in_bootloader(void **state) {
        struct bench *bench = *state;

        plug_f405(bench);
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_script(bench, "inspect", TELL_IMAGE);
        refused(bench, flash(bench, false));
        called(bench, "identify inspect");
}

static struct device *plug_at32(struct bench *bench) {
        const struct device_usb usb = {
                .port = PORT,
                .node = "/dev/bus/usb/001/004",
                .mode = MODE_FIRMWARE,
                .candidates = "at32-vcp",
                .vendor_id = 0x2e3c,
                .product_id = 0x5740,
                .manufacturer = "Artery",
                .product = "AT32 Virtual Com Port",
        };

        devices_usb_added(&bench->service, &usb);
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM0");
        return device_find_port(&bench->service, PORT);
}

/* A board that is not asked uninvited is asked by a flash, before anything else. */
static void test_asked_by_the_flash(void **state) {
        struct bench *bench = *state;

        (void) plug_at32(bench);
        bench_script(bench, "identify", "say X.Variant=BTFL X.Mcu=AT32F435G");
        bench_script(bench, "inspect", TELL_IMAGE);
        refused(bench, flash(bench, false));
        called(bench, "inspect identify");
}

/* One whose firmware is broken gets its new one. */
static void test_silent_board(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) plug_at32(bench);
        bench_script(bench, "identify", "fail Timeout untouched 'No answer'");
        bench_script(bench, "inspect", TELL_IMAGE);
        job = flash(bench, false);
        bench_until(bench, strcmp(job->phase, "waiting-for-bootloader") == 0);
        called(bench, "inspect identify reboot");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_not_said_fits),
                cmocka_unit_test(test_chip),
                cmocka_unit_test(test_board_name),
                cmocka_unit_test(test_memory),
                cmocka_unit_test_setup_teardown(test_refused_before_the_reboot, bench_setup,
                                                bench_teardown),
                cmocka_unit_test_setup_teardown(test_forced, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_refused_in_bootloader, bench_setup,
                                                bench_teardown),
                cmocka_unit_test_setup_teardown(test_asked_by_the_flash, bench_setup,
                                                bench_teardown),
                cmocka_unit_test_setup_teardown(test_silent_board, bench_setup, bench_teardown),
        };

        return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
