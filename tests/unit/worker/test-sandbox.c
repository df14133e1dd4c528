/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "image/image.h"
#include "worker/cancel.h"
#include "worker/sandbox.h"

/* Limits cannot be taken back: each check runs in a child, whose exit status is the number of what
 * did not hold. */
static int in_child(int (*check)(void)) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(check());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int check_limits(void) {
        struct rlimit limit;
        int memfd;

        cancel_setup();
        if (sandbox_enter(getppid(), false) != 0)
                return 1;
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
                return 2;
        if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max != 0)
                return 3;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max > 256)
                return 4;
        if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_max != IMAGE_SIZE_MAX)
                return 5;
        /* The largest firmware file fits, and a byte more is an error, not the end. */
        memfd = memfd_create("image", MFD_CLOEXEC);
        if (ftruncate(memfd, IMAGE_SIZE_MAX) != 0)
                return 6;
        if (pwrite(memfd, "x", 1, IMAGE_SIZE_MAX) != -1 || errno != EFBIG)
                return 7;
        return 0;
}

static void test_limits(void **state) {
        assert_int_equal(in_child(check_limits), 0);
}

/* The service died between the fork and the request to be told of it. */
static int check_orphan(void) {
        return sandbox_enter(getppid() + 1, true) == -ESRCH ? 0 : 1;
}

static void test_orphan_does_not_begin(void **state) {
        assert_int_equal(in_child(check_orphan), 0);
}

/* A worker whose service dies is asked to end, as by a cancel: at a safe point. */
static void test_follows_its_parent(void **state) {
        int ready[2], told[2], status;
        char byte = 0;
        pid_t service;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        assert_int_equal(pipe2(told, O_CLOEXEC), 0);
        service = fork();
        assert_true(service >= 0);
        if (service == 0) {
                pid_t parent = getpid();

                if (fork() == 0) {
                        sigset_t none, term;

                        cancel_setup();
                        (void) sigemptyset(&none);
                        (void) sigemptyset(&term);
                        (void) sigaddset(&term, SIGTERM);
                        (void) sigprocmask(SIG_BLOCK, &term, NULL);
                        if (sandbox_enter(parent, true) != 0)
                                _exit(1);
                        (void) !write(ready[1], "r", 1);
                        while (!cancel_requested())
                                (void) sigsuspend(&none);
                        (void) !write(told[1], "c", 1);
                        _exit(0);
                }
                (void) !read(ready[0], &byte, 1);
                _exit(0);
        }
        (void) close(told[1]);
        assert_int_equal(waitpid(service, &status, 0), service);
        assert_int_equal(read(told[0], &byte, 1), 1);
        assert_int_equal(byte, 'c');
        (void) close(ready[0]);
        (void) close(ready[1]);
        (void) close(told[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_orphan_does_not_begin),
                cmocka_unit_test(test_follows_its_parent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
