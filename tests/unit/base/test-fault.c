/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"

static void test_first_wins(void **state) {
        struct fault fault = FAULT_INIT;

        assert_int_equal(fault_set(&fault, FWD_INVALID_IMAGE, "line %d", 7), -EBADMSG);
        assert_int_equal(fault_set(&fault, FWD_TIMEOUT, "later"), -ETIMEDOUT);
        assert_int_equal(fault_set_at(&fault, FWD_TIMEOUT, 5, "later"), -ETIMEDOUT);
        assert_int_equal(fault.error, FWD_INVALID_IMAGE);
        assert_string_equal(fault.message, "line 7");
        assert_false(fault.has_address);
        assert_int_equal(fault.dfu_state, -1);
        assert_int_equal(fault.dfu_status, -1);
}

static void test_address(void **state) {
        struct fault fault = FAULT_INIT;

        assert_int_equal(fault_set_at(&fault, FWD_VERIFY_FAILED, 0x08000000, "differs"), -EIO);
        assert_true(fault.has_address);
        assert_int_equal(fault.address, 0x08000000);
}

static void test_without_a_fault(void **state) {
        assert_int_equal(fault_set(NULL, FWD_BUSY, "nobody listens"), -EBUSY);
        assert_int_equal(fault_set_at(NULL, FWD_DEVICE_LOST, 0, "nobody listens"), -ENODEV);
}

static void test_every_error_has_an_errno(void **state) {
        assert_int_equal(fwd_error_to_errno(FWD_OK), 0);
        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++)
                assert_true(fwd_error_to_errno(e) < 0);
}

/* What a device said goes into messages: it comes out as one clean line, cut between characters. */
static void test_message_is_clean(void **state) {
        struct fault broken = FAULT_INIT, longest = FAULT_INIT;
        char text[4 * sizeof(longest.message)] = "";

        (void) fault_set(&broken, FWD_FAILED, "it said %s", "a\nb\033[2J\xff");
        assert_string_equal(broken.message, "it said a?b?[2J?");

        for (size_t i = 0; i + 2 < sizeof(text); i += 2)
                memcpy(text + i, "\xc3\xa9", 3);
        (void) fault_set(&longest, FWD_FAILED, "%s", text);
        assert_int_equal(strlen(longest.message), sizeof(longest.message) - 2);
        assert_true(text_is_clean(longest.message));
        assert_null(strchr(longest.message, '?'));
}

static void test_board_states(void **state) {
        for (int i = 0; i < _BOARD_STATE_MAX; i++) {
                assert_int_equal(board_state_from_name(board_state_name(i)), i);
                for (int k = 0; k < i; k++)
                        assert_string_not_equal(board_state_name(k), board_state_name(i));
        }
        assert_int_equal(board_state_from_name("whole"), -1);
        assert_int_equal(board_state_from_name(""), -1);
        assert_int_equal(board_state_from_name(NULL), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_wins),
                cmocka_unit_test(test_address),
                cmocka_unit_test(test_without_a_fault),
                cmocka_unit_test(test_every_error_has_an_errno),
                cmocka_unit_test(test_message_is_clean),
                cmocka_unit_test(test_board_states),
        };

        return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
