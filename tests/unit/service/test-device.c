/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of boards: who is who, and for how long. */

#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "service/alias.h"
#include "service/steps.h"

static void test_comes_and_goes(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_bootloader(bench, PORT, ROM_SERIAL);

        assert_non_null(device);
        assert_string_equal(device->path, PATH);
        assert_string_equal(device_get(device, DEVICE_MODE), "bootloader");
        assert_string_equal(device_get(device, DEVICE_BOARD), "stm32-dfu");
        assert_string_equal(device_get(device, DEVICE_NODE), "/dev/bus/usb/001/005");
        bench_unplug(bench, PORT);
        assert_null(device_find_port(&bench->service, PORT));
}

static void test_firmware_is_used_by_its_tty(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_firmware(bench, PORT);

        assert_string_equal(device_get(device, DEVICE_NODE), "/dev/ttyACM0");
        assert_string_equal(device_get(device, DEVICE_BOARD), "betaflight");
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        assert_string_equal(device_get(device, DEVICE_NODE), "/dev/bus/usb/001/004");
}

static void test_unknown_ids_are_left_alone(void **state) {
        struct bench *bench = *state;
        const struct device_usb mouse = {.port = PORT, .node = "/dev/bus/usb/001/009"};

        devices_usb_added(&bench->service, &mouse);
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM0");
        assert_null(bench->service.devices);
}

static void test_identified_by_itself(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        _cleanup_free_ char *call = bench_call(bench, "identify");

        assert_string_equal(device_get(device, DEVICE_VARIANT), "BTFL");
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), UID_HEX);
        assert_string_equal(device_name(device), "STUB405");
        assert_string_equal(call, "identify port=" PORT " node= tty=/dev/ttyACM0 id= serial= "
                                  "board=betaflight options=");
}

static void hint_has(const struct device *device, const char *text) {
        if (!strstr(device_get(device, DEVICE_HINT), text))
                fail_msg("no \"%s\" in \"%s\"", text, device_get(device, DEVICE_HINT));
}

/* Boards whose bootloader is no DFU device: known, and told apart by what to do with them. */
static void test_other_bootloaders(void **state) {
        static const struct {
                enum device_mode mode;
                const char *candidates, *manufacturer, *board, *answer;
        } rows[] = {
                {MODE_FIRMWARE, "rp2350-betaflight", "Betaflight", "rp2350-betaflight",
                 "copy the .uf2 file to the drive"},
                {MODE_BOOTLOADER, "rp2350", "Raspberry Pi", "rp2350", ".uf2"},
                {MODE_FIRMWARE, "esp32", "Espressif", "esp32", "Use esptool"},
        };
        struct bench *bench = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct device_usb usb = {.port = PORT,
                                         .node = "/dev/bus/usb/001/004",
                                         .mode = rows[i].mode,
                                         .candidates = rows[i].candidates};
                struct fault fault = FAULT_INIT;

                (void) snprintf(usb.manufacturer, sizeof(usb.manufacturer), "%s",
                                rows[i].manufacturer);
                devices_usb_added(&bench->service, &usb);
                assert_string_equal(device_get(bench->service.devices, DEVICE_BOARD),
                                    rows[i].board);
                assert_true(flash_check_board(bench->service.devices, &fault) < 0);
                assert_int_equal(fault.error, FWD_NOT_SUPPORTED);
                if (!strstr(fault.message, rows[i].answer))
                        fail_msg("%s", fault.message);
                hint_has(bench->service.devices, rows[i].answer);
                bench_unplug(bench, PORT);
        }
}

static void tell(struct bench *bench, struct port_driver *driver, enum port_driver_state state) {
        driver->state = state;
        devices_port_driver(&bench->service, PORT, driver);
}

static void test_no_serial_port(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        struct port_driver driver = {.driver = &serial_driver_acm, .interface = PORT ":1.0"};

        /* A late word about a board that has its port is none. */
        tell(bench, &driver, PORT_DRIVER_MISSING);
        assert_string_equal(device_get(device, DEVICE_HINT), "");
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        tell(bench, &driver, PORT_DRIVER_MISSING);
        hint_has(device, "cdc_acm, is not loaded. \"sudo modprobe cdc_acm\"");
        assert_false(port_driver_is_held(device));
        tell(bench, &driver, PORT_DRIVER_OFF);
        hint_has(device, "cdc_acm, was taken off it. \"echo " PORT ":1.0 | sudo tee ");
        assert_false(port_driver_is_held(device));
        tell(bench, &driver, PORT_DRIVER_CLAIMED);
        hint_has(device, "Another program has claimed");
        hint_has(device, "fuser -v /dev/bus/usb/001/004");
        assert_true(port_driver_is_held(device));
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM0");
        assert_string_equal(device_get(device, DEVICE_HINT), "");
        assert_null(port_driver_text(device));
        devices_port_driver(&bench->service, "9-9", &driver); /* nothing is there */
}

static void test_brltty(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        struct port_driver driver = {.driver = &serial_driver_acm, .interface = PORT ":1.0"};
        _cleanup_free_ char *text = NULL;

        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        bench->service.brltty_unit = strdup("brltty.service");
        tell(bench, &driver, PORT_DRIVER_CLAIMED); /* no display has such a port */
        hint_has(device, "Another program has claimed");
        driver.driver = &serial_driver_ch341;
        tell(bench, &driver, PORT_DRIVER_CLAIMED);
        hint_has(device, "\"sudo systemctl disable --now brltty.service && echo " PORT ":1.0 |");
        tell(bench, &driver, PORT_DRIVER_OFF); /* between two of its looks */
        hint_has(device, "brltty takes the board for a braille display");
        assert_true(port_driver_is_held(device));
        text = port_driver_text(device);
        assert_true(strlen(text) < sizeof(((struct fault *) NULL)->message));
        tell(bench, &driver, PORT_DRIVER_MISSING); /* which brltty has nothing to do with */
        hint_has(device, "ch341, is not loaded");
        tell(bench, &driver, PORT_DRIVER_OFF);
        free(TAKE_PTR(bench->service.brltty_unit));
        devices_brltty_known(&bench->service); /* it has ended */
        hint_has(device, "ch341, was taken off it");
        driver.braille = true;
        tell(bench, &driver, PORT_DRIVER_OFF);
        hint_has(device, "brltty takes the board for a braille display");
}

/* Who took the port may have been the reason that the board did not say what it is. */
static void test_asked_again_with_its_port(void **state) {
        struct bench *bench = *state;
        struct port_driver driver = {.driver = &serial_driver_acm, .interface = PORT ":1.0"};
        struct device *device;

        bench_script(bench, "identify", "fail DeviceLost untouched 'The port is gone'");
        device = bench_plug_firmware(bench, PORT);
        bench_until(bench, device->identify_failed);
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        tell(bench, &driver, PORT_DRIVER_CLAIMED);
        hint_has(device, "Another program has claimed");
        bench_script(bench, "identify", "say X.Variant=BTFL");
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM0");
        bench_until(bench, device->identified);
        assert_string_equal(device_get(device, DEVICE_VARIANT), "BTFL");
}

/* Opening the serial port of an unknown thing may start its motors. */
static void test_never_opened_uninvited(void **state) {
        struct bench *bench = *state;
        const struct device_usb usb = {
                .port = PORT,
                .node = "/dev/bus/usb/001/004",
                .mode = MODE_FIRMWARE,
                .candidates = "betaflight unknown-vcp",
                .vendor_id = 0x0483,
                .product_id = 0x5740,
                .manufacturer = "Somebody",
        };
        struct device *device;

        devices_usb_added(&bench->service, &usb);
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM0");
        device = device_find_port(&bench->service, PORT);
        assert_string_equal(device_get(device, DEVICE_BOARD), "unknown-vcp");
        assert_null(device->identify);
        assert_true(*device_get(device, DEVICE_HINT)); /* how to get on by hand */
}

/* A failing identification is told and not repeated; plugging in again is a new chance. */
static void test_failed_identification(void **state) {
        struct bench *bench = *state;
        struct device *device;
        _cleanup_free_ char *calls = NULL, *again = NULL;

        bench_script(bench, "identify", "fail PortHeld untouched 'ModemManager has the port'");
        device = bench_plug_firmware(bench, PORT);
        bench_until(bench, !device->identify);
        assert_string_equal(device_get(device, DEVICE_HINT), "ModemManager has the port");
        devices_tty_removed(&bench->service, "/dev/ttyACM0");
        devices_tty_added(&bench->service, PORT, "/dev/ttyACM0");
        assert_null(device->identify);
        calls = bench_calls(bench);
        assert_string_equal(calls, "identify");
        bench_unplug(bench, PORT);
        device = bench_plug_firmware(bench, PORT);
        assert_non_null(device->identify);
}

static void test_unplugged_while_identified(void **state) {
        struct bench *bench = *state;

        bench_script(bench, "identify", "exec sleep 1000");
        assert_non_null(bench_plug_firmware(bench, PORT)->identify);
        bench_unplug(bench, PORT);
        assert_null(bench->service.devices);
}

/* The same event twice: found by enumeration, and told by the monitor. */
static void test_told_twice(void **state) {
        struct bench *bench = *state;
        struct device *device = bench_plug_identified(bench, PORT);
        unsigned generation = device->generation;

        assert_ptr_equal(bench_plug_firmware(bench, PORT), device);
        assert_int_equal(device->generation, generation);
        assert_true(device->identified);
}

/* Without a job and without proof, what comes to the port is another board. */
static void test_another_board_on_the_port(void **state) {
        struct bench *bench = *state;
        struct device *device;

        (void) bench_plug_identified(bench, PORT);
        bench_unplug(bench, PORT);
        device = bench_plug_bootloader(bench, PORT, "208B317A3331");
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), "");
        assert_string_equal(device_get(device, DEVICE_BOARD), "stm32-dfu");
}

static void test_removal_was_not_told(void **state) {
        struct bench *bench = *state;
        struct device *device;

        (void) bench_plug_identified(bench, PORT);
        device = bench_plug_bootloader(bench, PORT, "208B317A3331");
        assert_string_equal(device_get(device, DEVICE_MODE), "bootloader");
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), "");
}

/* Rebooted by another program: its serial number proves which board it is. */
static void test_known_again_by_its_serial(void **state) {
        struct bench *bench = *state;
        struct device *device;

        (void) bench_plug_identified(bench, PORT);
        bench_unplug(bench, PORT);
        device = bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), UID_HEX);
        assert_string_equal(device_get(device, DEVICE_BOARD), "betaflight");
        assert_string_equal(device->profile->name, "betaflight");
        assert_string_equal(device_get(device, DEVICE_BOARD_NAME), "STUB405");
}

/* A constant that a whole chip family shows proves nothing. */
static void test_constants_prove_nothing(void **state) {
        struct bench *bench = *state;
        struct device *device;

        (void) bench_plug_identified(bench, PORT);
        bench_unplug(bench, PORT);
        device = bench_plug_bootloader(bench, PORT, "200364500000");
        assert_string_equal(device_get(device, DEVICE_BOARD), "stm32-dfu");
}

/* Names */

static void resolves(struct bench *bench, const char *what, const char *port) {
        struct device *device;
        struct fault fault = FAULT_INIT;

        assert_int_equal(device_resolve(&bench->service, what, &device, &fault), 0);
        assert_string_equal(device_get(device, DEVICE_PORT), port);
}

static void refuses(struct bench *bench, const char *what, enum fwd_error error,
                    const char *sentence) {
        struct device *device = NULL;
        struct fault fault = FAULT_INIT;

        assert_true(device_resolve(&bench->service, what, &device, &fault) < 0);
        assert_null(device);
        assert_int_equal(fault.error, error);
        if (!strstr(fault.message, sentence))
                fail_msg("\"%s\" is not in: %s", sentence, fault.message);
}

static void test_names(void **state) {
        struct bench *bench = *state;
        char path[128];

        bench_script(bench, "aliases", "[Aliases]\nbay1 = 1-2.3\nbay2=1-9\nbroken\n");
        (void) snprintf(path, sizeof(path), "%s/aliases", bench->dir);
        assert_int_equal(setenv("FWD_ALIASES", path, 1), 0);
        aliases_load(&bench->service);
        (void) bench_plug_identified(bench, "1-2.3");
        (void) bench_plug_bootloader(bench, "1-2", "208B317A3331");
        (void) bench_plug_bootloader(bench, "3-1", "208B317A3331");

        resolves(bench, "1-2.3", "1-2.3");
        resolves(bench, "1-2", "1-2"); /* whole before a beginning */
        resolves(bench, "bay1", "1-2.3");
        resolves(bench, "ba", "1-2.3");
        resolves(bench, "/dev/ttyACM0", "1-2.3");
        resolves(bench, "/dev/bus/usb/001/004", "1-2.3"); /* its other node */
        resolves(bench, PATH, "1-2.3");
        resolves(bench, UID_HEX, "1-2.3");
        resolves(bench, "002d", "1-2.3");
        resolves(bench, "3", "3-1");
        refuses(bench, "1-", FWD_INVALID_ARGUMENT, "1-2.3, 1-2");
        refuses(bench, "208B317A3331", FWD_INVALID_ARGUMENT, "1-2, 3-1");
        refuses(bench, "bay2", FWD_NOT_FOUND, "\"bay2\"");
        refuses(bench, "", FWD_INVALID_ARGUMENT, "No board was named");
        refuses(bench, "\033[2J", FWD_NOT_FOUND, "\"?[2J\"");
        assert_int_equal(unsetenv("FWD_ALIASES"), 0);
}

static void test_table_is_bounded(void **state) {
        struct bench *bench = *state;
        char port[16];

        for (unsigned i = 0; i < DEVICES_MAX + 10; i++) {
                (void) snprintf(port, sizeof(port), "1-%u", i);
                (void) bench_plug_bootloader(bench, port, "");
        }
        assert_non_null(device_find_port(&bench->service, "1-255"));
        assert_null(device_find_port(&bench->service, "1-256"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_no_serial_port),
                TEST(test_brltty),
                TEST(test_asked_again_with_its_port),
                TEST(test_comes_and_goes),
                TEST(test_firmware_is_used_by_its_tty),
                TEST(test_unknown_ids_are_left_alone),
                TEST(test_identified_by_itself),
                TEST(test_other_bootloaders),
                TEST(test_never_opened_uninvited),
                TEST(test_failed_identification),
                TEST(test_unplugged_while_identified),
                TEST(test_told_twice),
                TEST(test_another_board_on_the_port),
                TEST(test_removal_was_not_told),
                TEST(test_known_again_by_its_serial),
                TEST(test_constants_prove_nothing),
                TEST(test_names),
                TEST(test_table_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
