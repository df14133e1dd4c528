/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The simulated command line, byte for byte: how it is entered and left, what it echoes, what it
 * takes notice of. */

#include "sim-host.h"

#include <string.h>

static char got[65536];

/* What comes within `ms`. */
static const char *hear(struct sim_host *h, unsigned ms) {
        got[sim_receive(h, ms, got, sizeof(got) - 1)] = '\0';
        return got;
}

static const char *say(struct sim_host *h, const char *text) {
        sim_send(h, text, strlen(text));
        return hear(h, 200);
}

/* MSP_API_VERSION, answered or not. */
static bool speaks_msp(struct sim_host *h) {
        sim_send(h, "$M<\0\1\1", 6);
        return strncmp(hear(h, 200), "$M>", 3) == 0;
}

static void enter(struct sim_host *h) {
        (void) say(h, "#");
        assert_non_null(strstr(got, "CLI"));
}

static void entering(void **state) {
        static const struct {
                const char *version, *bytes;
                bool opens;
        } rows[] = {
                {"version=4.4.2", "#", true},       {"version=4.4.2", "#\r", true},
                {"version=2025.12.1", "#", true},   {"version=2025.12.1", "#\r", false},
                {"version=2025.12.5", "#\r", true}, {"version=2025.12.5", "#$", false},
                {"version=4.4.2", "R#", true},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;

                sim_host_start(&h, "betaflight-f405", rows[i].version, NULL);
                (void) say(&h, rows[i].bytes);
                if (rows[i].opens) {
                        assert_memory_equal(got, "\r\n", 2);
                        assert_non_null(strstr(got, "CLI"));
                        assert_string_equal(got + strlen(got) - 4, "\r\n# ");
                } else
                        assert_string_equal(got, "");
                sim_host_stop(&h);
        }
}

/* A byte within the silence, of whatever kind, and older firmware does not open. */
static void silence(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "version=4.4.2", NULL);
        model_serial_write(h.m, (const uint8_t *) "#", 1, h.now_us);
        assert_string_equal(hear(&h, 50), "");
        assert_string_equal(say(&h, "\r"), "");
        sim_host_set(&h, "armed", "1");
        assert_string_equal(say(&h, "#"), "");
        sim_host_stop(&h);
}

static void lines(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "version=4.5.1", NULL);
        enter(&h);
        /* Echo, answer, prompt. CR, LF and both end a line once. */
        assert_string_equal(say(&h, "set small_angle = 90\n"),
                            "set small_angle = 90\r\nsmall_angle set to 90\r\n\r\n# ");
        assert_string_equal(say(&h, "mcu_id 1\r\n"), "mcu_id 1\r\n\r\n# ");
        assert_string_equal(say(&h, "\r\n\n"), "");
        /* Comments, blanks before, a backspace. */
        assert_string_equal(say(&h, "# nothing\n"), "# nothing\r\n\r\n# ");
        assert_string_equal(say(&h, "  mcu_id 1 # x\n"), "mcu_id 1 # x\r\n\r\n# ");
        assert_string_equal(say(&h, "mcu_ie\x7f"), "mcu_ie\b \b");
        assert_string_equal(say(&h, "d 1\n"), "d 1\r\n\r\n# ");
        /* '?' and TAB complete and are no part of the line. */
        assert_string_equal(say(&h, "mcu?"), "mcu\r\n\r\n# mcu");
        assert_string_equal(say(&h, "_id\n"), "_id\r\n\r\n# ");
        assert_string_equal(say(&h, "frobnicate\n"),
                            "frobnicate\r\n###ERROR IN frobnicate: UNKNOWN COMMAND, TRY 'HELP'###"
                            "\r\n\r\n# ");
        /* MSP is not answered. */
        assert_false(speaks_msp(&h));
        sim_host_stop(&h);
}

static void errors_by_firmware(void **state) {
        static const struct {
                const char *variant, *version, *begins;
        } rows[] = {
                {"variant=BTFL", "version=4.2.9", "###ERROR: "},
                {"variant=BTFL", "version=4.3.0", "###ERROR IN set: "},
                {"variant=INAV", "version=7.1.0", "### ERROR: "},
                {"variant=EMUF", "version=0.4.1", "###ERROR: "},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;

                sim_host_start(&h, "betaflight-f405", rows[i].variant, rows[i].version, NULL);
                enter(&h);
                (void) say(&h, "set nothing = 1\n");
                assert_memory_equal(strchr(got, '\n') + 1, rows[i].begins, strlen(rows[i].begins));
                sim_host_stop(&h);
        }
}

static void frames(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "version=4.5.4", NULL);
        assert_string_equal(say(&h, "\x02set small_angle = 90\n\x03"),
                            "\x02small_angle set to 90\r\n\x03");
        assert_string_equal(say(&h, "\x02"
                                    "frobnicate\n\x03"),
                            "\x02"
                            "ERR_CMD_NA: frobnicate\r\n\x03");
        /* It is MSP again at once. */
        assert_true(speaks_msp(&h));
        sim_host_stop(&h);

        /* Late, and it closes by itself. */
        sim_host_start(&h, "betaflight-f405", "version=2025.12.2", NULL);
        assert_string_equal(say(&h, "\x02mcu_id"), "\x02");
        (void) hear(&h, 3000);
        assert_string_equal(say(&h, " "), "\x03");
        sim_host_stop(&h);

        sim_host_start(&h, "betaflight-f405", "version=4.5.3", NULL);
        assert_string_equal(say(&h, "\x02version\n\x03"), "");
        sim_host_stop(&h);
}

static void batches(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "version=4.5.1", NULL);
        enter(&h);
        (void) say(&h, "batch start\nset nothing = 1\n");
        assert_non_null(strstr(say(&h, "save\n"), "PLEASE FIX ERRORS"));
        /* Having refused, it saves the second time. */
        assert_non_null(strstr(say(&h, "save\n"), "Rebooting"));
        sim_host_stop(&h);

        sim_host_start(&h, "betaflight-f405", "version=4.5.1", NULL);
        enter(&h);
        (void) say(&h, "batch start\nset nothing = 1\ndefaults nosave\n");
        assert_non_null(strstr(say(&h, "save\n"), "Rebooting"));
        sim_host_stop(&h);
}

/* Saved or not, it restarts; `noreboot` where it is known. */
static void leaving(void **state) {
        static const struct {
                const char *version, *command;
                bool restarts, kept;
        } rows[] = {
                {"version=4.5.1", "exit\n", true, false},
                {"version=4.5.1", "exit noreboot\n", true, false},
                {"version=4.5.1", "\x04", true, false},
                {"version=4.5.1", "save\n", true, true},
                {"version=4.5.4", "exit noreboot\n", false, true},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;
                unsigned generation;

                sim_host_start(&h, "betaflight-f405", rows[i].version, NULL);
                generation = h.m->generation;
                enter(&h);
                (void) say(&h, "set small_angle = 90\n");
                (void) say(&h, rows[i].command);
                assert_int_equal(strstr(got, "Rebooting") != NULL, rows[i].restarts);
                (void) hear(&h, 3000);
                assert_int_equal(h.m->generation != generation, rows[i].restarts);
                assert_true(h.m->on_bus);
                enter(&h);
                (void) say(&h, "diff all\n");
                assert_int_equal(strstr(got, "small_angle = 90") != NULL, rows[i].kept);
                assert_string_equal(got + strlen(got) - 10, "\r\nsave\r\n# ");
                sim_host_stop(&h);
        }
}

/* Each release shows, as a comment, the default of what is not at it; nothing changes by that. */
static void defaults_as_comments(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "version=4.5.4", NULL);
        (void) say(&h, "\x02set small_angle = 90\n\x03");
        (void) say(&h, "\x02map TAER1234\n\x03");
        (void) say(&h, "\x02"
                       "dump all defaults\n\x03");
        assert_non_null(strstr(got, "\r\n#set small_angle = 25\r\nset small_angle = 90\r\n"));
        assert_non_null(strstr(got, "\r\n#map AETR1234\r\nmap TAER1234\r\n"));
        assert_non_null(strstr(got, "\r\nset osd_vbat_pos = 234\r\n"));
        assert_null(strstr(got, "#set osd_vbat_pos"));
        assert_null(strstr(got, "defaults nosave"));
        (void) say(&h, "\x02"
                       "diff all defaults\n\x03");
        assert_non_null(strstr(got, "\r\n#set small_angle = 25\r\nset small_angle = 90\r\n"));
        assert_null(strstr(got, "set osd_vbat_pos"));
        assert_non_null(strstr(got, "defaults nosave"));
        sim_host_stop(&h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(entering), cmocka_unit_test(silence),
                cmocka_unit_test(lines),    cmocka_unit_test(errors_by_firmware),
                cmocka_unit_test(frames),   cmocka_unit_test(batches),
                cmocka_unit_test(leaving),  cmocka_unit_test(defaults_as_comments),
        };

        return cmocka_run_group_tests_name("betaflight-cli", tests, NULL, NULL);
}
