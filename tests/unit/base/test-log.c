/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Standard error goes into a pipe; returns what came through, and how errno came out. */
static void logged(int priority, const char *expected) {
        int fds[2], saved = dup(STDERR_FILENO);
        char text[2048] = "";
        ssize_t n;

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
        errno = ENOENT;
        log_line(priority, "port %s: %m", "1-2");
        assert_int_equal(errno, ENOENT);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        n = read(fds[0], text, sizeof(text) - 1);
        assert_string_equal(n > 0 ? text : "", expected);
        (void) fd_close(fds[0]);
        (void) fd_close(fds[1]);
        (void) fd_close(saved);
}

static void test_levels(void **state) {
        assert_int_equal(unsetenv("FWD_LOG_LEVEL"), 0);
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        log_setup();
        assert_int_equal(log_max_level(), LOG_INFO);
        logged(LOG_INFO, "port 1-2: No such file or directory\n");
        logged(LOG_DEBUG, "");
        assert_int_equal(setenv("FWD_LOG_LEVEL", "warning", 1), 0);
        log_setup();
        logged(LOG_WARNING, "port 1-2: No such file or directory\n");
        logged(LOG_NOTICE, "");
        /* A level that is none changes nothing. */
        assert_int_equal(setenv("FWD_LOG_LEVEL", "loud", 1), 0);
        log_setup();
        assert_int_equal(log_max_level(), LOG_WARNING);
}

static void test_prefix(void **state) {
        log_set_prefix(1);
        logged(LOG_ERR, "<3>port 1-2: No such file or directory\n");
        log_set_prefix(0);
        logged(LOG_ERR, "port 1-2: No such file or directory\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_prefix),
        };

        return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
