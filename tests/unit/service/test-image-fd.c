/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kinds of descriptors are no firmware files. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "service/image-fd.h"

static char path[] = "/tmp/fwd-test-image.XXXXXX";

static int file_setup(void **state) {
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "firmware", 8), 8);
        assert_int_equal(close(fd), 0);
        return 0;
}

static int file_teardown(void **state) {
        return unlink(path);
}

static void refused(int fd, const char *sentence) {
        char name[IMAGE_NAME_SIZE] = "untouched";
        struct fault fault = FAULT_INIT;

        assert_true(image_fd_check(fd, name, &fault) < 0);
        assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
        assert_non_null(strstr(fault.message, sentence));
        assert_string_equal(name, "untouched");
        if (fd >= 0)
                (void) close(fd);
}

static void test_file(void **state) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char name[IMAGE_NAME_SIZE];
        struct fault fault = FAULT_INIT;

        assert_int_equal(image_fd_check(fd, name, &fault), 0);
        assert_string_equal(name, strrchr(path, '/') + 1);
}

static void test_memfd(void **state) {
        _cleanup_close_ int fd = memfd_create("x", MFD_CLOEXEC);
        char name[IMAGE_NAME_SIZE];
        struct fault fault = FAULT_INIT;

        assert_int_equal(image_fd_check(fd, name, &fault), 0);
}

static void test_write_only(void **state) {
        refused(open(path, O_WRONLY | O_CLOEXEC), "not opened for reading");
}

static void test_o_path(void **state) {
        refused(open(path, O_PATH | O_CLOEXEC), "not opened for reading");
}

static void test_directory(void **state) {
        refused(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "a directory");
}

static void test_pipe(void **state) {
        int pair[2];

        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        refused(pair[0], "a pipe");
        (void) close(pair[1]);
}

static void test_socket(void **state) {
        refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "a socket");
}

static void test_device(void **state) {
        refused(open("/dev/zero", O_RDONLY | O_CLOEXEC), "a device");
}

static void test_closed(void **state) {
        refused(-1, "cannot be used");
}

static void test_sealable(void **state) {
        _cleanup_close_ int fd = image_fd_new();

        assert_true(fd >= 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file),       cmocka_unit_test(test_memfd),
                cmocka_unit_test(test_write_only), cmocka_unit_test(test_o_path),
                cmocka_unit_test(test_directory),  cmocka_unit_test(test_pipe),
                cmocka_unit_test(test_socket),     cmocka_unit_test(test_device),
                cmocka_unit_test(test_closed),     cmocka_unit_test(test_sealable),
        };

        return cmocka_run_group_tests(tests, file_setup, file_teardown);
}
