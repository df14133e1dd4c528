/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plain DFU 1.1 device, after the tables of the specification's appendix A. */

#include "sim-host.h"

#include <errno.h>
#include <string.h>

#define BLOCK   1024U
#define POLL_MS 10U

static void wait_ms(struct sim_host *h, unsigned ms) {
        h->now_us += ms * 1000U;
}

static void download(struct sim_host *h, uint16_t block, const void *data, uint16_t size) {
        assert_int_equal(sim_out(h, DNLOAD, block, data, size), size);
        sim_status(h, 0, POLL_MS, 4);
        wait_ms(h, POLL_MS);
        sim_status(h, 0, 0, 5);
}

static void down_and_up(void **state) {
        uint8_t file[3000], got[3000];
        struct sim_host h;

        for (size_t i = 0; i < sizeof(file); i++)
                file[i] = (uint8_t) (i * 3 + i / 251);
        sim_host_start(&h, "dfu11", NULL);
        sim_status(&h, 0, 0, 2);
        download(&h, 0, file, BLOCK);
        download(&h, 1, file + BLOCK, BLOCK);
        download(&h, 2, file + 2 * BLOCK, 952);
        assert_int_equal(sim_out(&h, DNLOAD, 3, NULL, 0), 0);
        sim_status(&h, 0, 20, 7);
        wait_ms(&h, 20);
        /* Manifestation tolerant: back to idle. */
        sim_status(&h, 0, 0, 2);
        assert_int_equal(model_dump(h.m, 0, got, sizeof(got)), 0);
        assert_memory_equal(got, file, sizeof(file));
        assert_int_equal(sim_in(&h, UPLOAD, 0, BLOCK), BLOCK);
        assert_memory_equal(h.answer.data, file, BLOCK);
        sim_status(&h, 0, 0, 9);
        for (uint16_t block = 1; block < 64; block++)
                assert_int_equal(sim_in(&h, UPLOAD, block, BLOCK), BLOCK);
        /* A short block is the last one. */
        assert_int_equal(sim_in(&h, UPLOAD, 64, BLOCK), 0);
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

static void too_early_is_an_error(void **state) {
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "dfu11", NULL);
        assert_int_equal(sim_out(&h, DNLOAD, 0, data, BLOCK), BLOCK);
        sim_status(&h, 0, POLL_MS, 4);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        sim_status(&h, 0x0F, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

static void wrong_requests(void **state) {
        uint8_t data[2 * BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "dfu11", NULL);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), -EPIPE);
        sim_status(&h, 0x0F, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_out(&h, DNLOAD, 0, NULL, 0), -EPIPE);
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), -EPIPE);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_out(&h, DNLOAD, 0, data, 2 * BLOCK), -EPIPE);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        /* Behind the end of its memory. */
        assert_int_equal(sim_out(&h, DNLOAD, 64, data, BLOCK), BLOCK);
        sim_status(&h, 0, POLL_MS, 4);
        wait_ms(&h, POLL_MS);
        sim_status(&h, 0x08, 0, 10);
        sim_host_stop(&h);
}

static void detach_and_reset(void **state) {
        struct sim_host h;

        sim_host_start(&h, "dfu11", "mode=runtime", NULL);
        assert_int_equal(h.m->config_descriptor[9 + 7], 1);
        sim_status(&h, 0, 0, 0);
        /* A reset alone changes nothing; nor one that comes too late. */
        model_reset(h.m, h.now_us);
        assert_int_equal(h.m->generation, 1);
        assert_int_equal(sim_out(&h, DETACH, 500, NULL, 0), 0);
        sim_status(&h, 0, 0, 1);
        wait_ms(&h, 501);
        model_reset(h.m, h.now_us);
        assert_int_equal(h.m->generation, 1);
        assert_int_equal(sim_out(&h, DETACH, 500, NULL, 0), 0);
        model_reset(h.m, h.now_us);
        assert_int_equal(h.m->generation, 2);
        assert_int_equal(h.m->config_descriptor[9 + 7], 2);
        sim_status(&h, 0, 0, 2);
        model_reset(h.m, h.now_us);
        assert_int_equal(h.m->config_descriptor[9 + 7], 1);
        sim_host_stop(&h);
}

/* Not tolerant: after the manifestation it answers nothing until it is reset. */
static void waits_for_reset(void **state) {
        uint8_t data[BLOCK] = {0};
        struct sim_host h;

        sim_host_start(&h, "dfu11", "tolerant=no", NULL);
        assert_int_equal(h.m->config_descriptor[18 + 2], 0x03);
        download(&h, 0, data, BLOCK);
        assert_int_equal(sim_out(&h, DNLOAD, 1, NULL, 0), 0);
        sim_status(&h, 0, 20, 7);
        wait_ms(&h, 20);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        model_reset(h.m, h.now_us);
        assert_int_equal(h.m->config_descriptor[9 + 7], 1);
        sim_status(&h, 0, 0, 0);
        sim_host_stop(&h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(down_and_up),     cmocka_unit_test(too_early_is_an_error),
                cmocka_unit_test(wrong_requests),  cmocka_unit_test(detach_and_reset),
                cmocka_unit_test(waits_for_reset),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
