/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The defaults of the board's maker, beside firmware for any board of its chip, and what a dry run
 * tells of them. */

#include "config-board.h"

/* The defaults of the board, where the firmware is one for all boards of its chip. */
static void test_custom_defaults(void **state) {
        static const struct generation before = {"variant=BTFL", "version=4.4.2", NULL, NULL};
        static const struct generation after = {"variant=BTFL", "version=4.5.1", NULL, NULL};
        static const struct generation inav = {"variant=INAV", "version=7.1.2", NULL, NULL};
        static const struct {
                const char *fault;
                enum fwd_error error;
        } faults[] = {{"refused", FWD_CONFIG_REJECTED}, {"silent", FWD_TIMEOUT}};

        plug(&before, "custom-defaults=1");
        expect_ok(perform(&op_identify, -EBADF, -EBADF, NULL));
        assert_string_equal(told("X.CustomDefaults"), "available");
        assert_string_equal(told("X.ConfigState"), "bare");
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                set("reset-fault", faults[i].fault);
                expect_error(perform(&op_defaults, -EBADF, -EBADF, NULL), faults[i].error);
                assert_string_equal(told("X.Rebooting"), "");
        }
        set("reset-fault", "none");
        set("armed", "1");
        expect_error(perform(&op_defaults, -EBADF, -EBADF, NULL), FWD_ARMED);
        set("armed", "0");
        expect_ok(perform(&op_defaults, -EBADF, -EBADF, NULL));
        assert_string_equal(told("X.Rebooting"), "yes");
        settle();
        expect_ok(backup_into(backup_text, (const char *const[]){"dump=yes", NULL}));
        assert_string_equal(told("X.ConfigState"), "custom-defaults");
        has(backup_text, "\nset small_angle = 100\n");
        has(backup_text, "\nresource MOTOR 1 A08\n");
        /* A configuration is what differs from them, and is given back over them. */
        settle();
        expect_ok(restore("set small_angle = 180\nsave\n", NULL));
        settle();
        expect_ok(backup_into(backup_text, NULL));
        assert_string_equal(told("X.ConfigState"), "configured");
        has(backup_text, "\nset small_angle = 180\n");
        has_not(backup_text, "resource MOTOR");
        sim_unplug();

        plug(&before, NULL);
        expect_error(perform(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        assert_string_equal(told("X.CustomDefaults"), "none");
        sim_unplug();
        plug(&after, NULL);
        expect_error(perform(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        assert_string_equal(told("X.CustomDefaults"), "");
        assert_string_equal(told("X.ConfigState"), "");
        sim_unplug();
        plug(&inav, NULL);
        expect_error(perform(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        sim_unplug();
}

/* Was `line` sent to the board, as a whole? '#' is what opens the command line. */
static bool was_sent(const char *line) {
        const size_t n = strlen(line);

        for (size_t i = 0; i + n < sim.n_sent; i++)
                if (memcmp(sim.sent + i, line, n) == 0 && sim.sent[i + n] == '\n' &&
                    (i == 0 || sim.sent[i - 1] < 0x20 || sim.sent[i - 1] == '#'))
                        return true;
        return false;
}

static void has_instead(const char *text, const char *line, const char *other) {
        has(text, line);
        has_not(text, other);
}

static const struct generation some = {"variant=BTFL", "version=4.3.1", NULL, NULL};

#define DRY ((const char *const[]){"dry-run=yes", NULL})

/* A dry run tells what they are, and what they would take the place of; then that comes. */
static void test_plan(void **state) {
        static char text[CONFIG_MAX];

        plug(&some, "custom-defaults=1");
        expect_ok(restore("set small_angle = 180\nset rssi_channel = 7\nmap TAER1234\n"
                          "profile 1\nset p_pitch = 60\nsave\n",
                          NULL));
        settle();
        remember_config();
        expect_ok(backup_into(backup_text, (const char *const[]){"dump=yes", NULL}));
        settle();
        sim.n_sent = 0;
        expect_ok(perform(&op_defaults, -EBADF, -EBADF, DRY));
        assert_string_equal(run.phases, "planning");
        assert_string_equal(told("X.Plan"), "5");
        assert_string_equal(told("X.PlanLines"),
                            "resource MOTOR 1 A08; resource LED_STRIP 1 A15; feature OSD; "
                            "serial 1 64 115200 57600 0 115200; set small_angle = 100");
        assert_string_equal(told("X.Replaced"), "4");
        assert_string_equal(told("X.ReplacedLines"),
                            "map TAER1234; set rssi_channel = 7; set small_angle = 180; "
                            "set p_pitch = 60 (profile 1)");
        assert_string_equal(told("X.Rebooting"), "yes");
        assert_true(was_sent("defaults show"));
        assert_false(was_sent("defaults"));
        assert_false(was_sent("save"));
        config_is_as_it_was();
        settle();
        config_is_as_it_was();
        expect_ok(backup_into(other_text, (const char *const[]){"dump=yes", NULL}));
        assert_string_equal(told("X.ConfigState"), "configured");
        assert_string_equal(strstr(backup_text, "# Sha256"), strstr(other_text, "# Sha256"));
        settle();

        expect_ok(perform(&op_defaults, -EBADF, -EBADF, NULL));
        settle();
        expect_ok(backup_into(text, (const char *const[]){"dump=yes", NULL}));
        settle();
        has_instead(text, "\nset small_angle = 100\n", "\nset small_angle = 180\n");
        has_instead(text, "\nset rssi_channel = 0\n", "\nset rssi_channel = 7\n");
        has_instead(text, "\nmap AETR1234\n", "\nmap TAER1234\n");
        has_instead(text, "\nset p_pitch = 47\n", "\nset p_pitch = 60\n");
        has(text, "\nresource MOTOR 1 A08\n");
        has(text, "\nresource LED_STRIP 1 A15\n");
        has(text, "\nserial 1 64 115200 57600 0 115200\n");
        /* There is nothing left to take the place of. */
        expect_ok(perform(&op_defaults, -EBADF, -EBADF, DRY));
        assert_string_equal(told("X.Plan"), "5");
        assert_string_equal(told("X.Replaced"), "0");
        sim_unplug();
}

/* A small build does not say that it can show them: the command that may reset is left alone. */
static void test_plan_not_shown(void **state) {
        plug(&some, "custom-defaults=1");
        set("without", "HELP");
        expect_ok(restore("set small_angle = 180\nsave\n", NULL));
        settle();
        remember_config();
        sim.n_sent = 0;
        expect_ok(perform(&op_defaults, -EBADF, -EBADF, DRY));
        assert_string_equal(told("X.Plan"), "");
        assert_string_equal(told("X.PlanLines"), "");
        assert_string_equal(told("X.ReplacedLines"), "set small_angle = 180");
        assert_true(was_sent("help defaults"));
        assert_false(was_sent("defaults show"));
        config_is_as_it_was();
        sim_unplug();
}

/* What an application is refused, its dry run is refused, without a restart. */
static void test_plan_refused(void **state) {
        static const struct {
                const char *variant, *version;
        } rows[] = {
                {"variant=BTFL", "version=4.4.2"},
                {"variant=BTFL", "version=4.5.1"},
                {"variant=BTFL", "version=2026.12.0"},
                {"variant=INAV", "version=7.1.2"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                sim_plug("betaflight-f405",
                         (const char *const[]){rows[i].variant, rows[i].version, NULL});
                expect_error(perform(&op_defaults, -EBADF, -EBADF, DRY), FWD_NOT_SUPPORTED);
                assert_string_equal(told("X.Rebooting"), "");
                assert_false(was_sent("help defaults"));
                sim_unplug();
        }
        plug(&some, "custom-defaults=1");
        set("armed", "1");
        remember_config();
        expect_error(perform(&op_defaults, -EBADF, -EBADF, DRY), FWD_ARMED);
        assert_string_equal(told("X.Rebooting"), "");
        config_is_as_it_was();
        sim_unplug();
}

static void test_plan_faults(void **state) {
        static const struct {
                const char *fault;
                enum fwd_error error;
        } rows[] = {
                {"garbage", FWD_BAD_ANSWER}, {"half", FWD_TIMEOUT},
                {"no-prompt", FWD_TIMEOUT},  {"other-echo", FWD_BAD_ANSWER},
                {"drop", FWD_DEVICE_LOST},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                plug(&some, "custom-defaults=1");
                remember_config();
                set("cli-fault", rows[i].fault);
                expect_error(perform(&op_defaults, -EBADF, -EBADF, DRY), rows[i].error);
                assert_string_equal(told("X.Plan"), "");
                config_is_as_it_was();
                works();
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_custom_defaults), cmocka_unit_test(test_plan),
                cmocka_unit_test(test_plan_not_shown),  cmocka_unit_test(test_plan_refused),
                cmocka_unit_test(test_plan_faults),
        };

        return cmocka_run_group_tests_name("custom-defaults", tests, NULL, NULL);
}
