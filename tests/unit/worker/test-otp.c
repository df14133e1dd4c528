/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/otp.h"

/* Memory as a Crazyflie has it: 16 blocks of 32 bytes. */
static uint8_t otp[512];

static void blank(void) {
        memset(otp, 0xff, sizeof(otp));
}

static void write_block(size_t block, const char *text) {
        memset(otp + 32 * block, 0, 32);
        memcpy(otp + 32 * block, text, strlen(text));
}

static void check(int want, const char *type) {
        char got[OTP_TYPE_SIZE] = "untouched";

        assert_int_equal(otp_parse(OTP_CRAZYFLIE, otp, sizeof(otp), got), want);
        assert_string_equal(got, want == 0 ? type : "untouched");
}

static void test_types(void **state) {
        static const char *const types[] = {"CF20", "CF21", "C21B", "CB10", "RR10"};

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                char text[32] = "0;";

                blank();
                write_block(0, strcat(text, types[i]));
                check(0, types[i]);
        }
        blank();
        write_block(0, "0;CF21;R=B1;E=2");
        check(0, "CF21");
}

static void test_struck_out(void **state) {
        blank();
        memset(otp, 0, 3 * 32); /* written over with zeros three times */
        write_block(3, "0;C21B");
        check(0, "C21B");
        memset(otp, 0, sizeof(otp));
        check(-ENODATA, NULL);
        write_block(15, "0;RR10");
        check(0, "RR10");
}

static void test_empty(void **state) {
        blank();
        check(-ENODATA, NULL);
        memset(otp, 0, 32); /* struck out, and nothing behind */
        check(-ENODATA, NULL);
        check(-ENODATA, NULL);
        assert_int_equal(otp_parse(OTP_CRAZYFLIE, otp, 31, (char[OTP_TYPE_SIZE]){}), -ENODATA);
        assert_int_equal(otp_parse(OTP_NONE, otp, sizeof(otp), (char[OTP_TYPE_SIZE]){}), -ENODATA);
}

static void test_other_forms(void **state) {
        static const char *const texts[] = {"1;CF20", "CF20", "0;", "0;;", "0;CF 0", "0;\x1b[2J"};

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                blank();
                write_block(0, texts[i]);
                check(-EBADMSG, NULL);
        }
        /* A type without an end. */
        memset(otp, 'A', sizeof(otp));
        memcpy(otp, "0;", 2);
        check(0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        blank(); /* an ODrive's: FE, vendor, product, version */
        memcpy(otp, "\xfe\x01\x01\x03\x06\x38", 6);
        check(-EBADMSG, NULL);
}

static void check_odrive(size_t size, int want, const char *type) {
        char got[OTP_TYPE_SIZE] = "untouched";

        assert_int_equal(otp_parse(OTP_ODRIVE, otp, size, got), want);
        assert_string_equal(got, want == 0 ? type : "untouched");
}

static void test_odrive(void **state) {
        blank();
        check_odrive(sizeof(otp), -ENODATA, NULL);
        memcpy(otp, "\xfe\x01\x01\x03\x06\x38", 6);
        check_odrive(sizeof(otp), 0, "3.6-56V");
        check_odrive(16, 0, "3.6-56V");
        check_odrive(15, -ENODATA, NULL);
        /* Struck out: the second record counts. */
        memset(otp, 0, 16);
        check_odrive(sizeof(otp), -ENODATA, NULL);
        memcpy(otp + 16, "\xfe\x01\x01\x03\x04\x18", 6);
        check_odrive(sizeof(otp), 0, "3.4-24V");
        check_odrive(16, -EBADMSG, NULL);
        /* Another maker's. */
        blank();
        write_block(0, "0;CF20");
        check_odrive(sizeof(otp), -EBADMSG, NULL);
        memset(otp, 0xff, 3);
        otp[0] = 0xfe; /* the largest numbers fit */
        memset(otp + 1, 0xff, 31);
        check_odrive(sizeof(otp), 0, "255.255-255V");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),  cmocka_unit_test(test_struck_out),
                cmocka_unit_test(test_empty),  cmocka_unit_test(test_other_forms),
                cmocka_unit_test(test_odrive),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
