/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-usb.h"
#include "protocol/odrive.h"

static struct {
        struct model *model;
        struct fake_usb fake;
        struct odrive odrive;
        struct fault fault;
} t;

static void plug(const char *const *options) {
        char error[256];

        t.model = model_new("odrive-v3", options, error, sizeof(error));
        if (!t.model)
                fail_msg("%s", error);
        fake_usb_init(&t.fake, t.model, 1000000);
        t.fault = (struct fault) FAULT_INIT;
}

static int teardown(void **state) {
        fake_usb_clear(&t.fake);
        t.model = model_free(t.model);
        return 0;
}

/* Worked out by hand from the definition in ODrive's protocol.rst. */
static void test_crc(void **state) {
        assert_int_equal(odrive_crc16(0x1337, (uint8_t[]){1, 2, 3, 4}, 4), 0x672e);
        assert_int_equal(odrive_crc16(0x1337, (uint8_t[]){5, 4, 3, 2, 1}, 5), 0xe251);
        assert_int_equal(odrive_crc16(0x1337, NULL, 0), 0x1337);
}

static void test_reply(void **state) {
        const uint8_t packet[] = {0x85, 0x80, 0xaa, 0xbb};
        const uint8_t *payload = NULL;

        assert_int_equal(odrive_parse_reply(packet, 4, 0x0085, &payload), 2);
        assert_ptr_equal(payload, packet + 2);
        assert_int_equal(odrive_parse_reply(packet, 2, 0x0085, &payload), 0);
        assert_int_equal(odrive_parse_reply(packet, 4, 0x0086, &payload), -EAGAIN);
        assert_int_equal(odrive_parse_reply(packet, 1, 0x0085, &payload), -EBADMSG);
        assert_int_equal(odrive_parse_reply(packet, 65, 0x0085, &payload), -EBADMSG);
}

static void test_json(void **state) {
        static const char good[] =
                "[{\"name\":\"\",\"id\":0,\"type\":\"json\"},"
                "{\"name\":\"serial_number\",\"id\":9,\"type\":\"uint64\"},"
                "{\"name\":\"axis1\",\"type\":\"object\",\"members\":["
                "{\"name\":\"current_state\",\"id\":32767,\"type\":\"uint8\"}]},"
                "{\"name\":\"enter_dfu_mode\",\"id\":300,\"type\":\"function\",\"inputs\":[],"
                "\"outputs\":[]}]";
        struct odrive_endpoints e;

        assert_int_equal(odrive_parse_json(good, strlen(good), &e), 0);
        assert_int_equal(e.serial_number.number, 9);
        assert_int_equal(e.serial_number.size, 8);
        assert_int_equal(e.axis_state[0].number, 0);
        assert_int_equal(e.axis_state[1].number, 32767);
        assert_int_equal(e.enter_dfu_mode.number, 300);
        assert_int_equal(e.hw_major.number, 0);
}

/* Nothing of it may become a number that is asked or called. */
static void test_bad_json(void **state) {
        static const char *const bad[] = {"", "{}", "[", "[1,2", "null", "\"a\"", "[{]}"};
        static const char *const useless[] = {
                "[]",
                "[1,null,[]]",
                "[{\"name\":\"enter_dfu_mode\",\"type\":\"function\"}]",
                "[{\"name\":\"enter_dfu_mode\",\"id\":0,\"type\":\"function\"}]",
                "[{\"name\":\"enter_dfu_mode\",\"id\":32768,\"type\":\"function\"}]",
                "[{\"name\":\"enter_dfu_mode\",\"id\":-1,\"type\":\"function\"}]",
                "[{\"name\":\"enter_dfu_mode\",\"id\":\"7\",\"type\":\"function\"}]",
                "[{\"name\":\"enter_dfu_mode\",\"id\":7,\"type\":\"uint8\"}]",
                "[{\"name\":\"enter_dfu_mode\",\"id\":7,\"type\":\"function\",\"inputs\":[{}]}]",
                "[{\"name\":\"serial_number\",\"id\":7,\"type\":\"function\"}]",
                "[{\"name\":\"axis0\",\"type\":\"object\",\"members\":7}]",
        };
        struct odrive_endpoints e;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(odrive_parse_json(bad[i], strlen(bad[i]), &e), -EBADMSG);
        for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
                assert_int_equal(odrive_parse_json(useless[i], strlen(useless[i]), &e), 0);
                assert_int_equal(e.enter_dfu_mode.number, 0);
                assert_int_equal(e.serial_number.number, 0);
                assert_int_equal(e.axis_state[0].number, 0);
        }
}

static void open_it(void) {
        assert_int_equal(odrive_open(&t.fake.usb, &t.odrive, &t.fault), 0);
}

static void test_identify(void **state) {
        struct odrive_identity id;

        plug((const char *[]){"version=0.5.4", NULL});
        open_it();
        assert_int_equal(odrive_identify(&t.odrive, &id, &t.fault), 0);
        assert_string_equal(id.serial, t.model->serial);
        assert_true(id.has_hardware && id.has_version && id.has_vbus);
        assert_int_equal(id.hw_major * 10000 + id.hw_minor * 100 + id.hw_variant, 30656);
        assert_int_equal(id.fw_major * 10000 + id.fw_minor * 100 + id.fw_revision, 504);
        assert_int_equal(id.n_axes, 2);
        assert_int_equal(id.axis_state[0], 1);
        assert_true(id.vbus_voltage > 23.9F && id.vbus_voltage < 24.1F);
}

static int enter(void) {
        struct odrive_identity id;

        open_it();
        assert_int_equal(odrive_identify(&t.odrive, &id, &t.fault), 0);
        return odrive_enter_dfu(&t.odrive, &id, &t.fault);
}

static void test_enter(void **state) {
        plug(NULL);
        assert_int_equal(enter(), 0);
        for (int i = 0; i < 2; i++) { /* it goes, it comes */
                t.fake.now_us = model_next_event(t.model);
                model_advance(t.model, t.fake.now_us);
        }
        assert_int_equal(t.model->device_descriptor[10], 0x11); /* 0483:df11 */
        assert_string_equal(t.model->serial, "325E35633334");
}

static void expect_refusal(enum fwd_error error, const char *text) {
        assert_true(enter() < 0);
        assert_int_equal(t.fault.error, error);
        if (!strstr(t.fault.message, text))
                fail_msg("\"%s\" has no \"%s\"", t.fault.message, text);
        assert_true(t.model->on_bus);
        assert_int_equal(t.fake.generation, t.model->generation);
}

static void test_old_hardware(void **state) {
        static const char *const versions[] = {"3.1-24", "3.3-24", "3.4-48"};

        for (size_t i = 0; i < 3; i++) {
                char option[32];

                (void) snprintf(option, sizeof(option), "hardware=%s", versions[i]);
                plug((const char *[]){option, NULL});
                expect_refusal(FWD_NOT_SUPPORTED, "brake");
                teardown(state);
        }
        plug((const char *[]){"hardware=3.5-24", NULL});
        assert_int_equal(enter(), 0);
}

static void test_axis_runs(void **state) {
        plug((const char *[]){"axis1-state=8", NULL});
        expect_refusal(FWD_ARMED, "Axis 1");
}

static void expect_open_fails(enum fwd_error error) {
        assert_true(odrive_open(&t.fake.usb, &t.odrive, &t.fault) < 0);
        assert_int_equal(t.fault.error, error);
}

static void test_silent(void **state) {
        plug((const char *[]){"silent=1", NULL});
        expect_open_fails(FWD_TIMEOUT);
}

static void test_garbage(void **state) {
        plug((const char *[]){"garbage=1", NULL});
        expect_open_fails(FWD_NOT_SUPPORTED);
}

static void test_slow(void **state) {
        plug((const char *[]){"slow-ms=1500", NULL});
        expect_open_fails(FWD_TIMEOUT);
}

static void test_held(void **state) {
        plug(NULL);
        t.fake.busy = EBUSY;
        expect_open_fails(FWD_PORT_HELD);
}

static void test_unplugged(void **state) {
        struct odrive_identity id;

        plug(NULL);
        open_it();
        model_unplug(t.model, t.fake.now_us);
        assert_true(odrive_identify(&t.odrive, &id, &t.fault) < 0);
        assert_int_equal(t.fault.error, FWD_DEVICE_LOST);
}

/* An answer that came too late, to somebody else's question, is passed over. */
static void test_stray_reply(void **state) {
        const uint8_t question[] = {0x99, 0x00, 0x00, 0x80, 0x04, 0x00, 0, 0, 0, 0, 0x01, 0x00};
        struct odrive_identity id;

        plug(NULL);
        open_it();
        assert_int_equal(model_out(t.model, 0x03, question, sizeof(question), t.fake.now_us),
                         sizeof(question));
        assert_int_equal(odrive_identify(&t.odrive, &id, &t.fault), 0);
        assert_true(id.has_hardware);
}

static void test_no_interface(void **state) {
        plug(NULL);
        t.fake.usb.descriptors_size = 18 + 60; /* cut behind the CDC interfaces */
        expect_open_fails(FWD_NOT_SUPPORTED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crc),
                cmocka_unit_test(test_reply),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_bad_json),
                cmocka_unit_test_teardown(test_identify, teardown),
                cmocka_unit_test_teardown(test_enter, teardown),
                cmocka_unit_test_teardown(test_old_hardware, teardown),
                cmocka_unit_test_teardown(test_axis_runs, teardown),
                cmocka_unit_test_teardown(test_silent, teardown),
                cmocka_unit_test_teardown(test_garbage, teardown),
                cmocka_unit_test_teardown(test_slow, teardown),
                cmocka_unit_test_teardown(test_held, teardown),
                cmocka_unit_test_teardown(test_unplugged, teardown),
                cmocka_unit_test_teardown(test_stray_reply, teardown),
                cmocka_unit_test_teardown(test_no_interface, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
