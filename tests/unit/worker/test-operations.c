/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-operation.h"

/* Whole operations on simulated boards: what the service would hear, and what is in the chip's
 * flash afterwards. */

#define FLASH_START 0x08000000U
#define IMAGE_SIZE  (40U * 1024) /* sectors 0 to 2 of an F405 */
#define SECTOR_3    0x0800c000U
#define OLD_BYTES   64U
static uint8_t image[IMAGE_SIZE];

static void image_init(void) {
        for (size_t i = 0; i < sizeof(image); i++)
                image[i] = (uint8_t) (i * 13 + (i >> 8));
        memcpy(image, "\x00\x00\x02\x20\x01\x01\x00\x08", 8); /* stack in RAM, reset in the image */
}

static void prepare(const struct operation *operation) {
        prepare_operation(operation);
        if (operation == &op_flash || operation == &op_leave)
                run.worker.node = MODEL_NODE;
        if (operation == &op_flash) {
                run.worker.image_fd = sealed(image, sizeof(image));
                run.worker.options.has_address = true;
                run.worker.options.address = FLASH_START;
        }
}

/* An operation that must be refused before the board is touched: not one byte differs. */
static void check_untouched(enum fwd_error error) {
        _cleanup_free_ uint8_t *before = malloc(1 << 20);

        assert_non_null(before);
        assert_int_equal(model_dump(sim.model, FLASH_START, before, 1 << 20), 0);
        check_result(go(), error, "untouched");
        assert_true(flash_is(FLASH_START, before, 1 << 20));
        assert_string_equal(run.states, "");
}

static const char *const f405[] = {"time-scale=0.01", "flash=400K", "uid=002d00303334510b32313533",
                                   NULL};

static void test_flash(void **state) {
        uint8_t old[OLD_BYTES];

        sim_plug("stm32-f405", f405);
        assert_int_equal(model_dump(sim.model, SECTOR_3, old, sizeof(old)), 0);
        prepare(&op_flash);
        run.worker.has_expected_id = true;
        run.worker.expected_vendor_id = 0x0483;
        run.worker.expected_product_id = 0xdf11;
        run.worker.expected_serial = "365E35633334,325E35633334";
        check_result(go(), FWD_OK, "verified");
        assert_true(flash_is(FLASH_START, image, sizeof(image)));
        assert_true(flash_is(SECTOR_3, old, sizeof(old)));
        assert_string_equal(run.phases, "opening erasing writing verifying leaving");
        assert_string_equal(run.states, "erased partly-written written verified");
        assert_string_equal(heard("X.MemoryMap"), "0x08000000/4*16K,1*64K,7*128K");
        assert_string_equal(heard("X.ReadProtected"), "no");
        assert_string_equal(heard("X.Erased"), "49152");
        assert_string_equal(heard("X.Written"), "40960");
        assert_string_equal(heard("X.Verified"), "40960");
        assert_non_null(heard("X.EraseSeconds"));
        assert_int_equal(sim.opened, 1);
        /* It left: the board goes off the bus. */
        assert_false(sim_advance(sim.model->generation, sim.now_us + 5000000));
        sim_unplug();
}

static void test_flash_all(void **state) {
        uint8_t blank[OLD_BYTES];

        memset(blank, 0xff, sizeof(blank));
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.options.erase = ERASE_FULL;
        run.worker.options.leave = false;
        check_result(go(), FWD_OK, "verified");
        assert_true(flash_is(FLASH_START, image, sizeof(image)));
        assert_true(flash_is(SECTOR_3, blank, sizeof(blank)));
        assert_string_equal(heard("X.Erased"), "1048576");
        assert_string_equal(run.phases, "opening erasing writing verifying");
        assert_int_equal(sim.model->generation, 1);
        sim_unplug();
}

static void test_another_device_behind_the_node(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.has_expected_id = true;
        run.worker.expected_vendor_id = 0x2e3c;
        run.worker.expected_product_id = 0xdf11;
        run.worker.options.force = true; /* the node is what is wrong, not the person's choice */
        check_untouched(FWD_WRONG_BOARD);
        assert_non_null(strstr(heard("MESSAGE"), "0483:df11"));
        sim_unplug();
}

static void test_another_serial(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.expected_serial = "325E35633335";
        check_untouched(FWD_WRONG_BOARD);
        assert_non_null(strstr(heard("MESSAGE"), "325E35633334"));
        sim_unplug();

        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.expected_serial = "325E35633335";
        run.worker.options.force = true;
        check_result(go(), FWD_OK, "verified");
        sim_unplug();
}

static void test_no_address(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.options.has_address = false;
        check_untouched(FWD_INVALID_ARGUMENT);
        assert_non_null(strstr(heard("MESSAGE"), "0x08000000"));
        sim_unplug();
}

static void test_outside_the_flash(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.options.address = 0x08100000;
        check_untouched(FWD_ADDRESS_OUT_OF_RANGE);
        sim_unplug();

        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.options.address = 0x08100000 - sizeof(image) + 4096;
        check_untouched(FWD_IMAGE_TOO_LARGE);
        sim_unplug();
}

/* Protected flash is safe from any image and any option. The sector's other bytes are too. */
static void test_protected_flash(void **state) {
        struct range bootloader = {FLASH_START, FLASH_START + 0x1000};
        struct board_profile profile = {
                .flashable = true, .protected_ranges = &bootloader, .n_protected = 1};
        static const uint32_t addresses[] = {FLASH_START, FLASH_START + 0x1000};

        for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
                sim_plug("stm32-f405", f405);
                prepare(&op_flash);
                run.worker.profile = &profile;
                run.worker.options.address = addresses[i];
                run.worker.options.force = true;
                check_untouched(FWD_PROTECTED_REGION);
                sim_unplug();
        }
}

static void test_not_a_firmware(void **state) {
        struct board_profile profile = {.flashable = true, .check_vectors = true};
        static const char text[4096] = "This is not the firmware that you are looking for.";

        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        (void) close(run.worker.image_fd);
        run.worker.image_fd = sealed(text, sizeof(text));
        run.worker.profile = &profile;
        check_untouched(FWD_INVALID_IMAGE);
        /* The board was not even opened. */
        assert_int_equal(sim.opened, 0);
        sim_unplug();
}

static void test_board_that_nothing_here_can_flash(void **state) {
        struct board_profile profile = {.title = (char *) "Odd board"};

        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.profile = &profile;
        check_untouched(FWD_NOT_SUPPORTED);
        assert_non_null(strstr(heard("MESSAGE"), "Odd board"));
        assert_int_equal(sim.opened, 0);
        sim_unplug();
}

static void test_unsealed_image(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        (void) close(run.worker.image_fd);
        run.worker.image_fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_int_equal(write(run.worker.image_fd, image, sizeof(image)), sizeof(image));
        check_untouched(FWD_INVALID_ARGUMENT);
        sim_unplug();
}

static void test_read_protected(void **state) {
        static const char *const protected[] = {"time-scale=0.01", "flash=400K", "rdp=1", NULL};

        sim_plug("stm32-f405", protected);
        prepare(&op_flash);
        check_result(go(), FWD_READ_PROTECTED, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "yes");
        assert_string_equal(run.states, "");
        assert_null(heard("X.Erased"));
        sim_unplug();
}

/* The raw file with a DFU suffix for something else, made by the tool of that something. */
static void test_file_for_another_product(void **state) {
        static const uint8_t suffixed[] = {'A',  'A',  'A',  'A',  0x00, 0x22, 0x11, 0xdf,
                                           0x3c, 0x2e, 0x00, 0x01, 'U',  'F',  'D',  0x10};
        uint8_t file[sizeof(suffixed) + 4];
        uint32_t crc = 0xffffffff;

        memcpy(file, suffixed, sizeof(suffixed));
        for (size_t i = 0; i < sizeof(suffixed); i++) {
                crc ^= file[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
        for (int i = 0; i < 4; i++)
                file[sizeof(suffixed) + i] = (uint8_t) (crc >> 8 * i);

        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        (void) close(run.worker.image_fd);
        run.worker.image_fd = sealed(file, sizeof(file));
        check_untouched(FWD_WRONG_BOARD);
        assert_non_null(strstr(heard("MESSAGE"), "2e3c:df11"));
        sim_unplug();

        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        (void) close(run.worker.image_fd);
        run.worker.image_fd = sealed(file, sizeof(file));
        run.worker.options.force = true;
        check_result(go(), FWD_OK, "verified");
        sim_unplug();
}

static void test_silent_write_failure(void **state) {
        static const char *const worn[] = {"time-scale=0.01", "flash=400K", "lose-write=0x08004400",
                                           NULL};

        sim_plug("stm32-f405", worn);
        prepare(&op_flash);
        check_result(go(), FWD_VERIFY_FAILED, "partly-written");
        assert_string_equal(heard("ADDRESS"), "0x08004400");
        assert_non_null(strstr(heard("MESSAGE"), "0x08004400"));
        sim_unplug();
}

static void test_unplugged_while_writing(void **state) {
        static const char *const loose[] = {"time-scale=1", "flash=400K", "unplug-byte=10000",
                                            NULL};

        sim_plug("stm32-f405", loose);
        prepare(&op_flash);
        check_result(go(), FWD_DEVICE_LOST, "partly-written");
        assert_non_null(heard("ADDRESS"));
        sim_unplug();
}

static void test_unplugged_while_erasing(void **state) {
        static const char *const loose[] = {"time-scale=1", "flash=400K", "unplug-erase=2", NULL};

        sim_plug("stm32-f405", loose);
        prepare(&op_flash);
        check_result(go(), FWD_DEVICE_LOST, "erased");
        sim_unplug();
}

static void test_gone_before(void **state) {
        sim_plug("stm32-f405", f405);
        model_unplug(sim.model, sim.now_us);
        prepare(&op_flash);
        check_result(go(), FWD_DEVICE_LOST, "untouched");
        sim_unplug();
}

static void test_cancelled_before(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        cancel_flag = 1;
        check_untouched(FWD_CANCELLED);
        assert_int_equal(sim.opened, 0);
        sim_unplug();
}

/* A clock that is read for every report: here the signal comes in the middle of the writing. */
static uint64_t now_with_signal(void) {
        struct reporter *reporter = &run.worker.reporter;

        if (reporter->phase && strcmp(reporter->phase, "writing") == 0 && reporter->done > 8192)
                cancel_flag = 1;
        return sim.now_us;
}

static void test_cancelled_while_writing(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.reporter.now_us = now_with_signal;
        check_result(go(), FWD_CANCELLED, "partly-written");
        /* The board stays in its bootloader, where the next flash finds it. */
        assert_true(sim.model->on_bus);
        assert_int_equal(sim.model->generation, 1);
        prepare(&op_flash);
        check_result(go(), FWD_OK, "verified");
        assert_true(flash_is(FLASH_START, image, sizeof(image)));
        sim_unplug();
}

static void test_leave(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_leave);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(run.phases, "leaving");
        assert_false(sim_advance(sim.model->generation, sim.now_us + 5000000));
        sim_unplug();
}

static void test_leave_that_does_not_start(void **state) {
        static const char *const stuck[] = {"time-scale=0.01", "flash=400K", "leave=ignore", NULL};

        sim_plug("stm32-f405", stuck);
        prepare(&op_flash);
        check_result(go(), FWD_OK, "verified");
        assert_true(flash_is(FLASH_START, image, sizeof(image)));
        sim_unplug();
}

static void test_identify_bootloader(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_identify);
        run.worker.node = MODEL_NODE;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.MemoryMap"), "0x08000000/4*16K,1*64K,7*128K");
        assert_string_equal(heard("X.ReadProtected"), "no");
        sim_unplug();
}

static const char *const betaflight[] = {"time-scale=0.01", "uid=002d00303334510b32313533", NULL};

static void test_identify_betaflight(void **state) {
        sim_plug("betaflight-f405", betaflight);
        prepare(&op_identify);
        run.worker.tty = MODEL_TTY;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Variant"), "BTFL");
        assert_string_equal(heard("X.BoardName"), "SPEEDYBEEF405V4");
        assert_string_equal(heard("X.Manufacturer"), "SPBE");
        assert_string_equal(heard("X.UniqueId"), "002d00303334510b32313533");
        assert_non_null(strstr(heard("X.DfuSerials"), "325E35633334"));
        assert_non_null(heard("X.FirmwareVersion"));
        assert_non_null(heard("X.ApiVersion"));
        assert_non_null(strstr(heard("X.Mcu"), "F40"));
        sim_unplug();
}

static void reboot_to(const char *const *options, const char *method, bool comes) {
        unsigned generation;

        sim_plug("betaflight-f405", options);
        generation = sim.model->generation;
        prepare(&op_reboot);
        run.worker.tty = MODEL_TTY;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Method"), method);
        assert_string_equal(run.phases, "rebooting");
        (void) sim_advance(generation, sim.now_us + 1);
        for (unsigned i = 0; i < 100 && sim.model->generation == generation; i++) {
                uint64_t next_us = model_next_event(sim.model);

                if (next_us == MODEL_NEVER)
                        break;
                sim.now_us = next_us;
                model_advance(sim.model, sim.now_us);
        }
        assert_int_equal(sim.model->generation != generation, comes);
        if (comes)
                assert_false(sim.model->has_serial_port);
        sim_unplug();
}

static void test_reboot(void **state) {
        static const char *const inav[] = {"variant=INAV", "version=7.1.0", NULL};
        static const char *const old[] = {"version=3.5.7", NULL};
        static const char *const emuflight[] = {"variant=EMUF", "version=0.4.1", NULL};
        static const char *const dated[] = {"version=2025.12.3", NULL};
        static const char *const deaf[] = {"ignore-reboot=1", NULL};

        reboot_to(NULL, "msp-reboot", true);
        reboot_to(dated, "msp-reboot", true);
        reboot_to(emuflight, "msp-reboot", true);
        reboot_to(inav, "cli", true);
        reboot_to(old, "reboot-character", true);
        /* Whether it came is seen on the bus, by somebody else. */
        reboot_to(deaf, "msp-reboot", false);
}

static void refuse_reboot(const char *const *options, enum fwd_error error) {
        unsigned generation;

        sim_plug("betaflight-f405", options);
        generation = sim.model->generation;
        prepare(&op_reboot);
        run.worker.tty = MODEL_TTY;
        check_result(go(), error, "untouched");
        assert_true(sim_advance(generation, sim.now_us + 5000000));
        sim_unplug();
}

static void test_reboot_refused(void **state) {
        static const char *const armed[] = {"armed=1", NULL};
        static const char *const silent[] = {"silent=1", NULL};
        static const char *const garbage[] = {"garbage=1", NULL};

        refuse_reboot(armed, FWD_ARMED);
        refuse_reboot(silent, FWD_TIMEOUT);
        refuse_reboot(garbage, FWD_TIMEOUT);
}

static void test_identify_on_a_bad_line(void **state) {
        static const char *const noisy[] = {"noise=1", "corrupt-replies=2", NULL};

        sim_plug("betaflight-f405", noisy);
        prepare(&op_identify);
        run.worker.tty = MODEL_TTY;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.BoardName"), "SPEEDYBEEF405V4");
        sim_unplug();
}

static void test_plain_dfu(void **state) {
        sim_plug("dfu11", NULL);
        prepare(&op_flash);
        run.worker.options.has_address = false;
        assert_int_equal(go(), 0);
        assert_string_equal(heard("RESULT"), "success");
        assert_string_equal(heard("X.Written"), "40960");
        sim_unplug();
}

static void test_inspect(void **state) {
        char path[] = "/tmp/fwd-operations-XXXXXX";
        int file = mkostemp(path, O_CLOEXEC);

        assert_true(file >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(write(file, image, sizeof(image)), sizeof(image));
        prepare(&op_inspect);
        run.worker.source_fd = file;
        run.worker.image_fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        run.worker.options.has_address = true;
        run.worker.options.address = FLASH_START;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Format"), "raw");
        assert_string_equal(heard("X.Size"), "40960");
        assert_string_equal(heard("X.Segments"), "0x08000000+40960");
        assert_int_equal(strlen(heard("X.Sha256")), 64);
        assert_null(heard("X.VendorId"));
        (void) close(file);
}

/* As ModemManager's probing leaves it, or a terminal that was closed. */
static void leave_in_cli(void) {
        const char *const said[] = {"#", "PORTCFG\r"};

        for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
                model_serial_write(sim.model, (const uint8_t *) said[i], strlen(said[i]),
                                   sim.now_us);
                sim.now_us += 200000;
                model_advance(sim.model, sim.now_us);
        }
}

static void test_identify_in_command_line(void **state) {
        const char *const old[] = {"time-scale=0.01", "version=4.3.0", NULL};
        const char *const inav[] = {"time-scale=0.01", "variant=INAV", "version=7.1.0", NULL};
        const char *const *firmwares[] = {old, inav};

        sim_plug("betaflight-f405", f405);
        leave_in_cli();
        prepare(&op_identify);
        run.worker.tty = MODEL_TTY;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.CommandLine"), "closed");
        assert_string_equal(heard("X.Variant"), "BTFL");
        prepare(&op_identify); /* and it stays closed */
        run.worker.tty = MODEL_TTY;
        check_result(go(), FWD_OK, "untouched");
        assert_null(heard("X.CommandLine"));
        assert_int_equal(sim.model->generation, 1);
        sim_unplug();

        /* These leave it by a restart alone, which nobody asked for. */
        for (size_t i = 0; i < ARRAY_SIZE(firmwares); i++) {
                sim_plug("betaflight-f405", firmwares[i]);
                leave_in_cli();
                prepare(&op_identify);
                run.worker.tty = MODEL_TTY;
                check_result(go(), FWD_NEEDS_USER_ACTION, "untouched");
                assert_non_null(strstr(heard("MESSAGE"), "command line"));
                assert_int_equal(sim.model->generation, 1);
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flash),
                cmocka_unit_test(test_flash_all),
                cmocka_unit_test(test_another_device_behind_the_node),
                cmocka_unit_test(test_another_serial),
                cmocka_unit_test(test_no_address),
                cmocka_unit_test(test_outside_the_flash),
                cmocka_unit_test(test_protected_flash),
                cmocka_unit_test(test_not_a_firmware),
                cmocka_unit_test(test_board_that_nothing_here_can_flash),
                cmocka_unit_test(test_unsealed_image),
                cmocka_unit_test(test_read_protected),
                cmocka_unit_test(test_file_for_another_product),
                cmocka_unit_test(test_silent_write_failure),
                cmocka_unit_test(test_unplugged_while_writing),
                cmocka_unit_test(test_unplugged_while_erasing),
                cmocka_unit_test(test_gone_before),
                cmocka_unit_test(test_cancelled_before),
                cmocka_unit_test(test_cancelled_while_writing),
                cmocka_unit_test(test_leave),
                cmocka_unit_test(test_leave_that_does_not_start),
                cmocka_unit_test(test_identify_bootloader),
                cmocka_unit_test(test_identify_betaflight),
                cmocka_unit_test(test_reboot),
                cmocka_unit_test(test_reboot_refused),
                cmocka_unit_test(test_identify_on_a_bad_line),
                cmocka_unit_test(test_plain_dfu),
                cmocka_unit_test(test_inspect),
                cmocka_unit_test(test_identify_in_command_line),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
