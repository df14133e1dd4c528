/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flash-operation.h"

/* Whole flashes, and what cuts them short: what the service would hear, and what is in the flash
 * then. */

#define SECTOR_3  0x0800c000U
#define OLD_BYTES 64U

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

static void test_plain_dfu(void **state) {
        sim_plug("dfu11", NULL);
        prepare(&op_flash);
        run.worker.options.has_address = false;
        assert_int_equal(go(), 0);
        assert_string_equal(heard("RESULT"), "success");
        assert_string_equal(heard("X.Written"), "40960");
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flash),
                cmocka_unit_test(test_flash_all),
                cmocka_unit_test(test_silent_write_failure),
                cmocka_unit_test(test_unplugged_while_writing),
                cmocka_unit_test(test_unplugged_while_erasing),
                cmocka_unit_test(test_gone_before),
                cmocka_unit_test(test_cancelled_before),
                cmocka_unit_test(test_cancelled_while_writing),
                cmocka_unit_test(test_leave),
                cmocka_unit_test(test_leave_that_does_not_start),
                cmocka_unit_test(test_plain_dfu),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
