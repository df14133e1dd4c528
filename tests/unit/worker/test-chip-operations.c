/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-operation.h"

#include <sys/stat.h>

/* Reading, erasing and unprotecting a chip, and plans that change nothing. */

#define FLASH_START 0x08000000U
#define FLASH_SIZE  (1U << 20)
#define IMAGE_SIZE  (40U * 1024) /* sectors 0 to 2 of an F405 */

static const char *const f405[] = {"time-scale=0.01", "flash=400K", NULL};
static const char *const locked[] = {"time-scale=0.01", "flash=400K", "rdp=1", NULL};

static uint8_t image[IMAGE_SIZE];

static void image_init(void) {
        for (size_t i = 0; i < sizeof(image); i++)
                image[i] = (uint8_t) (i * 13 + (i >> 8));
        memcpy(image, "\x00\x00\x02\x20\x01\x01\x00\x08", 8); /* stack in RAM, reset in the image */
}

static void prepare(const struct operation *operation) {
        prepare_operation(operation);
        run.worker.node = MODEL_NODE;
        if (operation == &op_flash) {
                run.worker.image_fd = sealed(image, sizeof(image));
                run.worker.options.has_address = true;
                run.worker.options.address = FLASH_START;
        }
}

static int empty_memfd(void) {
        int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        return fd;
}

static int temporary_file(const char *content) {
        char path[] = "/tmp/fwd-test-output.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(write(fd, content, strlen(content)), (ssize_t) strlen(content));
        return fd;
}

static void assert_content(int fd, const void *expected, size_t size) {
        _cleanup_free_ char *got = malloc(size + 1);

        assert_non_null(got);
        assert_int_equal(pread(fd, got, size + 1, 0), (ssize_t) size);
        assert_memory_equal(got, expected, size);
}

static uint8_t *dump(void) {
        uint8_t *bytes = malloc(FLASH_SIZE);

        assert_non_null(bytes);
        assert_int_equal(model_dump(sim.model, FLASH_START, bytes, FLASH_SIZE), 0);
        return bytes;
}

static bool is_blank(uint32_t from, uint32_t to) {
        _cleanup_free_ uint8_t *bytes = dump();

        for (uint32_t at = from; at < to; at++)
                if (bytes[at - FLASH_START] != 0xff)
                        return false;
        return true;
}

/* Reading */

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
        fd = temporary_file(long_text);
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
                _cleanup_close_ int fd = temporary_file("old");

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
        _cleanup_close_ int fd = temporary_file("old");

        sim_plug("stm32-f405", locked);
        prepare(&op_read);
        run.worker.output_fd = fd;
        check_result(go(), FWD_READ_PROTECTED, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "yes");
        assert_content(fd, "old", 3);
        sim_unplug();
}

static void test_read_unplugged(void **state) {
        _cleanup_close_ int fd = temporary_file("old");

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
        _cleanup_close_ int fd = temporary_file(""), old = temporary_file("");
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
                _cleanup_close_ int fd = temporary_file("");
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

static void test_plain_device(void **state) {
        static const struct operation *const operations[] = {&op_erase, &op_unprotect};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                _cleanup_close_ int fd = empty_memfd();

                sim_plug("dfu11", NULL);
                prepare(operations[i]);
                run.worker.output_fd = fd;
                check_result(go(), FWD_NOT_SUPPORTED, "untouched");
                sim_unplug();
        }
}

/* The old flash is in the file before the first sector goes. */
static void test_save_old(void **state) {
        _cleanup_free_ uint8_t *before = NULL;
        _cleanup_close_ int fd = temporary_file("");

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
        _cleanup_close_ int fd = temporary_file(""), device = open("/dev/full", O_WRONLY);
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

/* Erasing */

static void test_erase_all(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_erase);
        check_result(go(), FWD_OK, "erased");
        assert_true(is_blank(FLASH_START, FLASH_START + FLASH_SIZE));
        assert_string_equal(heard("X.Erased"), "1048576");
        assert_string_equal(heard("X.PlanSectors"), "12");
        assert_string_equal(heard("X.PlanErases"), "0x08000000+1048576");
        assert_string_equal(run.phases, "opening erasing verifying");
        sim_unplug();
}

static void test_erase_range(void **state) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_erase);
        run.worker.options.has_range = true;
        run.worker.options.range = (struct range){0x08004000, 0x08008000};
        check_result(go(), FWD_OK, "erased");
        assert_true(is_blank(0x08004000, 0x08008000));
        assert_true(flash_is(FLASH_START, before, 0x4000));
        assert_true(flash_is(0x08008000, before + 0x8000, FLASH_SIZE - 0x8000));
        sim_unplug();
}

static void erase_refused(const struct board_profile *profile, struct range range,
                          const char *const *options, enum fwd_error error) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", options);
        before = dump();
        prepare(&op_erase);
        run.worker.profile = (struct board_profile *) (uintptr_t) profile;
        run.worker.options.has_range = !range_is_empty(range);
        run.worker.options.range = range;
        check_result(go(), error, "untouched");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        assert_string_equal(run.states, "");
        sim_unplug();
}

static void test_erase_refused(void **state) {
        struct range loader = {FLASH_START, FLASH_START + 0x4000};
        const struct board_profile guarded = {
                .flashable = true, .protected_ranges = &loader, .n_protected = 1};
        const struct board_profile odd = {.title = (char *) "Odd board"};

        erase_refused(NULL, (struct range){0x08004000, 0x08005000}, f405, FWD_INVALID_ARGUMENT);
        erase_refused(NULL, (struct range){0x08100000, 0x08104000}, f405, FWD_ADDRESS_OUT_OF_RANGE);
        erase_refused(NULL, (struct range){0x1fffc000, 0x1fffc010}, f405, FWD_PROTECTED_REGION);
        erase_refused(&guarded, (struct range){0x08000000, 0x08008000}, f405, FWD_PROTECTED_REGION);
        erase_refused(&odd, (struct range){}, f405, FWD_NOT_SUPPORTED);
        erase_refused(NULL, (struct range){}, locked, FWD_READ_PROTECTED);
}

/* All but the loader. */
static void test_erase_guarded(void **state) {
        struct range loader = {FLASH_START, FLASH_START + 0x1000};
        struct board_profile profile = {
                .flashable = true, .protected_ranges = &loader, .n_protected = 1};
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_erase);
        run.worker.profile = &profile;
        check_result(go(), FWD_OK, "erased");
        assert_true(is_blank(0x08004000, FLASH_START + FLASH_SIZE));
        assert_true(flash_is(FLASH_START, before, 0x4000));
        sim_unplug();
}

static void test_erase_unplugged(void **state) {
        sim_plug("stm32-f405", f405);
        assert_int_equal(model_set(sim.model, "unplug-erase", "3", sim.now_us), 0);
        prepare(&op_erase);
        check_result(go(), FWD_DEVICE_LOST, "erased");
        sim_unplug();
}

static void test_erase_cancelled(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_erase);
        cancel_flag = 1;
        check_result(go(), FWD_CANCELLED, "untouched");
        sim_unplug();
}

/* Read protection */

static void test_unprotect(void **state) {
        sim_plug("stm32-f405", locked);
        prepare(&op_unprotect);
        check_result(go(), FWD_OK, "erased");
        assert_string_equal(heard("X.ReadProtected"), "yes"); /* as it was found */
        assert_string_equal(run.phases, "opening unprotecting");
        assert_true(is_blank(FLASH_START, FLASH_START + FLASH_SIZE));

        /* It is back in its bootloader: whoever asks now finds it open. */
        while (!sim.model->on_bus) {
                sim.now_us = model_next_event(sim.model);
                model_advance(sim.model, sim.now_us);
        }
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "no");
        assert_memory_equal(heard("X.OptionBytes"), "efaa", 4);
        sim_unplug();
}

static void test_unprotect_open_chip(void **state) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", f405);
        before = dump();
        prepare(&op_unprotect);
        check_result(go(), FWD_OK, "untouched");
        assert_non_null(strstr(heard("NOTICE"), "not read protected"));
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        sim_unplug();
}

static void test_unprotect_cancelled(void **state) {
        sim_plug("stm32-f405", locked);
        prepare(&op_unprotect);
        cancel_flag = 1;
        check_result(go(), FWD_CANCELLED, "untouched");
        sim_unplug();
}

static void test_unprotect_unplugged_before(void **state) {
        sim_plug("stm32-f405", locked);
        assert_int_equal(model_set(sim.model, "unplug-dnload", "2", sim.now_us), 0);
        prepare(&op_unprotect);
        check_result(go(), FWD_DEVICE_LOST, "untouched");
        sim_unplug();
}

/* What nobody asked for is never done. */
static void test_nothing_else_unprotects(void **state) {
        static const struct operation *const operations[] = {&op_flash, &op_erase, &op_read,
                                                             &op_identify};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                _cleanup_close_ int fd = empty_memfd();
                _cleanup_free_ uint8_t *before = NULL;

                sim_plug("stm32-f405", locked);
                before = dump();
                prepare(operations[i]);
                if (operations[i] == &op_read)
                        run.worker.output_fd = fd;
                run.worker.options.force = true;
                check_result(go(), operations[i] == &op_identify ? FWD_OK : FWD_READ_PROTECTED,
                             "untouched");
                assert_string_equal(heard("X.ReadProtected"), "yes");
                assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
                sim_unplug();
        }
}

/* Plans */

static void plan(const struct operation *operation, const char *const *options,
                 const char *expected) {
        _cleanup_free_ uint8_t *before = NULL;

        sim_plug("stm32-f405", options);
        before = dump();
        prepare(operation);
        run.worker.options.dry_run = true;
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.Plan"), expected);
        assert_string_equal(run.states, "");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        assert_true(sim.model->on_bus);
        sim_unplug();
}

static void test_plans(void **state) {
        plan(&op_flash, f405,
             "erase 3 sectors (49152 bytes), write 40960 bytes in 20 blocks, in about 3 s");
        assert_string_equal(heard("X.PlanSeconds"), "3");
        assert_string_equal(heard("X.PlanErases"), "0x08000000+49152");
        plan(&op_erase, f405, "erase 12 sectors (1048576 bytes), in about 22 s");
        plan(&op_unprotect, locked,
             "take off the read protection, which erases all 1048576 bytes of the flash, in about "
             "16 s");
}

/* Without a board: by the map that it once told, or by its chip's name. */
static void test_plans_on_paper(void **state) {
        static const struct {
                const char *map, *mcu;
        } cases[] = {{"0x08000000/4*16K,1*64K,7*128K", NULL}, {NULL, "STM32F405"}};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                prepare(&op_flash);
                sim.opened = 0;
                run.worker.node = NULL;
                run.worker.map = cases[i].map;
                run.worker.mcu = cases[i].mcu;
                run.worker.options.dry_run = true;
                check_result(go(), FWD_OK, "untouched");
                assert_string_equal(heard("X.Plan"),
                                    "erase 3 sectors (49152 bytes), write 40960 bytes in 20 "
                                    "blocks, in about 3 s");
                assert_non_null(strstr(heard("NOTICE"), "in its firmware"));
                assert_int_equal(sim.opened, 0);
        }
}

static void test_plan_of_unknown_board(void **state) {
        static const struct operation *const operations[] = {&op_flash, &op_erase, &op_unprotect};

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
                prepare(operations[i]);
                run.worker.node = NULL;
                run.worker.options.dry_run = true;
                check_result(go(), FWD_NEEDS_USER_ACTION, "untouched");
        }
}

/* A refusal is part of a plan. */
static void test_plan_refused(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_flash);
        run.worker.options.address = 0x08100000;
        run.worker.options.dry_run = true;
        check_result(go(), FWD_ADDRESS_OUT_OF_RANGE, "untouched");
        sim_unplug();
}

/* Files for other chips */

static void put_le32(uint8_t *to, uint32_t value) {
        for (unsigned i = 0; i < 4; i++)
                to[i] = (uint8_t) (value >> 8 * i);
}

static void test_uf2_family(void **state) {
        static const struct {
                uint32_t family;
                bool force;
                enum fwd_error error;
        } cases[] = {
                {0x57755a57, false, FWD_OK},          /* STM32F4 */
                {0x6d0922fa, false, FWD_OK},          /* STM32F407 */
                {0x53b80f00, false, FWD_WRONG_BOARD}, /* STM32F7 */
                {0xe48bff59, false, FWD_WRONG_BOARD}, /* RP2350 */
                {0x12345678, false, FWD_OK},          /* nobody knows */
                {0x53b80f00, true, FWD_OK},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t block[512] = {};

                put_le32(block, 0x0a324655);
                put_le32(block + 4, 0x9e5d5157);
                put_le32(block + 8, 0x2000);
                put_le32(block + 12, FLASH_START);
                put_le32(block + 16, 256);
                put_le32(block + 24, 1);
                put_le32(block + 28, cases[i].family);
                memcpy(block + 32, image, 256);
                put_le32(block + 508, 0x0ab16f30);
                sim_plug("stm32-f405", f405);
                prepare(&op_flash);
                (void) close(run.worker.image_fd);
                run.worker.image_fd = sealed(block, sizeof(block));
                run.worker.options.has_address = false;
                run.worker.options.force = cases[i].force;
                check_result(go(), cases[i].error, cases[i].error ? "untouched" : "verified");
                sim_unplug();
        }
}

static void test_identify(void **state) {
        sim_plug("stm32-f405", f405);
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.McuFamily"), "STM32F405, F407, F415 or F417");
        assert_string_equal(heard("X.OptionBytes"), "efaaffffffffffffff0fffffffffffff");
        sim_unplug();

        sim_plug("stm32-f405", locked);
        prepare(&op_identify);
        check_result(go(), FWD_OK, "untouched");
        assert_string_equal(heard("X.ReadProtected"), "yes");
        assert_null(heard("X.OptionBytes"));
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
                cmocka_unit_test(test_plain_device),
                cmocka_unit_test(test_save_old),
                cmocka_unit_test(test_save_old_fails),
                cmocka_unit_test(test_erase_all),
                cmocka_unit_test(test_erase_range),
                cmocka_unit_test(test_erase_refused),
                cmocka_unit_test(test_erase_guarded),
                cmocka_unit_test(test_erase_unplugged),
                cmocka_unit_test(test_erase_cancelled),
                cmocka_unit_test(test_unprotect),
                cmocka_unit_test(test_unprotect_open_chip),
                cmocka_unit_test(test_unprotect_cancelled),
                cmocka_unit_test(test_unprotect_unplugged_before),
                cmocka_unit_test(test_nothing_else_unprotects),
                cmocka_unit_test(test_plans),
                cmocka_unit_test(test_plans_on_paper),
                cmocka_unit_test(test_plan_of_unknown_board),
                cmocka_unit_test(test_plan_refused),
                cmocka_unit_test(test_uf2_family),
                cmocka_unit_test(test_identify),
        };

        image_init();
        return cmocka_run_group_tests_name("chip-operations", tests, NULL, NULL);
}
