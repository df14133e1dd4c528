/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>

#include "image/parse.h"

/* Made by dfu-suffix 0.11: a file of 100 times 'A', -v 0483 -p df11 -d 2200. */
static void test_golden(void **state) {
        static const uint8_t suffix[] = {0x00, 0x22, 0x11, 0xdf, 0x83, 0x04, 0x00, 0x01,
                                         0x55, 0x46, 0x44, 0x10, 0x0e, 0x66, 0x79, 0x44};
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        put_fill(&file, 'A', 100);
        put(&file, suffix, sizeof(suffix));
        image = accepted(file.data, file.size);
        assert_int_equal(image->format, IMAGE_DFU);
        assert_int_equal(image->vendor_id, 0x0483);
        assert_int_equal(image->product_id, 0xdf11);
        assert_int_equal(image->bcd_device, 0x2200);
        assert_int_equal(image->alt, -1);
        assert_false(image->has_address);
        assert_int_equal(image->segments.n, 1);
        assert_segment(image, 0, 0, file.data, 100);
}

static void test_wildcards(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        put_text(&file, "\1\2\3");
        put_suffix(&file, 0xffff, 0xffff, 0xffff, 0x0110);
        image = accepted(file.data, file.size);
        assert_int_equal(image->vendor_id, IMAGE_ID_ANY);
        assert_int_equal(image->product_id, IMAGE_ID_ANY);
        assert_int_equal(image->bcd_device, IMAGE_ID_ANY);
        assert_segment(image, 0, 0, "\1\2\3", 3);
}

/* A later version's suffix may be longer; its first bytes are no firmware. */
static void test_longer_suffix(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_image_ struct image *image = NULL;

        put_text(&file, "\1\2\3more");
        put_suffix(&file, 0x0483, 0xdf11, 0, 0x0100);
        file.data[file.size - 5] = 20;
        fix_crc(&file);
        image = accepted(file.data, file.size);
        assert_segment(image, 0, 0, "\1\2\3", 3);
}

static void test_refused(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        put_text(&file, "\1\2\3\4");
        put_suffix(&file, 0x0483, 0xdf11, 0, 0x0100);

        for (size_t i = 0; i < 8; i++) {
                file.data[i] ^= 0x10;
                refused(file.data, file.size, FWD_INVALID_IMAGE, "damaged: its CRC is 0x");
                file.data[i] ^= 0x10;
        }
        file.data[file.size - 1] ^= 1;
        refused(file.data, file.size, FWD_INVALID_IMAGE, "damaged: its CRC is 0x");

        file.data[file.size - 5] = 15;
        fix_crc(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "says that it has 15 bytes");
        file.data[file.size - 5] = 21;
        fix_crc(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "says that it has 21 bytes; 16 to 20");
        file.data[file.size - 5] = 20;
        fix_crc(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "holds no firmware bytes");
        file.data[file.size - 5] = 16;

        file.data[file.size - 9] = 0x02;
        fix_crc(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "of version 0x0200");
        file.data[file.size - 9] = 0x01;
        file.data[file.size - 10] = 0x1a;
        fix_crc(&file);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "does not begin with \"DfuSe\"");
}

static void test_blank(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        put_fill(&file, 0xff, 64);
        put_suffix(&file, 0x0483, 0xdf11, 0, 0x0100);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "blank: all of its 64 bytes are 0xFF");
}

static void test_suffix_alone(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        put_suffix(&file, 0x0483, 0xdf11, 0, 0x0100);
        refused(file.data, file.size, FWD_INVALID_IMAGE, "holds no firmware bytes");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),        cmocka_unit_test(test_wildcards),
                cmocka_unit_test(test_longer_suffix), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_blank),         cmocka_unit_test(test_suffix_alone),
        };

        return cmocka_run_group_tests_name("dfu-suffix", tests, NULL, NULL);
}
