/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flash-operation.h"

/* Asking a board who it is, in its bootloader and in its firmware, and asking a firmware for its
 * bootloader. */

/* On what is behind the serial port. */
static void prepare_port(const struct operation *operation) {
        prepare_operation(operation);
        run.worker.tty = MODEL_TTY;
}

static void test_identify(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.McuFamily"), "STM32F405, F407, F415 or F417");
        assert_string_equal(heard("X.OptionBytes"), "efaaffffffffffffff0fffffffffffff");
        sim_unplug();

        sim_plug("stm32-f405", locked);
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "yes");
        assert_null(heard("X.OptionBytes"));
        sim_unplug();
}

static void test_identify_bootloader(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.MemoryMap"), "0x08000000/4*16K,1*64K,7*128K");
        assert_string_equal(heard("X.ReadProtected"), "no");
        sim_unplug();
}

static const char *const betaflight[] = {"time-scale=0.01", "uid=002d00303334510b32313533", NULL};

static void test_identify_betaflight(void **state) {
        sim_plug("betaflight-f405", betaflight);
        prepare_port(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Variant"), "BTFL");
        assert_string_equal(heard("X.BoardName"), "SPEEDYBEEF405V4");
        assert_string_equal(heard("X.Manufacturer"), "SPBE");
        assert_string_equal(heard("X.UniqueId"), "002d00303334510b32313533");
        assert_non_null(strstr(heard("X.DfuSerials"), "325E35633334"));
        assert_non_null(heard("X.FirmwareVersion"));
        assert_non_null(heard("X.ApiVersion"));
        assert_non_null(strstr(heard("X.Mcu"), "F40"));
        sim_unplug();
}

static void test_identify_on_a_bad_line(void **state) {
        static const char *const noisy[] = {"noise=1", "corrupt-replies=2", NULL};

        sim_plug("betaflight-f405", noisy);
        prepare_port(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.BoardName"), "SPEEDYBEEF405V4");
        sim_unplug();
}

/* As ModemManager's probing leaves it, or a terminal that was closed. */
static void leave_in_cli(void) {
        const char *const said[] = {"#", "PORTCFG\r"};

        for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
                model_serial_write(sim.model, (const uint8_t *) said[i], strlen(said[i]),
                                   sim.now_us);
                sim.now_us += 200000;
                model_advance(sim.model, sim.now_us);
        }
}

static void test_identify_in_command_line(void **state) {
        const char *const old[] = {"time-scale=0.01", "version=4.3.0", NULL};
        const char *const inav[] = {"time-scale=0.01", "variant=INAV", "version=7.1.0", NULL};
        const char *const *firmwares[] = {old, inav};

        sim_plug("betaflight-f405", f405);
        leave_in_cli();
        prepare_port(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.CommandLine"), "closed");
        assert_string_equal(heard("X.Variant"), "BTFL");
        prepare_port(&op_identify); /* and it stays closed */
        check_result(go(), FWD_OK, "untouched");
        assert_null(heard("X.CommandLine"));
        assert_int_equal(sim.model->generation, 1);
        sim_unplug();

        /* These leave it by a restart alone, which nobody asked for. */
        for (size_t i = 0; i < ARRAY_SIZE(firmwares); i++) {
                sim_plug("betaflight-f405", firmwares[i]);
                leave_in_cli();
                prepare_port(&op_identify);
                check_result(go(), FWD_NEEDS_USER_ACTION, "untouched");
                assert_non_null(strstr(heard("MESSAGE"), "command line"));
                assert_int_equal(sim.model->generation, 1);
                sim_unplug();
        }
}

static void reboot_to(const char *const *options, const char *method, bool comes) {
        unsigned generation;

        sim_plug("betaflight-f405", options);
        generation = sim.model->generation;
        prepare_port(&op_reboot);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Method"), method);
        assert_string_equal(run.phases, "rebooting");
        (void) sim_advance(generation, sim.now_us + 1);
        for (unsigned i = 0; i < 100 && sim.model->generation == generation; i++) {
                uint64_t next_us = model_next_event(sim.model);

                if (next_us == MODEL_NEVER)
                        break;
                sim.now_us = next_us;
                model_advance(sim.model, sim.now_us);
        }
        assert_int_equal(sim.model->generation != generation, comes);
        if (comes)
                assert_false(sim.model->has_serial_port);
        sim_unplug();
}

static void test_reboot(void **state) {
        static const char *const inav[] = {"variant=INAV", "version=7.1.0", NULL};
        static const char *const old[] = {"version=3.5.7", NULL};
        static const char *const emuflight[] = {"variant=EMUF", "version=0.4.1", NULL};
        static const char *const dated[] = {"version=2025.12.3", NULL};
        static const char *const deaf[] = {"ignore-reboot=1", NULL};

        reboot_to(NULL, "msp-reboot", true);
        reboot_to(dated, "msp-reboot", true);
        reboot_to(emuflight, "msp-reboot", true);
        reboot_to(inav, "cli", true);
        reboot_to(old, "reboot-character", true);
        /* Whether it came is seen on the bus, by somebody else. */
        reboot_to(deaf, "msp-reboot", false);
}

static void refuse_reboot(const char *const *options, enum fwd_error error) {
        unsigned generation;

        sim_plug("betaflight-f405", options);
        generation = sim.model->generation;
        prepare_port(&op_reboot);
        check_result(go(), error, "untouched");
        assert_true(sim_advance(generation, sim.now_us + 5000000));
        sim_unplug();
}

static void test_reboot_refused(void **state) {
        static const char *const armed[] = {"armed=1", NULL};
        static const char *const silent[] = {"silent=1", NULL};
        static const char *const garbage[] = {"garbage=1", NULL};

        refuse_reboot(armed, FWD_ARMED);
        refuse_reboot(silent, FWD_TIMEOUT);
        refuse_reboot(garbage, FWD_TIMEOUT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_identify),
                cmocka_unit_test(test_identify_bootloader),
                cmocka_unit_test(test_identify_betaflight),
                cmocka_unit_test(test_identify_on_a_bad_line),
                cmocka_unit_test(test_identify_in_command_line),
                cmocka_unit_test(test_reboot),
                cmocka_unit_test(test_reboot_refused),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
