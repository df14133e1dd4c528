/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of other boards and releases, and broken ones: what becomes of them and of each of their
 * lines. */

#include "config-board.h"

static void test_other_board(void **state) {
        char *at;

        set_up(&framed);
        expect_ok(backup_into(backup_text, NULL));
        sim_unplug();

        sim_plug("betaflight-f722", (const char *const[]){"version=4.5.4", NULL});
        expect_error(restore(backup_text, NULL), FWD_WRONG_BOARD);
        has(told("MESSAGE"), "SPEEDYBEEF405V4");
        has(told("MESSAGE"), "MATEKF722SE");
        assert_string_equal(told("X.Rebooting"), "");
        expect_ok(restore(backup_text, (const char *const[]){"force=yes", NULL}));
        assert_string_equal(told("X.Rejected"), "0");
        sim_unplug();

        /* Without our head, by the words of the firmware. */
        at = strstr(backup_text, "\n# version");
        assert_non_null(at);
        sim_plug("betaflight-f722", (const char *const[]){"version=4.5.4", NULL});
        expect_error(restore(at, NULL), FWD_WRONG_BOARD);
        sim_unplug();
        sim_plug("betaflight-f405", (const char *const[]){"variant=INAV", "version=7.1.2", NULL});
        expect_error(restore(at, NULL), FWD_WRONG_BOARD);
        has(told("MESSAGE"), "INAV");
        sim_unplug();
}

static void test_bad_files(void **state) {
        static char text[CONFIG_MAX];

        set_up(&framed);
        expect_ok(backup_into(backup_text, NULL));
        sim.opened = 0;

        strcpy(text, backup_text);
        text[strlen(text) - 40] = '\0';
        expect_error(restore(text, NULL), FWD_INVALID_CONFIG);
        has(told("MESSAGE"), "hash");
        strcpy(text, backup_text);
        strstr(text, "small_angle = 180")[14] = '9';
        expect_error(restore(text, NULL), FWD_INVALID_CONFIG);
        /* Somebody else's file, without its end. */
        strcpy(text, strstr(backup_text, "\n# version"));
        *strstr(text, "\n# save configuration") = '\0';
        expect_error(restore(text, NULL), FWD_INVALID_CONFIG);
        has(told("MESSAGE"), "cut short");
        expect_error(restore("\x7f"
                             "ELF\x01\x02",
                             NULL),
                     FWD_INVALID_CONFIG);
        expect_error(restore("set a = 1\nbl\nsave\n", NULL), FWD_INVALID_CONFIG);
        expect_error(restore("\n# nothing\n", NULL), FWD_INVALID_CONFIG);
        assert_int_equal(sim.opened, 0);
        config_is_as_it_was();
        sim_unplug();
}

/* Lines of one release on another. */
static void test_translation(void **state) {
        static const struct generation old = {"variant=BTFL", "version=4.3.1", NULL, NULL};
        static const struct generation before = {"variant=BTFL", "version=2025.12.2", NULL, NULL};
        static const struct generation after = {"variant=BTFL", "version=2026.12.0", NULL, NULL};

        plug(&old, NULL);
        expect_ok(restore("serial UART2 64 115200 57600 0 115200\nset craft_name = moth\nsave\n",
                          NULL));
        assert_string_equal(told("X.Translated"), "2");
        has(told("X.TranslatedLines"), "(set name = moth)");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nserial 1 64 115200 57600 0 115200\n");
        has(backup_text, "\nset name = moth\n");
        sim_unplug();

        /* Up: numbers are still taken, names are new. */
        plug(&before, NULL);
        expect_ok(restore(backup_text, NULL));
        assert_string_equal(told("X.Translated"), "1");
        settle();
        expect_ok(compare(backup_text));
        assert_string_equal(told("X.Missing"), "0");
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nserial UART2 64 115200 57600 0 115200\n");
        has(backup_text, "\nset craft_name = moth\n");
        sim_unplug();

        /* And from where ports are no longer set by serial lines. */
        plug(&after, NULL);
        expect_ok(restore(backup_text, NULL));
        assert_string_equal(told("X.Skipped"), "0");
        has(told("X.TranslatedLines"),
            "serial UART2 64 115200 57600 0 115200 (set rx_uart = UART2)");
        settle();
        expect_ok(compare(backup_text));
        assert_string_equal(told("X.Missing"), "0");
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset rx_uart = UART2\n");
        has_not(backup_text, "\nserial ");
        sim_unplug();

        /* And down: what is told by function is not told to firmware that has no such setting. */
        plug(&before, NULL);
        expect_ok(restore(backup_text, NULL));
        assert_string_equal(told("X.Skipped"), "1");
        has(told("X.SkippedLines"), "set rx_uart = UART2 (this firmware has serial lines");
        settle();
        expect_ok(compare(backup_text));
        has(told("X.MissingLines"), "set rx_uart = UART2");
        sim_unplug();
}

/* Several functions in one line, a port that gets another one, and what a build does not have. */
static void test_ports(void **state) {
        static const struct generation after = {"variant=BTFL", "version=2026.12.0", NULL, NULL};
        static const char *const only[] = {"only=serial", NULL};

        plug(&after, "without=GPS");
        expect_ok(restore("serial 20 1 115200 57600 0 115200\n"
                          "serial UART1 513 230400 57600 57600 115200\n"
                          "serial 5 2 115200 57600 0 115200\n"
                          "serial 2 2048 115200 57600 0 115200\n",
                          only));
        has(told("X.TranslatedLines"),
            "(set msp_uart_2 = UART1, set msp_baud_2 = 230400, set telemetry_1_protocol = MAVLINK, "
            "set telemetry_1_uart = UART1, set telemetry_1_baud = 57600)");
        assert_string_equal(told("X.Skipped"), "2");
        has(told("X.SkippedLines"), "serial 5 2 115200 57600 0 115200 (this firmware is built "
                                    "without GPS)");
        has(told("X.SkippedLines"), "which kind of VTX");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset vtx_uart = UART3\n");

        /* The port gets something else to do: what it did ends. */
        expect_ok(restore("serial UART1 64 115200 57600 0 115200\n", only));
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset rx_uart = UART1\n");
        has_not(backup_text, "msp_uart_2");
        has_not(backup_text, "telemetry_1_uart");
        /* Part by part, as people do across versions. */
        expect_ok(restore("set rx_uart = UART2\nset small_angle = 10\n", only));
        assert_string_equal(told("X.Applied"), "1");
        sim_unplug();
}

/* What cannot be typed is not sent as something else. */
static void test_untypable(void **state) {
        static const char text[] = "set craft_name = a?b\nset pilot_name = #1\n"
                                   "set small_angle = 90\nsave\n";

        plug(&interactive, NULL);
        expect_ok(restore(text, NULL));
        assert_string_equal(told("X.Skipped"), "2");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has_not(backup_text, "_name =");
        sim_unplug();
        plug(&framed, NULL);
        expect_ok(restore(text, NULL));
        assert_string_equal(told("X.Skipped"), "1");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset craft_name = a?b\n");
        sim_unplug();
}

/* Firmware for any board of a chip forgets which one it is on when its configuration goes. */
static void test_board_name_is_given_back(void **state) {
        plug(&interactive, NULL);
        expect_ok(backup_into(backup_text, NULL));
        sim_unplug();
        sim_plug("betaflight-f405",
                 (const char *const[]){"version=4.4.2", "board-name=", "manufacturer-id=", NULL});
        expect_ok(restore(backup_text, NULL));
        expect_ok((settle(), perform(&op_identify, -EBADF, -EBADF, NULL)));
        assert_string_equal(told("X.BoardName"), "SPEEDYBEEF405V4");
        assert_string_equal(told("X.Manufacturer"), "SPBE");
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_other_board), cmocka_unit_test(test_bad_files),
                cmocka_unit_test(test_translation), cmocka_unit_test(test_ports),
                cmocka_unit_test(test_untypable),   cmocka_unit_test(test_board_name_is_given_back),
        };

        return cmocka_run_group_tests_name("config-lines", tests, NULL, NULL);
}
