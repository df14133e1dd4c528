/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each way to ask a flight controller for its bootloader, and the next one when it refuses. */

#include "config-board.h"

static void reboots(const char *const *options, const char *method, bool comes) {
        unsigned generation;

        sim_plug("betaflight-f405", options);
        generation = sim.model->generation;
        expect_ok(perform(&op_reboot, -EBADF, -EBADF, NULL));
        assert_string_equal(told("X.Method"), method);
        settle();
        assert_int_equal(sim.model->generation != generation && !sim.model->has_serial_port, comes);
        sim_unplug();
}

/* A way that the firmware refuses is followed by the next. */
static void test_reboot_ladder(void **state) {
        reboots((const char *const[]){"version=4.4.2", "refuse-reboot=1", NULL}, "cli", true);
        reboots((const char *const[]){"version=2025.12.2", "refuse-reboot=1", NULL}, "cli", true);
        reboots((const char *const[]){"variant=INAV", "version=7.1.2", NULL}, "cli", true);
        reboots((const char *const[]){"variant=INAV", "version=9.1.0", "msp-dfu=1", NULL},
                "msp-reboot", true);
        reboots((const char *const[]){"variant=EMUF", "version=0.4.1", "refuse-reboot=1", NULL},
                "cli", true);
        reboots((const char *const[]){"version=4.4.2", "ignore-reboot=1", NULL}, "msp-reboot",
                false);

        /* All were tried; it says why it does not go, and works. */
        sim_plug("betaflight-f405", (const char *const[]){"version=4.4.2", "refuse-reboot=1",
                                                          "cli-fault=no-prompt", NULL});
        expect_error(perform(&op_reboot, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        works();
        sim_unplug();
}

/* Whoever has started its firmware again is asked in the next way, and only in one that is known.
 */
static void test_next_way(void **state) {
        static const char *const wrong[][3] = {
                {"after=by-hand"},
                {"after=cli", "to=firmware"},
        };

        sim_plug("betaflight-f405", (const char *const[]){"variant=INAV", "version=9.1.0", NULL});
        expect_ok(perform(&op_reboot, -EBADF, -EBADF,
                          (const char *const[]){"after=msp-reboot", NULL}));
        assert_string_equal(told("X.Method"), "cli");
        assert_string_equal(told("X.MoreWays"), "yes");
        settle();
        assert_false(sim.model->has_serial_port);
        sim_unplug();

        sim_plug("betaflight-f405", (const char *const[]){"version=4.4.2", NULL});
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                expect_error(perform(&op_reboot, -EBADF, -EBADF, wrong[i]), FWD_INVALID_ARGUMENT);
        works();
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reboot_ladder),
                cmocka_unit_test(test_next_way),
        };

        return cmocka_run_group_tests_name("reboot-ladder", tests, NULL, NULL);
}
