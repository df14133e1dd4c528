/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"

static void test_every_row(void **state) {
        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++) {
                const char *name = fwd_error_name(e), *bus = fwd_error_bus_name(e);
                const char *advice = fwd_error_advice(e);

                assert_true(isupper((unsigned char) name[0]));
                for (const char *c = name; *c; c++)
                        assert_true(isalpha((unsigned char) *c));
                assert_true(strncmp(bus, FWD_ERROR_PREFIX, strlen(FWD_ERROR_PREFIX)) == 0);
                assert_string_equal(bus + strlen(FWD_ERROR_PREFIX), name);
                /* A sentence. */
                assert_true(isupper((unsigned char) advice[0]));
                assert_int_equal(advice[strlen(advice) - 1], '.');
                assert_int_not_equal(fwd_error_exit_code(e), FWD_EXIT_OK);
        }
}

static void test_names_are_unique_and_come_back(void **state) {
        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++) {
                assert_int_equal(fwd_error_from_name(fwd_error_name(e)), e);
                assert_int_equal(fwd_error_from_name(fwd_error_bus_name(e)), e);
                for (int other = FWD_OK + 1; other < e; other++)
                        assert_string_not_equal(fwd_error_name(other), fwd_error_name(e));
        }
}

static void test_strangers(void **state) {
        assert_int_equal(fwd_error_from_name(NULL), FWD_OK);
        assert_int_equal(fwd_error_from_name(""), FWD_OK);
        assert_int_equal(fwd_error_from_name("Nonsense"), FWD_FAILED);
        assert_int_equal(fwd_error_from_name("verifyfailed"), FWD_FAILED);
        assert_int_equal(fwd_error_from_name("org.freedesktop.DBus.Error.NoReply"), FWD_FAILED);
        assert_int_equal(fwd_error_from_name(FWD_ERROR_PREFIX), FWD_FAILED);
        assert_string_equal(fwd_error_name(FWD_OK), "");
        assert_null(fwd_error_bus_name(FWD_OK));
        assert_int_equal(fwd_error_exit_code(FWD_OK), FWD_EXIT_OK);
        assert_string_equal(fwd_error_name(_FWD_ERROR_MAX), "");
        assert_int_equal(fwd_error_exit_code(_FWD_ERROR_MAX), FWD_EXIT_FAILURE);
        assert_string_equal(fwd_error_advice(_FWD_ERROR_MAX), "");
        assert_string_equal(fwd_error_advice(FWD_OK), "");
}

/* The table of fwctl(1): scripts depend on it. */
static void test_exit_codes(void **state) {
        static const struct {
                enum fwd_error error;
                int code;
        } cases[] = {
                {FWD_FAILED, 1},
                {FWD_INVALID_ARGUMENT, 2},
                {FWD_NOT_FOUND, 3},
                {FWD_NOT_AUTHORIZED, 4},
                {FWD_BUSY, 5},
                {FWD_PORT_HELD, 5},
                {FWD_ARMED, 5},
                {FWD_INVALID_IMAGE, 6},
                {FWD_IMAGE_TOO_LARGE, 6},
                {FWD_ADDRESS_OUT_OF_RANGE, 6},
                {FWD_WRONG_BOARD, 6},
                {FWD_VERIFY_FAILED, 7},
                {FWD_DEVICE_LOST, 8},
                {FWD_READ_PROTECTED, 9},
                {FWD_PROTECTED_REGION, 9},
                {FWD_TIMEOUT, 10},
                {FWD_CANCELLED, 11},
                {FWD_INVALID_CONFIG, 6},
                {FWD_CONFIG_REJECTED, 12},
                {FWD_BAD_ANSWER, 1},
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(fwd_error_exit_code(cases[i].error), cases[i].code);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_row),
                cmocka_unit_test(test_names_are_unique_and_come_back),
                cmocka_unit_test(test_strangers),
                cmocka_unit_test(test_exit_codes),
        };

        return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
