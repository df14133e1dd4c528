/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bus messages as JSON, and the shapes that fwctl promises. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "client/bus.h"
#include "client/job.h"

DEFINE_CLEANUP(sd_bus *, sd_bus_unref)

/* Messages need a bus that was started; a socket pair is one. */
static sd_bus *loose_bus(void) {
        sd_bus *bus = NULL;
        int fds[2];

        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), errno);
        assert_return_code(sd_bus_new(&bus), 0);
        assert_return_code(sd_bus_set_fd(bus, fds[0], fds[0]), 0);
        assert_return_code(sd_bus_start(bus), 0);
        assert_return_code(close(fds[1]), errno);
        return bus;
}

static sd_bus_message *new_message(sd_bus *bus) {
        sd_bus_message *m = NULL;

        assert_return_code(sd_bus_message_new_signal(bus, &m, "/a", "b.c", "D"), 0);
        return m;
}

static void seal(sd_bus_message *m) {
        assert_return_code(sd_bus_message_seal(m, 1, 0), 0);
        assert_return_code(sd_bus_message_rewind(m, true), 0);
}

static void check_json(const json_t *value, const char *expected) {
        _cleanup_free_ char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        assert_non_null(text);
        assert_string_equal(text, expected);
}

static void test_message(void **state) {
        _cleanup_(sd_bus_unref_p) sd_bus *bus = loose_bus();
        _cleanup_message_ sd_bus_message *m = new_message(bus);
        _cleanup_json_ json_t *a = NULL, *b = NULL, *end = NULL;

        assert_return_code(sd_bus_message_append(m, "a{sv}", 8, "Text", "s", "x", "Small", "q",
                                                 1155, "Big", "t", UINT64_MAX, "Yes", "b", 1,
                                                 "List", "as", 2, "a", "b", "Path", "o", "/x",
                                                 "Minus", "i", -5, "Map", "a{sv}", 1, "k", "y", 7),
                           0);
        assert_return_code(sd_bus_message_append(m, "s", "after"), 0);
        seal(m);
        assert_int_equal(json_from_message(m, &a), 1);
        check_json(a, "{\"Text\":\"x\",\"Small\":1155,\"Big\":9223372036854775807,\"Yes\":true,"
                      "\"List\":[\"a\",\"b\"],\"Path\":\"/x\",\"Minus\":-5,\"Map\":{\"k\":7}}");
        assert_int_equal(json_from_message(m, &b), 1);
        check_json(b, "\"after\"");
        assert_int_equal(json_from_message(m, &end), 0);
        assert_null(end);
}

static void test_deep_message(void **state) {
        _cleanup_(sd_bus_unref_p) sd_bus *bus = loose_bus();
        _cleanup_message_ sd_bus_message *m = new_message(bus);
        json_t *value = NULL;

        for (unsigned i = 0; i < 20; i++)
                assert_return_code(sd_bus_message_open_container(m, 'v', i == 19 ? "s" : "v"), 0);
        assert_return_code(sd_bus_message_append(m, "s", "x"), 0);
        for (unsigned i = 0; i < 20; i++)
                assert_return_code(sd_bus_message_close_container(m), 0);
        seal(m);
        assert_int_equal(json_from_message(m, &value), -EBADMSG);
        assert_null(value);
}

static void test_objects(void **state) {
        _cleanup_(sd_bus_unref_p) sd_bus *bus = loose_bus();
        _cleanup_message_ sd_bus_message *m = new_message(bus);
        _cleanup_json_ json_t *list = NULL;

        assert_return_code(
                sd_bus_message_append(m, "a(oa{sv})", 2, "/one", 1, "Port", "s", "1-1", "/two", 0),
                0);
        seal(m);
        assert_int_equal(json_from_objects(m, &list), 0);
        check_json(list, "[{\"Path\":\"/one\",\"Port\":\"1-1\"},{\"Path\":\"/two\"}]");
}

static void test_number_and_text(void **state) {
        _cleanup_json_ json_t *o =
                json_pack("{s:s, s:i, s:f, s:s, s:n, s:[s,s], s:b}", "text", "481280", "int", 7,
                          "real", 1.5, "word", "12x", "null", "list", "a", "b", "bool", 1);
        _cleanup_free_ char *list = json_to_text(json_object_get(o, "list"));
        _cleanup_free_ char *truth = json_to_text(json_object_get(o, "bool"));
        double d = 0;

        assert_true(json_number(o, "text", &d));
        assert_true(d == 481280.0);
        assert_true(json_number(o, "int", &d));
        assert_true(d == 7.0);
        assert_false(json_number(o, "word", &d));
        assert_false(json_number(o, "none", &d));
        assert_false(json_number(NULL, "none", &d));
        assert_string_equal(json_text(o, "int"), "");
        assert_string_equal(json_text(NULL, "x"), "");
        assert_string_equal(list, "a b");
        assert_string_equal(truth, "yes");
}

static void test_result_shape(void **state) {
        _cleanup_json_ json_t *details = json_pack("{s:s, s:s}", "State", "erased", "Notice", "n");
        _cleanup_json_ json_t *failed = NULL, *started = NULL, *refused = NULL;
        struct problem p = {};

        (void) problem_from_name(&p, "WriteFailed", "It broke.");
        failed = result_json("7", "1-1", "flash", "failed", &p, details);
        check_json(failed,
                   "{\"job\":7,\"kind\":\"flash\",\"port\":\"1-1\",\"result\":\"failed\","
                   "\"error\":{\"name\":\"WriteFailed\",\"message\":\"It broke.\","
                   "\"advice\":\"\"},\"state\":\"erased\",\"details\":{\"State\":\"erased\","
                   "\"Notice\":\"n\"}}");
        started = result_json("8", "1-1", "reboot", NULL, NULL, NULL);
        check_json(started, "{\"job\":8,\"kind\":\"reboot\",\"port\":\"1-1\",\"result\":null,"
                            "\"error\":null,\"state\":null,\"details\":{}}");
        refused = result_json(NULL, NULL, "flash", "failed", &p, NULL);
        check_json(refused, "{\"job\":null,\"kind\":\"flash\",\"port\":null,\"result\":\"failed\","
                            "\"error\":{\"name\":\"WriteFailed\",\"message\":\"It broke.\","
                            "\"advice\":\"\"},\"state\":null,\"details\":{}}");
}

static void check_bus_error(const char *name, const char *message, int r, int exit_code,
                            const char *problem_name) {
        sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(name, message);
        struct problem p = {};

        assert_int_equal(problem_from_bus(&p, name ? &error : NULL, r), exit_code);
        assert_int_equal(p.exit_code, exit_code);
        assert_string_equal(p.name, problem_name);
        assert_true(strlen(p.message) > 0);
}

static void test_exit_codes(void **state) {
#define DBUS "org.freedesktop.DBus.Error."
        check_bus_error(DBUS "ServiceUnknown", "no", -EHOSTUNREACH, 75, "ServiceUnavailable");
        check_bus_error(DBUS "NameHasNoOwner", "no", -ENXIO, 75, "ServiceUnavailable");
        check_bus_error(DBUS "Spawn.ChildExited", "no", -EIO, 75, "ServiceUnavailable");
        check_bus_error("org.freedesktop.systemd1.NoSuchUnit", "no", -EIO, 75,
                        "ServiceUnavailable");
        check_bus_error(DBUS "NoReply", "no", -ETIMEDOUT, 75, "ServiceUnavailable");
        check_bus_error(DBUS "AccessDenied", "no", -EACCES, 4, "NotAuthorized");
        check_bus_error(DBUS "InteractiveAuthorizationRequired", "no", -EACCES, 4, "NotAuthorized");
        check_bus_error(DBUS "UnknownObject", "no", -EBADR, 3, "NotFound");
        check_bus_error(DBUS "InvalidArgs", "no", -EINVAL, 2, "InvalidArgument");
        check_bus_error(DBUS "LimitsExceeded", "no", -ENOBUFS, 5, "LimitExceeded");
        check_bus_error("com.example.Else", "no", -EIO, 1, "Failed");
        check_bus_error(NULL, NULL, -EIO, 1, "Failed");
        check_bus_error(NULL, NULL, -ETIMEDOUT, 75, "ServiceUnavailable");
        for (enum fwd_error e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++)
                check_bus_error(fwd_error_bus_name(e), "no", -EIO, fwd_error_exit_code(e),
                                fwd_error_name(e));
        check_bus_error(FWD_ERROR_PREFIX "OfTheFuture", "no", -EIO, 1, "Failed");
}

static void test_advice(void **state) {
        struct problem p = {};
        char text[512];

        /* The general advice goes to a line of its own … */
        (void) snprintf(text, sizeof(text), "It is gone. Board 1-1 is erased. %s",
                        fwd_error_advice(FWD_DEVICE_LOST));
        assert_int_equal(problem_from_name(&p, "DeviceLost", text), FWD_EXIT_LOST);
        assert_string_equal(p.message, "It is gone. Board 1-1 is erased.");
        assert_string_equal(p.advice, fwd_error_advice(FWD_DEVICE_LOST));
        /* … and does not contradict what the service knows better. */
        (void) problem_from_name(&p, "NeedsUserAction", "It does not come. Hold BOOT.");
        assert_string_equal(p.message, "It does not come. Hold BOOT.");
        assert_string_equal(p.advice, "");
        (void) problem_from_name(&p, "Timeout", "");
        assert_string_equal(p.advice, fwd_error_advice(FWD_TIMEOUT));
        assert_true(strlen(p.message) > 0);
        (void) problem_from_name(&p, NULL, NULL);
        assert_string_equal(p.name, "Failed");
}

static void check_port(const char *path, const char *port) {
        _cleanup_free_ char *got = bus_port_of(path);

        if (port)
                assert_string_equal(got, port);
        else
                assert_null(got);
}

static void test_paths(void **state) {
        _cleanup_free_ char *id = bus_id_of("/org/fwctl1/job/7"), *none = bus_id_of("/");

        check_port("/org/fwctl1/device/_31_2d2_2e3", "1-2.3");
        check_port("/org/fwctl1/job/7", NULL);
        check_port("/", NULL);
        check_port("", NULL);
        check_port(NULL, NULL);
        assert_string_equal(id, "7");
        assert_null(none);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_message),      cmocka_unit_test(test_deep_message),
                cmocka_unit_test(test_objects),      cmocka_unit_test(test_number_and_text),
                cmocka_unit_test(test_result_shape), cmocka_unit_test(test_exit_codes),
                cmocka_unit_test(test_advice),       cmocka_unit_test(test_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
