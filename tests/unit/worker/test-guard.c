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

/* A board with a loader of its own in the first 16 KiB. */

static struct range loader = {0x08000000, 0x08004000};
static char *types[] = {(char[]){"CF20"}, (char[]){"CF21"}, (char[]){"C21B"}, NULL};
static const struct board_profile crazyflie = {
        .protected_ranges = &loader,
        .n_protected = 1,
        .check_vectors = true,
        .unaligned_stack = true,
        .recover = {0x08000000, 0x08004000},
        .image_types = types,
        .image_hint = (char[]){"Build it with CLOAD=1."},
};

/* Vectors that point behind `linked`, and then nothing. */
static void make_image(struct image *image, uint64_t address, uint32_t stack, uint32_t linked,
                       size_t size) {
        _cleanup_free_ uint8_t *data = calloc(1, size);
        uint32_t vectors[16] = {stack};

        assert_non_null(data);
        for (size_t i = 1; i < ARRAY_SIZE(vectors); i++)
                vectors[i] = linked + 0x100 + (uint32_t) i * 4 + 1;
        memcpy(data, vectors, sizeof(vectors));
        *image = (struct image){.has_address = true};
        assert_int_equal(segments_add(&image->segments, address, data, size), 0);
}

static void test_linked_for_the_loaders_place(void **state) {
        static const struct {
                uint64_t address;
                uint32_t stack, linked;
                enum fwd_error error;
                const char *says;
        } rows[] = {
                {0x08004000, 0x2001ffff, 0x08004000, FWD_OK, NULL},
                {0x08004000, 0x20020000, 0x08004000, FWD_OK, NULL},
                {0x08004000, 0x2001ffff, 0x08000000, FWD_INVALID_IMAGE, "CLOAD=1"},
                {0x08000000, 0x2001ffff, 0x08000000, FWD_PROTECTED_REGION, "CLOAD=1"},
                {0x08000000, 0x20005000, 0x08000000, FWD_PROTECTED_REGION, "own loader"},
                {0x08004000, 0x08000000, 0x08000000, FWD_INVALID_IMAGE, "not a stack"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fault fault = FAULT_INIT;
                struct image image;

                make_image(&image, rows[i].address, rows[i].stack, rows[i].linked, 1024);
                (void) guard_check_image(&image, &crazyflie, &fault);
                assert_int_equal(fault.error, rows[i].error);
                if (rows[i].says)
                        assert_non_null(strstr(fault.message, rows[i].says));
                segments_clear(&image.segments);
        }
}

static void test_loaders(void **state) {
        static const struct {
                uint64_t address;
                uint32_t linked;
                size_t size;
                enum fwd_error error;
        } rows[] = {
                {0x08000000, 0x08000000, 10000, FWD_OK},
                {0x08000000, 0x08000000, 16384, FWD_OK},
                {0x08000000, 0x08000000, 16385, FWD_IMAGE_TOO_LARGE},
                {0x08004000, 0x08004000, 1024, FWD_ADDRESS_OUT_OF_RANGE},
                {0x08000000, 0x08004000, 1024, FWD_INVALID_IMAGE}, /* a firmware's beginning */
                {0x08001000, 0x08001000, 1024, FWD_INVALID_IMAGE}, /* not where the chip starts */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fault fault = FAULT_INIT;
                struct image image;

                make_image(&image, rows[i].address, 0x20005000, rows[i].linked, rows[i].size);
                (void) guard_check_loader(&image, &crazyflie, &fault);
                assert_int_equal(fault.error, rows[i].error);
                segments_clear(&image.segments);
        }
}

static void test_types_in_the_file(void **state) {
        struct fault fault = FAULT_INIT;
        struct image image;

        make_image(&image, 0x08004000, 0x2001ffff, 0x08004000, 1024);
        assert_int_equal(guard_check_type(&image, &crazyflie, "CF21", &fault), 1);
        memcpy(image.segments.items[0].data + 500, "CF21 ", 5); /* a text that goes on is none */
        assert_int_equal(guard_check_type(&image, &crazyflie, "CF21", &fault), 1);
        memcpy(image.segments.items[0].data + 512, "CF20", 5);
        memcpy(image.segments.items[0].data + 600, "CF21", 5);
        assert_int_equal(guard_check_type(&image, &crazyflie, "CF21", &fault), 0);
        assert_int_equal(guard_check_type(&image, &crazyflie, "", &fault), 0);
        assert_int_equal(guard_check_type(&image, NULL, "CF21", &fault), 0);
        assert_true(guard_check_type(&image, &crazyflie, "C21B", &fault) < 0);
        assert_int_equal(fault.error, FWD_WRONG_BOARD);
        assert_non_null(strstr(fault.message, "CF20, CF21"));
        segments_clear(&image.segments);
}

/* An image of two pieces with a text near the end of the first. */
static void image_with(struct image *image, const void *text, size_t size) {
        uint8_t data[512] = {};

        memcpy(data + sizeof(data) - size, text, size);
        *image = (struct image){.has_address = true};
        assert_int_equal(segments_add(&image->segments, 0x08000000, data, sizeof(data)), 0);
        assert_int_equal(segments_add(&image->segments, 0x08004000, "x", 1), 0);
}

static void test_odrive(void **state) {
        static const char v36[] = "ODrive 3.6 CDC Interface", v35[] = "ODrive 3.5 CDC Interface";
        static const char with_24[] = "ODrive 3.6 CDC Interface\0\0\0\0\x03\x06\x18";
        static const char with_56[] = "ODrive 3.6 CDC Interface\0\0\0\0\x03\x06\x38";
        static const char with_both[] =
                "ODrive 3.6 CDC Interface\0\0\0\0\x03\x06\x38\0\0\0\x03\x06\x18";
        static const struct {
                const char *text;
                size_t size;
                const char *name;
                int want; /* -1: FWD_WRONG_BOARD */
        } rows[] = {
                {v36, sizeof(v36), "", 2},
                {v36, sizeof(v36), "ODriveFirmware_v3.6-56V.hex", 0},
                {v36, sizeof(v36), "ODriveFirmware_v3.6-24V.hex", -1},
                {v36, sizeof(v36), "v3.5-24V.hex", 2}, /* renamed: says nothing of this file */
                {v36, sizeof(v36), "vv3.6-56V", 0},
                {v36, sizeof(v36), "v3.6-", 2},
                {v35, sizeof(v35), "", -1},
                {v35, sizeof(v35), "v3.6-56V.hex", -1}, /* what is inside counts */
                {with_24, sizeof(with_24), "", -1},
                {with_24, sizeof(with_24), "v3.6-56V.hex", -1},
                {with_56, sizeof(with_56), "", 0},
                {with_56, sizeof(with_56), "v3.6-24V.hex", 0},
                {with_both, sizeof(with_both), "", 2}, /* one of them is there by chance */
                {"FFBeast", 8, "", 1},
                {"FFBeast", 8, "ODriveFirmware_v3.6-24V.hex", -1}, /* old: no string in it */
                {"ODrive 3.6", 10, "", 1},                         /* cut off */
                {"ODrive x.6 CDC Interface", 25, "", 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct image image;
                struct fault fault = FAULT_INIT;
                int r;

                image_with(&image, rows[i].text, rows[i].size);
                r = guard_check_odrive(&image, rows[i].name, "3.6-56V", &fault);
                segments_clear(&image.segments);
                if ((r < 0 ? -1 : r) != rows[i].want)
                        fail_msg("row %zu: %d, not %d", i, r, rows[i].want);
                assert_int_equal(fault.error, r < 0 ? FWD_WRONG_BOARD : FWD_OK);
        }
}

static void test_usb_ids(void **state) {
        char *ids[] = {(char *) "045b:58f9", (char *) "045b:55f0", NULL};
        const struct board_profile profile = {.title = (char *) "stick", .image_usb_ids = ids};
        static const struct {
                uint8_t bytes[40];
                size_t size;
                bool fits;
        } rows[] = {
                {{18, 1, 0, 2, 0, 0, 0, 64, 0x5b, 0x04, 0xf9, 0x58}, 18, true},
                {{18, 1, 0, 2, 0, 0, 0, 64, 0x5b, 0x04, 0xd7, 0x59}, 18, false},
                {{18, 1, 0, 2, 0, 0, 0, 64, 0x83, 0x04, 0x40, 0x57}, 18, true}, /* other vendor */
                {{18, 1, 0, 2, 0, 0, 0, 8, 0x5b, 0x04, 0xd7, 0x59}, 18, true},  /* no descriptor */
                {{18, 1, 0, 2, 0, 0, 0, 64, 0x5b, 0x04, 0xd7, 0x59}, 17, true}, /* cut off */
                {{18, 1, 0, 2,  0, 0, 0, 64, 0x5b, 0x04, 0xd7, 0x59, 0,    0,    0,
                  0,  0, 0, 18, 1, 0, 2, 0,  0,    0,    64,   0x5b, 0x04, 0xf0, 0x55},
                 36,
                 true}, /* one image for several */
                {{0}, 18, true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct image image;
                struct fault fault = FAULT_INIT;
                int r;

                image_with(&image, rows[i].bytes, rows[i].size);
                assert_int_equal(guard_check_usb_ids(&image, NULL, NULL), 0);
                r = guard_check_usb_ids(&image, &profile, &fault);
                segments_clear(&image.segments);
                if ((r == 0) != rows[i].fits)
                        fail_msg("row %zu: %s", i, fault.message);
                assert_int_equal(fault.error, rows[i].fits ? FWD_OK : FWD_WRONG_BOARD);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_where_a_raw_file_goes),
                cmocka_unit_test(test_protected_to_the_byte),
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_ids_of_the_suffix),
                cmocka_unit_test(test_odrive),
                cmocka_unit_test(test_usb_ids),
                cmocka_unit_test(test_linked_for_the_loaders_place),
                cmocka_unit_test(test_loaders),
                cmocka_unit_test(test_types_in_the_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
