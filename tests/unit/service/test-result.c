/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person reads: what happened, which board, in what state it is, what to do now. */

#include <ctype.h>
#include <string.h>

#include "bench.h"
#include "service/result.h"

static struct result_context context(enum board_state state) {
        return (struct result_context){.port = PORT, .name = "STUB405", .state = state};
}

static void test_whole_sentence(void **state) {
        const struct result_context c = context(BOARD_PARTLY_WRITTEN);
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL;

        fault_set(&fault, FWD_DEVICE_LOST, "The board was unplugged");
        text = result_message(&fault, &c);
        assert_string_equal(text,
                            "The board was unplugged. Board 1-2.3 (STUB405) is partly written: it "
                            "has no working firmware now, its bootloader is whole. Plug the board "
                            "in again in its bootloader, then flash again.");
}

/* Whatever the error and the state: all four parts are there, and no sentence ends twice. */
static void test_every_error_and_state(void **state) {
        static const char *const states[_BOARD_STATE_MAX] = {
                "untouched", "erased", "partly written", "not proven", "verified"};

        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++)
                for (int s = 0; s < _BOARD_STATE_MAX; s++) {
                        const struct result_context c = context(s);
                        struct fault fault = FAULT_INIT;
                        _cleanup_free_ char *text = NULL;
                        char *after;

                        fault_set(&fault, e, "This happened.");
                        text = result_message(&fault, &c);
                        assert_ptr_equal(strstr(text, "This happened. Board 1-2.3 (STUB405) is "),
                                         text);
                        assert_non_null(strstr(text, states[s]));
                        assert_null(strstr(text, ".."));
                        assert_int_equal(text[strlen(text) - 1], '.');
                        /* Something to do comes last. */
                        after = strstr(text, states[s]);
                        after = strstr(after, ". ");
                        assert_non_null(after);
                        assert_true(isupper((unsigned char) after[2]));
                }
}

static void test_profile_knows_better(void **state) {
        struct board_profile profile = {.hint_bootloader = "Press the red button"};
        struct result_context c = context(BOARD_UNTOUCHED);
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL;

        c.profile = &profile;
        fault_set(&fault, FWD_NEEDS_USER_ACTION, "It did not come");
        text = result_message(&fault, &c);
        assert_non_null(strstr(text, "still has its old firmware. Press the red button."));
}

static void test_untouched_in_bootloader(void **state) {
        struct result_context c = context(BOARD_UNTOUCHED);
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL;

        c.in_bootloader = true;
        fault_set(&fault, FWD_CANCELLED, "The job was cancelled");
        text = result_message(&fault, &c);
        assert_non_null(strstr(text, "untouched"));
        assert_non_null(strstr(text, "in its bootloader"));
}

/* Who had it may have been writing: that its old firmware is whole is not for this job to say. */
static void test_untouched_but_held(void **state) {
        struct result_context c = context(BOARD_UNTOUCHED);
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL;

        c.in_bootloader = c.bootloader_was_held = true;
        fault_set(&fault, FWD_PORT_HELD, "Another program has it");
        text = result_message(&fault, &c);
        assert_non_null(strstr(text, "is untouched by this job; the program that has or had it"));
        assert_null(strstr(text, "whole"));
}

static void test_cancelled_halfway(void **state) {
        const struct result_context c = context(BOARD_ERASED);
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL;

        fault_set(&fault, FWD_CANCELLED, "The job was cancelled");
        text = result_message(&fault, &c);
        assert_non_null(strstr(text, "no firmware now"));
        assert_non_null(strstr(text, "Flash again to make it work."));
}

/* The loader is gone and the firmware is there: not the other way round. */
static void test_loader(void **state) {
        static const struct {
                enum board_state state;
                enum fwd_error error;
                const char *words, *advice;
        } rows[] = {
                {BOARD_UNTOUCHED, FWD_DEVICE_LOST, "is untouched", "Check the cable"},
                {BOARD_UNTOUCHED, FWD_INVALID_IMAGE, "is untouched", "Use the loader"},
                {BOARD_ERASED, FWD_DEVICE_LOST, "has lost its own loader", "recover-bootloader"},
                {BOARD_PARTLY_WRITTEN, FWD_INTERRUPTED, "half of its own loader",
                 "recover-bootloader"},
                {BOARD_PARTLY_WRITTEN, FWD_WRITE_FAILED, "firmware behind it", "Try again"},
                {BOARD_ERASED, FWD_CANCELLED, "firmware behind it", "Try again"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct result_context c = context(rows[i].state);
                struct fault fault = FAULT_INIT;
                _cleanup_free_ char *text = NULL;

                c.about = ABOUT_LOADER;
                fault_set(&fault, rows[i].error, "It happened");
                text = result_message(&fault, &c);
                assert_non_null(strstr(text, rows[i].words));
                assert_non_null(strstr(text, rows[i].advice));
                assert_null(strstr(text, "no firmware"));
                assert_null(strstr(text, "no working firmware"));
                assert_null(strstr(text, "lash again"));
        }
}

/* Who flashes nothing is not told to flash again, nor to take another file. */
static void test_no_file(void **state) {
        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++) {
                struct result_context c = context(BOARD_UNTOUCHED);
                struct fault fault = FAULT_INIT;
                _cleanup_free_ char *text = NULL;

                if (e == FWD_INVALID_IMAGE || e == FWD_IMAGE_TOO_LARGE || e == FWD_WRONG_BOARD ||
                    e == FWD_WRITE_FAILED || e == FWD_VERIFY_FAILED)
                        continue; /* not of these jobs */
                c.about = ABOUT_BOARD;
                fault_set(&fault, e, "It happened");
                text = result_message(&fault, &c);
                if (strstr(text, "irmware file") || strstr(text, "lash again"))
                        fail_msg("%s", text);
        }
}

static void test_by_hand(void **state) {
        struct board_profile profile = {.hint_bootloader = "Press the red button"};
        struct result_context c = context(BOARD_UNTOUCHED);
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL, *other = NULL;

        c.profile = &profile;
        fault_set(&fault, FWD_NOT_SUPPORTED, "It cannot");
        other = result_message(&fault, &c);
        assert_null(strstr(other, "Press"));
        c.by_hand = true;
        text = result_message(&fault, &c);
        assert_non_null(strstr(text, "still has its old firmware. Press the red button."));
}

/* A worker that may not open its board, which nobody can authenticate away. */
static void test_no_access(void **state) {
        struct fault fault = FAULT_INIT;
        const struct result_context context = {.port = "1-2.3", .name = "STUB405"};
        _cleanup_free_ char *text = NULL;

        (void) fault_set(&fault, FWD_NOT_AUTHORIZED, "/dev/ttyACM0 may not be opened");
        text = result_message(&fault, &context);
        assert_non_null(strstr(text, "untouched"));
        assert_non_null(strstr(text, "fwctl doctor"));
        assert_null(strstr(text, "authenticate"));
}

static void test_refusal(void **state) {
        struct fault fault = FAULT_INIT;
        _cleanup_free_ char *text = NULL;

        fault_set(&fault, FWD_NOT_FOUND, "No board is called \"x\"");
        text = result_refusal(&fault);
        assert_string_equal(text, "No board is called \"x\". Check the cable and the name; fwctl "
                                  "list shows the boards that are there.");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole_sentence),
                cmocka_unit_test(test_every_error_and_state),
                cmocka_unit_test(test_profile_knows_better),
                cmocka_unit_test(test_untouched_in_bootloader),
                cmocka_unit_test(test_untouched_but_held),
                cmocka_unit_test(test_cancelled_halfway),
                cmocka_unit_test(test_loader),
                cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_by_hand),
                cmocka_unit_test(test_no_access),
                cmocka_unit_test(test_refusal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
