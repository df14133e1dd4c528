/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The defaults of the board's maker, beside firmware for any board of its chip. */

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
        expect_ok(go(&op_identify, -EBADF, -EBADF, NULL));
        assert_string_equal(heard("X.CustomDefaults"), "available");
        assert_string_equal(heard("X.ConfigState"), "bare");
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                set("reset-fault", faults[i].fault);
                expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), faults[i].error);
                assert_string_equal(heard("X.Rebooting"), "");
        }
        set("reset-fault", "none");
        set("armed", "1");
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_ARMED);
        set("armed", "0");
        expect_ok(go(&op_defaults, -EBADF, -EBADF, NULL));
        assert_string_equal(heard("X.Rebooting"), "yes");
        settle();
        expect_ok(backup_into(backup_text, (const char *const[]){"dump=yes", NULL}));
        assert_string_equal(heard("X.ConfigState"), "custom-defaults");
        has(backup_text, "\nset small_angle = 100\n");
        has(backup_text, "\nresource MOTOR 1 A08\n");
        /* A configuration is what differs from them, and is given back over them. */
        settle();
        expect_ok(restore("set small_angle = 180\nsave\n", NULL));
        settle();
        expect_ok(backup_into(backup_text, NULL));
        assert_string_equal(heard("X.ConfigState"), "configured");
        has(backup_text, "\nset small_angle = 180\n");
        has_not(backup_text, "resource MOTOR");
        sim_unplug();

        plug(&before, NULL);
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        assert_string_equal(heard("X.CustomDefaults"), "none");
        sim_unplug();
        plug(&after, NULL);
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        assert_string_equal(heard("X.CustomDefaults"), "");
        assert_string_equal(heard("X.ConfigState"), "");
        sim_unplug();
        plug(&inav, NULL);
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_custom_defaults),
        };

        return cmocka_run_group_tests_name("custom-defaults", tests, NULL, NULL);
}
