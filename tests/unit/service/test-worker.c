/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One worker process: what it gets, and what its end means, however it ends. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

struct seen {
        struct worker *worker;
        bool done;
        struct worker_outcome outcome;
        unsigned n_reports;
        char fact[256];
};

static void on_report(void *userdata, const struct report *report) {
        struct seen *seen = userdata;
        const char *fact = report_get(report, "X.Fact");

        seen->n_reports++;
        if (fact)
                (void) snprintf(seen->fact, sizeof(seen->fact), "%s", fact);
}

static void on_done(void *userdata, const struct worker_outcome *outcome) {
        struct seen *seen = userdata;

        seen->done = true;
        seen->outcome = *outcome;
        seen->worker = worker_free(seen->worker);
}

static const struct worker_handlers handlers = {on_report, on_done};

static void start(struct bench *bench, struct seen *seen, const char *script) {
        struct worker_request request = WORKER_REQUEST_INIT;

        bench_script(bench, "leave", script);
        request.operation = "leave";
        request.port = PORT;
        assert_int_equal(worker_start(&bench->service, &request, &handlers, seen, &seen->worker),
                         0);
}

static struct worker_outcome outcome_of(struct bench *bench, const char *script) {
        struct seen seen = {};

        start(bench, &seen, script);
        bench_until(bench, seen.done);
        return seen.outcome;
}

static void ends(void **state, const char *script, enum fwd_error error, const char *sentence) {
        struct worker_outcome outcome = outcome_of(*state, script);

        assert_int_equal(outcome.fault.error, error);
        if (!strstr(outcome.fault.message, sentence))
                fail_msg("\"%s\" is not in: %s", sentence, outcome.fault.message);
}

static void test_success(void **state) {
        ends(state, "success", FWD_OK, "");
}

static void test_failure_told(void **state) {
        struct worker_outcome outcome =
                outcome_of(*state, "say STATE=partly-written ERROR=WriteFailed MESSAGE=Stalled "
                                   "ADDRESS=0x08004000 DFU_STATE=10 DFU_STATUS=3 RESULT=failed; "
                                   "exit 1");

        assert_int_equal(outcome.fault.error, FWD_WRITE_FAILED);
        assert_string_equal(outcome.fault.message, "Stalled");
        assert_int_equal(outcome.state, BOARD_PARTLY_WRITTEN);
        assert_true(outcome.fault.has_address);
        assert_int_equal(outcome.fault.address, 0x08004000);
        assert_int_equal(outcome.fault.dfu_state, 10);
        assert_int_equal(outcome.fault.dfu_status, 3);
}

static void test_failure_without_a_word(void **state) {
        ends(state, "say RESULT=failed; exit 1", FWD_FAILED, "without saying why");
}

static void test_ends_without_result(void **state) {
        ends(state, "exit 0", FWD_INTERRUPTED, "status 0 and without a proper result");
}

static void test_dies(void **state) {
        struct worker_outcome outcome = outcome_of(*state, "say STATE=erased; kill -SEGV $$");

        assert_int_equal(outcome.fault.error, FWD_INTERRUPTED);
        assert_non_null(strstr(outcome.fault.message, "signal 11"));
        assert_int_equal(outcome.state, BOARD_ERASED); /* what it had told counts */
}

static void test_state_never_goes_back(void **state) {
        struct worker_outcome outcome =
                outcome_of(*state, "say STATE=written; say STATE=untouched; exit 3");

        assert_int_equal(outcome.state, BOARD_WRITTEN);
}

/* A success that the process itself contradicts is none. */
static void test_success_and_crash(void **state) {
        ends(state, "say RESULT=success; kill -ABRT $$", FWD_INTERRUPTED, "signal 6");
        ends(state, "say RESULT=success; exit 5", FWD_INTERRUPTED, "status 5");
}

static void test_nothing_counts_after_the_result(void **state) {
        struct worker_outcome outcome =
                outcome_of(*state, "say ERROR=Timeout MESSAGE=x RESULT=failed; say STATE=verified "
                                   "RESULT=success; exit 10");

        assert_int_equal(outcome.fault.error, FWD_TIMEOUT);
        assert_int_equal(outcome.state, BOARD_UNTOUCHED);
}

static void test_broken_reports(void **state) {
        ends(state, "say nonsense; exec sleep 1000", FWD_INTERRUPTED, "broken report");
        ends(state, "printf 'X.A=\\033[31m\\n' >&3; exec sleep 1000", FWD_INTERRUPTED,
             "broken report");
        ends(state,
             "head -c 9000 /dev/zero | tr '\\0' A | dd bs=9000 iflag=fullblock status=none "
             ">&3; exec sleep 1000",
             FWD_INTERRUPTED, "broken report");
}

static void test_silence(void **state) {
        struct bench *bench = *state;

        bench->service.settings.worker_timeout_ms = 100;
        ends(state, "say STATE=erased; exec sleep 1000", FWD_INTERRUPTED, "said nothing");
}

static void test_cancel_obeyed(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};

        start(bench, &seen,
              "trap 'say ERROR=Cancelled MESSAGE=Stopped STATE=erased RESULT=cancelled; exit 11' "
              "TERM; say X.Fact=ready; while :; do sleep 0.05; done");
        bench_until(bench, seen.n_reports > 0);
        worker_cancel(seen.worker);
        bench_until(bench, seen.done);
        assert_int_equal(seen.outcome.fault.error, FWD_CANCELLED);
        assert_int_equal(seen.outcome.state, BOARD_ERASED);
}

/* Before it has set up its handler it just dies of it: cancelled all the same. */
static void test_cancel_early(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};

        start(bench, &seen, "say X.Fact=ready; exec sleep 1000");
        bench_until(bench, seen.n_reports > 0);
        worker_cancel(seen.worker);
        bench_until(bench, seen.done);
        assert_int_equal(seen.outcome.fault.error, FWD_CANCELLED);
}

static void test_cancel_ignored(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};

        bench->service.settings.cancel_grace_ms = 100;
        start(bench, &seen, "trap '' TERM; say STATE=partly-written X.Fact=deaf; exec sleep 1000");
        bench_until(bench, seen.n_reports > 0);
        worker_cancel(seen.worker);
        bench_until(bench, seen.done);
        assert_int_equal(seen.outcome.fault.error, FWD_INTERRUPTED);
        assert_non_null(strstr(seen.outcome.fault.message, "did not stop"));
        assert_int_equal(seen.outcome.state, BOARD_PARTLY_WRITTEN);
}

static void test_lost(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};

        start(bench, &seen, "say X.Fact=stuck; exec sleep 1000");
        bench_until(bench, seen.n_reports > 0);
        worker_lost(seen.worker);
        bench_until(bench, seen.done);
        assert_int_equal(seen.outcome.fault.error, FWD_DEVICE_LOST);
}

/* What it says of the loss itself is better than what we would. It has said it before the loop runs
 * again: how long it is waited for is nothing that a busy machine keeps. */
static void test_lost_and_told(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};
        siginfo_t ended;

        bench_pipe(bench, "go");
        start(bench, &seen, "say X.Fact=$$; hold go; fail DeviceLost partly-written 'Gone at 4'");
        bench_until(bench, seen.n_reports > 0);
        bench_release(bench, "go");
        assert_int_equal(
                waitid(P_PID, (id_t) strtol(seen.fact, NULL, 10), &ended, WEXITED | WNOWAIT), 0);
        worker_lost(seen.worker);
        bench_until(bench, seen.done);
        assert_string_equal(seen.outcome.fault.message, "Gone at 4");
}

static void test_freed_while_running(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};
        pid_t pid;

        start(bench, &seen, "say X.Fact=$$; exec sleep 1000");
        bench_until(bench, seen.n_reports > 0);
        pid = (pid_t) strtol(seen.fact, NULL, 10);
        assert_true(pid > 1);
        worker_free(seen.worker);
        assert_int_equal(kill(pid, 0), -1); /* killed, and no zombie left */
        assert_int_equal(errno, ESRCH);
        assert_false(seen.done);
}

static void test_not_there(void **state) {
        struct bench *bench = *state;

        bench->service.settings.worker = "/nonexistent/fwd-worker";
        ends(state, "", FWD_INTERRUPTED, "status 203");
}

/* It sees what it was given and nothing else: not the bus, not the images of other jobs. */
static void test_descriptors(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};
        int leaked =
                memfd_create("another-jobs-image", 0); /* without CLOEXEC, as a library might */

        assert_true(leaked >= 0);
        start(bench, &seen,
              "say X.Fact=\"$(ls -l /proc/$$/fd | grep -c -e another -e eventpoll) "
              "$(readlink /proc/$$/fd/0)\"; success");
        bench_until(bench, seen.done);
        assert_int_equal(close(leaked), 0);
        assert_string_equal(seen.fact, "0 /dev/null");
}

static void test_environment(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};

        assert_int_equal(setenv("SECRET_OF_THE_SERVICE", "x", 1), 0);
        start(bench, &seen,
              "say X.Fact=\"${SECRET_OF_THE_SERVICE-unset} "
              "${DBUS_SYSTEM_BUS_ADDRESS-unset} ${FWD_PROFILE_PATH:+set}\"; success");
        bench_until(bench, seen.done);
        assert_int_equal(unsetenv("SECRET_OF_THE_SERVICE"), 0);
        assert_string_equal(seen.fact, "unset unset set");
}

/* Its last lines are read although it has ended already. */
static void test_many_reports_before_the_end(void **state) {
        struct bench *bench = *state;
        struct seen seen = {};

        start(bench, &seen,
              "i=0; while [ $i -lt 200 ]; do say X.Fact=$i; i=$((i + 1)); done; success");
        bench_until(bench, seen.done);
        assert_string_equal(seen.fact, "199");
        assert_int_equal(seen.outcome.fault.error, FWD_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_success),
                TEST(test_failure_told),
                TEST(test_failure_without_a_word),
                TEST(test_ends_without_result),
                TEST(test_dies),
                TEST(test_state_never_goes_back),
                TEST(test_success_and_crash),
                TEST(test_nothing_counts_after_the_result),
                TEST(test_broken_reports),
                TEST(test_silence),
                TEST(test_cancel_obeyed),
                TEST(test_cancel_early),
                TEST(test_cancel_ignored),
                TEST(test_lost),
                TEST(test_lost_and_told),
                TEST(test_freed_while_running),
                TEST(test_not_there),
                TEST(test_descriptors),
                TEST(test_environment),
                TEST(test_many_reports_before_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
