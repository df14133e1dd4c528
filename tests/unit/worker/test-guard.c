/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/guard.h"

static void test_where_a_raw_file_goes(void **state) {
        const struct board_profile without = {},
                                   with = {.has_raw_address = true, .raw_address = 0x08000000};
        struct image_options options = {};

        assert_false(guard_raw_address(NULL, &options));
        assert_false(guard_raw_address(&without, &options));
        assert_false(options.has_address);
        assert_true(guard_raw_address(&with, &options));
        assert_true(options.has_address);
        assert_int_equal(options.address, 0x08000000);
}

static void test_protected_to_the_byte(void **state) {
        struct range bootloader = {0x08000000, 0x08004000};
        const struct board_profile profile = {.protected_ranges = &bootloader, .n_protected = 1};
        static const struct {
                uint64_t address;
                size_t size;
                enum fwd_error error;
                uint64_t at;
        } rows[] = {
                {0x08000000, 16, FWD_PROTECTED_REGION, 0x08000000},
                {0x08003fff, 1, FWD_PROTECTED_REGION, 0x08003fff},
                {0x07fffff0, 17, FWD_PROTECTED_REGION, 0x08000000},
                {0x07fffff0, 16, FWD_OK, 0},
                {0x08004000, 16, FWD_OK, 0},
                {0x07ffff00, 0x5000, FWD_PROTECTED_REGION, 0x08000000},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint8_t *data = test_calloc(1, rows[i].size);
                struct image image = {.has_address = true};
                struct fault fault = FAULT_INIT;

                assert_int_equal(segments_add(&image.segments, rows[i].address, data, rows[i].size),
                                 0);
                (void) guard_check_image(&image, &profile, &fault);
                assert_int_equal(fault.error, rows[i].error);
                if (fault.error)
                        assert_int_equal(fault.address, rows[i].at);
                assert_int_equal(guard_check_image(&image, NULL, NULL), 0);
                segments_clear(&image.segments);
                test_free(data);
        }
}

/* The stack pointer and reset vector of the first segment, when the profile asks for a look. */
static void test_vectors(void **state) {
        struct board_profile profile = {.check_vectors = true};
        uint32_t good[64] = {0x20020000, 0x08000101}, bad[64] = {0xe59ff018, 0xe59ff018};
        struct image image = {.has_address = true};
        struct fault fault = FAULT_INIT;

        assert_int_equal(segments_add(&image.segments, 0x08000000, good, sizeof(good)), 0);
        assert_int_equal(segments_add(&image.segments, 0x08000100, good, sizeof(good)), 0);
        assert_int_equal(guard_check_image(&image, &profile, &fault), 0);
        segments_clear(&image.segments);

        assert_int_equal(segments_add(&image.segments, 0x08000000, bad, sizeof(bad)), 0);
        assert_int_equal(guard_check_image(&image, &profile, &fault), -EBADMSG);
        assert_int_equal(fault.error, FWD_INVALID_IMAGE);
        profile.check_vectors = false;
        assert_int_equal(guard_check_image(&image, &profile, NULL), 0);
        segments_clear(&image.segments);
}

static void test_ids_of_the_suffix(void **state) {
        static const struct {
                uint16_t vendor_id, product_id;
                bool fits;
        } rows[] = {
                {0x0483, 0xdf11, true},       {IMAGE_ID_ANY, IMAGE_ID_ANY, true},
                {0x0483, IMAGE_ID_ANY, true}, {0x2e3c, 0xdf11, false},
                {0x0483, 0xdf10, false},      {IMAGE_ID_ANY, 0x0189, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct image image = {.vendor_id = rows[i].vendor_id,
                                            .product_id = rows[i].product_id};
                struct fault fault = FAULT_INIT;

                (void) guard_check_ids(&image, 0x0483, 0xdf11, &fault);
                assert_int_equal(fault.error, rows[i].fits ? FWD_OK : FWD_WRONG_BOARD);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_where_a_raw_file_goes),
                cmocka_unit_test(test_protected_to_the_byte),
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_ids_of_the_suffix),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
