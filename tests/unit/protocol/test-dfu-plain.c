/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DFU 1.1 devices, which know no addresses, against a model that goes by the specification to the
 * letter: a question too early is an error. */
#include "rig.h"

#include <string.h>

static void begin(struct rig *rig, bool tolerant, size_t size) {
        rig_init(rig, "dfu11",
                 (const char *const[]){tolerant ? "tolerant=yes" : "tolerant=no", NULL});
        rig_open(rig);
        assert_false(rig->dfu.dfuse);
        rig_add(rig, 0, size);
}

static int flash(struct rig *rig) {
        return dfu_plain_flash(&rig->dfu, &rig->image.items[0], rig_callbacks(rig), &rig->fault);
}

static void expect_image(struct rig *rig) {
        static uint8_t bytes[64 * KIB];
        const struct segment *s = &rig->image.items[0];

        assert_int_equal(model_dump(rig->model, 0, bytes, s->size), 0);
        assert_memory_equal(bytes, s->data, s->size);
}

static void test_tolerant_is_read_back(void **state) {
        static const size_t sizes[] = {1, 1023, 1024, 1025, 20000, 64 * KIB};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, true, sizes[i]);
                assert_int_equal(flash(&rig), 0);
                assert_int_equal(rig.state, BOARD_VERIFIED);
                expect_image(&rig);
                assert_int_equal(rig.dfu.stats.verified_bytes, sizes[i]);
                assert_int_equal(dfu_plain_leave(&rig.dfu, &rig.fault), 0);
        }
}

/* Not tolerant: it waits for its reset and answers nothing. Said to be written, not more. */
static void test_intolerant_is_written_only(void **state) {
        _cleanup_rig_ struct rig rig;

        begin(&rig, false, 20000);
        assert_int_equal(flash(&rig), 1);
        assert_int_equal(rig.state, BOARD_WRITTEN);
        expect_image(&rig);
        assert_int_equal(dfu_plain_leave(&rig.dfu, &rig.fault), 0);
}

static int read_all(struct rig *rig, uint8_t **ret, size_t *ret_size) {
        rig->phase = NULL;
        return dfu_plain_read(&rig->dfu, 1024 * KIB, rig_callbacks(rig), ret, ret_size,
                              &rig->fault);
}

/* All it gives, to the short block that says that there is no more: here an empty one. */
static void test_read(void **state) {
        static uint8_t memory[64 * KIB];
        _cleanup_rig_ struct rig rig;
        uint8_t *bytes = NULL;
        size_t size = 0;

        begin(&rig, true, 1);
        for (size_t i = 0; i < sizeof(memory); i++)
                memory[i] = (uint8_t) (i * 2654435761U >> 16);
        assert_int_equal(model_load(rig.model, 0, memory, sizeof(memory)), 0);
        for (int i = 0; i < 2; i++) { /* and once more: it is in dfuIDLE again */
                assert_int_equal(read_all(&rig, &bytes, &size), 0);
                assert_int_equal(size, sizeof(memory));
                assert_memory_equal(bytes, memory, size);
                free(bytes);
        }
        assert_int_equal(model_set(rig.model, "stall-upload", "7", rig.fake.now_us), 0);
        assert_int_equal(read_all(&rig, &bytes, &size), 0); /* one stall is tried again */
        assert_memory_equal(bytes, memory, size);
        free(bytes);
        assert_int_equal(flash(&rig), 0);
}

static void test_read_faults(void **state) {
        static const struct {
                const char *option;
                enum fwd_error error;
        } cases[] = {
                {"no-upload=yes", FWD_NOT_SUPPORTED},
                {"endless=yes", FWD_BAD_ANSWER},
                {"stall-upload=9,2", FWD_FAILED},
                {"unplug-upload=9", FWD_DEVICE_LOST},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_rig_ struct rig rig;
                uint8_t *bytes = NULL;
                size_t size = 0;

                rig_init(&rig, "dfu11", (const char *const[]){cases[i].option, NULL});
                rig_open(&rig);
                assert_true(read_all(&rig, &bytes, &size) < 0);
                assert_int_equal(rig.fault.error, cases[i].error);
                assert_null(bytes);
        }
}

static void test_too_large(void **state) {
        _cleanup_rig_ struct rig rig;

        begin(&rig, true, 64 * KIB + 1);
        assert_true(flash(&rig) < 0);
        assert_int_equal(rig.fault.error, FWD_IMAGE_TOO_LARGE);
        assert_int_equal(rig.state, BOARD_PARTLY_WRITTEN);
}

static void test_stall_at_every_transfer(void **state) {
        unsigned n = 0;

        for (bool hit = true; hit; n++) {
                _cleanup_rig_ struct rig rig;
                size_t first;

                begin(&rig, true, 3000);
                first = rig.fake.n_trace;
                rig_set(&rig, "stall-transfer", "%u", n + 1);
                if (flash(&rig) != 0)
                        fail_msg("stall at %u: %s", n + 1, rig.fault.message);
                expect_image(&rig);
                assert_int_equal(rig.state, BOARD_VERIFIED);
                hit = rig.fake.n_trace - first > n;
        }
        assert_true(n > 12);
}

static void test_unplug_at_every_transfer(void **state) {
        unsigned n = 0;

        for (int r = -1; r < 0; n++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, true, 3000);
                rig_set(&rig, "unplug-transfer", "%u", n + 1);
                r = flash(&rig);
                if (r < 0)
                        assert_int_equal(rig.fault.error, FWD_DEVICE_LOST);
                else
                        assert_int_equal(rig.state, BOARD_VERIFIED);
        }
        assert_true(n > 12);
}

static void test_stalls_for_ever(void **state) {
        unsigned n = 0;

        for (bool hit = true; hit; n++) {
                _cleanup_rig_ struct rig rig;
                size_t first;
                int r;

                begin(&rig, true, 3000);
                first = rig.fake.n_trace;
                rig_set(&rig, "stall-transfer", "%u,100000", n + 1);
                r = flash(&rig);
                hit = rig.fake.n_trace - first > n;
                if (r < 0)
                        assert_true(rig.fault.error == FWD_WRITE_FAILED ||
                                    rig.fault.error == FWD_VERIFY_FAILED);
                else
                        assert_int_equal(rig.state, BOARD_VERIFIED);
        }
        assert_true(n > 12);
}

static void test_cancel_at_every_safe_point(void **state) {
        int r = -1;

        for (unsigned n = 1; r < 0; n++) {
                _cleanup_rig_ struct rig rig;

                begin(&rig, true, 3000);
                rig.cancel_at = n;
                r = flash(&rig);
                if (r >= 0)
                        continue;
                assert_int_equal(rig.fault.error, FWD_CANCELLED);
                assert_int_equal(rig.state, n == 1   ? BOARD_UNTOUCHED
                                            : n <= 3 ? BOARD_PARTLY_WRITTEN
                                                     : BOARD_WRITTEN);
        }
}

static void spoil(void *userdata, enum board_state state) {
        struct rig *rig = userdata;
        uint8_t byte;

        rig->state = state;
        if (state != BOARD_WRITTEN)
                return;
        for (uint64_t at = 1500; at < 1502; at++) {
                assert_int_equal(model_dump(rig->model, at, &byte, 1), 0);
                byte ^= 0x10;
                assert_int_equal(model_load(rig->model, at, &byte, 1), 0);
        }
}

static void test_difference_is_found(void **state) {
        _cleanup_rig_ struct rig rig;
        struct dfu_callbacks cb = {.state = spoil, .userdata = &rig};

        begin(&rig, true, 3000);
        assert_true(dfu_plain_flash(&rig.dfu, &rig.image.items[0], &cb, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_VERIFY_FAILED);
        assert_int_equal(rig.fault.address, 1500);
        assert_non_null(strstr(rig.fault.message, "2 bytes"));
        assert_int_equal(rig.state, BOARD_WRITTEN);
}

static void test_dfuse_plan_is_refused(void **state) {
        _cleanup_rig_ struct rig rig;
        struct flash_plan plan = {.transfer_size = 1024, .n_runs = 1};

        begin(&rig, true, 3000);
        assert_true(dfuse_flash(&rig.dfu, &plan, NULL, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_NOT_SUPPORTED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tolerant_is_read_back),
                cmocka_unit_test(test_intolerant_is_written_only),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_read_faults),
                cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_stall_at_every_transfer),
                cmocka_unit_test(test_unplug_at_every_transfer),
                cmocka_unit_test(test_stalls_for_ever),
                cmocka_unit_test(test_cancel_at_every_safe_point),
                cmocka_unit_test(test_difference_is_found),
                cmocka_unit_test(test_dfuse_plan_is_refused),
        };

        return cmocka_run_group_tests_name("dfu-plain", tests, NULL, NULL);
}
