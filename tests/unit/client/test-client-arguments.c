/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DEVICE, JOB and FILE of the command line, and the answer to Ctrl-C. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "client/confirm.h"
#include "client/device-arg.h"
#include "client/image-arg.h"
#include "client/output-file.h"
#include "client/question.h"

static void test_split(void **state) {
        char verb[] = "flash", device[] = "1-1", file[] = "a.hex";
        char *one[] = {verb, file}, *two[] = {verb, device, file};
        const char *what, *image;

        device_split(2, one, &what, &image);
        assert_null(what);
        assert_ptr_equal(image, file);
        device_split(3, two, &what, &image);
        assert_ptr_equal(what, device);
        assert_ptr_equal(image, file);
}

static void test_choose(void **state) {
        _cleanup_json_ json_t *none = json_array();
        _cleanup_json_ json_t *one = json_pack("[{s:s}]", "Port", "1-1");
        _cleanup_json_ json_t *two =
                json_pack("[{s:s, s:s}, {s:s}]", "Port", "1-1", "BoardName", "Fish", "Port", "1-2");
        struct problem p = {};
        const json_t *chosen = NULL;

        assert_int_equal(device_choose(none, &chosen, &p), FWD_EXIT_NOT_FOUND);
        assert_null(chosen);
        assert_int_equal(device_choose(one, &chosen, &p), 0);
        assert_string_equal(json_text(chosen, "Port"), "1-1");
        assert_int_equal(device_choose(two, &chosen, &p), FWD_EXIT_USAGE);
        assert_non_null(strstr(p.message, "2 boards: 1-1 (Fish), 1-2."));
}

static void test_choose_among_many(void **state) {
        _cleanup_json_ json_t *many = json_array();
        struct problem p = {};
        const json_t *chosen = NULL;

        for (int i = 0; i < 200; i++)
                json_array_append_new(many,
                                      json_pack("{s:s, s:s}", "Port", "1-1.2.3.4", "BoardName",
                                                "A rather long name of a board"));
        assert_int_equal(device_choose(many, &chosen, &p), FWD_EXIT_USAGE);
        assert_non_null(strstr(p.message, "Say which one is meant."));
}

static void test_choose_job(void **state) {
        _cleanup_json_ json_t *jobs =
                json_pack("[{s:s, s:s}, {s:s, s:s}]", "Path", "/org/fwctl1/job/7", "Result",
                          "success", "Path", "/org/fwctl1/job/8", "Result", "");
        struct problem p = {};
        const json_t *job = NULL;

        assert_int_equal(job_choose(jobs, NULL, &job, &p), 0);
        assert_string_equal(json_text(job, "Path"), "/org/fwctl1/job/8");
        assert_int_equal(job_choose(jobs, "7", &job, &p), 0);
        assert_string_equal(json_text(job, "Path"), "/org/fwctl1/job/7");
        assert_int_equal(job_choose(jobs, "/org/fwctl1/job/8", &job, &p), 0);
        assert_string_equal(json_text(job, "Path"), "/org/fwctl1/job/8");
        assert_int_equal(job_choose(jobs, "9", &job, &p), FWD_EXIT_NOT_FOUND);
        json_array_append_new(jobs,
                              json_pack("{s:s, s:s}", "Path", "/org/fwctl1/job/9", "Result", ""));
        assert_int_equal(job_choose(jobs, NULL, &job, &p), FWD_EXIT_USAGE);
        json_array_clear(jobs);
        assert_int_equal(job_choose(jobs, NULL, &job, &p), FWD_EXIT_NOT_FOUND);
}

static char directory[64];
static char path[128];

static int make_directory(void **state) {
        (void) strcpy(directory, "/tmp/fwctl-test-XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        (void) snprintf(path, sizeof(path), "%s/image", directory);
        return 0;
}

static int remove_directory(void **state) {
        return rmdir(directory);
}

static void check_refused(const char *file, int exit_code, const char *reason) {
        struct problem p = {};
        int fd = -EBADF;

        assert_int_equal(image_open(file, &fd, &p), exit_code);
        assert_int_equal(fd, -EBADF);
        assert_non_null(strstr(p.message, reason));
        assert_true(strlen(p.advice) > 0);
}

static void test_image(void **state) {
        struct problem p = {};
        int fd;

        check_refused(path, FWD_EXIT_IMAGE, "No such file");
        check_refused(directory, FWD_EXIT_IMAGE, "is a directory");
        check_refused("/dev/null", FWD_EXIT_IMAGE, "is a device");
        assert_return_code(mkfifo(path, 0600), errno);
        check_refused(path, FWD_EXIT_IMAGE, "is a pipe");
        assert_return_code(unlink(path), errno);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_return_code(fd, errno);
        check_refused(path, FWD_EXIT_IMAGE, "is empty");
        assert_return_code(ftruncate(fd, (64 << 20) + 1), errno);
        check_refused(path, FWD_EXIT_IMAGE, "64 MiB");
        assert_return_code(ftruncate(fd, 64 << 20), errno);
        assert_return_code(close(fd), errno);
        fd = -EBADF;
        assert_int_equal(image_open(path, &fd, &p), 0);
        assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_return_code(close(fd), errno);
        assert_return_code(unlink(path), errno);
}

static void test_answer(void **state) {
        assert_int_equal(question_parse("c\n"), ANSWER_CANCEL);
        assert_int_equal(question_parse(" Cancel\n"), ANSWER_CANCEL);
        assert_int_equal(question_parse("l\n"), ANSWER_LEAVE);
        assert_int_equal(question_parse("LEAVE\n"), ANSWER_LEAVE);
        assert_int_equal(question_parse("\n"), ANSWER_CONTINUE);
        assert_int_equal(question_parse(""), ANSWER_CONTINUE);
        assert_int_equal(question_parse("what?\n"), ANSWER_CONTINUE);
}

/* Only the whole word is a yes. */
static void test_confirm(void **state) {
        static const char *const others[] = {"",       "\n",     "y\n",      "Yes\n",
                                             "yes!\n", " yes\n", "yes no\n", "no\n"};

        assert_true(confirm_parse("yes\n"));
        assert_true(confirm_parse("yes\r\n"));
        assert_true(confirm_parse("yes"));
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                assert_false(confirm_parse(others[i]));
}

static void write_text(int fd, const char *text) {
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

static bool content_is(const char *name, const char *text) {
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
        char got[32] = "";

        assert_true(fd >= 0);
        assert_true(read(fd, got, sizeof(got) - 1) >= 0);
        return strcmp(got, text) == 0;
}

static void test_output_file(void **state) {
        struct output_file file = OUTPUT_FILE_INIT;
        struct problem p = {};

        /* Made for nothing: gone. */
        assert_int_equal(output_file_open(path, false, &file, &p), 0);
        output_file_close(&file, false);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(output_file_open(path, false, &file, &p), 0);
        write_text(file.fd, "old");
        output_file_close(&file, true);
        assert_true(content_is(path, "old"));
        /* There already. */
        assert_int_equal(output_file_open(path, false, &file, &p), FWD_EXIT_USAGE);
        assert_non_null(strstr(p.message, "is there already"));
        assert_true(file.fd < 0);
        /* Opened, but as it was until somebody writes; and never taken away. */
        assert_int_equal(output_file_open(path, true, &file, &p), 0);
        assert_true(content_is(path, "old"));
        output_file_close(&file, false);
        assert_true(content_is(path, "old"));
        assert_int_equal(unlink(path), 0);
        /* No file at all. */
        assert_int_equal(output_file_open(directory, true, &file, &p), FWD_EXIT_USAGE);
        assert_int_equal(output_file_open("/dev/null", true, &file, &p), FWD_EXIT_USAGE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_split),
                cmocka_unit_test(test_choose),
                cmocka_unit_test(test_choose_among_many),
                cmocka_unit_test(test_choose_job),
                cmocka_unit_test_setup_teardown(test_image, make_directory, remove_directory),
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_confirm),
                cmocka_unit_test_setup_teardown(test_output_file, make_directory, remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
