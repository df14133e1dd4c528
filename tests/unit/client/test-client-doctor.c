/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of fwctl doctor that only read text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "client/doctor/kernel-log.h"
#include "client/doctor/modem-policy.h"
#include "client/doctor/modprobe.h"

static void feed(struct kernel_log *log, const char *const *lines) {
        *log = (struct kernel_log){};
        for (uint64_t i = 0; lines[i]; i++)
                kernel_log_line(log, i + 1, lines[i]);
}

static const struct port_log *port(const struct kernel_log *log, const char *name) {
        for (size_t i = 0; i < log->n; i++)
                if (strcmp(log->ports[i].port, name) == 0)
                        return &log->ports[i];
        fail_msg("nothing is known of port %s", name);
        return NULL;
}

/* As Linux 6.1 says it of a board whose receiver keeps the ROM busy. */
static const char *const never_answers[] = {
        "usb 1-2: New USB device found, idVendor=0483, idProduct=5740, bcdDevice= 2.00",
        "usb 1-2: USB disconnect, device number 5",
        "usb 1-2: new full-speed USB device number 6 using xhci_hcd",
        "usb 1-2: device descriptor read/64, error -110",
        "usb 1-2: device descriptor read/64, error -110",
        "usb usb1-port2: attempt power cycle",
        "usb 1-2: Device not responding to setup address.",
        "usb 1-2: device not accepting address 8, error -71",
        "usb usb1-port2: unable to enumerate USB device",
        NULL,
};

static void test_no_address(void **state) {
        struct kernel_log log;

        feed(&log, never_answers);
        assert_int_equal(log.n, 1);
        assert_int_equal(port(&log, "1-2")->trouble, PORT_NO_ANSWER);
        assert_int_equal(port(&log, "1-2")->error, -71);
        assert_int_equal(port(&log, "1-2")->vendor, 0x0483);
        assert_int_equal(port(&log, "1-2")->product, 0x5740);
        assert_int_equal(port(&log, "1-2")->when_us, 9);
}

static void test_comes_later(void **state) {
        struct kernel_log log;

        feed(&log, never_answers);
        kernel_log_line(&log, 20,
                        "usb 1-2: New USB device found, idVendor=0483, idProduct=df11, "
                        "bcdDevice=22.00");
        assert_int_equal(port(&log, "1-2")->trouble, PORT_FINE);
        assert_int_equal(port(&log, "1-2")->product, 0xDF11);
}

/* The ports of a hub behind a hub, and of a root hub. */
static void test_port_names(void **state) {
        static const char *const lines[] = {
                "usb 3-1.4-port2: unable to enumerate USB device",
                "usb usb12-port15: Cannot enable. Maybe the USB cable is bad?",
                NULL,
        };
        struct kernel_log log;

        feed(&log, lines);
        assert_int_equal(port(&log, "3-1.4.2")->trouble, PORT_NO_ANSWER);
        assert_int_equal(port(&log, "12-15")->trouble, PORT_NO_LINK);
}

/* The reason stays, although the kernel says last that it gave up. */
static void test_over_current(void **state) {
        static const char *const lines[] = {
                "usb usb1-port1: over-current condition",
                "usb usb1-port1: unable to enumerate USB device",
                "usb 1-3: rejected 1 configuration due to insufficient available bus power",
                NULL,
        };
        struct kernel_log log;

        feed(&log, lines);
        assert_int_equal(port(&log, "1-1")->trouble, PORT_OVER_CURRENT);
        assert_int_equal(port(&log, "1-3")->trouble, PORT_NO_POWER);
        kernel_log_line(&log, 9, "usb 1-3: USB disconnect, device number 4");
        assert_int_equal(port(&log, "1-3")->trouble, PORT_FINE);
}

static void test_no_config(void **state) {
        static const char *const lines[] = {
                "usb 1-1: New USB device found, idVendor=0483, idProduct=5740, bcdDevice= 2.00",
                "usb 1-1: can't set config #1, error -110",
                NULL,
        };
        struct kernel_log log;

        feed(&log, lines);
        assert_int_equal(port(&log, "1-1")->trouble, PORT_NO_CONFIG);
        assert_int_equal(port(&log, "1-1")->error, -110);
}

static void test_other_lines(void **state) {
        static const char *const lines[] = {
                "",
                "usb",
                "usb ",
                "usb :",
                "usb 1-1",
                "usbcore: registered new interface driver cdc_acm",
                "cdc_acm 1-1:1.0: ttyACM0: USB ACM device",
                "EXT4-fs error (device vda): device descriptor read/64, error -110",
                "usb an-extremely-long-name-that-is-no-port-at-all-but-a-name: device not "
                "accepting "
                "address 3",
                NULL,
        };
        struct kernel_log log;

        feed(&log, lines);
        assert_int_equal(log.n, 0);
}

static void test_many_ports(void **state) {
        struct kernel_log log = {};
        char line[80];

        for (unsigned i = 0; i < 2 * KERNEL_LOG_PORTS_MAX; i++) {
                (void) snprintf(line, sizeof(line), "usb 1-%u: device not accepting address 3", i);
                kernel_log_line(&log, i, line);
        }
        assert_int_equal(log.n, KERNEL_LOG_PORTS_MAX);
}

static void test_modprobe_files(void **state) {
        assert_true(modprobe_text_forbids("# a\nblacklist cdc_acm\n", "cdc_acm"));
        assert_true(modprobe_text_forbids("  blacklist\tcdc-acm", "cdc_acm"));
        assert_true(modprobe_text_forbids("install cdc_acm /bin/false\n", "cdc_acm"));
        assert_true(modprobe_text_forbids("install cdc-acm  /bin/true", "cdc_acm"));
        assert_false(modprobe_text_forbids("install cdc_acm /sbin/modprobe -i cdc_acm", "cdc_acm"));
        assert_false(modprobe_text_forbids("#blacklist cdc_acm\n", "cdc_acm"));
        assert_false(modprobe_text_forbids("blacklist cdc_acm2\nblacklist\nblacklist ", "cdc_acm"));
        assert_false(modprobe_text_forbids("options cdc_acm x=1\n", "cdc_acm"));
        assert_false(modprobe_text_forbids("", "cdc_acm"));
}

static void test_module_lists(void **state) {
        static const char dep[] =
                "kernel/drivers/usb/class/cdc-wdm.ko.xz: kernel/drivers/usb/core/usbcore.ko.xz\n"
                "kernel/drivers/usb/class/cdc-acm.ko.xz: kernel/drivers/usb/core/usbcore.ko.xz\n";

        assert_true(modules_text_has(dep, "cdc_acm"));
        assert_false(modules_text_has(dep, "usbcore"));
        assert_false(modules_text_has(dep, "acm"));
        assert_true(modules_text_has("kernel/drivers/hid/usbhid/usbhid.ko\n", "usbhid"));
        assert_true(modules_text_has("kernel/a/cdc-acm.ko", "cdc_acm"));
        assert_false(modules_text_has("", "cdc_acm"));
}

static void test_command_line(void **state) {
        assert_true(command_line_forbids("quiet module_blacklist=a,cdc_acm\n", "cdc_acm"));
        assert_true(command_line_forbids("modprobe.blacklist=cdc-acm quiet", "cdc_acm"));
        assert_false(command_line_forbids("quiet module_blacklist=a,b rw\n", "cdc_acm"));
        assert_false(command_line_forbids("my_module_blacklist=cdc_acm", "cdc_acm"));
        assert_false(command_line_forbids("module_blacklist=", "cdc_acm"));
}

static void test_modem_policy(void **state) {
        static const char legacy[] = "/usr/sbin/ModemManager\0--filter-policy=legacy";
        static const char apart[] = "/usr/sbin/ModemManager\0--debug\0--filter-policy\0paranoid";
        static const char plain[] = "/usr/sbin/ModemManager";
        static const char cut[] = "/usr/sbin/ModemManager\0--filter-policy";

        assert_int_equal(modem_policy(legacy, sizeof(legacy), "1.20.4"), MODEM_POLICY_LEGACY);
        assert_int_equal(modem_policy(apart, sizeof(apart), "1.14.0"), MODEM_POLICY_PARANOID);
        assert_int_equal(modem_policy(plain, sizeof(plain), "1.20.4"), MODEM_POLICY_STRICT);
        assert_int_equal(modem_policy(plain, sizeof(plain), "1.12.8"), MODEM_POLICY_LEGACY);
        assert_int_equal(modem_policy(cut, sizeof(cut), "1.20.4"), MODEM_POLICY_UNKNOWN);
        assert_int_equal(modem_policy(NULL, 0, NULL), MODEM_POLICY_UNKNOWN);
        assert_int_equal(modem_policy(NULL, 0, "one"), MODEM_POLICY_UNKNOWN);
}

static void test_modem_ignore(void **state) {
        assert_true(modem_manager_heeds_ignore("1.20.4", MODEM_POLICY_STRICT));
        assert_true(modem_manager_heeds_ignore("1.12.0", MODEM_POLICY_STRICT));
        assert_true(modem_manager_heeds_ignore("1.10.6", MODEM_POLICY_STRICT));
        assert_false(modem_manager_heeds_ignore("1.10.5", MODEM_POLICY_STRICT));
        assert_false(modem_manager_heeds_ignore("1.11.2", MODEM_POLICY_STRICT));
        assert_true(modem_manager_heeds_ignore("1.8.2", MODEM_POLICY_LEGACY));
        assert_true(modem_manager_heeds_ignore(NULL, MODEM_POLICY_STRICT));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_address),   cmocka_unit_test(test_comes_later),
                cmocka_unit_test(test_port_names),   cmocka_unit_test(test_over_current),
                cmocka_unit_test(test_no_config),    cmocka_unit_test(test_other_lines),
                cmocka_unit_test(test_many_ports),   cmocka_unit_test(test_modprobe_files),
                cmocka_unit_test(test_module_lists), cmocka_unit_test(test_command_line),
                cmocka_unit_test(test_modem_policy), cmocka_unit_test(test_modem_ignore),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
