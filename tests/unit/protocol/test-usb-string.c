/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* String descriptors as devices send them, broken ones too; and a node that is no device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "protocol/usb.h"

struct answer {
        int result; /* bytes, or negative errno */
        const char *bytes;
};

static const struct answer *script;
static unsigned asked;
static uint16_t languages[8];

static int op_control(struct usb_device *usb, uint8_t request_type, uint8_t request, uint16_t value,
                      uint16_t index, void *data, uint16_t length, unsigned timeout_ms) {
        const struct answer *a = &script[asked];

        assert_int_equal(request_type, 0x80);
        assert_int_equal(request, 6);
        assert_int_equal(value >> 8, 3);
        assert_true(asked < ARRAY_SIZE(languages));
        languages[asked++] = index;
        if (a->result > 0)
                memcpy(data, a->bytes, (size_t) a->result);
        return a->result;
}

static const struct usb_ops ops = {.control = op_control};

static int read_with(const struct answer *answers, char *to, size_t to_size) {
        struct usb_device usb = {.ops = &ops};

        script = answers;
        asked = 0;
        return usb_string(&usb, 4, to, to_size);
}

static void test_plain(void **state) {
        static const struct answer answers[] = {{8, "\x08\x03@\0F\0l\0"}};
        char text[16];

        assert_int_equal(read_with(answers, text, sizeof(text)), 0);
        assert_string_equal(text, "@Fl");
        assert_int_equal(asked, 1);
        assert_int_equal(languages[0], 0x0409);
        assert_int_equal(read_with(answers, text, 3), 0);
        assert_string_equal(text, "@F");
}

static void test_truncated_is_read_again(void **state) {
        static const struct answer twice[] = {{4, "\x08\x03@\0"}, {8, "\x08\x03@\0F\0l\0"}};
        static const struct answer always[] = {
                {4, "\x08\x03@\0"}, {6, "\x08\x03@\0F\0"}, {4, "\x08\x03@\0"}};
        char text[16];

        assert_int_equal(read_with(twice, text, sizeof(text)), 0);
        assert_string_equal(text, "@Fl");
        /* The longest of what came. */
        assert_int_equal(read_with(always, text, sizeof(text)), 0);
        assert_string_equal(text, "@F");
        assert_int_equal(asked, 3);
}

static void test_other_language(void **state) {
        static const struct answer answers[] = {{-EPIPE, NULL},
                                                {-EPIPE, NULL},
                                                {-EPIPE, NULL},
                                                {4, "\x04\x03\x07\x04"},
                                                {4, "\x04\x03z\0"}};
        char text[16];

        assert_int_equal(read_with(answers, text, sizeof(text)), 0);
        assert_string_equal(text, "z");
        assert_int_equal(languages[3], 0);
        assert_int_equal(languages[4], 0x0407);
}

static void test_rubbish(void **state) {
        static const struct answer zero_length[] = {{2, "\0\x03"}, {2, "\0\x03"}, {2, "\0\x03"},
                                                    {0},           {0},           {0}};
        static const struct answer other_type[] = {
                {4, "\x04\x04@\0"}, {4, "\x04\x04@\0"}, {4, "\x04\x04@\0"}, {0}, {0}, {0}};
        static const struct answer control[] = {{8, "\x08\x03\n\0A\0\x1b\0"}};
        static const struct answer odd[] = {{5, "\x05\x03@\0F"}};
        static const struct answer surrogate[] = {{6, "\x06\x03\x00\xd8@\0"}};
        static const struct answer more_than_said[] = {{8, "\x04\x03@\0F\0l\0"}};
        char text[16];

        assert_int_equal(read_with(zero_length, text, sizeof(text)), 0);
        assert_string_equal(text, "");
        assert_int_equal(read_with(other_type, text, sizeof(text)), 0);
        assert_string_equal(text, "");
        assert_int_equal(read_with(control, text, sizeof(text)), 0);
        assert_string_equal(text, "?A?");
        assert_int_equal(read_with(odd, text, sizeof(text)), 0);
        assert_string_equal(text, "@");
        assert_int_equal(read_with(surrogate, text, sizeof(text)), 0);
        assert_true(text[0] == '?');
        assert_true(strchr(text, '@') != NULL);
        assert_int_equal(read_with(more_than_said, text, sizeof(text)), 0);
        assert_string_equal(text, "@");
}

static void test_gone(void **state) {
        static const struct answer answers[] = {{-ENODEV, NULL}};
        char text[16];

        assert_int_equal(read_with(answers, text, sizeof(text)), -ENODEV);
        assert_string_equal(text, "");
}

static void test_index_zero_asks_nothing(void **state) {
        struct usb_device usb = {.ops = &ops};
        char text[16];

        asked = 0;
        assert_int_equal(usb_string(&usb, 0, text, sizeof(text)), 0);
        assert_string_equal(text, "");
        assert_int_equal(asked, 0);
}

static void test_bytes_instead_of_utf16(void **state) {
        static const struct answer answers[] = {{6, "\x06\x03"
                                                    "3CBJ"}};
        struct usb_device usb = {.ops = &ops};
        char text[16];

        script = answers;
        asked = 0;
        assert_int_equal(usb_string_bytes(&usb, 3, text, sizeof(text)), 0);
        assert_string_equal(text, "3CBJ");
}

static void test_control_is_bounded(void **state) {
        struct usb_device usb = {.ops = &ops};

        assert_int_equal(usb_control(&usb, 0x21, 1, 2, 0, NULL, 4097, 1000), -EINVAL);
        assert_int_equal(usb_control(&usb, 0x21, 1, 2, 0, NULL, 0, 0), -EINVAL);
        assert_int_equal(usb.n_control, 0);
}

static void test_node_that_is_no_device(void **state) {
        static const struct {
                const char *node;
                enum fwd_error error;
                int reason; /* the kernel's, not libusb's word for all of them */
        } cases[] = {
                {"/nonexistent/bus/001/002", FWD_DEVICE_LOST, 0},
                {"/dev/null", FWD_FAILED, ENOTTY},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_usb_ struct usb_device *usb = NULL;
                struct fault fault = FAULT_INIT;

                if (usb_open(cases[i].node, &usb, &fault) == 0)
                        assert_true(usb_start(usb, cases[i].node, &fault) < 0);
                else
                        assert_null(usb);
                assert_int_equal(fault.error, cases[i].error);
                assert_non_null(strstr(fault.message, cases[i].node));
                if (cases[i].reason)
                        assert_non_null(strstr(fault.message, strerror(cases[i].reason)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_truncated_is_read_again),
                cmocka_unit_test(test_other_language),
                cmocka_unit_test(test_rubbish),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_index_zero_asks_nothing),
                cmocka_unit_test(test_bytes_instead_of_utf16),
                cmocka_unit_test(test_control_is_bounded),
                cmocka_unit_test(test_node_that_is_no_device),
        };

        return cmocka_run_group_tests_name("usb", tests, NULL, NULL);
}
