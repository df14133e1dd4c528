/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "worker/options.h"

static void test_all_of_them(void **state) {
        struct options options = OPTIONS_INIT;

        assert_true(options.leave);
        assert_false(options.has_address);
        assert_int_equal(options_take(&options, OPTIONS_FLASH, "address=0x08004000", NULL), 0);
        assert_int_equal(options_take(&options, OPTIONS_FLASH, "force=yes", NULL), 0);
        assert_int_equal(options_take(&options, OPTIONS_FLASH, "erase=full", NULL), 0);
        assert_int_equal(options_take(&options, OPTIONS_FLASH, "leave=false", NULL), 0);
        assert_true(options.has_address);
        assert_int_equal(options.address, 0x08004000);
        assert_true(options.force);
        assert_int_equal(options.erase, ERASE_FULL);
        assert_false(options.leave);
        assert_int_equal(options_take(&options, OPTIONS_REBOOT, "to=firmware", NULL), 0);
        assert_int_equal(options.to, REBOOT_TO_FIRMWARE);
        assert_int_equal(options_take(&options, OPTIONS_READ, "range=0x08004000+16K", NULL), 0);
        assert_true(options.has_range);
        assert_int_equal(options.range.start, 0x08004000);
        assert_int_equal(options.range.end, 0x08008000);
        assert_int_equal(options_take(&options, OPTIONS_ERASE, "dry-run=yes", NULL), 0);
        assert_true(options.dry_run);
}

static void test_the_defaults_by_name(void **state) {
        struct options options = OPTIONS_INIT;

        options.erase = ERASE_FULL;
        options.to = REBOOT_TO_FIRMWARE;
        assert_int_equal(options_take(&options, OPTIONS_FLASH, "erase=sectors", NULL), 0);
        assert_int_equal(options_take(&options, OPTIONS_REBOOT, "to=bootloader", NULL), 0);
        assert_int_equal(options.erase, ERASE_SECTORS);
        assert_int_equal(options.to, REBOOT_TO_BOOTLOADER);
}

/* Refused with a name, and nothing taken of it. */
static void test_refused(void **state) {
        static const struct {
                enum option_set set;
                const char *text, *said;
        } rows[] = {
                {OPTIONS_FLASH, "verify=no", "verify"}, /* it is always on */
                {OPTIONS_FLASH, "colour=red", "colour"},
                {OPTIONS_FLASH, "Address=0x08000000", "Address"},
                {OPTIONS_FLASH, "address", "KEY=VALUE"},
                {OPTIONS_FLASH, "", "KEY=VALUE"},
                {OPTIONS_FLASH, "=1", "KEY=VALUE"},
                {OPTIONS_FLASH, "address=", "address"},
                {OPTIONS_FLASH, "address=0x", "address"},
                {OPTIONS_FLASH, "address=-1", "address"},
                {OPTIONS_FLASH, "address=0x10000000000000000", "address"},
                {OPTIONS_FLASH, "address=0x08000000:leave", "address"},
                {OPTIONS_FLASH, "force=perhaps", "yes or no"},
                {OPTIONS_FLASH, "erase=mass", "sectors or full"},
                {OPTIONS_FLASH, "erase=sectors ", "sectors or full"},
                {OPTIONS_FLASH, "to=bootloader", "to"},
                {OPTIONS_REBOOT, "to=moon", "bootloader or firmware"},
                {OPTIONS_REBOOT, "after=", "such as msp-reboot"},
                {OPTIONS_REBOOT, "after=MSP", "such as msp-reboot"},
                {OPTIONS_REBOOT, "after=a-way-that-is-longer-than-any-of-them",
                 "such as msp-reboot"},
                {OPTIONS_FLASH, "after=cli", "after"},
                {OPTIONS_REBOOT, "force=yes", "force"}, /* nobody reboots an armed board by force */
                {OPTIONS_IDENTIFY, "address=0", "address"},
                {OPTIONS_READ, "range=0x08000000", "range"},
                {OPTIONS_READ, "range=0x08004000-0x08004000", "range"},
                {OPTIONS_ERASE, "range=0x08004000-0x08000000", "range"},
                {OPTIONS_ERASE, "force=yes", "force"},
                {OPTIONS_READ, "dry-run=yes", "dry-run"}, /* it changes nothing anyway */
                {OPTIONS_UNPROTECT, "range=0x08000000+1", "range"},
                {OPTIONS_UNPROTECT, "dry-run=perhaps", "yes or no"},
                {OPTIONS_FLASH, "a_key_that_is_longer_than_any_key_is=1", "KEY=VALUE"},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct options options = OPTIONS_INIT, before = OPTIONS_INIT;
                struct fault fault = FAULT_INIT;

                assert_int_equal(options_take(&options, rows[i].set, rows[i].text, &fault),
                                 -EINVAL);
                assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
                if (!strstr(fault.message, rows[i].said))
                        fail_msg("%s: \"%s\" is not in \"%s\"", rows[i].text, rows[i].said,
                                 fault.message);
                assert_int_equal(options.has_address, before.has_address);
                assert_int_equal(options.force, before.force);
                assert_int_equal(options.erase, before.erase);
                assert_int_equal(options.leave, before.leave);
                assert_int_equal(options.to, before.to);
        }
}

static void test_given_twice(void **state) {
        struct options options = OPTIONS_INIT;
        struct fault fault = FAULT_INIT;

        assert_int_equal(options_take(&options, OPTIONS_FLASH, "address=1", &fault), 0);
        assert_int_equal(options_take(&options, OPTIONS_FLASH, "address=2", &fault), -EINVAL);
        assert_int_equal(options.address, 1);
        assert_non_null(strstr(fault.message, "twice"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_of_them),
                cmocka_unit_test(test_the_defaults_by_name),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_given_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
