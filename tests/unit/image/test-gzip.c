/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>
#include <zlib.h>

static void compress_gzip(const void *data, size_t size, struct bytes *ret) {
        z_stream stream = {.next_in = (z_const Bytef *) (uintptr_t) data, .avail_in = (uInt) size};
        uLong bound;

        assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY),
                         Z_OK);
        bound = deflateBound(&stream, size);
        ret->data = malloc(bound);
        assert_non_null(ret->data);
        stream.next_out = ret->data;
        stream.avail_out = (uInt) bound;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        ret->size = stream.total_out;
        assert_int_equal(deflateEnd(&stream), Z_OK);
}

/* Whatever was inside comes out as it would without, but for the hash, which is of the file. */
static void test_formats(void **state) {
        static const char *const names[] = {"hello-1.bin", "hello-1.hex", "hello-1.dfu",
                                            "hello-1.elf", "hello-2.hex"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_bytes_ struct bytes file = {}, packed = {};
                _cleanup_image_ struct image *plain = NULL, *image = NULL;

                read_data(names[i], &file);
                compress_gzip(file.data, file.size, &packed);
                plain = accepted(file.data, file.size);
                image = accepted(packed.data, packed.size);
                assert_true(image->gzip);
                assert_false(plain->gzip);
                assert_int_equal(image->format, plain->format);
                assert_int_equal(image->segments.n, plain->segments.n);
                for (size_t k = 0; k < plain->segments.n; k++)
                        assert_segment(image, k, plain->segments.items[k].address,
                                       plain->segments.items[k].data,
                                       plain->segments.items[k].size);
                assert_memory_not_equal(image->sha256, plain->sha256, sizeof(image->sha256));
        }
}

static void test_damage(void **state) {
        _cleanup_bytes_ struct bytes file = {}, packed = {};

        read_data("hello-1.hex", &file);
        compress_gzip(file.data, file.size, &packed);
        for (size_t size = 3; size < packed.size; size++)
                refused(packed.data, size, FWD_INVALID_IMAGE, "The gzip file is incomplete");
        packed.data[packed.size - 8] ^= 1; /* CRC-32 */
        refused(packed.data, packed.size, FWD_INVALID_IMAGE, "The gzip file is damaged");
        packed.data[packed.size - 8] ^= 1;
        packed.data[packed.size - 4] ^= 1; /* length */
        refused(packed.data, packed.size, FWD_INVALID_IMAGE, "The gzip file is damaged");
        packed.data[packed.size - 4] ^= 1;
        packed.data[packed.size / 2] ^= 0x55;
        refused(packed.data, packed.size, FWD_INVALID_IMAGE, "");
}

static void test_left_over(void **state) {
        _cleanup_bytes_ struct bytes packed = {};

        compress_gzip("S104000055A6\nS9030000FC\n", 24, &packed);
        put_text(&packed, "more");
        refused(packed.data, packed.size, FWD_INVALID_IMAGE, "4 bytes more behind the end");
}

static void test_inside(void **state) {
        _cleanup_bytes_ struct bytes once = {}, twice = {}, nothing = {}, page = {};

        compress_gzip("\0\1\2\3", 4, &once);
        compress_gzip(once.data, once.size, &twice);
        refused(twice.data, twice.size, FWD_INVALID_IMAGE, "compressed twice");
        compress_gzip("", 0, &nothing);
        refused(nothing.data, nothing.size, FWD_INVALID_IMAGE, "The compressed file is empty");
        compress_gzip("<html>", 6, &page);
        refused(page.data, page.size, FWD_INVALID_IMAGE, "a web page");
}

/* A bomb costs no more than the largest file that is taken. */
static void test_bomb(void **state) {
        _cleanup_bytes_ struct bytes packed = {};
        const size_t size = (size_t) IMAGE_SIZE_MAX + 1;
        uint8_t *zeros = calloc(size, 1);

        assert_non_null(zeros);
        compress_gzip(zeros, size, &packed);
        free(zeros);
        assert_true(packed.size < 100000);
        refused(packed.data, packed.size, FWD_IMAGE_TOO_LARGE, "holds more than 64 MiB");
}

/* The largest that fits. */
static void test_largest(void **state) {
        _cleanup_bytes_ struct bytes packed = {};
        uint8_t *data = calloc(IMAGE_SIZE_MAX, 1);
        _cleanup_image_ struct image *image = NULL;

        assert_non_null(data);
        compress_gzip(data, IMAGE_SIZE_MAX, &packed);
        free(data);
        image = accepted(packed.data, packed.size);
        assert_int_equal(image->segments.items[0].size, IMAGE_SIZE_MAX);
}

static void test_other_method(void **state) {
        refused("\x1f\x8b\x07\0\0\0\0\0\0\0", 10, FWD_INVALID_IMAGE, "a method that gzip does not");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_formats),      cmocka_unit_test(test_damage),
                cmocka_unit_test(test_left_over),    cmocka_unit_test(test_inside),
                cmocka_unit_test(test_bomb),         cmocka_unit_test(test_largest),
                cmocka_unit_test(test_other_method),
        };

        return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
