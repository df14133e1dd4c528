/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading a flight controller's configuration, with everything that goes wrong with a command line:
 * what is whole, or an error. */

#include "config-board.h"

/* Each way for a command line to go wrong has its error, and leaves no half of a backup. */
static void test_backup_faults(void **state) {
        static const struct {
                const char *fault;
                enum fwd_error interactive, framed;
                const char *says;
        } rows[] = {
                {"garbage", FWD_BAD_ANSWER, FWD_BAD_ANSWER, "no text"},
                {"half", FWD_TIMEOUT, FWD_TIMEOUT, "stopped in the middle"},
                {"no-save", FWD_TIMEOUT, FWD_BAD_ANSWER, ""},
                {"no-prompt", FWD_TIMEOUT, FWD_TIMEOUT, ""},
                {"other-echo", FWD_BAD_ANSWER, FWD_OK, "was asked"},
                {"drop", FWD_DEVICE_LOST, FWD_DEVICE_LOST, "went away"},
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
                const struct generation *g = i % 2 ? &framed : &interactive;
                enum fwd_error wanted = i % 2 ? rows[i / 2].framed : rows[i / 2].interactive;

                set_up(g);
                set("cli-fault", rows[i / 2].fault);
                expect_error(backup_into(backup_text, NULL), wanted);
                if (wanted != FWD_OK) {
                        assert_string_equal(backup_text, "");
                        has(told("MESSAGE"), rows[i / 2].says);
                }
                config_is_as_it_was();
                works();
                sim_unplug();
        }
}

/* A slow board is no broken one. */
static void test_slow(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                expect_ok(backup_into(other_text, NULL));
                settle();
                set("cli-slow-ms", "100");
                expect_ok(backup_into(backup_text, NULL));
                assert_string_equal(strstr(backup_text, "# Sha256"),
                                    strstr(other_text, "# Sha256"));
                sim_unplug();
        }
}

/* Another program reads as well, and has what is missing: what looks whole may not be. */
static void test_shared(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                sim.is_shared = true;
                expect_error(backup_into(backup_text, NULL), FWD_PORT_HELD);
                assert_string_equal(backup_text, "");
                has(told("MESSAGE"), "Another program has opened " MODEL_TTY " meanwhile");
                settle();
                set("cli-fault", "half");
                expect_error(backup_into(backup_text, NULL), FWD_PORT_HELD);
                settle();
                set("cli-fault", "none");
                set("silent", "1");
                expect_error(perform(&op_identify, -EBADF, -EBADF, NULL), FWD_PORT_HELD);
                set("silent", "0");
                sim.is_shared = false;
                config_is_as_it_was();
                works();
                expect_ok(backup_into(backup_text, NULL));
                sim_unplug();
        }
}

static void test_armed(void **state) {
        plug(&framed, "armed=1");
        remember_config();
        expect_error(backup_into(backup_text, NULL), FWD_ARMED);
        expect_error(restore(edited, NULL), FWD_ARMED);
        assert_string_equal(told("X.Rebooting"), "");
        expect_error(compare(edited), FWD_ARMED);
        config_is_as_it_was();
        sim_unplug();
}

static void test_unknown_command_line(void **state) {
        static const char *const options[] = {"variant=CLFL", "version=2.5.0", NULL};

        sim_plug("betaflight-f405", options);
        expect_error(backup_into(backup_text, NULL), FWD_NOT_SUPPORTED);
        has(told("MESSAGE"), "Cleanflight 2.5.0");
        sim_unplug();
}

static void test_dump(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                expect_ok(backup_into(backup_text, (const char *const[]){"dump=yes", NULL}));
                has(backup_text, "\nset dyn_notch_min_hz = 100\n");
                has(backup_text, "\nset p_pitch = 61\n");
                has_not(backup_text, "defaults nosave");
                settle();
                /* All of it goes back as well. */
                replug(i ? &framed : &interactive);
                expect_ok(restore(backup_text, NULL));
                settle();
                expect_ok(compare(backup_text));
                assert_string_equal(told("X.Missing"), "0");
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_backup_faults),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_shared),
                cmocka_unit_test(test_armed),
                cmocka_unit_test(test_unknown_command_line),
                cmocka_unit_test(test_dump),
        };

        return cmocka_run_group_tests_name("config-backup", tests, NULL, NULL);
}
