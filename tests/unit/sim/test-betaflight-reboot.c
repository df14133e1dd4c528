/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The simulated Betaflight between firmware and bootloader: what each request for a reboot comes
 * to, and what starts when the chip leaves its ROM. */

#include "sim-host.h"

#include <errno.h>
#include <string.h>

#define FLASH       0x08000000U

#define TO_FIRMWARE "\x24\x4D\x3C\x00\x44\x44"
#define TO_ROM      "\x24\x4D\x3C\x01\x44\x01\x44"
#define TO_MSC      "\x24\x4D\x3C\x01\x44\x02\x47"
#define TO_FLASH    "\x24\x4D\x3C\x01\x44\x04\x41"
#define TO_ROM_V2   "\x24\x58\x3C\x00\x44\x00\x01\x00\x01\xD7"
#define TO_NONSENSE "\x24\x4D\x3C\x01\x44\x07\x42"

/* What is on the bus after the request: 'D' bootloader, 'F' the same firmware without a reboot,
 * 'R' firmware after a reboot, '-' nothing. */
static char after(struct sim_host *h, const void *request, size_t size) {
        unsigned generation = h->m->generation;
        uint8_t dump[256];

        sim_send(h, request, size);
        sim_receive(h, 5000, dump, sizeof(dump));
        if (!h->m->on_bus)
                return '-';
        if (!h->m->has_serial_port)
                return 'D';
        return h->m->generation == generation ? 'F' : 'R';
}

static void reboots(void **state) {
        static const struct {
                const char *variant, *version, *more;
                const char *request;
                size_t size;
                char after;
        } rows[] = {
                {"variant=BTFL", "version=2025.12.2", NULL, TO_ROM, 7, 'D'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_ROM_V2, 10, 'D'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_FIRMWARE, 6, 'R'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_MSC, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_FLASH, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_NONSENSE, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "armed=yes", TO_ROM, 7, 'D'},
                {"variant=BTFL", "version=2025.12.2", "silent=yes", TO_ROM, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "garbage=yes", TO_ROM, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "ignore-reboot=yes", TO_ROM, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "after-reboot=firmware", TO_ROM, 7, 'R'},
                {"variant=BTFL", "version=2025.12.2", "after-reboot=nothing", TO_ROM, 7, '-'},
                {"variant=BTFL", "version=3.5.7", NULL, TO_ROM, 7, 'R'},
                {"variant=INAV", "version=7.1.2", NULL, TO_ROM, 7, 'R'},
                {"variant=INAV", "version=9.1.0", "msp-dfu=yes", TO_ROM, 7, 'D'},
                {"variant=INAV", "version=9.1.0", "msp-dfu=yes", TO_FIRMWARE, 6, 'R'},
                {"variant=INAV", "version=7.1.2", "armed=yes", TO_ROM, 7, 'F'},
                {"variant=EMUF", "version=0.4.3", NULL, TO_ROM, 7, 'D'},
                {"variant=EMUF", "version=0.4.3", NULL, TO_FLASH, 7, 'F'},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;
                char got;

                sim_host_start(&h, "betaflight-f405", rows[i].variant, rows[i].version,
                               rows[i].more, NULL);
                got = after(&h, rows[i].request, rows[i].size);
                if (got != rows[i].after)
                        fail_msg("%s %s %s, %02x: %c", rows[i].variant, rows[i].version,
                                 rows[i].more ? rows[i].more : "",
                                 (uint8_t) rows[i].request[rows[i].size - 2], got);
                sim_host_stop(&h);
        }
}

static void reboot_replies(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", NULL);
        sim_exchange(&h, TO_FLASH, "\x24\x4D\x3E\x01\x44\x04\x41");
        sim_exchange(&h, TO_NONSENSE, "\x24\x4D\x21\x00\x44\x44");
        sim_exchange(&h, TO_ROM, "\x24\x4D\x3E\x01\x44\x01\x44");
        sim_host_stop(&h);
        /* With everything at no time the reply still comes before the board goes. */
        sim_host_start(&h, "betaflight-f405", "time-scale=0", NULL);
        sim_exchange(&h, TO_ROM, "\x24\x4D\x3E\x01\x44\x01\x44");
        assert_true(h.m->on_bus);
        sim_host_stop(&h);
}

/* A lone 'R' and 100 ms of silence. */
static void reboot_character(void **state) {
        static const struct {
                const char *version, *first, *second; /* `second` 50 ms later */
                char after;
        } rows[] = {
                {"version=2025.12.5", "R", NULL, 'D'},   {"version=4.5.1", "R", NULL, 'D'},
                {"version=2025.12.5", "R\r", NULL, 'F'}, {"version=4.5.1", "R\r", NULL, 'D'},
                {"version=2025.12.5", "R", "\r", 'F'},   {"version=4.5.1", "R", "\r", 'F'},
                {"version=2025.12.5", "R", "R", 'D'},    {"version=4.5.1", "\r", "R", 'D'},
                {"version=2025.12.1", "R\r", NULL, 'F'}, {"version=2025.12.1", "R", NULL, 'D'},
                {"version=2025.12.5", "R", "$", 'F'},    {"version=4.5.1", "$MR", NULL, 'F'},
                {"version=4.5.1", "r", NULL, 'F'},
        };
        struct sim_host h;
        uint8_t dump[64];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char got;

                sim_host_start(&h, "betaflight-f405", rows[i].version, NULL);
                if (rows[i].second) {
                        sim_send(&h, rows[i].first, strlen(rows[i].first));
                        sim_receive(&h, 50, dump, sizeof(dump));
                        got = after(&h, rows[i].second, strlen(rows[i].second));
                } else
                        got = after(&h, rows[i].first, strlen(rows[i].first));
                if (got != rows[i].after)
                        fail_msg("row %zu: %c", i, got);
                sim_host_stop(&h);
        }
        /* Not while armed, and not before the 100 ms are over. */
        sim_host_start(&h, "betaflight-f405", "armed=yes", NULL);
        assert_int_equal(after(&h, "R", 1), 'F');
        sim_host_stop(&h);
        sim_host_start(&h, "betaflight-f405", "time-scale=0", NULL);
        sim_send(&h, "R", 1);
        assert_int_equal(model_next_event(h.m), h.now_us + 100000);
        sim_host_stop(&h);
}

static void dfu_leave(struct sim_host *h, uint32_t address) {
        assert_int_equal(sim_command(h, 0x21, address), 5);
        assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6);
        sim_status(h, 0, 0, 5);
        assert_int_equal(sim_out(h, DNLOAD, 0, NULL, 0), 0);
        sim_status(h, 0, 1, 7);
}

/* Firmware, bootloader, firmware, driven by the clock alone. */
static void there_and_back(void **state) {
        static const char *const kinds[] = {"betaflight-f405", "betaflight-f411",
                                            "betaflight-f722", "betaflight-f745",
                                            "betaflight-h743", "betaflight-g474"};

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                struct sim_host h;
                uint64_t asked_us;
                uint8_t got[64];

                sim_host_start(&h, kinds[i], NULL);
                assert_int_equal(h.m->generation, 1);
                asked_us = h.now_us;
                sim_send(&h, TO_ROM, 7);
                assert_int_equal(sim_receive(&h, 10, got, sizeof(got)), 7);
                assert_true(sim_host_run(&h));
                assert_false(h.m->on_bus);
                assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
                assert_true(sim_host_run(&h));
                assert_true(h.m->on_bus);
                assert_false(h.m->has_serial_port);
                assert_int_equal(h.m->generation, 2);
                /* 0.3 s of the firmware, 1.2 s of the chip, 1 ms until the reply. */
                assert_int_equal(h.now_us - asked_us, 1501000);
                sim_clear(&h);
                dfu_leave(&h, FLASH);
                sim_host_reattach(&h);
                assert_true(h.m->on_bus);
                assert_true(h.m->has_serial_port);
                sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x01",
                             "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
                sim_host_stop(&h);
        }
}

/* Without a vector table nothing comes back; the boot pin brings the ROM. */
static void without_firmware(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "boot-pin=yes", NULL);
        assert_false(h.m->has_serial_port);
        sim_clear(&h);
        assert_int_equal(sim_command(&h, 0x41, FLASH), 5);
        sim_status(&h, 0, 100, 4);
        sim_status(&h, 0, 0, 5);
        dfu_leave(&h, FLASH);
        sim_host_reattach(&h);
        assert_false(h.m->on_bus);
        assert_int_equal(model_next_event(h.m), MODEL_NEVER);
        sim_host_set(&h, "boot-pin", "no");
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_false(h.m->on_bus);
        sim_host_set(&h, "boot-pin", "yes");
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_true(h.m->on_bus);
        assert_false(h.m->has_serial_port);
        sim_host_stop(&h);
}

/* Vector tables that belong to another chip, or to none. */
static void vectors_decide(void **state) {
        static const struct {
                uint32_t stack, reset;
                bool boots;
        } rows[] = {
                {0x20020000, 0x08000189, true},  {0x10010000, 0x08000189, true},
                {0x20020000, 0x08000188, false}, {0x20020000, 0x08100001, false},
                {0x20020001, 0x08000189, false}, {0x00000000, 0x08000189, false},
                {0xFFFFFFFF, 0xFFFFFFFF, false}, {0x20020000, 0x20000001, false},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint8_t vectors[8];
                struct sim_host h;

                for (int k = 0; k < 4; k++) {
                        vectors[k] = (uint8_t) (rows[i].stack >> (8 * k));
                        vectors[4 + k] = (uint8_t) (rows[i].reset >> (8 * k));
                }
                sim_host_start(&h, "betaflight-f405", NULL);
                assert_int_equal(model_load(h.m, FLASH, vectors, sizeof(vectors)), 0);
                model_unplug(h.m, h.now_us);
                model_plug(h.m, h.now_us);
                assert_int_equal(h.m->on_bus, rows[i].boots);
                sim_host_stop(&h);
        }
}

static void bare_chip_leaves(void **state) {
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "flash=64K", NULL);
        sim_clear(&h);
        dfu_leave(&h, FLASH);
        while (sim_host_run(&h))
                ;
        assert_false(h.m->on_bus);
        sim_host_stop(&h);
        sim_host_start(&h, "stm32-f405", "flash=64K", "after-leave=auto", NULL);
        sim_clear(&h);
        dfu_leave(&h, FLASH);
        sim_host_reattach(&h);
        assert_true(h.m->on_bus);
        assert_true(h.m->has_serial_port);
        sim_host_stop(&h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reboots),          cmocka_unit_test(reboot_replies),
                cmocka_unit_test(reboot_character), cmocka_unit_test(there_and_back),
                cmocka_unit_test(without_firmware), cmocka_unit_test(vectors_decide),
                cmocka_unit_test(bare_chip_leaves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
