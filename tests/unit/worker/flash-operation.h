/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Operations on an F405 that has an old firmware, and an image for it. */

#include "run-operation.h"

#define FLASH_START 0x08000000U
#define FLASH_SIZE  (1U << 20)
#define IMAGE_SIZE  (40U * 1024) /* sectors 0 to 2 */

static const char *const f405[] = {"time-scale=0.01", "flash=400K", "uid=002d00303334510b32313533",
                                   NULL};
static const char *const locked[] = {"time-scale=0.01", "flash=400K", "rdp=1", NULL};

static uint8_t image[IMAGE_SIZE];

static inline void image_init(void) {
        for (size_t i = 0; i < sizeof(image); i++)
                image[i] = (uint8_t) (i * 13 + (i >> 8));
        memcpy(image, "\x00\x00\x02\x20\x01\x01\x00\x08", 8); /* stack in RAM, reset in the image */
}

/* On what is behind the USB node; a flash has the image. */
static inline void prepare(const struct operation *operation) {
        prepare_operation(operation);
        run.worker.node = MODEL_NODE;
        if (operation == &op_flash) {
                run.worker.image_fd = sealed(image, sizeof(image));
                run.worker.options.has_address = true;
                run.worker.options.address = FLASH_START;
        }
}

/* The flash as it is; the caller's to free. */
static inline uint8_t *dump(void) {
        uint8_t *bytes = malloc(FLASH_SIZE);

        assert_non_null(bytes);
        assert_int_equal(model_dump(sim.model, FLASH_START, bytes, FLASH_SIZE), 0);
        return bytes;
}

static inline int empty_memfd(void) {
        int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        return fd;
}

/* A file without a name. */
static inline int temporary_file(const void *content, size_t size) {
        char path[] = "/tmp/fwd-test-operation.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(write(fd, content, size), (ssize_t) size);
        return fd;
}

/* Refused before the board is touched: not one byte differs. */
static inline void check_untouched(enum fwd_error error) {
        _cleanup_free_ uint8_t *before = dump();

        check_result(go(), error, "untouched");
        assert_true(flash_is(FLASH_START, before, FLASH_SIZE));
        assert_string_equal(run.states, "");
}
