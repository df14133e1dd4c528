/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>

#include "image/parse.h"

enum {
        FLAG_NOT_MAIN_FLASH = 0x1,
        FLAG_CONTAINER = 0x1000,
        FLAG_FAMILY = 0x2000,
        FLAG_MD5 = 0x4000
};

#define STM32F4 0x57755a57U
#define STM32F7 0x53b80f00U

static void put_block(struct bytes *file, uint32_t flags, uint32_t address, uint32_t size,
                      uint32_t number, uint32_t count, uint32_t family) {
        put_le32(file, 0x0a324655);
        put_le32(file, 0x9e5d5157);
        put_le32(file, flags);
        put_le32(file, address);
        put_le32(file, size);
        put_le32(file, number);
        put_le32(file, count);
        put_le32(file, family);
        put_fill(file, (uint8_t) (number + 1), 476);
        put_le32(file, 0x0ab16f30);
}

static void test_two_blocks(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;
        uint8_t expected[256 + 476];

        memset(expected, 1, 256);
        memset(expected + 256, 2, 476);
        put_block(&file, FLAG_FAMILY, 0x08000000, 256, 0, 2, STM32F4);
        put_block(&file, FLAG_FAMILY, 0x08000100, 476, 1, 2, STM32F4);
        image = accepted(file.data, file.size);
        assert_int_equal(image->format, IMAGE_UF2);
        assert_true(image->has_address);
        assert_true(image->has_family);
        assert_int_equal(image->family, STM32F4);
        assert_string_equal(uf2_family_name(image->family), "STM32F4");
        assert_int_equal(image->segments.n, 1);
        assert_segment(image, 0, 0x08000000, expected, sizeof(expected));
}

/* Blocks may come in any order, leave gaps, and be for something else than flash. */
static void test_order(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        put_block(&file, 0, 0x08010000, 4, 2, 3, 1024);
        put_block(&file, FLAG_NOT_MAIN_FLASH, 0x1000, 256, 1, 3, 1024);
        put_block(&file, FLAG_MD5, 0x08000000, 452, 0, 3, 1024);
        image = accepted(file.data, file.size);
        assert_false(image->has_family);
        assert_int_equal(image->segments.n, 2);
        assert_int_equal(image->segments.items[0].size, 452);
        assert_segment(image, 1, 0x08010000, "\3\3\3\3", 4);
}

static void test_refused(void **state) {
        static const struct {
                uint32_t flags, address, size, number, count, family;
                const char *message;
        } cases[] = {
                /* The second of two blocks. */
                {0, 0x08000100, 256, 0, 2, 0, "offset 512: a second block with the number 0"},
                {0, 0x08000100, 256, 2, 2, 0, "it has the number 2 of 2"},
                {0, 0x08000100, 256, 1, 3, 0, "says that the file has 3 blocks, but 2 are there"},
                {0, 0x08000100, 477, 1, 2, 0, "it says that it has 477 bytes; 476 is the most"},
                {0, 0x08000100, UINT32_MAX, 1, 2, 0, "has 4294967295 bytes; 476 is the most"},
                {FLAG_MD5, 0x08000100, 453, 1, 2, 0, "it has 453 bytes; 452 is the most"},
                {FLAG_CONTAINER, 0x08000100, 256, 1, 2, 0, "it holds a file for the drive"},
                {FLAG_FAMILY, 0x08000100, 256, 1, 2, STM32F7,
                 "for another chip family (0x53b80f00) than those before it (0x57755a57)"},
                {0, 0x080000ff, 256, 1, 2, 0, "overlap at 0x080000ff"},
                {0, 0xffffff80, 256, 1, 2, 0, "end behind the 32-bit address space"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bytes_ struct bytes file = {};

                put_block(&file, FLAG_FAMILY, 0x08000000, 256, 0, 2, STM32F4);
                put_block(&file, cases[i].flags, cases[i].address, cases[i].size, cases[i].number,
                          cases[i].count, cases[i].family);
                refused(file.data, file.size, FWD_INVALID_IMAGE, cases[i].message);
        }
}

/* Each byte of a mark, and every cut. */
static void test_damage(void **state) {
        static const size_t marks[] = {512, 515, 516, 519, 1020, 1023};
        _cleanup_bytes_ struct bytes file = {};

        put_block(&file, 0, 0x08000000, 256, 0, 2, 0);
        put_block(&file, 0, 0x08000100, 256, 1, 2, 0);
        for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
                file.data[marks[i]] ^= 1;
                refused(file.data, file.size, FWD_INVALID_IMAGE,
                        "offset 512: it has not the marks of a UF2 block");
                file.data[marks[i]] ^= 1;
        }
        for (size_t size = 8; size < file.size; size++)
                refused(file.data, size, FWD_INVALID_IMAGE,
                        size == 512 ? "has 2 blocks, but 1" : "incomplete");
        image_free(accepted(file.data, file.size));
}

static void test_nothing_in_it(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        put_block(&file, FLAG_NOT_MAIN_FLASH, 0, 256, 0, 1, 0);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "holds no firmware bytes");
}

static void test_families(void **state) {
        assert_string_equal(uf2_family_name(STM32F7), "STM32F7");
        assert_string_equal(uf2_family_name(0xe48bff59), "RP2350");
        assert_null(uf2_family_name(0));
        assert_null(uf2_family_name(0x12345678));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_blocks),    cmocka_unit_test(test_order),
                cmocka_unit_test(test_refused),       cmocka_unit_test(test_damage),
                cmocka_unit_test(test_nothing_in_it), cmocka_unit_test(test_families),
        };

        return cmocka_run_group_tests_name("uf2", tests, NULL, NULL);
}
