/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/report.h"
#include "base/text.h"

/* A worker's end and the service's end. */
struct wire {
        int worker, service;
};

static int wire_open(void **state) {
        static struct wire wire;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        wire = (struct wire){fds[0], fds[1]};
        *state = &wire;
        return 0;
}

static int wire_close(void **state) {
        struct wire *wire = *state;

        (void) fd_close(wire->worker);
        (void) fd_close(wire->service);
        return 0;
}

static void test_round_trip(void **state) {
        struct wire *wire = *state;
        struct report out, in;
        uint64_t done;

        report_init(&out);
        assert_int_equal(report_add(&out, "PHASE", "%s", "writing"), 0);
        assert_int_equal(report_add(&out, "DONE", "%d", 1024), 0);
        assert_int_equal(report_add(&out, "X.BoardName", "a=b = c"), 0);
        assert_int_equal(report_add(&out, "NOTICE", "%s", ""), 0);
        assert_int_equal(report_send(&out, wire->worker), 0);

        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(in.n, 4);
        assert_string_equal(in.lines[0].key, "PHASE");
        assert_string_equal(report_get(&in, "PHASE"), "writing");
        assert_string_equal(report_get(&in, "X.BoardName"), "a=b = c");
        assert_string_equal(report_get(&in, "NOTICE"), "");
        assert_null(report_get(&in, "TOTAL"));
        assert_int_equal(report_get_u64(&in, "DONE", &done), 0);
        assert_int_equal(done, 1024);
        assert_int_equal(report_get_u64(&in, "TOTAL", &done), -ENOENT);
        assert_int_equal(report_get_u64(&in, "PHASE", &done), -EINVAL);
        assert_int_equal(report_receive(&in, wire->service), -EAGAIN);
}

/* One datagram a report: two in a row stay two. */
static void test_datagrams_stay_apart(void **state) {
        struct wire *wire = *state;
        struct report out, in;

        for (unsigned i = 0; i < 2; i++) {
                report_init(&out);
                assert_int_equal(report_add(&out, "DONE", "%u", i), 0);
                assert_int_equal(report_send(&out, wire->worker), 0);
        }
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_string_equal(report_get(&in, "DONE"), "0");
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_string_equal(report_get(&in, "DONE"), "1");
        wire->worker = fd_close(wire->worker);
        assert_int_equal(report_receive(&in, wire->service), 0);
}

static void test_service_gone(void **state) {
        struct wire *wire = *state;
        struct report out;

        wire->service = fd_close(wire->service);
        report_init(&out);
        assert_int_equal(report_add(&out, "PHASE", "writing"), 0);
        assert_int_equal(report_send(&out, wire->worker), -EPIPE); /* and no SIGPIPE */
}

/* What a device said cannot become a line of its own. */
static void test_values_are_made_clean(void **state) {
        struct wire *wire = *state;
        struct report out, in;

        report_init(&out);
        assert_int_equal(report_add(&out, "X.Product", "%s", "board\nRESULT=success\033[2J\xff"),
                         0);
        assert_int_equal(report_send(&out, wire->worker), 0);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(in.n, 1);
        assert_string_equal(report_get(&in, "X.Product"), "board?RESULT=success?[2J?");
}

static void test_long_value(void **state) {
        struct wire *wire = *state;
        char value[4 * REPORT_VALUE_MAX] = "";
        struct report out, in;

        for (size_t i = 0; i + 3 < sizeof(value); i += 2)
                memcpy(value + i, "\xc3\xa9", 3);
        report_init(&out);
        assert_int_equal(report_add(&out, "MESSAGE", "%s", value), 0);
        assert_int_equal(report_send(&out, wire->worker), 0);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(strlen(report_get(&in, "MESSAGE")), REPORT_VALUE_MAX - 1);
        assert_null(strchr(report_get(&in, "MESSAGE"), '?'));
}

static void test_too_many_lines(void **state) {
        struct wire *wire = *state;
        struct report out, in;

        report_init(&out);
        for (unsigned i = 0; i < REPORT_LINES_MAX; i++)
                assert_int_equal(report_add(&out, "DONE", "%u", i), 0);
        assert_int_equal(report_add(&out, "DONE", "one more"), -ENOBUFS);
        assert_int_equal(report_send(&out, wire->worker), 0);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(in.n, REPORT_LINES_MAX);
}

/* Filled to the last byte, and not a byte further. */
static void test_full(void **state) {
        struct wire *wire = *state;
        char value[REPORT_VALUE_MAX + 1];
        struct report out, in;
        size_t left;

        memset(value, 'v', REPORT_VALUE_MAX);
        value[REPORT_VALUE_MAX] = '\0';
        report_init(&out);
        while (REPORT_SIZE_MAX - out.size >= REPORT_VALUE_MAX + 3)
                assert_int_equal(report_add(&out, "K", "%s", value), 0);
        left = REPORT_SIZE_MAX - out.size;
        assert_true(left > 3);
        value[left - 2] = '\0';
        assert_int_equal(report_add(&out, "K", "%s", value), -ENOBUFS);
        value[left - 3] = '\0';
        assert_int_equal(report_add(&out, "K", "%s", value), 0);
        assert_int_equal(out.size, REPORT_SIZE_MAX);
        assert_int_equal(report_add(&out, "K", "%s", ""), -ENOBUFS);
        assert_int_equal(report_send(&out, wire->worker), 0);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(in.n, out.n);
}

/* What a worker that is no longer ours may send. */
static void test_hostile(void **state) {
        static const struct {
                const char *text;
                size_t size;
        } cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
                CASE("\n"),
                CASE("PHASE"),
                CASE("PHASE\n"),
                CASE("PHASE=writing"), /* no line break */
                CASE("=writing\n"),
                CASE("phase=writing\n"),
                CASE("1=writing\n"),
                CASE("PHA SE=writing\n"),
                CASE("PHA\tSE=writing\n"),
                CASE("P\xc3\xa9=writing\n"),
                CASE("X-Key=value\n"),
                CASE("PHASE=wri\tting\n"),
                CASE("PHASE=\033[31m\n"),
                CASE("PHASE=\xff\n"),
                CASE("PHASE=a\rb\n"),
                CASE("PHASE=writing\n\n"),
                CASE("PHASE=writing\nRESULT\n"),
                CASE("PHASE=writing\0\n"),
                CASE("PHASE=writing\n\0"),
                CASE("\0"),
                CASE("\0PHASE=writing\n"),
#undef CASE
        };
        struct wire *wire = *state;
        struct report in;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(send(wire->worker, cases[i].text, cases[i].size, 0),
                                 cases[i].size);
                assert_int_equal(report_receive(&in, wire->service), -EBADMSG);
                assert_null(report_get(&in, "PHASE"));
        }
        /* The next good one is read. */
        assert_int_equal(send(wire->worker, "DONE=1\n", 7, 0), 7);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_string_equal(report_get(&in, "DONE"), "1");
}

static void test_hostile_sizes(void **state) {
        struct wire *wire = *state;
        char text[REPORT_SIZE_MAX + 1];
        struct report in;

        memset(text, 'A', sizeof(text));
        text[1] = '=';
        text[sizeof(text) - 1] = '\n';
        assert_int_equal(send(wire->worker, text, sizeof(text), 0), sizeof(text));
        assert_int_equal(report_receive(&in, wire->service), -EBADMSG);

        text[REPORT_SIZE_MAX - 1] = '\n';
        assert_int_equal(send(wire->worker, text, REPORT_SIZE_MAX, 0), REPORT_SIZE_MAX);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(strlen(report_get(&in, "A")), REPORT_SIZE_MAX - 3);

        for (size_t i = 0; i < 3 * (REPORT_LINES_MAX + 1); i += 3)
                memcpy(text + i, "A=\n", 3);
        assert_int_equal(send(wire->worker, text, 3 * REPORT_LINES_MAX, 0), 3 * REPORT_LINES_MAX);
        assert_int_equal(report_receive(&in, wire->service), 1);
        assert_int_equal(send(wire->worker, text, 3 * (REPORT_LINES_MAX + 1), 0),
                         3 * (REPORT_LINES_MAX + 1));
        assert_int_equal(report_receive(&in, wire->service), -EBADMSG);
}

/* A descriptor sent along is not kept: the service would run out of them. */
static void test_stray_descriptor(void **state) {
        struct wire *wire = *state;
        struct iovec iov = {(char[]){"DONE=1\n"}, 7};
        union {
                char buffer[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.buffer,
                             .msg_controllen = sizeof(control.buffer)};
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
        struct report in;
        int before, after;

        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &wire->worker, sizeof(int));
        before = dup(wire->worker);
        (void) fd_close(before);
        assert_int_equal(sendmsg(wire->worker, &msg, 0), 7);
        assert_int_equal(report_receive(&in, wire->service), 1);
        after = dup(wire->worker);
        (void) fd_close(after);
        assert_int_equal(after, before);
}

#define wire_test(f) cmocka_unit_test_setup_teardown(f, wire_open, wire_close)

int main(void) {
        const struct CMUnitTest tests[] = {
                wire_test(test_round_trip),    wire_test(test_datagrams_stay_apart),
                wire_test(test_service_gone),  wire_test(test_values_are_made_clean),
                wire_test(test_long_value),    wire_test(test_too_many_lines),
                wire_test(test_full),          wire_test(test_hostile),
                wire_test(test_hostile_sizes), wire_test(test_stray_descriptor),
        };

        return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
