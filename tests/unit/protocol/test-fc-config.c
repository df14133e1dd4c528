/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/betaflight-cli.h"
#include "protocol/betaflight-config.h"

static struct fc_config *parse(const char *text) {
        struct fault fault = FAULT_INIT;
        struct fc_config *config = NULL;

        if (fc_config_parse(text, strlen(text), &config, &fault) < 0)
                fail_msg("%s", fault.message);
        return config;
}

static void refused(const void *data, size_t size, const char *says) {
        struct fault fault = FAULT_INIT;
        struct fc_config *config = NULL;

        assert_int_equal(fc_config_parse(data, size, &config, &fault), -EBADMSG);
        assert_null(config);
        assert_int_equal(fault.error, FWD_INVALID_CONFIG);
        if (!strstr(fault.message, says))
                fail_msg("\"%s\" is not in: %s", says, fault.message);
}

static struct fc_identity board(const char *variant, unsigned major, unsigned minor) {
        struct fc_identity identity = {.has_version = true, .version = {major, minor, 0}};

        memcpy(identity.variant, variant, 5);
        strcpy(identity.board, "MOTH405");
        strcpy(identity.mcu, "STM32F405");
        return identity;
}

/* The words of the firmware, of each release line and of its relatives. */
static void test_version_lines(void **state) {
        static const struct {
                const char *line, *variant, *version;
        } rows[] = {
                {"# Betaflight / STM32F405 (S405) 4.2.9 Apr 27 2021 / 19:32:11 (fe2dae5) MSP API: "
                 "1.43",
                 "BTFL", "4.2.9"},
                {"# Betaflight / STM32F405 (F405) 2025.12.1 Dec 31 2025 / 00:00:00 (norevision) "
                 "MSP API: 1.47",
                 "BTFL", "2025.12.1"},
                {"# INAV/MATEKF405 7.1.2 Sep 24 2024 / 17:51:44 (889d6f08)", "INAV", "7.1.2"},
                {"# EmuFlight / STM32F7X2 (S7X2) 0.4.1 Mar  3 2023 / 01:02:03 (abcdef0) MSP API: "
                 "1.54",
                 "EMUF", "0.4.1"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_fc_config_ struct fc_config *config = NULL;
                char text[512];

                (void) snprintf(text, sizeof(text),
                                "\r\n# version\r\n%s\r\n\r\nboard_name MOTH405\r\nset a = 1\r\n"
                                "save",
                                rows[i].line);
                config = parse(text);
                assert_string_equal(config->variant, rows[i].variant);
                assert_string_equal(config->version_text, rows[i].version);
                assert_true(config->has_version);
                assert_string_equal(config->board, "MOTH405");
                assert_true(config->is_whole);
                assert_false(config->is_diff);
                assert_int_equal(config->n, 3);
                assert_string_equal(config->lines[1].text, "set a = 1");
        }
}

static void test_head(void **state) {
        static const char body[] = "# version\n# Betaflight / X (Y) 4.5.1 Jul 27 2024\n"
                                   "defaults nosave\nset a = 1\nsave";
        struct fc_identity identity = board("BTFL", 4, 5);
        _cleanup_fc_config_ struct fc_config *config = NULL;
        _cleanup_free_ char *text = NULL, *changed = NULL;
        size_t size = 0;

        strcpy(identity.version_text, "4.5.1");
        strcpy(identity.manufacturer, "MOTH");
        identity.has_uid = true;
        identity.uid[2] = 0xabc;
        text = fc_config_format(&identity, "2026-11-21T12:00:00Z", body, strlen(body), &size);
        assert_non_null(text);
        assert_int_equal(strlen(text), size);
        /* sha256sum of the body */
        assert_non_null(strstr(text, "\n# Sha256: "));
        config = parse(text);
        assert_true(config->has_head);
        assert_true(config->is_whole);
        assert_true(config->is_diff);
        assert_string_equal(config->board, "MOTH405");
        assert_string_equal(config->manufacturer, "MOTH");
        assert_string_equal(config->mcu, "STM32F405");
        assert_string_equal(config->unique_id, "000000000000000000000abc");
        assert_string_equal(config->variant, "BTFL");
        assert_string_equal(config->version_text, "4.5.1");
        assert_string_equal(config->date, "2026-11-21T12:00:00Z");

        /* Not a byte of the rest may be another. */
        changed = malloc(size + 1);
        for (size_t i = size - strlen(body); i < size; i++) {
                memcpy(changed, text, size + 1);
                changed[i] ^= 0x01;
                refused(changed, size, "hash");
                memcpy(changed, text, size + 1);
                refused(changed, i, "hash");
        }
}

static void test_no_configuration(void **state) {
        static char big[FC_CONFIG_SIZE_MAX + 2], lines[FC_CONFIG_LINES_MAX * 2 + 2];
        char longest[FC_CONFIG_LINE_MAX + 2];

        refused("", 0, "empty");
        refused("set a = 1\0set b = 2", 19, "no text");
        refused("set a = \x1b[31m1\n", 14, "Line 1");
        refused("set a = 1\nset b = \xff\n", 20, "Line 2");
        refused("# a comment\n\n", 13, "no setting");
        refused("set a = 1\nflash_erase\n", 22, "Line 2");
        refused(":020000040800F2\n:00000001FF\n", 28, "no command of a flight controller");
        refused("S0030000FC\nS9030000FC\n", 22, "no command of a flight controller");
        refused("dfu\n", 4, "no setting: dfu");
        refused("# fwd configuration backup\n# Board: X\nset a = 1\n", 48, "without a hash");
        memset(big, 'a', sizeof(big));
        refused(big, sizeof(big), "too large");
        for (size_t i = 0; i < sizeof(lines); i++)
                lines[i] = i & 1 ? '\n' : '#';
        refused(lines, sizeof(lines), "too many lines");
        memset(longest, 'a', sizeof(longest));
        refused(longest, sizeof(longest), "longer");
        longest[FC_CONFIG_LINE_MAX] = '\0';
        fc_config_free(parse(longest));
}

static void test_sections(void **state) {
        static const struct {
                const char *line;
                enum fc_section section;
                enum fc_line_kind kind;
        } rows[] = {
                {"serial 0 64 115200 57600 0 115200", FC_SECTION_SERIAL, FC_LINE_SETTING},
                {"map TAER1234", FC_SECTION_RECEIVER, FC_LINE_SETTING},
                {"set serialrx_provider = CRSF", FC_SECTION_RECEIVER, FC_LINE_SETTING},
                {"feature RX_SERIAL", FC_SECTION_RECEIVER, FC_LINE_SETTING},
                {"feature -RX_PARALLEL_PWM", FC_SECTION_RECEIVER, FC_LINE_SETTING},
                {"aux 0 0 0 1700 2100 0 0", FC_SECTION_MODES, FC_LINE_SETTING},
                {"adjrange 0 0 0 900 900 0 0 0 0", FC_SECTION_MODES, FC_LINE_SETTING},
                {"set osd_vbat_pos = 2433", FC_SECTION_OSD, FC_LINE_SETTING},
                {"feature OSD", FC_SECTION_OSD, FC_LINE_SETTING},
                {"vtxtable bands 5", FC_SECTION_VTX, FC_LINE_SETTING},
                {"led 0 1,1::C:0", FC_SECTION_LED, FC_LINE_SETTING},
                {"set small_angle = 180", FC_SECTION_OTHER, FC_LINE_SETTING},
                {"batch start", FC_SECTION_OTHER, FC_LINE_CONTROL},
                {"profile 1", FC_SECTION_PIDS, FC_LINE_PROFILE},
                {"set p_pitch = 50", FC_SECTION_PIDS, FC_LINE_SETTING},
                {"rateprofile 2", FC_SECTION_RATES, FC_LINE_PROFILE},
                {"set thr_mid = 40", FC_SECTION_RATES, FC_LINE_SETTING},
                {"save", FC_SECTION_OTHER, FC_LINE_CONTROL},
        };
        _cleanup_fc_config_ struct fc_config *config = NULL;
        char text[2048] = "";

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                strcat(text, rows[i].line);
                strcat(text, "\n");
        }
        config = parse(text);
        assert_int_equal(config->n, ARRAY_SIZE(rows));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_string_equal(config->lines[i].text, rows[i].line);
                assert_int_equal(config->lines[i].number, i + 1);
                assert_int_equal(config->lines[i].section, rows[i].section);
                assert_int_equal(config->lines[i].kind, rows[i].kind);
        }
        for (int s = 0; s < _FC_SECTION_MAX; s++)
                assert_int_equal(fc_section_from_name(fc_section_name((enum fc_section) s)), s);
        assert_int_equal(fc_section_from_name("nothing"), -EINVAL);
}

static void becomes(const char *text, const struct fc_identity *identity, enum fc_fate fate,
                    const char *what) {
        _cleanup_fc_config_ struct fc_config *config = parse(text);
        char to[FC_CONFIG_LINE_MAX + 1];
        const char *why = NULL;

        assert_int_equal(fc_config_translate(&config->lines[0], identity, true, to, &why), fate);
        if (fate == FC_TRANSLATE)
                assert_string_equal(to, what);
        if (fate == FC_SKIP)
                assert_non_null(strstr(why, what));
}

static void test_translation(void **state) {
        const struct fc_identity v43 = board("BTFL", 4, 3), v45 = board("BTFL", 4, 5);
        const struct fc_identity dated = board("BTFL", 2025, 12), latest = board("BTFL", 2026, 12);
        const struct fc_identity inav = board("INAV", 7, 1);

        becomes("serial UART1 64 115200 57600 0 115200", &v45, FC_TRANSLATE,
                "serial 0 64 115200 57600 0 115200");
        becomes("serial UART10 0", &v45, FC_TRANSLATE, "serial 9 0");
        becomes("serial VCP 1", &v45, FC_TRANSLATE, "serial 20 1");
        becomes("serial SOFTSERIAL2 1", &v45, FC_TRANSLATE, "serial 31 1");
        becomes("serial LPUART1 1", &v45, FC_TRANSLATE, "serial 40 1");
        becomes("serial UART0 1", &v45, FC_SEND, NULL);
        becomes("serial UART99999999999999999999 1", &v45, FC_SEND, NULL);
        becomes("serial UART1 64", &dated, FC_SEND, NULL);
        becomes("serial 0 64", &dated, FC_SEND, NULL);
        becomes("serial 0 64", &v45, FC_SEND, NULL);
        becomes("serial 0 64", &latest, FC_PORTS, NULL);
        becomes("set rx_uart = UART2", &latest, FC_SEND, NULL);
        becomes("set rx_uart = UART2", &dated, FC_SKIP, "serial lines");
        becomes("set telemetry_2_protocol = LTM", &v45, FC_SKIP, "serial lines");
        becomes("set rx_uarts = UART2", &dated, FC_SEND, NULL);
        becomes("serial 0 64", &inav, FC_SEND, NULL);
        becomes("set name = moth", &v45, FC_TRANSLATE, "set craft_name = moth");
        becomes("set craft_name = moth", &v43, FC_TRANSLATE, "set name = moth");
        becomes("set name = moth", &v43, FC_SEND, NULL);
        becomes("set name = moth", &inav, FC_SEND, NULL);
        becomes("set names = moth", &v45, FC_SEND, NULL);
        becomes("set craft_name = a#b", &v45, FC_SKIP, "comment");
        becomes("set craft_name = a?b", &v45, FC_SKIP, "typed");
        becomes("set craft_name = \xc3\xa4", &v45, FC_SKIP, "ASCII");
}

struct missing {
        size_t n;
        char text[512];
};

static void note(void *userdata, const struct fc_config_line *line, const char *instead) {
        struct missing *missing = userdata;

        missing->n++;
        strcat(missing->text, line->text);
        strcat(missing->text, instead ? ">" : "");
        strcat(missing->text, instead ? instead : "");
        strcat(missing->text, ";");
}

static void differs(const char *wanted_text, const char *got_text, unsigned sections,
                    const char *what) {
        _cleanup_fc_config_ struct fc_config *wanted = parse(wanted_text), *got = parse(got_text);
        const struct fc_identity identity = board("BTFL", 4, 5);
        struct missing missing = {};
        int n = fc_config_compare(wanted, got, &identity, sections, note, &missing);

        assert_int_equal(n, missing.n);
        assert_string_equal(missing.text, what);
}

static void test_compare(void **state) {
        const unsigned all = (1U << _FC_SECTION_MAX) - 1;

        differs("set a = 1\nsave\n", "set b = 2\nset a = 1\nsave\n", all, "");
        differs("set a = 1\n", "set a = 2\n", all, "set a = 1>set a = 2;");
        differs("set ab = 1\n", "set a = 1\n", all, "set ab = 1;");
        differs("set a = 1\n", "set ab = 1\n", all, "set a = 1;");
        /* A value may hold what begins like another. */
        differs("set a = 1\n", "set a = 12\n", all, "set a = 1>set a = 12;");
        differs("set a = my\n", "set a = my moth\n", all, "set a = my>set a = my moth;");
        differs("set a = my moth\n", "set a = my\n", all, "set a = my moth>set a = my;");
        differs("aux 1 0 0 900\n", "aux 10 0 0 900\n", all, "aux 1 0 0 900;");
        /* By profile. */
        differs("profile 0\nset p = 1\nprofile 1\nset p = 2\n",
                "profile 0\nset p = 2\nprofile 1\nset p = 2\n", all, "set p = 1>set p = 2;");
        /* One thing in two spellings. */
        differs("serial UART2 64  0\n", "serial 1 64 0\n", all, "");
        differs("set name = moth\n", "set craft_name = moth\n", all, "");
        /* Parts, and what is no setting. */
        differs("map TAER1234\naux 0 1\nboard_name X\nbatch start\n", "map AETR1234\n",
                1U << FC_SECTION_RECEIVER, "map TAER1234>map AETR1234;");
}

static void on_board(const char *text, const struct fc_identity *identity, bool fits) {
        _cleanup_fc_config_ struct fc_config *config = parse(text);
        struct fault fault = FAULT_INIT;

        assert_int_equal(fc_config_check_board(config, identity, &fault) == 0, fits);
        assert_int_equal(fault.error, fits ? FWD_OK : FWD_WRONG_BOARD);
}

static void test_board(void **state) {
        struct fc_identity identity = board("BTFL", 4, 5);

        on_board("board_name MOTH405\nsave\n", &identity, true);
        on_board("board_name moth405\nsave\n", &identity, true);
        on_board("board_name MOTH722\nsave\n", &identity, false);
        on_board("set a = 1\n", &identity, true);
        on_board("# INAV/MOTH405 7.1.2 Sep 24 2024\nset a = 1\n", &identity, false);
        identity.board[0] = '\0'; /* never given a name */
        on_board("board_name MOTH722\nsave\n", &identity, true);
}

static void test_refusals(void **state) {
        static const struct {
                const char *reply, *refusal;
        } rows[] = {
                {"a set to 1\n", NULL},
                {"", NULL},
                {"###ERROR IN set: INVALID NAME: b###", "###ERROR IN set: INVALID NAME: b###"},
                {"\n###ERROR: UNKNOWN COMMAND###\nx", "###ERROR: UNKNOWN COMMAND###"},
                {"x\n  ### ERROR: Invalid value\n", "### ERROR: Invalid value"},
                {"ERR_CMD_NA: frobnicate\n", "ERR_CMD_NA: frobnicate"},
                {"Unknown command, try 'help'", "Unknown command, try 'help'"},
                {"###WARNING: NO CUSTOM DEFAULTS FOUND###\n", NULL},
                {"craft_name set to ###\n", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t length = 0;
                const char *found = fc_cli_refusal(rows[i].reply, &length);

                assert_int_equal(found != NULL, rows[i].refusal != NULL);
                if (!found)
                        continue;
                assert_int_equal(length, strlen(rows[i].refusal));
                assert_memory_equal(found, rows[i].refusal, length);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_version_lines),
                cmocka_unit_test(test_head),
                cmocka_unit_test(test_no_configuration),
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_translation),
                cmocka_unit_test(test_compare),
                cmocka_unit_test(test_board),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests_name("fc-config", tests, NULL, NULL);
}
