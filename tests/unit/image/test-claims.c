/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a file says of itself, and above all what it does not say. */

#include "image-test.h"

#include <string.h>

#include "image/claims.h"
#include "image/parse.h"

static void claims_of(const void *data, size_t size, struct claims *ret) {
        _cleanup_image_ struct image *image = accepted(data, size);

        image_claims(image, ret);
}

/* Strings as a linker leaves them: between bytes, each with a NUL behind it. */
static void claims_of_strings(const char *const *strings, struct claims *ret) {
        _cleanup_bytes_ struct bytes file = {};

        put_fill(&file, 0x90, 16);
        for (; *strings; strings++)
                put(&file, *strings, strlen(*strings) + 1);
        put_fill(&file, 0x90, 16);
        claims_of(file.data, file.size, ret);
}
#define STRINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_kept_firmware(void **state) {
        static const struct {
                const char *file, *firmware, *version, *mcu, *board;
        } cases[] = {
                {"hello-1.hex", "", "", "", ""},
                {"hello-2.bin", "", "", "", ""},
                {"hello-3.hex", "Betaflight", "2025.12.2", "STM32F405", "SPEEDYBEEF405V4"},
                {"hello-3.dfu", "Betaflight", "2025.12.2", "STM32F405", "SPEEDYBEEF405V4"},
                {"hello-3.bin", "Betaflight", "2025.12.2", "STM32F405", "SPEEDYBEEF405V4"},
                {"hello-4.elf", "Betaflight", "2025.12.2", "STM32F405", "MATEKF405TE"},
                {"hello-5.hex", "Betaflight", "2025.12.2", "STM32F722", "MATEKF722SE"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bytes_ struct bytes file = {};
                struct claims claims;

                read_data(cases[i].file, &file);
                claims_of(file.data, file.size, &claims);
                assert_string_equal(claims.firmware, cases[i].firmware);
                assert_string_equal(claims.version, cases[i].version);
                assert_string_equal(claims.mcu, cases[i].mcu);
                assert_string_equal(claims.board, cases[i].board);
                assert_int_equal(claims.has_stack, strstr(cases[i].file, ".bin") == NULL);
                assert_int_equal(claims.stack, claims.has_stack ? 0x20020000 : 0);
        }
}

/* The linker lets a string begin in the middle of a longer one. */
static void test_merged_strings(void **state) {
        struct claims claims;

        claims_of_strings(STRINGS("welcome to Betaflight", "id BTFL", "Betaflight STM32F405"),
                          &claims);
        assert_string_equal(claims.firmware, "Betaflight");
        assert_string_equal(claims.mcu, "STM32F405");
        assert_string_equal(claims.version, "");
}

static void test_custom_defaults(void **state) {
        struct claims claims;

        claims_of_strings(STRINGS("Betaflight", "BTFL", "4.3.2", "STM32F7X2", "board_name %s",
                                  "# Betaflight\nboard_name SOMEBODYSF7\nmanufacturer_id SOME\n"),
                          &claims);
        assert_string_equal(claims.board, "SOMEBODYSF7"); /* in no list */
        assert_string_equal(claims.mcu, "STM32F722");
        assert_string_equal(claims.version, "4.3.2");
}

/* An image at the start of the flash, with words where the ends of the room for custom defaults
 * stand. */
static void room_is(const char *version, uint32_t start, uint32_t end, const char *text,
                    const char *claimed) {
        static const char strings[] = "xx\0BTFL\0Betaflight";
        uint8_t data[0x3000 + 64] = {};
        struct image image = {.has_address = true};
        struct claims claims;

        memcpy(data + 0x100, strings, sizeof(strings));
        memcpy(data + 0x100 + sizeof(strings), version, strlen(version) + 1);
        for (int i = 0; i < 4; i++) {
                data[0x2800 + i] = (uint8_t) (start >> 8 * i);
                data[0x2804 + i] = (uint8_t) (end >> 8 * i);
        }
        memcpy(data + 0x3000, text, strlen(text));
        assert_int_equal(image_add(&image, 0x08000000, data, sizeof(data), NULL), 0);
        image_claims(&image, &claims);
        assert_string_equal(claims.custom_defaults, claimed);
        segments_clear(&image.segments);
}

static void test_room_for_defaults(void **state) {
        room_is("4.4.2", 0x08003000, 0x08003040, "# Betaflight\nset a = 1\n", "included");
        room_is("4.4.2", 0x08003000, 0x08003040, "\xff\xff\xff\xff", "none");
        room_is("4.4.2", 0x0800303c, 0x08003050, "# Betaflight\n", "none"); /* behind the end */
        room_is("4.4.2", 0x08003000, 0x08003000, "# Betaflight\n", "");
        room_is("4.4.2", 0x08003040, 0x08003000, "# Betaflight\n", "");
        room_is("4.4.2", 0, 0, "# Betaflight\n", "");
        room_is("4.4.2", 0xffffffff, 0xffffffff, "# Betaflight\n", "");
        room_is("4.4.2", 0x08003000, 0xffffffff, "# Betaflight\n", "");
        room_is("4.5.0", 0x08003000, 0x08003040, "# Betaflight\n", "");
        room_is("2025.12.1", 0x08003000, 0x08003040, "# Betaflight\n", "");
}

static void test_relatives(void **state) {
        struct claims claims;

        /* All of them say "Cleanflight" in their logs' heads. */
        claims_of_strings(STRINGS("INAV", "Cleanflight", "8.0.1", "MATEKF722SE"), &claims);
        assert_string_equal(claims.firmware, "INAV");
        assert_string_equal(claims.board, "MATEKF722SE");
        assert_string_equal(claims.mcu, "");
        claims_of_strings(STRINGS("EmuFlight", "EMUF", "0.4.2-rc1"), &claims);
        assert_string_equal(claims.firmware, "EmuFlight");
        assert_string_equal(claims.version, "0.4.2-rc1");
}

/* Nothing of this may refuse a flash. */
static void test_uncertain(void **state) {
        struct claims claims;

        claims_of_strings(STRINGS("STM32F405", "MATEKF722SE", "1.2.3"), &claims);
        assert_string_equal(claims.mcu, ""); /* some other firmware */
        assert_string_equal(claims.board, "");
        assert_string_equal(claims.version, "");
        claims_of_strings(STRINGS("Betaflight", "BTFL", "STM32F405", "STM32F722", "MATEKF722SE",
                                  "MATEKF411", "1.2.3", "1.2.4", "12.2", "1.2.3x", "1..3"),
                          &claims);
        assert_string_equal(claims.firmware, "Betaflight");
        assert_string_equal(claims.mcu, ""); /* two chips */
        assert_string_equal(claims.board, "");
        assert_string_equal(claims.version, "");
        claims_of_strings(STRINGS("Betaflight", "BTFL", "INAV", "STM32F405"), &claims);
        assert_string_equal(claims.firmware, "");
        assert_string_equal(claims.mcu, "");
        claims_of_strings(STRINGS("Betaflight", "BTFL", "STM32F405_is_not_a_name", "F405",
                                  "SPEEDYBEEF405V9", "not on STM32F405", "unlike MATEKF722SE",
                                  "of 4.5.1", "xMATEKF722SE", "STM32F405\x01"),
                          &claims);
        assert_string_equal(claims.mcu, "");
        assert_string_equal(claims.board, "");
        assert_string_equal(claims.version, "");
}

/* The same name twice is one; a very long line counts by its end. */
static void test_repeated(void **state) {
        struct claims claims;

        claims_of_strings(STRINGS("Betaflight", "STM32F405", "STM32F407", "MATEKF405TE",
                                  "a long line of text that goes on and on until it is longer than "
                                  "what is looked at: id BTFL"),
                          &claims);
        assert_string_equal(claims.mcu, "STM32F405");
        assert_string_equal(claims.board, "MATEKF405TE");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kept_firmware),     cmocka_unit_test(test_merged_strings),
                cmocka_unit_test(test_custom_defaults),   cmocka_unit_test(test_relatives),
                cmocka_unit_test(test_uncertain),         cmocka_unit_test(test_repeated),
                cmocka_unit_test(test_room_for_defaults),
        };

        return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
