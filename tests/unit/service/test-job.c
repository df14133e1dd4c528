/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The step lists, from start to a good end. */

#include <string.h>

#include "jobs.h"

/* The main job: a board that runs its firmware is flashed and runs the new one. */
static void test_flash_from_firmware(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        struct job *job = begin(bench, JOB_FLASH, NULL);
        _cleanup_free_ char *flash = NULL, *inspect = NULL, *reboot = NULL;

        assert_ptr_equal(device->job, job);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        called(bench, "identify inspect reboot");
        bench_unplug(bench, PORT);
        assert_string_equal(device_get(device, DEVICE_MODE), "away");
        assert_ptr_equal(bench_plug_bootloader(bench, PORT, ROM_SERIAL), device);
        assert_string_equal(device_get(device, DEVICE_MODE), "bootloader");
        assert_string_equal(device_get(device, DEVICE_BOARD), "betaflight");
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), UID_HEX);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        assert_int_equal(job->state, BOARD_VERIFIED);
        assert_false(job_is_cancelable(job));
        bench_unplug(bench, PORT);
        bench_script(bench, "identify", "say X.Variant=BTFL X.FirmwareVersion=4.6.0; success");
        assert_ptr_equal(bench_plug_firmware(bench, PORT), device);
        /* What ran before may not run now. */
        assert_string_equal(device_get(device, DEVICE_FIRMWARE_VERSION), "");
        succeeded(bench, job);
        called(bench, "identify inspect reboot flash identify");
        assert_string_equal(device_get(device, DEVICE_FIRMWARE_VERSION), "4.6.0");
        assert_null(device->job);
        assert_non_null(job_fact(job, "Sha256"));
        assert_null(job_fact(job, "Notice"));

        inspect = bench_call(bench, "inspect");
        assert_string_equal(inspect, "inspect port=" PORT " node= tty= id= serial= "
                                     "board=betaflight options=");
        reboot = bench_call(bench, "reboot");
        assert_string_equal(reboot, "reboot port=" PORT " node= tty=/dev/ttyACM0 id= serial= "
                                    "board=betaflight options=");
        /* The worker is told whom it must find, and keeps the guards of the board, not the chip's.
         */
        flash = bench_call(bench, "flash");
        assert_string_equal(flash, "flash port=" PORT " node=/dev/bus/usb/001/005 tty= "
                                   "id=0483:df11 serial=" ROM_SERIAL " board=betaflight options=");
}

static void test_flash_in_bootloader(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        succeeded(bench, job);
        called(bench, "inspect flash identify");
        assert_null(job_fact(job, "Notice"));
}

/* Firmware without USB: verified is success, and what to do is told. */
static void test_flash_does_not_return(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        succeeded(bench, job);
        assert_non_null(strstr(job_fact(job, "Notice"), "has left its bootloader"));
        assert_null(device_find_port(&bench->service, PORT)); /* it is gone, now for everybody */
}

static void test_flash_stays_in_bootloader(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench_short_waits(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        succeeded(bench, job);
        assert_non_null(strstr(job_fact(job, "Notice"), "still in its bootloader"));
        assert_non_null(device_find_port(&bench->service, PORT));
}

static void test_flash_returns_as_something_else(void **state) {
        struct bench *bench = *state;
        const struct device_usb mouse = {.port = PORT,
                                         .node = "/dev/bus/usb/001/009",
                                         .vendor_id = 0x1234,
                                         .product_id = 0x5678};
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        devices_usb_added(&bench->service, &mouse);
        succeeded(bench, job);
        assert_non_null(strstr(job_fact(job, "Notice"), "1234:5678"));
        assert_null(device_find_port(&bench->service, PORT));
}

static void test_flash_and_stay(void **state) {
        struct bench *bench = *state;
        const struct options options = {
                .has_address = true, .address = 0x08004000, .force = true, .erase_full = true};
        _cleanup_free_ char *flash = NULL;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, &options);
        succeeded(bench, job);
        called(bench, "inspect flash");
        flash = bench_call(bench, "flash");
        assert_non_null(strstr(flash, "options= address=0x08004000 force=yes erase=full leave=no"));
}

/* The firmware cannot be asked: a person is. */
static void test_flash_by_hand(void **state) {
        struct bench *bench = *state;
        struct device_usb usb = {
                .port = PORT,
                .node = "/dev/bus/usb/001/004",
                .mode = MODE_FIRMWARE,
                .candidates = "unknown-vcp",
                .vendor_id = 0x0483,
                .product_id = 0x5740,
        };
        struct job *job;

        devices_usb_added(&bench->service, &usb);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        assert_non_null(strstr(job_fact(job, "Notice"), "BOOT"));
        bench_unplug(bench, PORT);
        usb.node = "/dev/bus/usb/001/006";
        devices_usb_added(&bench->service, &usb); /* without the button: once more */
        assert_int_equal(job->result, JOB_RUNNING);
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        assert_null(job_fact(job, "Notice"));
        bench_short_waits(bench);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        succeeded(bench, job);
        called(bench, "inspect flash");
}

/* The hint comes after the first wait, and goes when it was followed. */
static void test_flash_with_help(void **state) {
        struct bench *bench = *state;
        struct job *job;

        bench->service.settings.await_first_ms = 100;
        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        bench_until(bench, job_fact(job, "Notice"));
        assert_non_null(strstr(job_fact(job, "Notice"), "BOOT button"));
        (void) bench_plug_firmware(bench, PORT); /* replugged, without the button */
        assert_int_equal(job->result, JOB_RUNNING);
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        assert_null(job_fact(job, "Notice"));
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        succeeded(bench, job);
}

/* An identification of the service's own is waited for, not collided with. */
static void test_flash_waits_for_identification(void **state) {
        struct bench *bench = *state;
        struct device *device;
        struct job *job;

        bench_pipe(bench, "go");
        bench_script(bench, "identify", "say X.Mcu=F405; hold go; say X.Variant=BTFL");
        device = bench_plug_firmware(bench, PORT);
        bench_until(bench, *device_get(device, DEVICE_MCU));
        assert_non_null(device->identify);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, job->await);
        called(bench, "identify inspect");
        bench_release(bench, "go");
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        called(bench, "identify inspect reboot");
        assert_string_equal(device_get(device, DEVICE_VARIANT), "BTFL");
}

/* Its serial port is told a little later than the board. */
static void test_flash_waits_for_the_port(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_firmware(bench, PORT);
        bench_until(bench, !bench->service.devices->identify);
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-port"));
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM7");
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
}

static void test_flash_not_the_same_chip_afterwards(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        bench_script(bench, "identify",
                     "say X.UniqueId=00580027333150"
                     "0b20333153");
        (void) bench_plug_firmware(bench, PORT);
        succeeded(bench, job);
        assert_non_null(strstr(job_fact(job, "Notice"), "Another board"));
}

static void test_flash_new_firmware_is_mute(void **state) {
        struct bench *bench = *state;
        struct job *job;
        _cleanup_free_ char *calls = NULL;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_FLASH, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        bench_script(bench, "identify", "fail Timeout untouched 'No answer'");
        (void) bench_plug_firmware(bench, PORT);
        succeeded(bench, job);
        assert_non_null(strstr(job_fact(job, "Notice"), "No answer"));
        assert_null(bench->service.devices->identify); /* and is not asked again at once */
}

static void test_reboot(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        job = begin(bench, JOB_REBOOT, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, job);
        assert_string_equal(device_get(bench->service.devices, DEVICE_UNIQUE_ID), UID_HEX);
        /* Again: it is there already. */
        succeeded(bench, begin(bench, JOB_REBOOT, NULL));
        called(bench, "identify reboot");
}

/* The board vanishes in the middle of its answer: udev tells whether it obeyed. */
static void test_reboot_answer_cut_off(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_script(bench, "reboot", "fail DeviceLost untouched 'The port is gone'");
        job = begin(bench, JOB_REBOOT, NULL);
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        succeeded(bench, job);
}

/* The bootloader is there before the worker has ended. */
static void test_reboot_faster_than_its_worker(void **state) {
        struct bench *bench = *state;
        struct job *job;

        (void) bench_plug_identified(bench, PORT);
        bench_pipe(bench, "go");
        bench_script(bench, "reboot", "say PHASE=rebooting X.Method=msp; hold go");
        job = begin(bench, JOB_REBOOT, NULL);
        bench_until(bench, job_fact(job, "Method"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_release(bench, "go");
        succeeded(bench, job);
}

static void test_identify_and_leave(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        struct job *job;

        bench_script(bench, "identify", "say X.MemoryMap=0x08000000/4*16K X.ReadProtected=yes");
        succeeded(bench, begin(bench, JOB_IDENTIFY, NULL));
        assert_string_equal(device_get(device, DEVICE_MEMORY_MAP), "0x08000000/4*16K");
        assert_true(device->read_protected);

        job = begin(bench, JOB_LEAVE, NULL);
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
        succeeded(bench, job);
        called(bench, "identify leave identify");
        /* Again: it runs already. */
        succeeded(bench, begin(bench, JOB_LEAVE, NULL));
}

/* The firmware's claims about itself must not become the board's. */
static void test_image_facts_are_not_the_boards(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        const struct options stay = {};
        struct job *job;

        bench_script(bench, "inspect", "say X.BoardName=EVIL X.UniqueId=666 X.MemoryMap=none");
        job = begin(bench, JOB_FLASH, &stay);
        succeeded(bench, job);
        assert_string_equal(device_get(device, DEVICE_BOARD_NAME), "");
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), "");
        assert_string_equal(job_fact(job, "BoardName"), "EVIL");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_flash_from_firmware),
                TEST(test_flash_in_bootloader),
                TEST(test_flash_does_not_return),
                TEST(test_flash_stays_in_bootloader),
                TEST(test_flash_returns_as_something_else),
                TEST(test_flash_and_stay),
                TEST(test_flash_by_hand),
                TEST(test_flash_with_help),
                TEST(test_flash_waits_for_identification),
                TEST(test_flash_waits_for_the_port),
                TEST(test_flash_not_the_same_chip_afterwards),
                TEST(test_flash_new_firmware_is_mute),
                TEST(test_reboot),
                TEST(test_reboot_answer_cut_off),
                TEST(test_reboot_faster_than_its_worker),
                TEST(test_identify_and_leave),
                TEST(test_image_facts_are_not_the_boards),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
