/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>

static struct image *with_table(struct bytes *file, uint32_t stack, uint32_t reset,
                                uint64_t address) {
        const struct image_options options = {.has_address = true, .address = address};
        struct image *image = NULL;

        put_le32(file, stack);
        put_le32(file, reset);
        put_fill(file, 0, 0x100 - 8);
        assert_int_equal(image_parse(file->data, file->size, &options, &image, NULL), 0);
        return image;
}

static void test_table(void **state) {
        static const struct {
                uint32_t stack, reset;
                uint64_t address;
                const char *message; /* NULL: a vector table */
        } cases[] = {
                {0x20020000, 0x08000045, 0x08000000, NULL},
                {0x20000004, 0x08000045, 0x08000000, NULL},
                {0x10010000, 0x080000ff, 0x08000000, NULL}, /* CCM; the last instruction */
                {0x24080000, 0x08000045, 0x08000000, NULL},
                {0x30048000, 0x08000045, 0x08000000, NULL},
                {0x30050000, 0x15020009, 0x15020000, NULL}, /* X32M7 */
                {0x30050004, 0x15020009, 0x15020000, "first word is 0x30050004"},
                {0x38010000, 0x08000045, 0x08000000, NULL},
                {0x20080000, 0x00200045, 0x08000000, NULL}, /* flash on the F7's ITCM bus */
                {0x24080000, 0x97ce0045, 0x97ce0000, NULL}, /* external flash */
                {0x00000000, 0x08000045, 0x08000000, "first word is 0x00000000, not a stack"},
                {0xffffffff, 0x08000045, 0x08000000, "first word is 0xffffffff"},
                {0x08000000, 0x08000045, 0x08000000, "first word is 0x08000000"},
                {0x20000000, 0x08000045, 0x08000000, "first word is 0x20000000"},
                {0x20020002, 0x08000045, 0x08000000, "first word is 0x20020002"},
                {0x200a0004, 0x08000045, 0x08000000, "first word is 0x200a0004"},
                {0x20020000, 0x08000044, 0x08000000, "reset vector is 0x08000044, not Thumb"},
                {0x20020000, 0x08000101, 0x08000000, "reset vector is 0x08000101, not Thumb"},
                {0x20020000, 0x07ffffff, 0x08000000, "reset vector is 0x07ffffff"},
                {0x20020000, 0xffffffff, 0x08000000, "reset vector is 0xffffffff"},
                {0x20020000, 0x00000001, 0x08000000, "reset vector is 0x00000001"},
                /* Linked for the flash behind a bootloader. */
                {0x20020000, 0x08010045, 0x08000000, "reset vector is 0x08010045"},
                /* Nothing, or not all of it, where the chip starts. */
                {0x20020000, 0x08010045, 0x08010000, "nothing in it goes to 0x08000000"},
                {0x20020000, 0x08000045, 0x08000004, "nothing in it goes to 0x08000000"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const uint64_t start =
                        cases[i].address < 0x15000000 ? 0x08000000 : cases[i].address;
                _cleanup_bytes_ struct bytes file = {};
                _cleanup_image_ struct image *image =
                        with_table(&file, cases[i].stack, cases[i].reset, cases[i].address);
                struct fault fault = FAULT_INIT;
                int r = image_check_vectors(image, start, false, &fault);

                if (cases[i].message) {
                        assert_int_equal(r, -EBADMSG);
                        assert_int_equal(fault.error, FWD_INVALID_IMAGE);
                        assert_true(fault.has_address);
                        assert_int_equal(fault.address, start);
                        if (!strstr(fault.message, cases[i].message))
                                print_error("%s\n", fault.message);
                        assert_non_null(strstr(fault.message, cases[i].message));
                } else
                        assert_int_equal(r, 0);
        }
}

/* A linker script whose last byte of RAM is 0x2001ffff makes the first word odd. */
static void test_unaligned_stack(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = with_table(&file, 0x2001ffff, 0x08004045, 0x08004000);
        _cleanup_bytes_ struct bytes wrong_file = {};
        _cleanup_image_ struct image *wrong =
                with_table(&wrong_file, 0x2003ffff + 0x80000, 0x08004045, 0x08004000);

        assert_int_equal(image_check_vectors(image, 0x08004000, true, NULL), 0);
        assert_int_equal(image_check_vectors(image, 0x08004000, false, NULL), -EBADMSG);
        assert_int_equal(image_check_vectors(wrong, 0x08004000, true, NULL), -EBADMSG);
}

/* Vectors in sector 0, the reset handler far behind a gap. */
static void test_reset_in_another_segment(void **state) {
        struct image image = {};
        static const uint8_t table[] = {0, 0, 2, 0x20, 0x01, 0x80, 0, 8};

        assert_int_equal(segments_add(&image.segments, 0x08000000, table, sizeof(table)), 0);
        assert_int_equal(image_check_vectors(&image, 0x08000000, false, NULL), -EBADMSG);
        assert_int_equal(segments_add(&image.segments, 0x08008000, "\0\xbf", 2), 0);
        assert_int_equal(image_check_vectors(&image, 0x08000000, false, NULL), 0);
        segments_clear(&image.segments);
}

static void test_seven_bytes(void **state) {
        struct image image = {};
        struct fault fault = FAULT_INIT;

        assert_int_equal(segments_add(&image.segments, 0x08000000, "\0\0\2\x20\1\0\0", 7), 0);
        assert_int_equal(image_check_vectors(&image, 0x08000000, false, &fault), -EBADMSG);
        assert_non_null(strstr(fault.message, "has no vector table"));
        segments_clear(&image.segments);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_unaligned_stack),
                cmocka_unit_test(test_reset_in_another_segment),
                cmocka_unit_test(test_seven_bytes),
        };

        return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
