/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What takes a board's serial port away, and what to do against it: drivers, brltty, rules files.
 */

#include "base-test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/brltty.h"
#include "base/config-files.h"
#include "base/serial-driver.h"
#include "base/text.h"

static void driver_is(uint16_t vendor, uint16_t product, uint8_t class, uint8_t subclass,
                      const char *module) {
        const struct usb_driver *driver = serial_driver_for(vendor, product, class, subclass);

        assert_string_equal(driver ? driver->module : "none", module);
}

static void test_drivers(void **state) {
        driver_is(0x0483, 0x5740, 0x02, 0x02, "cdc_acm");
        driver_is(0x0483, 0x5740, 0x0A, 0x00, "none"); /* its data interface: it comes with it */
        driver_is(0x0483, 0x5740, 0x02, 0x06, "none"); /* Ethernet */
        driver_is(0x0483, 0xDF11, 0xFE, 0x01, "none");
        driver_is(0x1A86, 0x7523, 0xFF, 0x01, "ch341");
        driver_is(0x10C4, 0xEA60, 0xFF, 0x00, "cp210x");
        driver_is(0x0403, 0x6001, 0xFF, 0xFF, "ftdi_sio");
        driver_is(0x10C4, 0xEA70, 0xFF, 0x00, "none");
        driver_is(0x1A86, 0x7584, 0xFF, 0x00, "none");
        assert_false(serial_driver_acm.braille);
        assert_true(serial_driver_ch341.braille);
        assert_true(serial_driver_cp210x.braille);
}

static void end_is(const char *file, const char *unit, const char *command) {
        _cleanup_free_ char *end = brltty_end_command(file, unit);

        assert_string_equal(end ? end : "none", command);
}

static void test_brltty(void **state) {
        end_is("/lib/udev/rules.d/85-brltty.rules", NULL,
               "ln -sf /dev/null /etc/udev/rules.d/85-brltty.rules");
        end_is("/etc/udev/rules.d/mine.rules", "brltty.service",
               "mv /etc/udev/rules.d/mine.rules /etc/udev/rules.d/mine.rules.off");
        end_is(NULL, "brltty.service", "systemctl disable --now brltty.service");
        end_is(NULL, NULL, "none");
}

static void put(const char *root, const char *file, const char *content) {
        _cleanup_free_ char *path = text_format("%s/%s", root, file);
        _cleanup_fclose_ FILE *f = NULL;

        for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                (void) mkdir(path, 0755);
                *slash = '/';
        }
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(content, f) >= 0);
}

static void found_is(const char *root, const char *file) {
        _cleanup_free_ char *found = udev_rules_find(root, "BRAILLE");

        assert_string_equal(found ? found : "none", file);
}

static void test_rules(void **state) {
        char root[] = "/tmp/fwd-test.XXXXXX";
        _cleanup_free_ char *clean = NULL, *read = NULL, *path = NULL;

        assert_non_null(mkdtemp(root));
        found_is(root, "none");
        put(root, "etc/udev/rules.d/10-a.rules", "# nothing\n");
        put(root, "etc/udev/rules.d/70-fwd.rules", "BRAILLE, ours\n");
        put(root, "usr/lib/udev/rules.d/85-b.rules", "ENV{BRAILLE}=\"1\"\n");
        put(root, "usr/lib/udev/rules.d/85-b.rules.off", "BRAILLE\n");
        found_is(root, "/usr/lib/udev/rules.d/85-b.rules");
        put(root, "etc/udev/rules.d/99-c.rules", "BRAILLE\n");
        found_is(root, "/etc/udev/rules.d/99-c.rules");
        path = text_format("%s/etc/udev/rules.d/10-a.rules", root);
        read = text_file_read(path);
        assert_string_equal(read, "# nothing\n");
        assert_null(text_file_read("/nonexistent"));
        clean = text_format("rm -r %s", root);
        assert_int_equal(system(clean), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_drivers),
                cmocka_unit_test(test_brltty),
                cmocka_unit_test(test_rules),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
