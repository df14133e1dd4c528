/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-host.h"

#include <errno.h>
#include <string.h>

/* The Crazyflie model: what it shows, how it gets into its ROM, and what comes after it. */

#define FIRMWARE_START 0x08004000U
#define ROM_SERIAL     "325E35633334"

static void enter(struct sim_host *h, uint16_t index) {
        const struct model_setup setup = {0x40, 1, 1, index, 0};

        model_control(h->m, &setup, NULL, h->now_us, &h->answer);
        assert_int_not_equal(h->answer.at_us, MODEL_NEVER);
        h->now_us = h->answer.at_us;
        model_advance(h->m, h->now_us);
}

static void leave(struct sim_host *h, uint32_t address) {
        sim_clear(h);
        assert_int_equal(sim_command(h, 0x21, address), 5);
        sim_status(h, 0, 104, 4);
        sim_status(h, 0, 0, 5);
        assert_int_equal(sim_out(h, DNLOAD, 0, NULL, 0), 0);
        assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6);
        sim_host_reattach(h);
}

static bool is_rom(const struct sim_host *h) {
        return h->m->on_bus && h->m->device_descriptor[10] == 0x11;
}

static bool is_firmware(const struct sim_host *h) {
        return h->m->on_bus && h->m->device_descriptor[10] == 0x40;
}

static void test_descriptors(void **state) {
        struct sim_host h;
        unsigned interfaces = 0;

        sim_host_start(&h, "crazyflie", NULL);
        assert_true(is_firmware(&h));
        assert_int_equal(h.m->config_size, 98);
        assert_int_equal(h.m->config_descriptor[2], 98);
        assert_int_equal(h.m->config_descriptor[7], 0x80);
        for (size_t i = 0; i < h.m->config_size; i += h.m->config_descriptor[i])
                interfaces += h.m->config_descriptor[i + 1] == 4;
        assert_int_equal(interfaces, 3);
        assert_string_equal(h.m->manufacturer, "Bitcraze AB");
        assert_string_equal(h.m->product, "Crazyflie 2.x");
        assert_string_equal(h.m->serial, "30002D000B51343333353132");
        sim_host_stop(&h);
}

static void test_entry_and_back(void **state) {
        struct model_stats stats;
        struct sim_host h;

        sim_host_start(&h, "crazyflie", NULL);
        enter(&h, 1); /* the radio link to USB, and back */
        assert_int_equal(h.answer.kind, ANSWER_DATA);
        enter(&h, 0);
        assert_int_equal(h.answer.kind, ANSWER_DATA);
        assert_true(is_firmware(&h));
        enter(&h, 2);
        assert_int_equal(h.answer.kind, ANSWER_GONE);
        assert_false(h.m->on_bus);
        sim_host_reattach(&h);
        assert_true(is_rom(&h));
        assert_string_equal(h.m->serial, ROM_SERIAL);
        leave(&h, FIRMWARE_START);
        assert_true(is_firmware(&h));
        model_stats(h.m, &stats);
        assert_int_equal(stats.passthroughs, 0);
        sim_host_stop(&h);
}

static void test_button(void **state) {
        struct sim_host h;

        sim_host_start(&h, "crazyflie", "boot-pin=1", NULL);
        assert_true(is_rom(&h));
        leave(&h, FIRMWARE_START); /* hangs until it loses power */
        assert_false(h.m->on_bus);
        sim_host_set(&h, "boot-pin", "0");
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_true(is_firmware(&h));
        sim_host_stop(&h);
}

static void test_old_firmware(void **state) {
        struct sim_host h;

        sim_host_start(&h, "crazyflie", "soft-entry=0", NULL);
        enter(&h, 2);
        assert_int_equal(h.answer.kind, ANSWER_DATA);
        assert_false(sim_host_run(&h));
        assert_true(is_firmware(&h));
        sim_host_stop(&h);
}

static void test_without_loader(void **state) {
        uint8_t blank[16384];
        struct sim_host h;

        memset(blank, 0xff, sizeof(blank));
        sim_host_start(&h, "crazyflie", NULL);
        assert_int_equal(model_load(h.m, 0x08000000, blank, sizeof(blank)), 0);
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_false(h.m->on_bus);
        sim_host_stop(&h);
}

static void test_pass_through(void **state) {
        struct model_stats stats;
        struct sim_host h;

        sim_host_start(&h, "crazyflie", NULL);
        assert_int_equal(sim_host_transfer(&h, 0x21, 0x22, 3, 0, NULL), 0);
        model_stats(h.m, &stats);
        assert_int_equal(stats.passthroughs, 1);
        sim_host_stop(&h);
}

static void test_types(void **state) {
        static const struct {
                const char *kind, *otp;
        } types[] = {{"crazyflie", "0;CF21"},
                     {"crazyflie-cf20", "0;CF20"},
                     {"crazyflie-c21b", "0;C21B"},
                     {"crazyflie-cb10", "0;CB10"},
                     {"crazyflie-rr10", "0;RR10"}};

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                struct sim_host h;
                char text[32];

                sim_host_start(&h, types[i].kind, NULL);
                assert_int_equal(model_dump(h.m, 0x1fff7800, text, sizeof(text)), 0);
                assert_string_equal(text, types[i].otp);
                sim_host_stop(&h);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_descriptors),    cmocka_unit_test(test_entry_and_back),
                cmocka_unit_test(test_button),         cmocka_unit_test(test_old_firmware),
                cmocka_unit_test(test_without_loader), cmocka_unit_test(test_pass_through),
                cmocka_unit_test(test_types),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
