/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "image/image.h"
#include "worker/image-input.h"

#define SIZE 200000

static uint8_t pattern[SIZE];

static int new_memfd(void) {
        int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        return fd;
}

/* A file on disk without a name, with the pattern in it. */
static int new_file(void) {
        char path[] = "/tmp/fwd-image-input-XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        for (size_t i = 0; i < sizeof(pattern); i++)
                pattern[i] = (uint8_t) (i * 31 + (i >> 9));
        assert_int_equal(write(fd, pattern, sizeof(pattern)), sizeof(pattern));
        return fd;
}

static void test_copied_and_sealed(void **state) {
        _cleanup_close_ int file = new_file(), memfd = new_memfd();
        _cleanup_image_bytes_ struct image_bytes bytes = {};
        struct fault fault = FAULT_INIT;

        /* The caller shares the offset: it is neither used nor moved. */
        assert_int_equal(lseek(file, 1234, SEEK_SET), 1234);
        assert_int_equal(image_input_take(file, memfd, &fault), 0);
        assert_int_equal(lseek(file, 0, SEEK_CUR), 1234);
        assert_int_equal(image_bytes_map(memfd, &bytes, &fault), 0);
        assert_int_equal(bytes.size, SIZE);
        assert_memory_equal(bytes.data, pattern, SIZE);

        /* Nobody changes it any more, by whichever way. */
        assert_int_equal(fcntl(memfd, F_GET_SEALS),
                         F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        assert_int_equal(pwrite(memfd, "x", 1, 0), -1);
        assert_int_equal(ftruncate(memfd, 0), -1);
        assert_int_equal(ftruncate(memfd, SIZE + 1), -1);
        assert_ptr_equal(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0),
                         MAP_FAILED);
}

enum change { SHORTENED, LENGTHENED, OVERWRITTEN, BEHIND, TOUCHED, MAPPED, _CHANGE_MAX };

static void change(int file, enum change how) {
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};
        uint8_t *map;

        switch (how) {
        case SHORTENED:
                assert_int_equal(ftruncate(file, SIZE - 1), 0);
                return;
        case LENGTHENED:
                assert_int_equal(pwrite(file, "x", 1, SIZE), 1);
                return;
        case OVERWRITTEN:
                assert_int_equal(pwrite(file, "\xa5\x5a", 2, SIZE / 2), 2);
                return;
        case BEHIND: /* what was read already */
                assert_int_equal(pwrite(file, "\xa5\x5a", 2, 0), 2);
                return;
        case TOUCHED: /* the same bytes written again, as by a linker that is still at work */
                assert_int_equal(futimens(file, times), 0);
                return;
        case MAPPED: /* without a trace in the times, if it is quick */
                map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
                assert_ptr_not_equal(map, MAP_FAILED);
                map[SIZE / 3] ^= 0xff;
                assert_int_equal(munmap(map, SIZE), 0);
                return;
        default:
                fail();
        }
}

static void test_changed_after_the_copy(void **state) {
        for (int how = 0; how < _CHANGE_MAX; how++) {
                _cleanup_close_ int file = new_file(), memfd = new_memfd();
                struct fault fault = FAULT_INIT;
                struct image_input input;

                assert_int_equal(image_input_begin(&input, file, memfd, &fault), 0);
                assert_int_equal(image_input_copy(&input, &fault), 0);
                change(file, (enum change) how);
                assert_int_equal(image_input_finish(&input, &fault), -EBADMSG);
                assert_int_equal(fault.error, FWD_INVALID_IMAGE);
                assert_non_null(strstr(fault.message, "changed"));
        }
}

static void test_changed_before_the_copy(void **state) {
        for (int how = 0; how < _CHANGE_MAX; how++) {
                _cleanup_close_ int file = new_file(), memfd = new_memfd();
                struct fault fault = FAULT_INIT;
                struct image_input input;
                int r;

                /* These leave a whole and newer file, which is as good. */
                if (how == MAPPED)
                        continue;
                assert_int_equal(image_input_begin(&input, file, memfd, &fault), 0);
                if (how == OVERWRITTEN || how == BEHIND) {
                        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 2000}};

                        change(file, (enum change) how);
                        assert_int_equal(futimens(file, times), 0);
                } else
                        change(file, (enum change) how);
                r = image_input_copy(&input, &fault);
                if (r == 0)
                        r = image_input_finish(&input, &fault);
                assert_int_equal(r, -EBADMSG);
                assert_int_equal(fault.error, FWD_INVALID_IMAGE);
        }
}

static void refused(int fd, enum fwd_error error, const char *said) {
        _cleanup_close_ int memfd = new_memfd();
        struct fault fault = FAULT_INIT;

        assert_true(image_input_take(fd, memfd, &fault) < 0);
        assert_int_equal(fault.error, error);
        if (!strstr(fault.message, said))
                fail_msg("\"%s\" is not in \"%s\"", said, fault.message);
}

static void test_what_is_no_file(void **state) {
        _cleanup_close_ int directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int path = open("/etc/passwd", O_PATH | O_CLOEXEC);
        _cleanup_close_ int empty = new_memfd();
        int pipes[2], sockets[2];

        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        refused(directory, FWD_INVALID_IMAGE, "directory");
        refused(pipes[0], FWD_INVALID_IMAGE, "pipe");
        refused(sockets[0], FWD_INVALID_IMAGE, "socket");
        refused(null, FWD_INVALID_IMAGE, "regular file");
        refused(path, FWD_INVALID_IMAGE, "not open for reading");
        refused(empty, FWD_INVALID_IMAGE, "empty");
        refused(-1, FWD_INVALID_ARGUMENT, "handed over");
        for (int i = 0; i < 2; i++) {
                (void) close(pipes[i]);
                (void) close(sockets[i]);
        }
}

static void test_write_only(void **state) {
        _cleanup_close_ int file = new_file(), again = -EBADF;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
        again = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(again >= 0);
        refused(again, FWD_INVALID_IMAGE, "not open for reading");
}

static void test_largest(void **state) {
        _cleanup_close_ int file = new_memfd(), memfd = new_memfd();
        struct fault fault = FAULT_INIT;

        assert_int_equal(ftruncate(file, IMAGE_SIZE_MAX + 1), 0);
        refused(file, FWD_IMAGE_TOO_LARGE, "67108865");
        assert_int_equal(ftruncate(file, IMAGE_SIZE_MAX), 0);
        assert_int_equal(image_input_take(file, memfd, &fault), 0);
}

/* What could shrink under the parser is not mapped. */
static void test_unsealed_is_refused(void **state) {
        static const int some[] = {0, F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW,
                                   F_SEAL_WRITE | F_SEAL_GROW};
        _cleanup_close_ int file = new_file();
        struct image_bytes bytes = {};
        struct fault fault = FAULT_INIT;

        assert_int_equal(image_bytes_map(file, &bytes, &fault), -EINVAL);
        assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
        for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
                _cleanup_close_ int memfd = new_memfd();

                assert_int_equal(ftruncate(memfd, 100), 0);
                if (some[i])
                        assert_int_equal(fcntl(memfd, F_ADD_SEALS, some[i]), 0);
                assert_int_equal(image_bytes_map(memfd, &bytes, &fault), -EINVAL);
        }
        assert_null(bytes.data);
}

/* A memfd that takes no seals is no safe place. */
static void test_memory_that_cannot_be_sealed(void **state) {
        _cleanup_close_ int file = new_file(), memfd = memfd_create("test", MFD_CLOEXEC);
        struct fault fault = FAULT_INIT;

        assert_int_equal(image_input_take(file, memfd, &fault), -EINVAL);
        assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_copied_and_sealed),
                cmocka_unit_test(test_changed_after_the_copy),
                cmocka_unit_test(test_changed_before_the_copy),
                cmocka_unit_test(test_what_is_no_file),
                cmocka_unit_test(test_write_only),
                cmocka_unit_test(test_largest),
                cmocka_unit_test(test_unsealed_is_refused),
                cmocka_unit_test(test_memory_that_cannot_be_sealed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
