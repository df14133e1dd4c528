/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-fc.h"

#include "base/dfu-serial.h"
#include "protocol/betaflight.h"

/* BOARD_INFO as the releases send it. */
#define SIGNATURE "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
static const char board_45[] = "S405\0\0\x02\x37"
                               "\x09STM32F405"
                               "\x0fSPEEDYBEEF405V4"
                               "\x04SPBE" SIGNATURE "\x01" /* MCU type: F40x */
                               "\x02\x40\x1f\0\0\0\0\x02\x01";
static const char board_2025[] = "S7X2\0\0\x02\x09"
                                 "\x09STM32F722"
                                 "\x0aMATEKF722S"
                                 "\x04MTKS" SIGNATURE "\xfe" /* ask MCU_INFO */
                                 "\x02\x40\x1f\0\0\0\0\x02\x01";
/* 4.0: nothing behind the MCU type; a board that was never configured. */
static const char board_40[] = "S405\0\0\0\x05"
                               "\x06OMNIBU"
                               "\0"
                               "\0" SIGNATURE "\x01";
static const char board_inav[] = "MF4S\0\0\x02\x01"
                                 "\x0aMATEKF405S";
static const uint8_t uid_bytes[] = {0x30, 0x00, 0x2d, 0x00, 0x0b, 0x51,
                                    0x34, 0x33, 0x33, 0x35, 0x31, 0x32};

static void fc_of(struct fake_fc *fc, const char *variant, const char *version, size_t version_size,
                  const char *board, size_t board_size) {
        fake_init(fc);
        (void) fake_answer(fc, MSP_API_VERSION, "\x00\x01\x2e", 3);
        (void) fake_answer(fc, MSP_FC_VARIANT, variant, 4);
        (void) fake_answer(fc, MSP_FC_VERSION, version, version_size);
        (void) fake_answer(fc, MSP_BOARD_INFO, board, board_size);
        (void) fake_answer(fc, MSP_UID, uid_bytes, sizeof(uid_bytes));
}

static struct fc_identity identify(struct fake_fc *fc) {
        struct fault fault = FAULT_INIT;
        struct fc_identity identity;

        assert_int_equal(fc_identify(&fc->port, &identity, &fault), 0);
        assert_int_equal(fault.error, FWD_OK);
        return identity;
}

/* Custom defaults are of 4.1 to 4.4, and the bits mean nothing elsewhere. */
static void test_custom_defaults(void **state) {
        static const struct {
                const char *variant;
                char api_minor, capabilities, config_state;
                const char *defaults, *state;
        } rows[] = {
                {"BTFL", 45, 0x37, 0, "available", "bare"},
                {"BTFL", 45, 0x37, 1, "available", "custom-defaults"},
                {"BTFL", 42, 0x17, 2, "none", "configured"},
                {"BTFL", 44, 0x07, 2, "", "configured"},
                {"BTFL", 44, 0x37, 9, "available", ""},
                {"BTFL", 46, 0x37, 1, "", ""},
                {"BTFL", 41, 0x37, 0, "", ""},
                {"EMUF", 45, 0x37, 0, "", ""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char board[sizeof(board_45)], api[] = {0, 1, rows[i].api_minor};
                struct fc_identity identity;
                struct fake_fc fc;

                memcpy(board, board_45, sizeof(board));
                board[7] = rows[i].capabilities;
                board[sizeof(board) - 1 - 9] = rows[i].config_state;
                fc_of(&fc, rows[i].variant, "\x04\x04\x02", 3, board, sizeof(board) - 1);
                (void) fake_answer(&fc, MSP_API_VERSION, api, sizeof(api));
                identity = identify(&fc);
                assert_string_equal(fc_custom_defaults_name(identity.custom_defaults),
                                    rows[i].defaults);
                assert_string_equal(fc_config_state_name(identity.config_state), rows[i].state);
        }
}

static void test_betaflight_45(void **state) {
        struct fc_identity identity;
        struct fake_fc fc;

        fc_of(&fc, "BTFL", "\x04\x05\x01", 3, board_45, sizeof(board_45) - 1);
        identity = identify(&fc);
        assert_string_equal(identity.variant, "BTFL");
        assert_string_equal(fc_variant_name(&identity), "Betaflight");
        assert_string_equal(identity.version_text, "4.5.1");
        assert_string_equal(identity.board_id, "S405");
        assert_string_equal(identity.target, "STM32F405");
        assert_string_equal(identity.board, "SPEEDYBEEF405V4");
        assert_string_equal(identity.manufacturer, "SPBE");
        assert_string_equal(identity.mcu, "STM32F40x");
        assert_int_equal(identity.capabilities, 0x37);
        assert_true(identity.has_uid);
        assert_int_equal(identity.uid[0], 0x002d0030);
        assert_int_equal(identity.uid[1], 0x3334510b);
        assert_int_equal(identity.uid[2], 0x32313533);
        assert_int_equal(identity.api_major, 1);
        assert_int_equal(identity.api_minor, 46);
}

static void test_betaflight_2025(void **state) {
        static const char version[] = "\x19\x0c\x01\x0c"
                                      "2025.12.1-RC";
        struct fc_identity identity;
        struct fake_fc fc;

        fc_of(&fc, "BTFL", version, sizeof(version) - 1, board_2025, sizeof(board_2025) - 1);
        (void) fake_answer(&fc, MSP2_MCU_INFO, "\xfe\x09STM32F722", 11);
        identity = identify(&fc);
        assert_int_equal(identity.version[0], 2025);
        assert_int_equal(identity.version[1], 12);
        assert_int_equal(identity.version[2], 1);
        assert_string_equal(identity.version_text, "2025.12.1-RC");
        assert_string_equal(identity.mcu, "STM32F722");
        assert_string_equal(identity.board, "MATEKF722S");

        /* To some ports the new firmware sends the three numbers alone. */
        (void) fake_answer(&fc, MSP_FC_VERSION, "\x19\x0c\x01", 3);
        assert_string_equal(identify(&fc).version_text, "2025.12.1");
}

static void test_betaflight_40(void **state) {
        struct fc_identity identity;
        struct fake_fc fc;

        fc_of(&fc, "BTFL", "\x04\x00\x06", 3, board_40, sizeof(board_40) - 1);
        identity = identify(&fc);
        assert_string_equal(identity.version_text, "4.0.6");
        assert_string_equal(identity.target, "OMNIBU");
        assert_string_equal(identity.board, "");
        assert_string_equal(identity.mcu, "STM32F40x");
}

static void test_inav(void **state) {
        struct fc_identity identity;
        struct fake_fc fc;

        fc_of(&fc, "INAV", "\x08\x00\x01", 3, board_inav, sizeof(board_inav) - 1);
        identity = identify(&fc);
        assert_string_equal(fc_variant_name(&identity), "INAV");
        assert_string_equal(identity.version_text, "8.0.1");
        assert_string_equal(identity.target, "MATEKF405S");
        assert_string_equal(identity.board, "");
        assert_string_equal(identity.mcu, "");
        assert_int_equal(identity.capabilities, 0); /* that byte means something else there */
        /* INAV 10 will not be taken for the year 2010. */
        (void) fake_answer(&fc, MSP_FC_VERSION, "\x0a\x00\x00", 3);
        assert_string_equal(identify(&fc).version_text, "10.0.0");
}

/* Firmware that answers the first two questions only is known as far as it goes. */
static void test_taciturn_firmware(void **state) {
        struct fc_identity identity;
        struct fake_fc fc;

        fake_init(&fc);
        (void) fake_answer(&fc, MSP_API_VERSION, "\x00\x01\x10", 3);
        (void) fake_answer(&fc, MSP_FC_VARIANT, "XYZW", 4);
        fake_answer(&fc, MSP_FC_VERSION, NULL, 0)->refuse = true;
        identity = identify(&fc);
        assert_string_equal(identity.variant, "XYZW");
        assert_string_equal(fc_variant_name(&identity), "XYZW");
        assert_false(identity.has_version);
        assert_false(identity.has_uid);
}

static void test_names_with_control_characters(void **state) {
        static const char board[] = "S4\x1b"
                                    "5\0\0\x02\x37"
                                    "\x05"
                                    "A\x1b[2J"
                                    "\x04"
                                    "B\nC\xff"
                                    "\0" SIGNATURE "\x01";
        struct fc_identity identity;
        struct fake_fc fc;

        fc_of(&fc, "BTFL", "\x04\x05\x01", 3, board, sizeof(board) - 1);
        identity = identify(&fc);
        assert_string_equal(identity.board_id, "S4?5");
        assert_string_equal(identity.target, "A?[2J");
        assert_string_equal(identity.board, "B?C?");
}

static void test_api_of_zero(void **state) {
        struct fault fault = FAULT_INIT;
        struct fc_identity identity;
        struct fake_fc fc;

        fake_init(&fc);
        (void) fake_answer(&fc, MSP_API_VERSION, "\0\0\0", 3);
        assert_int_equal(fc_identify(&fc.port, &identity, &fault), -EOPNOTSUPP);
        assert_int_equal(fault.error, FWD_NOT_SUPPORTED);
}

static void test_unplugged_in_the_middle(void **state) {
        struct fault fault = FAULT_INIT;
        struct fc_identity identity;
        struct fake_fc fc;

        fc_of(&fc, "BTFL", "\x04\x05\x01", 3, board_45, sizeof(board_45) - 1);
        fc.lost_code = MSP_UID;
        assert_int_equal(fc_identify(&fc.port, &identity, &fault), -ENODEV);
        assert_int_equal(fault.error, FWD_DEVICE_LOST);
}

/* Every reply, cut anywhere: no byte behind its end is read (under the sanitizer), and what is
 * there is told. */
static void test_short_replies(void **state) {
        for (size_t cut = 0; cut < sizeof(board_45); cut++) {
                uint8_t *exact = test_malloc(cut ? cut : 1);
                struct fc_identity identity = {.variant = "BTFL"};

                memcpy(exact, board_45, cut);
                (void) fc_parse_board_info(&identity, exact, cut);
                (void) fc_parse_mcu_info(&identity, exact, cut);
                (void) fc_parse_version(&identity, exact, cut);
                (void) fc_parse_armed(exact, cut, exact, cut);
                if (cut >= 18)
                        assert_string_equal(identity.target, "STM32F405");
                test_free(exact);
        }
}

static void test_armed(void **state) {
        static const uint8_t disarmed[] = {250, 0, 0, 0, 3, 0, 0x04, 0, 0, 0, 0};
        static const uint8_t flags_1[] = {250, 0, 0, 0, 3, 0, 0x01, 0, 0, 0, 0};
        static const uint8_t flags_200[] = {250, 0, 0, 0, 3, 0, 0x00, 2, 0, 0, 0};
        static const uint8_t arm_first[] = {0, 1, 2};
        static const uint8_t arm_tenth[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0};
        static const uint8_t no_arm[] = {1, 2, 3};

        assert_int_equal(fc_parse_armed(disarmed, 11, arm_first, 3), 0);
        assert_int_equal(fc_parse_armed(flags_1, 11, arm_first, 3), 1);
        assert_int_equal(fc_parse_armed(flags_1, 11, arm_tenth, 10), 0);
        assert_int_equal(fc_parse_armed(flags_200, 11, arm_tenth, 10), 1);
        assert_int_equal(fc_parse_armed(flags_1, 11, NULL, 0), 1);
        assert_int_equal(fc_parse_armed(disarmed, 9, arm_first, 3), -EBADMSG);
        assert_int_equal(fc_parse_armed(disarmed, 11, no_arm, 3), -EBADMSG);
}

/* Unique ids and the serials that the ROMs of these chips were seen with: libopencm3 issue 760, an
 * STM32C071, an STM32U585, an STM32F0, an STM32F413. */
static void test_dfu_serials(void **state) {
        static const struct {
                uint32_t uid[3];
                const char *serial;
                size_t index;
        } seen[] = {
                {{0x002d0030, 0x3334510b, 0x32313533}, "325E35633334", 0},
                {{0x0025007a, 0x42365001, 0x20303748}, "205537C24236", 0},
                {{0x00580027, 0x3331500b, 0x20333153}, "208B317A3331", 0},
                {{0x0023001f, 0x35375109, 0x36373731}, "365A375A3537", 1},
                {{0x003b0041, 0x50335706, 0x20333333}, "206E33742033", 2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
                char serials[DFU_SERIAL_CANDIDATES_MAX][DFU_SERIAL_SIZE];
                size_t n = dfu_serial_candidates(seen[i].uid, serials);

                assert_true(n > seen[i].index && n <= DFU_SERIAL_CANDIDATES_MAX);
                assert_string_equal(serials[seen[i].index], seen[i].serial);
                for (size_t j = 0; j < n; j++)
                        for (size_t k = j + 1; k < n; k++)
                                assert_string_not_equal(serials[j], serials[k]);
        }
}

/* Twelve bytes in the order of memory, as a Crazyflie's USB serial number has them. */
static void test_chip_id(void **state) {
        static const char *const wrong[] = {"", "30002D000B5134333335313",
                                            "30002D000B513433333531322", "30002D000B51343333353 32",
                                            "30002G000B51343333353132"};
        char serials[DFU_SERIAL_LIST_SIZE];
        uint32_t uid[3] = {};

        assert_int_equal(chip_id_parse("30002D000B51343333353132", uid), 0);
        assert_int_equal(uid[0], 0x002d0030);
        assert_int_equal(uid[1], 0x3334510b);
        assert_int_equal(uid[2], 0x32313533);
        assert_int_equal(chip_id_parse("30002d000b51343333353132", uid), 0);
        dfu_serial_list(uid, serials);
        assert_int_equal(strncmp(serials, "325E35633334,", 13), 0);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(chip_id_parse(wrong[i], uid), -EINVAL);
}

static void test_dfu_serial_verdicts(void **state) {
        static const char *const expected = "325E35633334,325E353D3334";
        static const char *const constants[] = {"STM32FxSTM32", "STM32",        "AT32",        "",
                                                "200364500000", "200000500000", "FFFFFFFEFFFF"};

        assert_int_equal(dfu_serial_check(expected, "325E35633334"), DFU_SERIAL_MATCH);
        assert_int_equal(dfu_serial_check(expected, "325E353D3334"), DFU_SERIAL_MATCH);
        assert_int_equal(dfu_serial_check(expected, "325E35633335"), DFU_SERIAL_CONTRADICTION);
        assert_int_equal(dfu_serial_check(expected, "325E3563333"), DFU_SERIAL_NO_EVIDENCE);
        for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
                assert_int_equal(dfu_serial_check(expected, constants[i]), DFU_SERIAL_NO_EVIDENCE);
        /* Who names another kind of serial gets it or nothing. */
        assert_int_equal(dfu_serial_check("STM32FxSTM32", "STM32FxSTM32"), DFU_SERIAL_MATCH);
        assert_int_equal(dfu_serial_check("STM32FxSTM32", "AT32"), DFU_SERIAL_CONTRADICTION);
        assert_int_equal(dfu_serial_check("200364500000", "STM32"), DFU_SERIAL_CONTRADICTION);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_custom_defaults),
                cmocka_unit_test(test_betaflight_45),
                cmocka_unit_test(test_betaflight_2025),
                cmocka_unit_test(test_betaflight_40),
                cmocka_unit_test(test_inav),
                cmocka_unit_test(test_taciturn_firmware),
                cmocka_unit_test(test_names_with_control_characters),
                cmocka_unit_test(test_api_of_zero),
                cmocka_unit_test(test_unplugged_in_the_middle),
                cmocka_unit_test(test_short_replies),
                cmocka_unit_test(test_armed),
                cmocka_unit_test(test_dfu_serials),
                cmocka_unit_test(test_chip_id),
                cmocka_unit_test(test_dfu_serial_verdicts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
