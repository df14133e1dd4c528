/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flash-operation.h"

/* What changes nothing: plans of what would be done, with a board and on paper, and a look at a
 * file. */

static void plan(const struct operation *operation, const char *const *options,
                 const char *expected) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", options);
        before = dump();
        prepare(operation);
        run.worker.options.dry_run = true;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Plan"), expected);
        assert_string_equal(run.states, "");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        assert_true(sim.model->on_bus);
        sim_unplug();
}

static void test_plans(void **state) {
        plan(&op_flash, f405,
             "erase 3 sectors (49152 bytes), write 40960 bytes in 20 blocks, in about 3 s");
        assert_string_equal(heard("X.PlanSeconds"), "3");
        assert_string_equal(heard("X.PlanErases"), "0x08000000+49152");
        plan(&op_erase, f405, "erase 12 sectors (1048576 bytes), in about 22 s");
        plan(&op_unprotect, locked,
             "take off the read protection, which erases all 1048576 bytes of the flash, in about "
             "16 s");
}

/* Without a board: by the map that it once told, or by its chip's name. */
static void test_plans_on_paper(void **state) {
        static const struct {
                const char *map, *mcu;
        } cases[] = {{"0x08000000/4*16K,1*64K,7*128K", NULL}, {NULL, "STM32F405"}};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                prepare(&op_flash);
                sim.opened = 0;
                run.worker.node = NULL;
                run.worker.map = cases[i].map;
                run.worker.mcu = cases[i].mcu;
                run.worker.options.dry_run = true;
                check_result(go(), FWD_OK, "untouched");
                assert_string_equal(heard("X.Plan"),
                                    "erase 3 sectors (49152 bytes), write 40960 bytes in 20 "
                                    "blocks, in about 3 s");
                assert_non_null(strstr(heard("NOTICE"), "in its firmware"));
                assert_int_equal(sim.opened, 0);
        }
}

static void test_plan_of_unknown_board(void **state) {
        static const struct operation *const operations[] = {&op_flash, &op_erase, &op_unprotect};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                prepare(operations[i]);
                run.worker.node = NULL;
                run.worker.options.dry_run = true;
                check_result(go(), FWD_NEEDS_USER_ACTION, "untouched");
        }
}

/* A refusal is part of a plan. */
static void test_plan_refused(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.options.address = 0x08100000;
        run.worker.options.dry_run = true;
        check_result(go(), FWD_ADDRESS_OUT_OF_RANGE, "untouched");
        sim_unplug();
}

static void test_inspect(void **state) {
        int file = temporary_file(image, sizeof(image));

        prepare_operation(&op_inspect);
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plans),
                cmocka_unit_test(test_plans_on_paper),
                cmocka_unit_test(test_plan_of_unknown_board),
                cmocka_unit_test(test_plan_refused),
                cmocka_unit_test(test_inspect),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
