/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flash-operation.h"

/* Erasing a chip, and taking off its read protection, which erases it as well. */

static bool is_blank(uint32_t from, uint32_t to) {
        _cleanup_free_ uint8_t *bytes = dump();

        for (uint32_t at = from; at < to; at++)
                if (bytes[at - FLASH_START] != 0xff)
                        return false;
        return true;
}

static void test_erase_all(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_erase);
        check_result(go(), FWD_OK, "erased");
        assert_true(is_blank(FLASH_START, FLASH_START + FLASH_SIZE));
        assert_string_equal(heard("X.Erased"), "1048576");
        assert_string_equal(heard("X.PlanSectors"), "12");
        assert_string_equal(heard("X.PlanErases"), "0x08000000+1048576");
        assert_string_equal(run.phases, "opening erasing verifying");
        sim_unplug();
}

static void test_erase_range(void **state) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_erase);
        run.worker.options.has_range = true;
        run.worker.options.range = (struct range){0x08004000, 0x08008000};
        check_result(go(), FWD_OK, "erased");
        assert_true(is_blank(0x08004000, 0x08008000));
        assert_true(flash_is(FLASH_START, before, 0x4000));
        assert_true(flash_is(0x08008000, before + 0x8000, FLASH_SIZE - 0x8000));
        sim_unplug();
}

static void erase_refused(const struct board_profile *profile, struct range range,
                          const char *const *options, enum fwd_error error) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", options);
        before = dump();
        prepare(&op_erase);
        run.worker.profile = (struct board_profile *) (uintptr_t) profile;
        run.worker.options.has_range = !range_is_empty(range);
        run.worker.options.range = range;
        check_result(go(), error, "untouched");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        assert_string_equal(run.states, "");
        sim_unplug();
}

static void test_erase_refused(void **state) {
        struct range loader = {FLASH_START, FLASH_START + 0x4000};
        const struct board_profile guarded = {
                .flashable = true, .protected_ranges = &loader, .n_protected = 1};
        const struct board_profile odd = {.title = (char *) "Odd board"};

        erase_refused(NULL, (struct range){0x08004000, 0x08005000}, f405, FWD_INVALID_ARGUMENT);
        erase_refused(NULL, (struct range){0x08100000, 0x08104000}, f405, FWD_ADDRESS_OUT_OF_RANGE);
        erase_refused(NULL, (struct range){0x1fffc000, 0x1fffc010}, f405, FWD_PROTECTED_REGION);
        erase_refused(&guarded, (struct range){0x08000000, 0x08008000}, f405, FWD_PROTECTED_REGION);
        erase_refused(&odd, (struct range){}, f405, FWD_NOT_SUPPORTED);
        erase_refused(NULL, (struct range){}, locked, FWD_READ_PROTECTED);
}

/* All but the loader. */
static void test_erase_guarded(void **state) {
        struct range loader = {FLASH_START, FLASH_START + 0x1000};
        struct board_profile profile = {
                .flashable = true, .protected_ranges = &loader, .n_protected = 1};
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_erase);
        run.worker.profile = &profile;
        check_result(go(), FWD_OK, "erased");
        assert_true(is_blank(0x08004000, FLASH_START + FLASH_SIZE));
        assert_true(flash_is(FLASH_START, before, 0x4000));
        sim_unplug();
}

static void test_erase_unplugged(void **state) {
        sim_plug("stm32-f405", f405);
        assert_int_equal(model_set(sim.model, "unplug-erase", "3", sim.now_us), 0);
        prepare(&op_erase);
        check_result(go(), FWD_DEVICE_LOST, "erased");
        sim_unplug();
}

static void test_erase_cancelled(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_erase);
        cancel_flag = 1;
        check_result(go(), FWD_CANCELLED, "untouched");
        sim_unplug();
}

static void test_unprotect(void **state) {
        sim_plug("stm32-f405", locked);
        prepare(&op_unprotect);
        check_result(go(), FWD_OK, "erased");
        assert_string_equal(heard("X.ReadProtected"), "yes"); /* as it was found */
        assert_string_equal(run.phases, "opening unprotecting");
        assert_true(is_blank(FLASH_START, FLASH_START + FLASH_SIZE));

        /* It is back in its bootloader: whoever asks now finds it open. */
        while (!sim.model->on_bus) {
                sim.now_us = model_next_event(sim.model);
                model_advance(sim.model, sim.now_us);
        }
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "no");
        assert_memory_equal(heard("X.OptionBytes"), "efaa", 4);
        sim_unplug();
}

static void test_unprotect_open_chip(void **state) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_unprotect);
        check_result(go(), FWD_OK, "untouched");
        assert_non_null(strstr(heard("NOTICE"), "not read protected"));
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        sim_unplug();
}

static void test_unprotect_cancelled(void **state) {
        sim_plug("stm32-f405", locked);
        prepare(&op_unprotect);
        cancel_flag = 1;
        check_result(go(), FWD_CANCELLED, "untouched");
        sim_unplug();
}

static void test_unprotect_unplugged_before(void **state) {
        sim_plug("stm32-f405", locked);
        assert_int_equal(model_set(sim.model, "unplug-dnload", "2", sim.now_us), 0);
        prepare(&op_unprotect);
        check_result(go(), FWD_DEVICE_LOST, "untouched");
        sim_unplug();
}

/* What nobody asked for is never done. */
static void test_nothing_else_unprotects(void **state) {
        static const struct operation *const operations[] = {&op_flash, &op_erase, &op_read,
                                                             &op_identify};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                _cleanup_close_ int fd = empty_memfd();
                _cleanup_free_ uint8_t *before = NULL;

                sim_plug("stm32-f405", locked);
                before = dump();
                prepare(operations[i]);
                if (operations[i] == &op_read)
                        run.worker.output_fd = fd;
                run.worker.options.force = true;
                check_result(go(), operations[i] == &op_identify ? FWD_OK : FWD_READ_PROTECTED,
                             "untouched");
                assert_string_equal(heard("X.ReadProtected"), "yes");
                assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
                sim_unplug();
        }
}

static void test_plain_device(void **state) {
        static const struct operation *const operations[] = {&op_erase, &op_unprotect};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                _cleanup_close_ int fd = empty_memfd();

                sim_plug("dfu11", NULL);
                prepare(operations[i]);
                run.worker.output_fd = fd;
                check_result(go(), FWD_NOT_SUPPORTED, "untouched");
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_erase_all),
                cmocka_unit_test(test_erase_range),
                cmocka_unit_test(test_erase_refused),
                cmocka_unit_test(test_erase_guarded),
                cmocka_unit_test(test_erase_unplugged),
                cmocka_unit_test(test_erase_cancelled),
                cmocka_unit_test(test_unprotect),
                cmocka_unit_test(test_unprotect_open_chip),
                cmocka_unit_test(test_unprotect_cancelled),
                cmocka_unit_test(test_unprotect_unplugged_before),
                cmocka_unit_test(test_nothing_else_unprotects),
                cmocka_unit_test(test_plain_device),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
