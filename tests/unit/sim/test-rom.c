/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The F405's bootloader on the wire, byte for byte as dfu-util 0.11 and its device saw it, and its
 * states. */

#include "sim-host.h"

#include <errno.h>
#include <string.h>

#define FLASH   0x08000000U
#define BLOCK   2048U
#define ERASE   0x41
#define ADDRESS 0x21

static void fill(uint8_t *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t) (i * 7 + i / 256);
}

static void operation(struct sim_host *h, unsigned poll_ms) {
        sim_status(h, 0, poll_ms, 4);
        sim_status(h, 0, 0, 5);
}

static void descriptors(void **state) {
        static const uint8_t device[] = {0x12, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x40, 0x83,
                                         0x04, 0x11, 0xDF, 0x00, 0x22, 0x01, 0x02, 0x03, 0x01};
        /* clang-format off */
        static const uint8_t config[] = {
                0x09, 0x02, 0x36, 0x00, 0x01, 0x01, 0x00, 0xC0, 0x32,
                0x09, 0x04, 0x00, 0x00, 0x00, 0xFE, 0x01, 0x02, 0x04,
                0x09, 0x04, 0x00, 0x01, 0x00, 0xFE, 0x01, 0x02, 0x05,
                0x09, 0x04, 0x00, 0x02, 0x00, 0xFE, 0x01, 0x02, 0x06,
                0x09, 0x04, 0x00, 0x03, 0x00, 0xFE, 0x01, 0x02, 0x07,
                0x09, 0x21, 0x0B, 0xFF, 0x00, 0x00, 0x08, 0x1A, 0x01,
        };
        /* clang-format on */
        static const int string_sizes[] = {4, 38, 36, 26, 112, 72, 84, 72};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", NULL);
        assert_true(h.m->on_bus);
        assert_false(h.m->has_serial_port);
        assert_memory_equal(h.m->device_descriptor, device, sizeof(device));
        assert_int_equal(h.m->config_size, sizeof(config));
        assert_memory_equal(h.m->config_descriptor, config, sizeof(config));
        assert_string_equal(h.m->manufacturer, "STMicroelectronics");
        assert_string_equal(h.m->product, "STM32  BOOTLOADER");
        assert_string_equal(h.m->serial, "325E35633334");

        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x0100, 64, NULL), 18);
        assert_memory_equal(h.answer.data, device, sizeof(device));
        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x0200, 9, NULL), 9);
        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x0200, 255, NULL), 54);
        assert_memory_equal(h.answer.data, config, sizeof(config));
        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x2100, 9, NULL), 9);
        assert_memory_equal(h.answer.data, config + 45, 9);
        for (unsigned i = 0; i < 8; i++) {
                assert_int_equal(sim_host_transfer(&h, 0x80, 6, (uint16_t) (0x0300 | i), 255, NULL),
                                 string_sizes[i]);
                assert_int_equal(h.answer.data[0], string_sizes[i]);
        }
        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x0308, 255, NULL), -EPIPE);
        assert_int_equal(sim_host_transfer(&h, 0x01, 11, 3, 0, NULL), 0);
        assert_int_equal(sim_host_transfer(&h, 0x81, 10, 0, 1, NULL), 1);
        assert_int_equal(h.answer.data[0], 3);
        assert_int_equal(sim_host_transfer(&h, 0x01, 11, 4, 0, NULL), -EPIPE);
        sim_host_stop(&h);
}

/* dfu-util -a 0 -s 0x08000000:leave -D FILE, 4096 bytes */
static void trace_download(void **state) {
        uint8_t file[4096], flash[4096];
        struct sim_host h;

        fill(file, sizeof(file));
        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        operation(&h, 0x64);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(sim_command(&h, ADDRESS, FLASH + i * BLOCK), 5);
                operation(&h, 0x68);
                assert_int_equal(sim_out(&h, DNLOAD, 2, file + i * BLOCK, BLOCK), BLOCK);
                operation(&h, 0x68);
        }
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_command(&h, ADDRESS, FLASH), 5);
        operation(&h, 0x68);
        assert_int_equal(sim_out(&h, DNLOAD, 2, NULL, 0), 0);
        sim_status(&h, 0, 1, 7);
        assert_true(h.m->on_bus);
        assert_true(sim_host_run(&h));
        assert_false(h.m->on_bus);
        assert_int_equal(model_dump(h.m, FLASH, flash, sizeof(flash)), 0);
        assert_memory_equal(flash, file, sizeof(file));
        sim_host_stop(&h);
}

/* dfu-util -a 0 -s 0x08000000:5000 -U FILE */
static void trace_upload(void **state) {
        uint8_t flash[5000];
        struct sim_host h;

        fill(flash, sizeof(flash));
        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        assert_int_equal(model_load(h.m, FLASH, flash, sizeof(flash)), 0);
        assert_int_equal(sim_command(&h, ADDRESS, FLASH), 5);
        operation(&h, 0x68);
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        for (unsigned i = 0; i < 3; i++) {
                uint16_t size = i < 2 ? BLOCK : 0x0388;

                assert_int_equal(sim_in(&h, UPLOAD, (uint16_t) (2 + i), size), size);
                assert_memory_equal(h.answer.data, flash + i * BLOCK, size);
        }
        sim_status(&h, 0, 0, 9);
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

/* Power-up: dfuERROR, errFIRMWARE, until CLRSTATUS. Then the pointer once and block numbers. */
static void trace_fast(void **state) {
        uint8_t file[4096];
        struct sim_host h;

        fill(file, sizeof(file));
        sim_host_start(&h, "stm32-f405", NULL);
        sim_clear(&h);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        operation(&h, 0x64);
        assert_int_equal(sim_command(&h, ADDRESS, FLASH), 5);
        operation(&h, 0x68);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(sim_out(&h, DNLOAD, (uint16_t) (2 + i), file + i * BLOCK, BLOCK),
                                 BLOCK);
                operation(&h, 0x68);
        }
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(sim_in(&h, UPLOAD, (uint16_t) (2 + i), BLOCK), BLOCK);
                assert_memory_equal(h.answer.data, file + i * BLOCK, BLOCK);
        }
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        assert_int_equal(sim_command(&h, ADDRESS, FLASH), 5);
        operation(&h, 0x68);
        assert_int_equal(sim_out(&h, DNLOAD, 0, NULL, 0), 0);
        sim_status(&h, 0, 1, 7);
        sim_host_stop(&h);
}

/* Brings a fresh device to a state, for the table below. */
static void bring(struct sim_host *h, uint8_t to) {
        uint8_t data[BLOCK] = {0};

        sim_host_start(h, "stm32-f405", "power-up=idle", "leave=ignore", NULL);
        switch (to) {
        case 3:
                assert_int_equal(sim_out(h, DNLOAD, 2, data, BLOCK), BLOCK);
                break;
        case 5:
                assert_int_equal(sim_command(h, ADDRESS, FLASH), 5);
                operation(h, 0x68);
                break;
        case 6:
        case 7:
                assert_int_equal(sim_out(h, DNLOAD, 0, NULL, 0), 0);
                if (to == 7)
                        sim_status(h, 0, 1, 7);
                break;
        case 9:
                assert_int_equal(sim_in(h, UPLOAD, 2, BLOCK), BLOCK);
                break;
        case 10:
                assert_int_equal(sim_out(h, CLRSTATUS, 0, NULL, 0), 0);
                break;
        }
        assert_int_equal(sim_in(h, GETSTATE, 0, 1), 1);
        assert_int_equal(h->answer.data[0], to);
}

static void state_table(void **state) {
        enum { DATA, EMPTY, READ, CLEAR, STOP, REQUESTS };
        /* The state after it; negative: it stalls and stays. After ST's device library, which the
         * ROM is kin to. */
        static const struct {
                uint8_t from;
                int8_t to[REQUESTS];
        } rows[] = {
                {2, {3, 6, 9, 10, 2}},        {3, {-3, -3, -3, 10, 2}}, {5, {3, 6, -5, 10, 2}},
                {6, {-6, -6, -6, 10, 2}},     {7, {-7, -7, -7, 10, 7}}, {9, {-9, -9, 9, 10, 2}},
                {10, {-10, -10, -10, 2, 10}},
        };
        uint8_t data[BLOCK] = {0};

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                for (int request = 0; request < REQUESTS; request++) {
                        int to = rows[i].to[request], r = 0;
                        struct sim_host h;

                        bring(&h, rows[i].from);
                        switch (request) {
                        case DATA:
                                r = sim_out(&h, DNLOAD, 2, data, BLOCK);
                                break;
                        case EMPTY:
                                r = sim_out(&h, DNLOAD, 0, NULL, 0);
                                break;
                        case READ:
                                r = sim_in(&h, UPLOAD, 2, BLOCK);
                                break;
                        case CLEAR:
                                r = sim_out(&h, CLRSTATUS, 0, NULL, 0);
                                break;
                        case STOP:
                                r = sim_out(&h, ABORT, 0, NULL, 0);
                                break;
                        }
                        if (to < 0 ? r != -EPIPE : r < 0)
                                fail_msg("state %d, request %d: %d", rows[i].from, request, r);
                        assert_int_equal(sim_in(&h, GETSTATE, 0, 1), 1);
                        if (h.answer.data[0] != (to < 0 ? -to : to))
                                fail_msg("state %d, request %d: now %d", rows[i].from, request,
                                         h.answer.data[0]);
                        sim_host_stop(&h);
                }
}

static void clear_outside_error_is_unknown_error(void **state) {
        struct sim_host h;

        bring(&h, 10);
        sim_status(&h, 0x0E, 0, 10);
        sim_host_stop(&h);
}

static void commands(void **state) {
        static const uint8_t list[] = {0x00, 0x21, 0x41, 0x92};
        struct sim_host h;

        bring(&h, 2);
        assert_int_equal(sim_in(&h, UPLOAD, 0, 64), 4);
        assert_memory_equal(h.answer.data, list, sizeof(list));
        sim_status(&h, 0, 0, 2);
        /* Unknown, and too short to be one. */
        assert_int_equal(sim_command(&h, 0x77, FLASH), 5);
        sim_status(&h, 0, 0x68, 4);
        sim_status(&h, 0x0F, 0, 10);
        sim_host_stop(&h);
}

static void bad_addresses(void **state) {
        static const uint32_t outside[] = {0, 0x07FFFFFF, 0x08100000, 0x20000000, 0xFFFFFFFF};
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
                bring(&h, 2);
                assert_int_equal(sim_command(&h, ADDRESS, outside[i]), 5);
                sim_status(&h, 0, 0x68, 4);
                sim_status(&h, 0x01, 0, 10);
                sim_host_stop(&h);
                bring(&h, 2);
                assert_int_equal(sim_command(&h, ERASE, outside[i]), 5);
                sim_status(&h, 0, 0x64, 4);
                sim_status(&h, 0x01, 0, 10);
                sim_host_stop(&h);
        }
        /* Option bytes are no flash. */
        bring(&h, 2);
        assert_int_equal(sim_command(&h, ERASE, 0x1FFFC000), 5);
        sim_status(&h, 0, 0x64, 4);
        sim_status(&h, 0x01, 0, 10);
        sim_host_stop(&h);
        /* A block that ends one byte behind the flash. */
        bring(&h, 2);
        assert_int_equal(sim_command(&h, ADDRESS, 0x080FF801), 5);
        operation(&h, 0x68);
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, BLOCK), BLOCK);
        sim_status(&h, 0, 0x68, 4);
        sim_status(&h, 0x01, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_in(&h, UPLOAD, 2, BLOCK), -EPIPE);
        sim_status(&h, 0x01, 0, 10);
        sim_host_stop(&h);
}

/* DETACH of ST's library is an ABORT; requests of other kinds stall and change nothing. */
static void other_requests(void **state) {
        struct sim_host h;

        bring(&h, 9);
        assert_int_equal(sim_host_transfer(&h, 0xC0, 1, 0, 8, NULL), -EPIPE);
        assert_int_equal(sim_in(&h, 7, 0, 8), -EPIPE);
        assert_int_equal(sim_in(&h, GETSTATE, 0, 1), 1);
        assert_int_equal(h.answer.data[0], 9);
        assert_int_equal(sim_out(&h, DETACH, 1000, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

static void block_one_and_oversize(void **state) {
        uint8_t data[4096] = {0}, flash[4];
        struct sim_host h;

        bring(&h, 2);
        assert_int_equal(sim_out(&h, DNLOAD, 1, data, 16), 16);
        operation(&h, 0x68);
        assert_int_equal(model_dump(h.m, FLASH, flash, 4), 0);
        assert_int_equal(flash[0], 0xFF);
        /* Above wTransferSize the F4 takes the first part. */
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, 4096), 4096);
        operation(&h, 0x68);
        assert_int_equal(model_dump(h.m, FLASH + BLOCK - 2, flash, 4), 0);
        assert_memory_equal(flash, "\x00\x00\xFF\xFF", 4);
        sim_host_stop(&h);
        /* Later parts stall. */
        sim_host_start(&h, "stm32-g474", "power-up=idle", NULL);
        assert_int_equal(sim_out(&h, DNLOAD, 2, data, 2048), -EPIPE);
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptors),
                cmocka_unit_test(trace_download),
                cmocka_unit_test(trace_upload),
                cmocka_unit_test(trace_fast),
                cmocka_unit_test(state_table),
                cmocka_unit_test(clear_outside_error_is_unknown_error),
                cmocka_unit_test(commands),
                cmocka_unit_test(bad_addresses),
                cmocka_unit_test(other_requests),
                cmocka_unit_test(block_one_and_oversize),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
