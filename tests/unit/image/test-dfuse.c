/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>

#include "image/parse.h"

/* Offsets in a file with one target. */
enum {
        AT_VERSION = 5,
        AT_IMAGE_SIZE = 6,
        AT_TARGETS = 10,
        AT_TARGET = 11,
        AT_TARGET_SIZE = 11 + 266,
        AT_ELEMENTS = 11 + 270,
        AT_ELEMENT = 11 + 274,
};

static void one_element(struct bytes *file) {
        dfuse_begin(file);
        dfuse_target(file, 0, "ST...");
        dfuse_element(file, 0x08000000, "0123456789abcdef", 16);
        dfuse_finish(file);
}

static void test_one_element(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        one_element(&file);
        assert_int_equal(file.size, 325);
        image = accepted(file.data, file.size);
        assert_int_equal(image->format, IMAGE_DFUSE);
        assert_true(image->has_address);
        assert_int_equal(image->alt, 0);
        assert_int_equal(image->vendor_id, 0x0483);
        assert_int_equal(image->product_id, 0xdf11);
        assert_string_equal(image->target_name, "ST...");
        assert_int_equal(image->segments.n, 1);
        assert_segment(image, 0, 0x08000000, "0123456789abcdef", 16);
}

/* dfuse-pack 0.11 counts the suffix into DFUImageSize, UM0391 does not. */
static void test_both_image_sizes(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        one_element(&file);
        set_le32(&file, AT_IMAGE_SIZE, 325);
        fix_crc(&file);
        image_free(accepted(file.data, file.size));
        for (int32_t off = -17; off <= 17; off++) {
                if (off == 0 || off == -16)
                        continue;
                set_le32(&file, AT_IMAGE_SIZE, (uint32_t) (325 + off));
                fix_crc(&file);
                refused(file.data, file.size, FWD_INVALID_IMAGE, "The DfuSe prefix announces");
        }
}

/* dfu-util 0.11 erases the sector of A twice and loses its first part. */
static void test_a_b_a(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        dfuse_begin(&file);
        dfuse_target(&file, 0, "ST...");
        dfuse_element(&file, 0x08000000, "AAAA", 4);
        dfuse_element(&file, 0x08008000, "BBBB", 4);
        dfuse_element(&file, 0x08000004, "aaaa", 4);
        dfuse_finish(&file);
        image = accepted(file.data, file.size);
        assert_int_equal(image->segments.n, 2);
        assert_segment(image, 0, 0x08000000, "AAAAaaaa", 8);
        assert_segment(image, 1, 0x08008000, "BBBB", 4);
}

static void test_name_is_made_clean(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        one_element(&file);
        memcpy(file.data + AT_TARGET + 11, "a\033[31mb\0left over", 17);
        fix_crc(&file);
        image = accepted(file.data, file.size);
        assert_string_equal(image->target_name, "a?[31mb");

        /* All 255 bytes used: no zero behind them. */
        image = image_free(image);
        memset(file.data + AT_TARGET + 11, 'n', 255);
        fix_crc(&file);
        image = accepted(file.data, file.size);
        assert_int_equal(strlen(image->target_name), 255);

        /* Named or not is in the first of the four bytes; the others are left to chance. */
        image = image_free(image);
        set_le32(&file, AT_TARGET + 7, 0xcccccc00);
        fix_crc(&file);
        image = accepted(file.data, file.size);
        assert_string_equal(image->target_name, "");
}

static void test_one_target_with_data(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        dfuse_begin(&file);
        dfuse_target(&file, 1, "Option Bytes");
        dfuse_target(&file, 0, "Internal Flash");
        dfuse_element(&file, 0x08000000, "0123", 4);
        dfuse_finish(&file);
        image = accepted(file.data, file.size);
        assert_int_equal(image->alt, 0);
        assert_string_equal(image->target_name, "Internal Flash");
}

static void test_two_targets_of_one_alt(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        dfuse_begin(&file);
        dfuse_target(&file, 2, "first");
        dfuse_element(&file, 0x08000000, "0123", 4);
        dfuse_target(&file, 2, "second");
        dfuse_element(&file, 0x08000004, "4567", 4);
        dfuse_finish(&file);
        image = accepted(file.data, file.size);
        assert_int_equal(image->alt, 2);
        assert_string_equal(image->target_name, "first");
        assert_segment(image, 0, 0x08000000, "01234567", 8);
}

static void test_two_alts(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        dfuse_begin(&file);
        dfuse_target(&file, 0, "Internal Flash");
        dfuse_element(&file, 0x08000000, "0123", 4);
        dfuse_target(&file, 1, "Option Bytes");
        dfuse_element(&file, 0x1fffc000, "4567", 4);
        dfuse_finish(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE,
                "has data for the alternate settings 0 and 1");
}

static void test_overlap(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        dfuse_begin(&file);
        dfuse_target(&file, 0, "ST...");
        dfuse_element(&file, 0x08000000, "0123", 4);
        dfuse_element(&file, 0x08000003, "3456", 4);
        dfuse_finish(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "overlap at 0x08000003");
}

static void test_empty_elements(void **state) {
        _cleanup_bytes_ struct bytes none = {}, empty = {};

        dfuse_begin(&none);
        dfuse_target(&none, 0, "ST...");
        dfuse_finish(&none);
        refused(none.data, none.size, FWD_INVALID_IMAGE, "holds no firmware bytes");

        dfuse_begin(&empty);
        dfuse_target(&empty, 0, "ST...");
        dfuse_element(&empty, 0x08000000, "0123", 4);
        dfuse_element(&empty, 0x08000010, "", 0);
        dfuse_finish(&empty);
        refused(empty.data, empty.size, FWD_INVALID_IMAGE, "target 1: element 2 is empty");
}

/* Each size in the file wrong by itself, with a right CRC. */
static void test_wrong_numbers(void **state) {
        static const struct {
                size_t at;
                uint32_t value;
                const char *message;
        } cases[] = {
                {AT_TARGET_SIZE, 23, "element 1 has 16 bytes, but its target only 15 more"},
                {AT_TARGET_SIZE, 25, "target 1 is cut short: it has 25 bytes, 24 are there"},
                {AT_TARGET_SIZE, 0xffffffff, "target 1 is cut short: it has 4294967295 bytes"},
                {AT_TARGET_SIZE, 7, "leaves no room for element 1"},
                {AT_TARGET_SIZE, 0, "leaves no room for element 1"},
                {AT_ELEMENTS, 2, "leaves no room for element 2"},
                {AT_ELEMENTS, 0xffffffff, "leaves no room for element 2"},
                {AT_ELEMENTS, 0, "its size is 24 bytes, its elements have 0"},
                {AT_ELEMENT + 4, 15, "its size is 24 bytes, its elements have 23"},
                {AT_ELEMENT + 4, 17, "element 1 has 17 bytes, but its target only 16 more"},
                {AT_ELEMENT + 4, 0xffffffff, "element 1 has 4294967295 bytes"},
                {AT_ELEMENT, 0xfffffff8, "end behind the 32-bit address space"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bytes_ struct bytes file = {};

                one_element(&file);
                set_le32(&file, cases[i].at, cases[i].value);
                fix_crc(&file);
                refused(file.data, file.size, FWD_INVALID_IMAGE, cases[i].message);
        }
}

static void test_wrong_bytes(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
                const char *message;
        } cases[] = {
                {AT_VERSION, 2, "is of version 2; 1 is known"},
                {AT_TARGETS, 0, "has no target"},
                {AT_TARGETS, 2, "target 2 is cut short: 0 bytes are left at offset 309"},
                {AT_TARGET, 't', "\"Target\" is missing at offset 11"},
                {325 - 10, 0x00, "suffix is of version 0x0100 instead of 0x011A"},
                {325 - 8, 'X', "do not end in a DFU suffix"},
                {325 - 5, 250, "DfuSe prefix announces"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bytes_ struct bytes file = {};

                one_element(&file);
                file.data[cases[i].at] = cases[i].value;
                fix_crc(&file);
                refused(file.data, file.size, FWD_INVALID_IMAGE, cases[i].message);
        }
}

static void test_left_over(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        dfuse_begin(&file);
        dfuse_target(&file, 0, "ST...");
        dfuse_element(&file, 0x08000000, "0123", 4);
        put_text(&file, "more");
        dfuse_finish(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "has 4 bytes behind its last target");
}

static void test_prefix_alone(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        put_text(&file, "DfuSe\1");
        put_suffix(&file, 0x0483, 0xdf11, 0xffff, 0x011a);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "cut short: 6 bytes, its prefix has 11");
}

static void test_every_truncation(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        read_data("hello-1.dfu", &file);
        for (size_t size = 5; size < file.size; size++)
                refused(file.data, size, FWD_INVALID_IMAGE, "do not end in a DFU suffix");
}

static void test_every_bit(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        read_data("hello-1.dfu", &file);
        for (size_t i = 5; i < file.size; i++) {
                file.data[i] ^= (uint8_t) (1U << i % 8);
                refused(file.data, file.size, FWD_INVALID_IMAGE, "");
                file.data[i] ^= (uint8_t) (1U << i % 8);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_element),
                cmocka_unit_test(test_both_image_sizes),
                cmocka_unit_test(test_a_b_a),
                cmocka_unit_test(test_name_is_made_clean),
                cmocka_unit_test(test_one_target_with_data),
                cmocka_unit_test(test_two_targets_of_one_alt),
                cmocka_unit_test(test_two_alts),
                cmocka_unit_test(test_overlap),
                cmocka_unit_test(test_empty_elements),
                cmocka_unit_test(test_wrong_numbers),
                cmocka_unit_test(test_wrong_bytes),
                cmocka_unit_test(test_left_over),
                cmocka_unit_test(test_prefix_alone),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_every_bit),
        };

        return cmocka_run_group_tests_name("dfuse", tests, NULL, NULL);
}
