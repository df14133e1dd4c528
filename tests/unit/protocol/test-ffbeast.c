/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "protocol/ffbeast.h"

/* The controller's model as a HID device: IF0, as the service finds it. */
static struct {
        struct model *model;
        uint64_t now_us;
        struct hid_device hid;
        struct fault fault;
        int write_error; /* writes fail with this */
} t;

static int ask(uint8_t type, uint8_t request, uint16_t value, uint8_t *to, size_t size) {
        const struct model_setup setup = {type, request, value, 0, (uint16_t) size};
        struct model_answer answer;

        model_control(t.model, &setup, NULL, t.now_us, &answer);
        if (answer.kind == ANSWER_GONE)
                return -ENODEV;
        if (answer.kind == ANSWER_STALL)
                return -EPIPE;
        memcpy(to, answer.data, answer.size);
        return (int) answer.size;
}

static int fake_write(struct hid_device *hid, const uint8_t *report, size_t size) {
        int r;

        if (t.write_error)
                return t.write_error;
        r = model_out(t.model, 0x01, report, size, t.now_us);
        return r < 0 ? r : (size_t) r == size ? 0 : -EIO;
}

static int fake_get_feature(struct hid_device *hid, uint8_t *report, size_t size) {
        return ask(0xa1, 0x01, (uint16_t) (3 << 8 | report[0]), report, size);
}

static int fake_get_descriptor(struct hid_device *hid, uint8_t *to, size_t size) {
        return ask(0x81, 0x06, 0x2200, to, size);
}

static const struct hid_ops ops = {
        .write = fake_write,
        .get_feature = fake_get_feature,
        .get_descriptor = fake_get_descriptor,
};

static void plug(const char *const *options) {
        char error[256];

        memset(&t, 0, sizeof(t));
        t.hid.ops = &ops;
        t.fault = (struct fault) FAULT_INIT;
        t.now_us = 1000000;
        t.model = model_new("ffbeast-wheel", options, error, sizeof(error));
        if (!t.model)
                fail_msg("%s", error);
        model_plug(t.model, t.now_us);
        assert_true(t.model->on_bus);
}

static int teardown(void **state) {
        t.model = model_free(t.model);
        return 0;
}

static void test_descriptors(void **state) {
        plug(NULL);
        assert_int_equal(t.model->config_size, 73);
        assert_int_equal(t.model->config_descriptor[7], 0xa0);
        assert_string_equal(t.model->product, "FFBeast(Wheel)");
        assert_false(t.model->has_serial_port);
        teardown(state);
        plug((const char *[]){"old=1", NULL});
        assert_int_equal(t.model->config_size, 41);
}

static void test_information(void **state) {
        struct ffbeast_information info;

        plug((const char *[]){"version=25.1.2", "uid=002d00303334510b32313533", NULL});
        assert_int_equal(ffbeast_read_information(&t.hid, &info, &t.fault), 0);
        assert_int_equal(info.major * 10000 + info.minor * 100 + info.patch, 250102);
        assert_int_equal(info.device_id[0], 0x002d0030);
        assert_int_equal(info.device_id[2], 0x32313533);
        assert_int_equal(info.serial_key[1], 0x22222222);
        assert_true(info.is_registered);
}

static void test_enter(void **state) {
        plug(NULL);
        assert_int_equal(ffbeast_enter_dfu(&t.hid, &t.fault), 0);
        for (int i = 0; i < 2; i++) { /* it goes, it comes */
                t.now_us = model_next_event(t.model);
                model_advance(t.model, t.now_us);
        }
        assert_true(t.model->on_bus);
        assert_int_equal(t.model->device_descriptor[10], 0x11); /* 0483:df11 */
}

static void test_old_build(void **state) {
        struct ffbeast_information info;

        plug((const char *[]){"old=1", NULL});
        assert_true(ffbeast_read_information(&t.hid, &info, &t.fault) < 0);
        assert_int_equal(t.fault.error, FWD_NOT_SUPPORTED);
}

static void test_unplugged(void **state) {
        struct ffbeast_information info;

        plug(NULL);
        model_unplug(t.model, t.now_us);
        assert_true(ffbeast_read_information(&t.hid, &info, &t.fault) < 0);
        assert_int_equal(t.fault.error, FWD_DEVICE_LOST);
        t.fault = (struct fault) FAULT_INIT;
        t.write_error = -ENODEV; /* gone in the middle of the request: that is what it is for */
        assert_int_equal(ffbeast_enter_dfu(&t.hid, &t.fault), 0);
        t.write_error = -EPIPE;
        assert_true(ffbeast_enter_dfu(&t.hid, &t.fault) < 0);
        assert_int_equal(t.fault.error, FWD_FAILED);
}

/* Only an output report of this number on the vendor's usage page counts. */
static void test_report_descriptors(void **state) {
        static const struct {
                bool want;
                size_t size;
                uint8_t bytes[16];
        } rows[] = {
                {true, 9, {0x06, 0x72, 0xff, 0x85, 0xa3, 0x91, 0x02, 0xc0, 0xc0}},
                {false, 7, {0x06, 0x72, 0xff, 0x85, 0xa3, 0x81, 0x02}}, /* input */
                {false, 7, {0x06, 0x73, 0xff, 0x85, 0xa3, 0x91, 0x02}}, /* another page */
                {false, 7, {0x06, 0x72, 0xff, 0x85, 0xa4, 0x91, 0x02}}, /* another number */
                {false, 2, {0x06, 0x72}},                               /* cut short */
                {false, 1, {0xfe}},
                {false, 3, {0xfe, 0xff, 0x00}},
                {true, 12, {0xfe, 2, 0, 1, 2, 0x06, 0x72, 0xff, 0x85, 0xa3, 0x91, 0x02}},
                {false, 0, {0}},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(ffbeast_has_commands(rows[i].bytes, rows[i].size), rows[i].want);
}

static void test_bad_information(void **state) {
        uint8_t report[FFBEAST_REPORT_SIZE] = {0x25};
        struct ffbeast_information info;

        assert_int_equal(ffbeast_parse_information(report, 30, &info), 0);
        assert_int_equal(ffbeast_parse_information(report, 29, &info), -EBADMSG);
        assert_int_equal(ffbeast_parse_information(report, 0, &info), -EBADMSG);
        report[0] = 0x26;
        assert_int_equal(ffbeast_parse_information(report, sizeof(report), &info), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_descriptors, teardown),
                cmocka_unit_test_teardown(test_information, teardown),
                cmocka_unit_test_teardown(test_enter, teardown),
                cmocka_unit_test_teardown(test_old_build, teardown),
                cmocka_unit_test_teardown(test_unplugged, teardown),
                cmocka_unit_test(test_report_descriptors),
                cmocka_unit_test(test_bad_information),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
