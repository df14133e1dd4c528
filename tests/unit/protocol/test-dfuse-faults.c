/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that can go wrong in the middle of a flash, at every place where it can: the flash
 * goes well in the end, or ends with a named fault and a told state that is true of the chip. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const char *const kinds[] = {"stm32-f405", "stm32-f722", "stm32-h743v", "stm32-g474",
                                    "stm32-l43x", "stm32-c5",   "at32f435",    "gd32vf103"};

/* Small, and yet all there is: several sectors, a hole, a last block that is not full, two runs in
 * one sector. */
static void small_image(struct rig *rig) {
        rig_add(rig, RIG_FLASH, 4500);
        rig_add(rig, RIG_FLASH + 0x2000, 700);
        rig_add(rig, RIG_FLASH + 0x8000, 2100);
}

static void begin(struct rig *rig, const char *kind, bool timed) {
        rig_init(rig, kind, (const char *const[]){timed ? "time-scale=1" : "time-scale=0", NULL});
        rig_open(rig);
        small_image(rig);
        rig_plan(rig);
}

/* Sets the fault, counted from here, and flashes. */
static int flash_with(struct rig *rig, const char *key, unsigned n, const char *more) {
        rig_set(rig, key, "%u%s", n, more);
        return rig_flash(rig);
}

static void test_stall_at_every_transfer(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                unsigned n = 0;

                for (bool hit = true; hit; n++) {
                        _cleanup_rig_ struct rig rig;
                        size_t first;

                        begin(&rig, kinds[i], false);
                        first = rig.fake.n_trace;
                        rig_expect_flashed(&rig, flash_with(&rig, "stall-transfer", n + 1, ""));
                        hit = rig.fake.n_trace - first > n;
                        if (hit && rig.fake.trace[first + n].result != -EPIPE)
                                fail_msg("%s: transfer %u did not stall", kinds[i], n);
                }
                assert_true(n > 40);
        }
}

static unsigned count_erases(const struct rig *rig, size_t first) {
        unsigned n = 0;

        for (size_t i = first; i < rig->fake.n_trace; i++) {
                const struct fake_transfer *t = &rig->fake.trace[i];

                n += t->setup.request_type == 0x21 && t->setup.length == 5 && t->data[0] == 0x41;
        }
        return n;
}

/* Cells with check bits are not programmed twice: a block that failed brings its sector's erase,
 * and no other's; an F4's is sent again. */
static void test_sector_is_redone_where_it_must(void **state) {
        static const struct {
                const char *kind;
                unsigned more;
        } cases[] = {{"stm32-f405", 0}, {"stm32-f722", 0}, {"stm32-g474", 1}, {"stm32-h743v", 1}};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                for (unsigned n = 1; n <= 3; n++) {
                        _cleanup_rig_ struct rig rig;
                        size_t first;

                        begin(&rig, cases[i].kind, false);
                        first = rig.fake.n_trace;
                        rig_set(&rig, "error-write", "%u,%u", n, 0x0e);
                        rig_expect_flashed(&rig, rig_flash(&rig));
                        assert_int_equal(count_erases(&rig, first),
                                         rig.plan.n_erases + cases[i].more);
                }
}

/* The first block's sector was read back already when it is done again: so it is read again. */
static void test_redone_sector_is_read_again(void **state) {
        _cleanup_rig_ struct rig rig;
        size_t first, n_blocks = 0;
        unsigned uploads = 0;

        begin(&rig, "stm32-g474", false);
        first = rig.fake.n_trace;
        for (size_t i = 0; i < rig.plan.n_runs; i++)
                n_blocks += rig.plan.runs[i].n_blocks;
        rig_set(&rig, "error-write", "%zu,%u", n_blocks, 0x0e); /* the first block goes last */
        rig_expect_flashed(&rig, rig_flash(&rig));
        assert_int_equal(count_erases(&rig, first), rig.plan.n_erases + 1);
        for (size_t i = first; i < rig.fake.n_trace; i++)
                uploads += rig.fake.trace[i].setup.request_type == 0xa1 &&
                           rig.fake.trace[i].setup.request == 2;
        /* All but the first, then at least the two of its sector. */
        assert_true(uploads >= n_blocks - 1 + 2);
}

/* More stalls in a row than are borne: a fault of its phase, or success. */
static void test_many_stalls_at_every_transfer(void **state) {
        static const char *const more[] = {",2", ",5", ",100000"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                for (size_t k = 0; k < ARRAY_SIZE(more); k++) {
                        unsigned n = 0, failed = 0;

                        for (bool hit = true; hit; n++) {
                                _cleanup_rig_ struct rig rig;
                                size_t first;
                                int r;

                                begin(&rig, kinds[i], false);
                                first = rig.fake.n_trace;
                                r = flash_with(&rig, "stall-transfer", n + 1, more[k]);
                                rig_expect_consistent(&rig, r);
                                hit = rig.fake.n_trace - first > n;
                                failed += r < 0;
                                if (r < 0)
                                        assert_true(rig.fault.error == FWD_ERASE_FAILED ||
                                                    rig.fault.error == FWD_WRITE_FAILED ||
                                                    rig.fault.error == FWD_VERIFY_FAILED);
                        }
                        if (k + 1 == ARRAY_SIZE(more))
                                assert_true(failed + 2 >= n);
                }
}

static void test_unplug_at_every_transfer(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                bool verified = false;

                for (unsigned n = 1; !verified; n++) {
                        _cleanup_rig_ struct rig rig;
                        uint64_t begin_us;
                        size_t first;
                        int r;

                        begin(&rig, kinds[i], false);
                        first = rig.fake.n_trace;
                        begin_us = rig.fake.now_us;
                        r = flash_with(&rig, "unplug-transfer", n, "");
                        verified = r >= 0;
                        if (verified) {
                                /* What is left is one ABORT, which nobody needs. */
                                rig_expect_flashed(&rig, r);
                                continue;
                        }
                        rig_expect_fault(&rig, r, FWD_DEVICE_LOST);
                        assert_non_null(strstr(rig.fault.message, "were erased"));
                        assert_non_null(rig.fault.phase);
                        assert_true(rig.fake.n_trace - first <= n);
                        assert_true(rig.fake.now_us - begin_us < 60000000);
                }
        }
}

/* Power goes in the middle of the chip's work: cells half erased, half written. */
static void test_power_cut_in_every_operation(void **state) {
        static const char *const keys[] = {"unplug-erase", "unplug-write"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
                        bool done = false;

                        for (unsigned n = 1; !done; n++) {
                                _cleanup_rig_ struct rig rig;
                                int r;

                                begin(&rig, kinds[i], true);
                                r = flash_with(&rig, keys[k], n, "");
                                done = r >= 0;
                                if (!done)
                                        rig_expect_fault(&rig, r, FWD_DEVICE_LOST);
                        }
                }
}

static void test_hold_at_every_transfer(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                unsigned n = 0;

                for (bool hit = true; hit; n++) {
                        _cleanup_rig_ struct rig rig;
                        uint64_t begin_us;
                        size_t first;
                        int r;

                        begin(&rig, kinds[i], false);
                        first = rig.fake.n_trace;
                        begin_us = rig.fake.now_us;
                        r = flash_with(&rig, "hold-transfer", n + 1, "");
                        hit = rig.fake.n_trace - first > n;
                        if (r < 0)
                                rig_expect_fault(&rig, r, FWD_TIMEOUT);
                        else
                                rig_expect_flashed(&rig, r);
                        assert_true(rig.fake.now_us - begin_us < 120000000);
                }
        }
}

/* An answer lost once is no reason to fail. */
static void test_hold_once_at_every_transfer(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                unsigned n = 0;

                for (bool hit = true; hit; n++) {
                        _cleanup_rig_ struct rig rig;
                        size_t first;

                        begin(&rig, kinds[i], false);
                        first = rig.fake.n_trace;
                        rig_expect_flashed(&rig, flash_with(&rig, "hold-transfer", n + 1, ",1"));
                        hit = rig.fake.n_trace - first > n;
                }
        }
}

static void test_cancel_at_every_safe_point(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                bool done = false;

                for (unsigned n = 1; !done; n++) {
                        _cleanup_rig_ struct rig rig;
                        int r;

                        begin(&rig, kinds[i], false);
                        rig.cancel_at = n;
                        r = rig_flash(&rig);
                        done = r >= 0;
                        if (done) {
                                rig_expect_flashed(&rig, r);
                                continue;
                        }
                        rig_expect_fault(&rig, r, FWD_CANCELLED);
                        if (n == 1)
                                assert_int_equal(rig.state, BOARD_UNTOUCHED);
                        assert_int_equal(rig.dfu.state, DFU_IDLE);
                        /* The bootloader is there for the next try. */
                        rig.fault = (struct fault) FAULT_INIT;
                        rig.cancel_at = 0;
                        assert_int_equal(dfuse_flash(&rig.dfu, &rig.plan, NULL, &rig.fault), 0);
                        assert_true(rig_holds_image(&rig));
                }
        }
}

/* SIGTERM while the engine waits: the operation ends first, then the flash does. */
static void test_cancel_while_waiting(void **state) {
        _cleanup_rig_ struct rig rig;

        begin(&rig, "at32f435", true);
        rig.fake.cancel_sleeps = true;
        rig_expect_fault(&rig, rig_flash(&rig), FWD_CANCELLED);
        assert_int_equal(rig.state, BOARD_ERASED);
        assert_int_equal(rig.dfu.stats.erased_bytes, 2 * KIB);
        assert_int_equal(rig.dfu.state, DFU_IDLE);
}

/* The device says what it did not like. */
static void test_status_at_every_operation(void **state) {
        static const struct {
                const char *key;
                unsigned status;
                enum fwd_error error;
        } cases[] = {
                {"error-erase", 0x04, FWD_ERASE_FAILED},
                {"error-erase", 0x0b, FWD_ERASE_FAILED},
                {"error-erase", 0x01, FWD_ADDRESS_OUT_OF_RANGE},
                {"error-write", 0x03, FWD_WRITE_FAILED},
                {"error-write", 0x06, FWD_WRITE_FAILED},
                {"error-write", 0x0b, FWD_WRITE_FAILED},
                {"error-write", 0x08, FWD_ADDRESS_OUT_OF_RANGE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
                        bool done = false;

                        for (unsigned n = 1; !done; n++) {
                                _cleanup_rig_ struct rig rig;
                                int r;

                                begin(&rig, kinds[i], false);
                                rig_set(&rig, cases[k].key, "%u,%u", n, cases[k].status);
                                r = rig_flash(&rig);
                                done = r >= 0;
                                if (done)
                                        continue;
                                rig_expect_fault(&rig, r, cases[k].error);
                                assert_int_equal(rig.fault.dfu_status, cases[k].status);
                                assert_int_equal(rig.fault.dfu_state, DFU_ERROR);
                                assert_true(rig.fault.has_address);
                                assert_int_equal(rig.dfu.stats.retries, 0);
                        }
                }
}

/* errUNKNOWN explains nothing: once more. */
static void test_unexplained_status_is_tried_again(void **state) {
        static const char *const keys[] = {"error-erase", "error-write", "error-address"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
                        for (unsigned n = 1; n <= 3; n++) {
                                _cleanup_rig_ struct rig rig;
                                unsigned operations;

                                begin(&rig, kinds[i], false);
                                rig_set(&rig, keys[k], "%u,%u", n, 0x0e);
                                rig_expect_flashed(&rig, rig_flash(&rig));
                                operations = k == 0 ? (unsigned) rig.plan.n_erases : 3;
                                assert_int_equal(rig.dfu.stats.retries, n <= operations ? 1 : 0);
                        }
}

static void expect_verify_failure(struct rig *rig, uint64_t address, const char *count) {
        rig_expect_fault(rig, rig_flash(rig), FWD_VERIFY_FAILED);
        assert_true(rig->fault.has_address);
        assert_int_equal(rig->fault.address, address);
        assert_string_equal(rig->fault.phase, "verifying");
        if (!strstr(rig->fault.message, count))
                fail_msg("%s", rig->fault.message);
}

static void test_wrong_data_on_read_back(void **state) {
        static const uint64_t offsets[] = {0, 1, 2047, 2048, 4499, 0x2000, 0x22bb, 0x8000, 0x8833};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                for (size_t k = 0; k < ARRAY_SIZE(offsets); k++) {
                        _cleanup_rig_ struct rig rig;

                        begin(&rig, kinds[i], false);
                        rig_set(&rig, "corrupt-read", "%llu",
                                (unsigned long long) (RIG_FLASH + offsets[k]));
                        expect_verify_failure(&rig, RIG_FLASH + offsets[k], " in 1 of");
                        /* Behind the held-back block there is nothing that starts. */
                        assert_int_equal(rig.state, offsets[k] < rig.dfu.transfer_size
                                                            ? BOARD_WRITTEN
                                                            : BOARD_PARTLY_WRITTEN);
                }
}

static void test_silent_loss_of_a_byte(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, kinds[i], false);
                rig_set(&rig, "lose-write", "%llu", (unsigned long long) (RIG_FLASH + 3000));
                expect_verify_failure(&rig, RIG_FLASH + 3000, "0xff was read");
                assert_int_equal(rig.state, BOARD_PARTLY_WRITTEN);
        }
}

static void test_silent_loss_of_an_erase(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, kinds[i], false);
                rig_set(&rig, "lose-erase", "%llu", (unsigned long long) (RIG_FLASH + 0x8000));
                rig_expect_fault(&rig, rig_flash(&rig), FWD_VERIFY_FAILED);
                assert_true(range_has(memory_map_find(&rig.dfu.map, RIG_FLASH + 0x8000)->range,
                                      rig.fault.address));
        }
}

/* Sectors that are write-protected say nothing. */
static void test_write_protected_sector(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, kinds[i], false);
                rig_set(&rig, "protect", "0-1");
                rig_expect_fault(&rig, rig_flash(&rig), FWD_VERIFY_FAILED);
        }
}

/* Protected while the flash runs, or a program that did not probe: named, nothing written. */
static void test_read_protected(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, kinds[i], false);
                rig_set(&rig, "rdp", "1");
                if (strcmp(kinds[i], "stm32-c5") == 0)
                        continue; /* the model has no option bytes for it */
                rig_expect_fault(&rig, rig_flash(&rig), FWD_ERASE_FAILED);
                assert_int_equal(rig.fault.dfu_status, 0x0b);
                assert_non_null(strstr(rig.fault.message, "read protection"));
        }
}

/* A link that fails again and again is given up. */
static void test_endless_trouble_ends(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH, 100 * KIB);
        rig.trouble = true;
        rig_expect_fault(&rig, rig_flash(&rig), FWD_WRITE_FAILED);
        assert_int_equal(rig.dfu.stats.retries, 16);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stall_at_every_transfer),
                cmocka_unit_test(test_sector_is_redone_where_it_must),
                cmocka_unit_test(test_redone_sector_is_read_again),
                cmocka_unit_test(test_many_stalls_at_every_transfer),
                cmocka_unit_test(test_unplug_at_every_transfer),
                cmocka_unit_test(test_power_cut_in_every_operation),
                cmocka_unit_test(test_hold_at_every_transfer),
                cmocka_unit_test(test_hold_once_at_every_transfer),
                cmocka_unit_test(test_cancel_at_every_safe_point),
                cmocka_unit_test(test_cancel_while_waiting),
                cmocka_unit_test(test_status_at_every_operation),
                cmocka_unit_test(test_unexplained_status_is_tried_again),
                cmocka_unit_test(test_wrong_data_on_read_back),
                cmocka_unit_test(test_silent_loss_of_a_byte),
                cmocka_unit_test(test_silent_loss_of_an_erase),
                cmocka_unit_test(test_write_protected_sector),
                cmocka_unit_test(test_read_protected),
                cmocka_unit_test(test_endless_trouble_ends),
        };

        /* Thousands of second tries would each say so. */
        (void) setenv("FWD_LOG_LEVEL", "err", false);
        log_setup();
        return cmocka_run_group_tests_name("dfuse-faults", tests, NULL, NULL);
}
