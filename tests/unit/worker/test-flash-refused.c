/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flash-operation.h"

/* Flashes that are refused: another board, another file, another place. Not a byte is changed,
 * whatever was asked. */

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
        sim_plug("stm32-f405", locked);
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

static void put_le32(uint8_t *to, uint32_t value) {
        for (unsigned i = 0; i < 4; i++)
                to[i] = (uint8_t) (value >> 8 * i);
}

static void test_uf2_family(void **state) {
        static const struct {
                uint32_t family;
                bool force;
                enum fwd_error error;
        } cases[] = {
                {0x57755a57, false, FWD_OK},          /* STM32F4 */
                {0x6d0922fa, false, FWD_OK},          /* STM32F407 */
                {0x53b80f00, false, FWD_WRONG_BOARD}, /* STM32F7 */
                {0xe48bff59, false, FWD_WRONG_BOARD}, /* RP2350 */
                {0x12345678, false, FWD_OK},          /* nobody knows */
                {0x53b80f00, true, FWD_OK},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t block[512] = {};

                put_le32(block, 0x0a324655);
                put_le32(block + 4, 0x9e5d5157);
                put_le32(block + 8, 0x2000);
                put_le32(block + 12, FLASH_START);
                put_le32(block + 16, 256);
                put_le32(block + 24, 1);
                put_le32(block + 28, cases[i].family);
                memcpy(block + 32, image, 256);
                put_le32(block + 508, 0x0ab16f30);
                sim_plug("stm32-f405", f405);
                prepare(&op_flash);
                (void) close(run.worker.image_fd);
                run.worker.image_fd = sealed(block, sizeof(block));
                run.worker.options.has_address = false;
                run.worker.options.force = cases[i].force;
                check_result(go(), cases[i].error, cases[i].error ? "untouched" : "verified");
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
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
                cmocka_unit_test(test_uf2_family),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
