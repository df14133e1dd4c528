/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>
#include <sys/mman.h>

static void test_format_names(void **state) {
        static const char *const names[] = {"raw", "ihex", "dfuse", "dfu", "elf", "uf2", "srec"};

        for (int i = 0; i < _IMAGE_FORMAT_MAX; i++)
                assert_string_equal(image_format_name(i), names[i]);
        assert_string_equal(image_format_name(_IMAGE_FORMAT_MAX), "unknown");
}

static void test_raw(void **state) {
        static const uint8_t file[] = {0, 0, 2, 0x20, 0x45, 0, 0, 8};
        _cleanup_image_ struct image *image = accepted(file, sizeof(file));

        assert_int_equal(image->format, IMAGE_RAW);
        assert_false(image->has_address);
        assert_false(image->has_entry);
        assert_int_equal(image->vendor_id, IMAGE_ID_ANY);
        assert_int_equal(image->product_id, IMAGE_ID_ANY);
        assert_int_equal(image->alt, -1);
        assert_segment(image, 0, 0, file, sizeof(file));
}

static void test_address(void **state) {
        static const uint8_t raw[] = {1, 2, 3};
        static const char hex[] = ":020000040800F2\n:0100000055AA\n:00000001FF\n";
        static const struct {
                const void *file;
                size_t size;
                uint64_t address;
                const char *message; /* NULL: taken */
        } cases[] = {
                {raw, 3, 0x08000000, NULL},
                {raw, 3, 0xfffffffd, NULL},
                {raw, 3, 0xfffffffe, "3 bytes at 0xfffffffe end behind the 32-bit address space"},
                {raw, 3, UINT64_MAX, "end behind the 32-bit address space"},
                {hex, sizeof(hex) - 1, 0x08000000, NULL},
                {hex, sizeof(hex) - 1, 0x08004000, "says that it belongs at 0x08000000, not at"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct image_options options = {.has_address = true, .address = cases[i].address};
                _cleanup_image_ struct image *image = NULL;
                struct fault fault = FAULT_INIT;
                int r = image_parse(cases[i].file, cases[i].size, &options, &image, &fault);

                if (cases[i].message) {
                        assert_int_equal(r, -EINVAL);
                        assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
                        assert_non_null(strstr(fault.message, cases[i].message));
                        assert_null(image);
                } else {
                        assert_int_equal(r, 0);
                        assert_true(image->has_address);
                        assert_int_equal(image->segments.items[0].address, cases[i].address);
                }
        }
}

/* Of the file as it came: what sha256sum says of the bytes 0 to 255. */
static void test_sha256(void **state) {
        static const uint8_t expected[] = {0x40, 0xaf, 0xf2, 0xe9, 0xd2, 0xd8, 0x92, 0x2e,
                                           0x47, 0xaf, 0xd4, 0x64, 0x8e, 0x69, 0x67, 0x49,
                                           0x71, 0x58, 0x78, 0x5f, 0xbd, 0x1d, 0xa8, 0x70,
                                           0xe7, 0x11, 0x02, 0x66, 0xbf, 0x94, 0x48, 0x80};
        _cleanup_image_ struct image *image = NULL;
        uint8_t file[256];

        for (unsigned i = 0; i < sizeof(file); i++)
                file[i] = (uint8_t) i;
        image = accepted(file, sizeof(file));
        assert_memory_equal(image->sha256, expected, sizeof(expected));
}

static void test_sizes(void **state) {
        const size_t size = (size_t) IMAGE_SIZE_MAX + 1;
        uint8_t *data =
                mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        assert_ptr_not_equal(data, MAP_FAILED);
        refused(data, 0, FWD_INVALID_IMAGE, "The file is empty");
        refused(data, size, FWD_IMAGE_TOO_LARGE, "has 67108865 bytes; a firmware file has at most");
        image_free(accepted(data, size - 1));
        assert_int_equal(munmap(data, size), 0);
}

static void test_blank(void **state) {
        uint8_t data[512];

        memset(data, 0xff, sizeof(data));
        refused(data, sizeof(data), FWD_INVALID_IMAGE, "blank: all of its 512 bytes are 0xFF");
        data[511] = 0xfe;
        image_free(accepted(data, sizeof(data)));
}

/* What people hand over instead of firmware. */
static void test_foreign(void **state) {
        static const struct {
                const char *begin;
                size_t size;
                const char *message;
        } cases[] = {
#define CASE(text, message) {text, sizeof(text) - 1, message}
                CASE("PK\5\6\0\0\0\0", "is an empty ZIP archive"),
                CASE("PK\3\4\24\0\0\0", "ZIP archive is damaged"),
                CASE("BZh91AY\0", "is bzip2 compressed"),
                CASE("\xfd"
                     "7zXZ\0\0",
                     "is xz compressed"),
                CASE("\x28\xb5\x2f\xfd\0", "is zstd compressed"),
                CASE("7z\xbc\xaf\x27\x1c\0", "is a 7z archive"),
                CASE("Rar!\x1a\x07\0", "is a RAR archive"),
                CASE("MZ\x90\0", "is a Windows program"),
                CASE("%PDF-1.7\n\0", "is a PDF document"),
                CASE("\x89PNG\r\n\x1a\n\0", "is a picture"),
                CASE("\n<!DOCTYPE html>\n<title>404</title>\n", "is a web page; the download went"),
                CASE("{\"magic\": \"PX4FWv1\"}", "is JSON text"),
                CASE("# Betaflight / STM32F405\nset gyro_lpf = 1\n", "is a text"),
                CASE("set name = \xc3\x9c"
                     "ber\n",
                     "is a text"),
                CASE("0400000001020304F2\n", "is a text"),
#undef CASE
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                refused(cases[i].begin, cases[i].size, FWD_INVALID_IMAGE, cases[i].message);
}

static void test_tar(void **state) {
        uint8_t file[512] = {};

        memcpy(file + 257, "ustar", 5);
        refused(file, sizeof(file), FWD_INVALID_IMAGE, "is a tar archive");
        image_free(accepted(file, 261));
}

static void assert_same_segments(const struct image *a, const struct image *b) {
        assert_int_equal(a->segments.n, b->segments.n);
        for (size_t i = 0; i < a->segments.n; i++)
                assert_segment(b, i, a->segments.items[i].address, a->segments.items[i].data,
                               a->segments.items[i].size);
}

static struct image *accepted_file(const char *name) {
        const struct image_options options = {.has_address = true, .address = 0x08000000};
        _cleanup_bytes_ struct bytes file = {};
        struct fault fault = FAULT_INIT;
        struct image *image = NULL;

        read_data(name, &file);
        assert_int_equal(image_parse(file.data, file.size, &options, &image, &fault), 0);
        return image;
}

/* One firmware, four files, the same bytes at the same addresses. */
static void test_same_firmware(void **state) {
        static const char *const names[][3] = {
                {"hello-1.elf", "hello-1.hex", "hello-1.dfu"},
                {"hello-2.elf", "hello-2.hex", "hello-2.dfu"},
        };
        _cleanup_image_ struct image *raw1 = accepted_file("hello-1.bin");
        _cleanup_image_ struct image *raw2 = accepted_file("hello-2.bin");

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_image_ struct image *elf = accepted_file(names[i][0]);
                _cleanup_image_ struct image *hex = accepted_file(names[i][1]);
                _cleanup_image_ struct image *dfu = accepted_file(names[i][2]);

                assert_int_equal(elf->format, IMAGE_ELF);
                assert_int_equal(hex->format, IMAGE_IHEX);
                assert_int_equal(dfu->format, IMAGE_DFUSE);
                assert_same_segments(elf, hex);
                assert_same_segments(elf, dfu);
                assert_int_equal(elf->entry, hex->entry);
                assert_int_equal(image_check_vectors(elf, 0x08000000, false, NULL), 0);
                if (i == 0)
                        assert_same_segments(elf, raw1);
                for (size_t k = 0; i == 1 && k < elf->segments.n; k++) {
                        const struct segment *s = &elf->segments.items[k];

                        assert_memory_equal(s->data,
                                            raw2->segments.items[0].data + s->address - 0x08000000,
                                            s->size);
                }
        }
}

/* Version 2 leaves the configuration sector of a Betaflight F405 alone. */
static void test_gap(void **state) {
        const struct range config = {0x08004000, 0x08008000};
        _cleanup_image_ struct image *image = accepted_file("hello-2.hex");
        char text[64];

        assert_int_equal(image->segments.n, 2);
        for (size_t i = 0; i < 2; i++)
                assert_false(range_overlaps(segment_range(&image->segments.items[i]), config));
        image_segments_text(&image->segments, text, sizeof(text));
        assert_string_equal(text, "0x08000000+132,0x08008000+65824");
}

static void test_segments_text(void **state) {
        _cleanup_segments_ struct segments segments = {};
        char text[48];

        image_segments_text(&segments, text, sizeof(text));
        assert_string_equal(text, "");
        assert_int_equal(segments_add(&segments, 0x08000000, "123", 3), 0);
        assert_int_equal(segments_add(&segments, 0x08010000, "1234", 4), 0);
        image_segments_text(&segments, text, sizeof(text));
        assert_string_equal(text, "0x08000000+3,0x08010000+4");
        image_segments_text(&segments, text, sizeof("0x08000000+3,0x08010000+4"));
        assert_string_equal(text, "0x08000000+3,0x08010000+4");
        image_segments_text(&segments, text, sizeof("0x08000000+3,0x08010000+4") - 1);
        assert_string_equal(text, "0x08000000+3,...");
        image_segments_text(&segments, text, sizeof("0x08000000+3,..."));
        assert_string_equal(text, "0x08000000+3,...");
        image_segments_text(&segments, text, sizeof("0x08000000+3,...") - 1);
        assert_string_equal(text, "...");
        image_segments_text(&segments, text, 4);
        assert_string_equal(text, "...");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_format_names),  cmocka_unit_test(test_raw),
                cmocka_unit_test(test_address),       cmocka_unit_test(test_sha256),
                cmocka_unit_test(test_sizes),         cmocka_unit_test(test_blank),
                cmocka_unit_test(test_foreign),       cmocka_unit_test(test_tar),
                cmocka_unit_test(test_same_firmware), cmocka_unit_test(test_gap),
                cmocka_unit_test(test_segments_text),
        };

        return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
