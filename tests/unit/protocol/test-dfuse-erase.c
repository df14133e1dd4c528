/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to a chip besides flashing it: erasing, taking its protection off, reading what it
 * says of itself; and plans without a chip, compared with what the simulated one then takes. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/dfu-chips.h"

static const char *const kinds[] = {
        "stm32-f405",  "stm32-f411", "stm32-f722", "stm32-f745", "stm32-f765", "stm32-h743y",
        "stm32-h743v", "stm32-g474", "stm32-l43x", "stm32-c5",   "at32f435",   "gd32vf103",
};

static int plan_erase(struct rig *rig, struct range range, const struct range *protected_range) {
        struct flash_rules rules = {.protected_ranges = protected_range,
                                    .n_protected = protected_range != NULL};

        dfu_flash_rules(&rig->dfu, &rules);
        flash_plan_clear(&rig->plan);
        return flash_plan_make_erase(&rig->dfu.map, range, &rules, &rig->plan, &rig->fault);
}

static bool is_blank(struct rig *rig, uint64_t from, uint64_t to) {
        _cleanup_free_ uint8_t *bytes = malloc(to - from);

        assert_int_equal(model_dump(rig->model, (uint32_t) from, bytes, to - from), 0);
        for (uint64_t i = 0; i < to - from; i++)
                if (bytes[i] != 0xff)
                        return false;
        return true;
}

static void test_erase_every_chip(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;
                struct range flash;

                rig_init(&rig, kinds[i], (const char *const[]){"time-scale=0", NULL});
                rig_open(&rig);
                flash = memory_map_flash(&rig.dfu.map)->range;
                assert_int_equal(plan_erase(&rig, (struct range){}, NULL), 0);
                assert_int_equal(rig.plan.erase_bytes, range_size(flash));
                assert_int_equal(rig.plan.n_runs, 0);
                if (dfuse_erase(&rig.dfu, &rig.plan, rig_callbacks(&rig), &rig.fault) < 0)
                        fail_msg("%s: %s", kinds[i], rig.fault.message);
                assert_true(is_blank(&rig, flash.start, flash.end));
                assert_int_equal(rig.state, BOARD_ERASED);
                assert_string_equal(rig.phases[0], "erasing");
                assert_string_equal(rig.phases[1], "verifying");
                assert_int_equal(rig.done, rig.total);
        }
}

/* Nothing but the sectors that were named. */
static void test_erase_range(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
        rig_open(&rig);
        assert_int_equal(plan_erase(&rig, (struct range){0x08004000, 0x0800c000}, NULL), 0);
        assert_int_equal(rig.plan.n_erases, 2);
        assert_int_equal(dfuse_erase(&rig.dfu, &rig.plan, rig_callbacks(&rig), &rig.fault), 0);
        assert_true(is_blank(&rig, 0x08004000, 0x0800c000));
        assert_false(is_blank(&rig, 0x08000000, 0x08000800));
        assert_false(is_blank(&rig, 0x08003c00, 0x08004000));
        assert_false(is_blank(&rig, 0x0800c000, 0x0800c400));
}

static void test_erase_refused(void **state) {
        static const struct range loader = {0x08000000, 0x08001000}, all = {0x08000000, 0x08100000};
        static const struct {
                struct range range;
                const struct range *guard;
                enum fwd_error error;
                const char *message;
        } cases[] = {
                {{0x08004000, 0x08006000},
                 NULL,
                 FWD_INVALID_ARGUMENT,
                 "not hold all of 0x08004000-0x08008000"},
                {{0x08004001, 0x08008000}, NULL, FWD_INVALID_ARGUMENT, "whole sectors"},
                {{0x080e0000, 0x08200000},
                 NULL,
                 FWD_ADDRESS_OUT_OF_RANGE,
                 "0x08100000 is outside this chip's flash"},
                {{0x20000000, 0x20000100}, NULL, FWD_ADDRESS_OUT_OF_RANGE, "outside"},
                {{0x1fffc000, 0x1fffc010}, NULL, FWD_PROTECTED_REGION, "\"Option Bytes\""},
                {{0x1fff7800, 0x1fff7a00}, NULL, FWD_PROTECTED_REGION, "cannot be erased"},
                {{0x08000000, 0x08008000},
                 &loader,
                 FWD_PROTECTED_REGION,
                 "0x08000000-0x08004000 is protected on this board"},
                {{}, &all, FWD_PROTECTED_REGION, "nothing that could be erased"},
        };
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
        rig_open(&rig);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                rig.fault = (struct fault) FAULT_INIT;
                assert_true(plan_erase(&rig, cases[i].range, cases[i].guard) < 0);
                assert_int_equal(rig.fault.error, cases[i].error);
                if (!strstr(rig.fault.message, cases[i].message))
                        fail_msg("%s", rig.fault.message);
        }
}

static void test_erase_spares_protected(void **state) {
        static const struct range loader = {0x08000000, 0x08004000};
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
        rig_open(&rig);
        assert_int_equal(plan_erase(&rig, (struct range){}, &loader), 0);
        assert_int_equal(dfuse_erase(&rig.dfu, &rig.plan, NULL, &rig.fault), 0);
        assert_true(is_blank(&rig, 0x08004000, 0x08100000));
        assert_false(is_blank(&rig, 0x08000000, 0x08004000));
}

/* The ROM does not say that a sector is write protected; the cells do. */
static void test_erase_in_silence(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", "protect=2", NULL});
        rig_open(&rig);
        assert_int_equal(plan_erase(&rig, (struct range){}, NULL), 0);
        assert_true(dfuse_erase(&rig.dfu, &rig.plan, rig_callbacks(&rig), &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_ERASE_FAILED);
        assert_int_equal(rig.fault.address, 0x08008000);
        assert_non_null(strstr(rig.fault.message, "may be write protected"));
        assert_int_equal(rig.state, BOARD_ERASED);
}

static void test_erase_faults(void **state) {
        static const struct {
                const char *key, *value;
                enum fwd_error error;
        } cases[] = {
                {"stall-getstatus", "3", FWD_OK}, /* tried again */
                {"unplug-erase", "3", FWD_DEVICE_LOST},
                {"error-erase", "2,4", FWD_ERASE_FAILED},
                {"unplug-upload", "40", FWD_DEVICE_LOST},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_rig_ struct rig rig;
                int r;

                rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
                rig_open(&rig);
                assert_int_equal(plan_erase(&rig, (struct range){}, NULL), 0);
                rig_set(&rig, cases[i].key, "%s", cases[i].value);
                r = dfuse_erase(&rig.dfu, &rig.plan, rig_callbacks(&rig), &rig.fault);
                if (cases[i].error == FWD_OK)
                        assert_int_equal(r, 0);
                else
                        assert_int_equal(rig.fault.error, cases[i].error);
                assert_int_equal(rig.state, BOARD_ERASED);
        }
}

static void test_unprotect_every_chip(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;
                struct range flash;
                int r;

                rig_init(&rig, kinds[i], (const char *const[]){"rdp=1", NULL});
                rig_open(&rig);
                flash = memory_map_flash(&rig.dfu.map)->range;
                if (dfuse_probe_protection(&rig.dfu, flash.start, &rig.fault) != 1)
                        continue; /* no protection is known of the model */
                r = dfuse_unprotect(&rig.dfu, flash.start, rig_callbacks(&rig), &rig.fault);
                if (r != 0)
                        fail_msg("%s: %d %s", kinds[i], r, rig.fault.message);
                assert_int_equal(rig.fault.error, FWD_OK);
                assert_int_equal(rig.state, BOARD_ERASED);
                /* It comes back by itself, blank. */
                for (unsigned ms = 0; ms < 10000 && rig.model->generation == rig.fake.generation;
                     ms++) {
                        rig.fake.now_us += 1000;
                        model_advance(rig.model, rig.fake.now_us);
                }
                assert_true(rig.model->on_bus);
                assert_true(is_blank(&rig, flash.start, flash.end));
        }
}

static void test_option_bytes(void **state) {
        static const struct {
                const char *kind, *hex;
                size_t size;
        } cases[] = {
                {"stm32-f405", "\xef\xaa\xff\xff", 16},
                {"stm32-f722", "\xff\xaa\xff\xff", 48},
                {"stm32-h743v", "\xf0\xaa\xc6\x1b", 64},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_rig_ struct rig rig;
                uint8_t bytes[64];
                size_t n = 0;

                rig_init(&rig, cases[i].kind, NULL);
                rig_open(&rig);
                assert_int_equal(
                        dfuse_read_option_bytes(&rig.dfu, bytes, sizeof(bytes), &n, &rig.fault), 0);
                assert_int_equal(n, cases[i].size);
                assert_memory_equal(bytes, cases[i].hex, 4);
                assert_int_equal(rig.dfu.state, DFU_IDLE);
        }
}

static void test_no_option_bytes(void **state) {
        _cleanup_rig_ struct rig rig, locked;
        uint8_t bytes[64];
        size_t n = 0;

        rig_init(&rig, "stm32-c5", NULL);
        rig_open(&rig);
        assert_int_equal(dfuse_read_option_bytes(&rig.dfu, bytes, sizeof(bytes), &n, &rig.fault),
                         1);
        rig_init(&locked, "stm32-f405", (const char *const[]){"rdp=1", NULL});
        rig_open(&locked);
        assert_int_equal(
                dfuse_read_option_bytes(&locked.dfu, bytes, sizeof(bytes), &n, &locked.fault), 1);
        assert_int_equal(locked.fault.error, FWD_OK);
}

static void test_chip_names(void **state) {
        static const struct {
                const char *kind, *name;
        } cases[] = {
                {"stm32-f405", "STM32F405, F407, F415 or F417"},
                {"stm32-f411", "STM32F401, F411 or F446"},
                {"stm32-f722", "STM32F722, F723, F732 or F733"},
                {"stm32-f745", "STM32F745, F746 or F756"},
                {"stm32-h743v", "STM32H743, H750 or H753"},
                {"stm32-g474", "STM32G4, L4 or G0"},
                {"stm32-l43x", "STM32L43x or L44x"},
                {"at32f435", "AT32"},
                {"gd32vf103", "GD32VF103"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_rig_ struct rig rig;

                rig_init(&rig, cases[i].kind, NULL);
                rig_open(&rig);
                if (!rig.dfu.chip)
                        fail_msg("%s is not known", cases[i].kind);
                assert_string_equal(rig.dfu.chip->name, cases[i].name);
        }
}

static void test_families(void **state) {
        const struct dfu_chip *f405 = dfu_chip_of_mcu("STM32F405");
        const struct dfu_chip *any = dfu_chip_of_mcu("STM32G474"), *apm;

        assert_non_null(f405);
        assert_true(dfu_chip_may_be(f405, "STM32F4"));
        assert_true(dfu_chip_may_be(f405, "STM32F407"));
        assert_false(dfu_chip_may_be(f405, "STM32F7"));
        assert_false(dfu_chip_may_be(f405, "RP2350"));
        assert_non_null(any);
        assert_true(dfu_chip_may_be(any, "STM32G4"));
        assert_true(dfu_chip_may_be(any, "STM32L4"));
        assert_null(dfu_chip_of_mcu("STM32F427")); /* of 1 MiB in one bank or two */
        assert_null(dfu_chip_of_mcu("ESP32"));

        /* Firmware for one chip on another: refused only where it is certain. */
        assert_true(dfu_chip_takes_mcu(f405, "STM32F405"));
        assert_true(dfu_chip_takes_mcu(f405, "STM32F407"));
        assert_false(dfu_chip_takes_mcu(f405, "STM32F411")); /* known by another map */
        assert_false(dfu_chip_takes_mcu(f405, "STM32F722"));
        assert_false(dfu_chip_takes_mcu(f405, "AT32F435"));
        assert_false(dfu_chip_takes_mcu(f405, "RP2350"));
        assert_true(dfu_chip_takes_mcu(f405, "STM32F4"));
        assert_true(dfu_chip_takes_mcu(dfu_chip_of_mcu("STM32H743"), "STM32H750"));
        assert_false(dfu_chip_takes_mcu(dfu_chip_of_mcu("STM32H743"), "STM32H723"));
        assert_true(dfu_chip_takes_mcu(dfu_chip_of_mcu("STM32H743"), "STM32H7A3")); /* not known */
        assert_false(dfu_chip_takes_mcu(any, "STM32F303"));
        assert_true(dfu_chip_takes_mcu(any, "STM32L476"));
        apm = dfu_chip_find(0x314b, 0x0106,
                            "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg");
        assert_non_null(apm);
        assert_true(dfu_chip_takes_mcu(apm, "APM32F405"));
        assert_true(dfu_chip_takes_mcu(apm, "STM32F405")); /* made to run it */
        assert_false(dfu_chip_takes_mcu(apm, "STM32F722"));
        assert_null(dfu_chip_of_mcu(""));
}

/* "about" is to be worth something: within a third of what the chip then takes. */
static void test_seconds(void **state) {
        static const char *const some[] = {"stm32-f405", "stm32-f411", "stm32-h743y", "stm32-g474"};

        for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
                _cleanup_rig_ struct rig rig;
                uint64_t told, begin_ms, took;

                rig_init(&rig, some[i], (const char *const[]){"time-scale=1", NULL});
                rig_open(&rig);
                rig_add(&rig, RIG_FLASH, 200 * KIB);
                rig_plan(&rig);
                told = dfu_chip_plan_ms(rig.dfu.chip, &rig.plan);
                begin_ms = rig.fake.now_us / 1000;
                assert_int_equal(dfuse_flash(&rig.dfu, &rig.plan, rig_callbacks(&rig), &rig.fault),
                                 0);
                took = rig.fake.now_us / 1000 - begin_ms;
                if (told > took * 4 / 3 || told < took * 2 / 3)
                        fail_msg("%s: told %u ms, took %u ms", some[i], (unsigned) told,
                                 (unsigned) took);
        }
}

/* A plan on paper is the plan on the chip. */
static void test_paper(void **state) {
        static const struct {
                const char *kind, *mcu;
        } cases[] = {
                {"stm32-f405", "STM32F405"},  {"stm32-f411", "STM32F411"},
                {"stm32-f722", "STM32F722"},  {"stm32-f745", "STM32F745"},
                {"stm32-h743v", "STM32H743"}, {"stm32-g474", "STM32G474"},
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
                _cleanup_flash_plan_ struct flash_plan plan = {};
                _cleanup_dfu_ struct dfu paper = {};
                _cleanup_free_ char *map = NULL;
                struct flash_rules rules = {};
                _cleanup_rig_ struct rig rig;

                rig_init(&rig, cases[i / 2].kind, NULL);
                rig_open(&rig);
                map = memory_map_format(&rig.dfu.map);
                assert_int_equal(
                        dfu_on_paper(i % 2 ? map : NULL, cases[i / 2].mcu, &paper, &rig.fault), 0);
                assert_string_equal(paper.quirks->name, rig.dfu.quirks->name);
                assert_int_equal(paper.transfer_size, rig.dfu.transfer_size);
                rig_add(&rig, RIG_FLASH, 70 * KIB + 5);
                rig_plan(&rig);
                dfu_flash_rules(&paper, &rules);
                assert_int_equal(flash_plan_make(&paper.map, &rig.image, &rules, &plan, &rig.fault),
                                 0);
                assert_int_equal(plan.erase_bytes, rig.plan.erase_bytes);
                assert_int_equal(plan.n_erases, rig.plan.n_erases);
                assert_int_equal(plan.write_bytes, rig.plan.write_bytes);
                assert_int_equal(plan.runs[0].n_blocks, rig.plan.runs[0].n_blocks);
        }
}

static void test_paper_refused(void **state) {
        struct fault fault = FAULT_INIT;
        struct dfu dfu;

        assert_true(dfu_on_paper(NULL, NULL, &dfu, &fault) < 0);
        assert_int_equal(fault.error, FWD_NEEDS_USER_ACTION);
        fault = (struct fault) FAULT_INIT;
        assert_true(dfu_on_paper("", "STM32F427", &dfu, &fault) < 0);
        assert_int_equal(fault.error, FWD_NEEDS_USER_ACTION);
        fault = (struct fault) FAULT_INIT;
        assert_true(dfu_on_paper("garbage", NULL, &dfu, &fault) < 0);
        assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_erase_every_chip),
                cmocka_unit_test(test_erase_range),
                cmocka_unit_test(test_erase_refused),
                cmocka_unit_test(test_erase_spares_protected),
                cmocka_unit_test(test_erase_in_silence),
                cmocka_unit_test(test_erase_faults),
                cmocka_unit_test(test_unprotect_every_chip),
                cmocka_unit_test(test_option_bytes),
                cmocka_unit_test(test_no_option_bytes),
                cmocka_unit_test(test_chip_names),
                cmocka_unit_test(test_families),
                cmocka_unit_test(test_seconds),
                cmocka_unit_test(test_paper),
                cmocka_unit_test(test_paper_refused),
        };

        return cmocka_run_group_tests_name("dfuse-erase", tests, NULL, NULL);
}
