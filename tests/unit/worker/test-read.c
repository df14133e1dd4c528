/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flash-operation.h"

/* Reading the flash of a chip into a file or a memfd, alone and before it is overwritten. */

static void assert_content(int fd, const void *expected, size_t size) {
        _cleanup_free_ char *got = malloc(size + 1);

        assert_non_null(got);
        assert_int_equal(pread(fd, got, size + 1, 0), (ssize_t) size);
        assert_memory_equal(got, expected, size);
}

static void test_read_all(void **state) {
        _cleanup_free_ uint8_t *before = NULL;
        _cleanup_close_ int fd = empty_memfd();

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_read);
        run.worker.output_fd = fd;
        check_result(go(), FWD_OK, "untouched");
        assert_content(fd, before, FLASH_SIZE);
        assert_string_equal(heard("X.Range"), "0x08000000+1048576");
        assert_string_equal(heard("X.Read"), "1048576");
        assert_string_equal(heard("X.ReadProtected"), "no");
        assert_string_equal(run.phases, "opening reading");
        /* Nobody changes it any more. */
        assert_int_equal(write(fd, "x", 1), -1);
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        sim_unplug();
}

/* Into a file: replaced whole, whatever was in it. */
static void test_read_range(void **state) {
        _cleanup_free_ uint8_t *before = NULL;
        _cleanup_close_ int fd = -EBADF;
        char long_text[3001];

        memset(long_text, 'x', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        fd = temporary_file(long_text, strlen(long_text));
        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_read);
        run.worker.output_fd = fd;
        run.worker.options.has_range = true;
        run.worker.options.range = (struct range){0x08003f00, 0x08004a01};
        check_result(go(), FWD_OK, "untouched");
        assert_content(fd, before + 0x3f00, 0xb01);
        sim_unplug();
}

/* Two memories that follow each other are of one range only if there is no gap. */
static void test_read_refused(void **state) {
        static const struct {
                struct range range;
                enum fwd_error error;
        } cases[] = {
                {{0x080f0000, 0x08100001}, FWD_ADDRESS_OUT_OF_RANGE},
                {{0x20000000, 0x20000100}, FWD_ADDRESS_OUT_OF_RANGE},
                {{0x07ffffff, 0x08000001}, FWD_ADDRESS_OUT_OF_RANGE},
                {{0x08000000, 0x0c000001}, FWD_IMAGE_TOO_LARGE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_close_ int fd = temporary_file("old", 3);

                sim_plug("stm32-f405", f405);
                prepare(&op_read);
                run.worker.output_fd = fd;
                run.worker.options.has_range = true;
                run.worker.options.range = cases[i].range;
                check_result(go(), cases[i].error, "untouched");
                assert_content(fd, "old", 3);
                sim_unplug();
        }
}

static void test_read_otp(void **state) {
        _cleanup_close_ int fd = empty_memfd();
        uint8_t blank[528];

        memset(blank, 0xff, sizeof(blank));
        sim_plug("stm32-f405", f405);
        prepare(&op_read);
        run.worker.output_fd = fd;
        run.worker.options.has_range = true;
        run.worker.options.range = (struct range){0x1fff7800, 0x1fff7a10};
        check_result(go(), FWD_OK, "untouched");
        assert_content(fd, blank, sizeof(blank));
        sim_unplug();
}

static void test_read_protected(void **state) {
        _cleanup_close_ int fd = temporary_file("old", 3);

        sim_plug("stm32-f405", locked);
        prepare(&op_read);
        run.worker.output_fd = fd;
        check_result(go(), FWD_READ_PROTECTED, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "yes");
        assert_content(fd, "old", 3);
        sim_unplug();
}

static void test_read_unplugged(void **state) {
        _cleanup_close_ int fd = temporary_file("old", 3);

        sim_plug("stm32-f405", f405);
        assert_int_equal(model_set(sim.model, "unplug-upload", "200", sim.now_us), 0);
        prepare(&op_read);
        run.worker.output_fd = fd;
        check_result(go(), FWD_DEVICE_LOST, "untouched");
        assert_content(fd, "old", 3);
        sim_unplug();
}

static void test_output_that_is_none(void **state) {
        _cleanup_close_ int readable = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int device = open("/dev/null", O_WRONLY | O_CLOEXEC);
        const int fds[] = {readable, device};

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                sim_plug("stm32-f405", f405);
                prepare(&op_read);
                run.worker.output_fd = fds[i];
                check_result(go(), FWD_INVALID_ARGUMENT, "untouched");
                assert_int_equal(sim.opened, 0);
                sim_unplug();
        }
}

static uint8_t *dump_plain(size_t size) {
        uint8_t *bytes = malloc(size);

        assert_non_null(bytes);
        assert_int_equal(model_dump(sim.model, 0, bytes, size), 0);
        return bytes;
}

/* A bootloader without addresses gives all that it has. */
static void test_read_plain(void **state) {
        static const size_t size = 65536;
        _cleanup_close_ int fd = temporary_file("", 0), old = temporary_file("", 0);
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("dfu11", NULL);
        before = dump_plain(size);
        prepare(&op_read);
        run.worker.output_fd = fd;
        check_result(go(), FWD_OK, "untouched");
        assert_content(fd, before, size);
        assert_string_equal(heard("X.Read"), "65536");
        prepare(&op_read);
        run.worker.output_fd = fd;
        run.worker.options.has_range = true;
        run.worker.options.range = (struct range){0, 1024};
        check_result(go(), FWD_NOT_SUPPORTED, "untouched");
        /* Before a flash as well: the file has it before the first block is written. */
        prepare(&op_flash);
        run.worker.output_fd = old;
        run.worker.options.has_address = false;
        assert_int_equal(go(), 0);
        assert_string_equal(heard("X.Saved"), "65536");
        assert_content(old, before, size);
        sim_unplug();
}

/* One that cannot be read: said so, and nothing is written. */
static void test_read_plain_without_upload(void **state) {
        static const char *const options[] = {"no-upload=yes", NULL};
        static const struct operation *const operations[] = {&op_read, &op_flash};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                _cleanup_close_ int fd = temporary_file("", 0);
                _cleanup_free_ uint8_t *before = NULL, *after = NULL;

                sim_plug("dfu11", options);
                before = dump_plain(65536);
                prepare(operations[i]);
                run.worker.output_fd = fd;
                run.worker.options.has_address = false;
                check_result(go(), FWD_NOT_SUPPORTED, "untouched");
                after = dump_plain(65536);
                assert_memory_equal(before, after, 65536);
                sim_unplug();
        }
}

/* The old flash is in the file before the first sector goes. */
static void test_save_old(void **state) {
        _cleanup_free_ uint8_t *before = NULL;
        _cleanup_close_ int fd = temporary_file("", 0);

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_flash);
        run.worker.output_fd = fd;
        check_result(go(), FWD_OK, "verified");
        assert_content(fd, before, FLASH_SIZE);
        assert_string_equal(heard("X.Saved"), "1048576");
        assert_string_equal(run.phases, "opening reading erasing writing verifying leaving");
        sim_unplug();
}

static void test_save_old_fails(void **state) {
        _cleanup_close_ int fd = temporary_file("", 0), device = open("/dev/full", O_WRONLY);
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_flash);
        run.worker.output_fd = device;
        check_result(go(), FWD_INVALID_ARGUMENT, "untouched");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        sim_unplug();

        sim_plug("stm32-f405", f405);
        assert_int_equal(model_set(sim.model, "unplug-upload", "100", sim.now_us), 0);
        prepare(&op_flash);
        run.worker.output_fd = fd;
        check_result(go(), FWD_DEVICE_LOST, "untouched");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read_all),
                cmocka_unit_test(test_read_range),
                cmocka_unit_test(test_read_refused),
                cmocka_unit_test(test_read_otp),
                cmocka_unit_test(test_read_protected),
                cmocka_unit_test(test_read_unplugged),
                cmocka_unit_test(test_output_that_is_none),
                cmocka_unit_test(test_read_plain),
                cmocka_unit_test(test_read_plain_without_upload),
                cmocka_unit_test(test_save_old),
                cmocka_unit_test(test_save_old_fails),
        };

        image_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
