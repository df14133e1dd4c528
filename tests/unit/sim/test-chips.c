/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the chips differ: time, wedge, stalls, strings, leave. */

#include "sim-host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "models/chips.h"

#define FLASH   0x08000000U
#define BANK2   0x08100000U
#define ERASE   0x41
#define ADDRESS 0x21

/* GETSTATUS of 6 bytes: SETUP, one packet, status stage. */
#define GETSTATUS_US (112U + 88U)

static void check_status(struct sim_host *h, uint8_t status, unsigned poll_ms, uint8_t state,
                         uint64_t took_us) {
        sim_status(h, status, poll_ms, state);
        assert_int_equal(h->took_us, took_us);
}

/* The F4 answers at once, then holds the next GETSTATUS for exactly the data sheet's time. */
static void f405_holds_the_second(void **state) {
        static const struct {
                const char *parallelism, *timing;
                uint32_t address;
                unsigned ms;
        } rows[] = {
                {"8", "typ", FLASH, 400},        {"8", "max", FLASH, 800},
                {"8", "typ", 0x0800FFFF, 400},   {"8", "typ", 0x08010000, 1200},
                {"8", "typ", 0x08020000, 2000},  {"8", "typ", 0x080FFFFF, 2000},
                {"16", "typ", 0x08020000, 1300}, {"32", "typ", 0x08020000, 1000},
                {"32", "max", 0x08010000, 1100},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char parallelism[32], timing[32];
                struct model_stats stats;
                struct sim_host h;

                (void) snprintf(parallelism, sizeof(parallelism), "parallelism=%s",
                                rows[i].parallelism);
                (void) snprintf(timing, sizeof(timing), "timing=%s", rows[i].timing);
                sim_host_start(&h, "stm32-f405", "power-up=idle", parallelism, timing, NULL);
                assert_int_equal(sim_command(&h, ERASE, rows[i].address), 5);
                check_status(&h, 0, 100, 4, GETSTATUS_US);
                check_status(&h, 0, 0, 5, rows[i].ms * 1000U + GETSTATUS_US);
                model_stats(h.m, &stats);
                assert_int_equal(stats.erase_us, rows[i].ms * 1000U);
                assert_int_equal(stats.erases, 1);
                sim_host_stop(&h);
        }
}

static void f405_programs_by_width(void **state) {
        static const struct {
                const char *parallelism;
                unsigned us; /* 2048 bytes at 16 µs a unit */
        } rows[] = {{"parallelism=8", 32768}, {"parallelism=16", 16384}, {"parallelism=32", 8192}};
        uint8_t data[2048] = {0};

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct model_stats stats;
                struct sim_host h;

                sim_host_start(&h, "stm32-f405", "power-up=idle", rows[i].parallelism, NULL);
                assert_int_equal(sim_out(&h, DNLOAD, 2, data, sizeof(data)), sizeof(data));
                assert_int_equal(h.took_us, 112 + 32 * 88);
                check_status(&h, 0, 104, 4, GETSTATUS_US);
                check_status(&h, 0, 0, 5, rows[i].us + GETSTATUS_US);
                model_stats(h.m, &stats);
                assert_int_equal(stats.program_us, rows[i].us);
                assert_int_equal(stats.write_wire_us, 112 + 32 * 88);
                assert_int_equal(stats.bytes_programmed, 2048);
                sim_host_stop(&h);
        }
}

/* Byte 0 of 0xFFFF0000 tells the F4's ROM its voltage, until the next start. */
static void f405_takes_the_voltage(void **state) {
        static const uint8_t range[4] = {3, 0, 0, 0};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        assert_int_equal(sim_command(&h, ADDRESS, 0xFFFF0000), 5);
        sim_status(&h, 0, 104, 4);
        sim_status(&h, 0, 0, 5);
        assert_int_equal(sim_out(&h, DNLOAD, 2, range, 4), 4);
        sim_status(&h, 0, 104, 4);
        sim_status(&h, 0, 0, 5);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        sim_status(&h, 0, 100, 4);
        check_status(&h, 0, 0, 5, 250000 + GETSTATUS_US);
        model_reset(h.m, h.now_us);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        sim_status(&h, 0, 100, 4);
        check_status(&h, 0, 0, 5, 400000 + GETSTATUS_US);
        sim_host_stop(&h);
}

/* A host that gives up changes nothing: the chip answers when it is done. */
static void giving_up_changes_nothing(void **state) {
        struct model_answer lost;
        const struct model_setup setup = {0xA1, GETSTATUS, 0, 0, 6};
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", NULL);
        assert_int_equal(sim_command(&h, ERASE, 0x08020000), 5);
        sim_status(&h, 0, 100, 4);
        model_control(h.m, &setup, NULL, h.now_us, &lost);
        assert_int_equal(lost.at_us, h.now_us + 2000000 + GETSTATUS_US);
        h.now_us += 500000;
        sim_status(&h, 0, 0, 5);
        assert_int_equal(h.took_us, 1500000 + GETSTATUS_US);
        sim_host_stop(&h);
}

static void scaled(void **state) {
        struct model_stats stats;
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "power-up=idle", "time-scale=0.5", NULL);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        sim_status(&h, 0, 100, 4);
        check_status(&h, 0, 0, 5, 200000 + GETSTATUS_US / 2);
        sim_host_set(&h, "time-scale", "0");
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        check_status(&h, 0, 100, 4, 0);
        check_status(&h, 0, 0, 5, 0);
        /* The floor does not shrink with it. */
        model_stats(h.m, &stats);
        assert_int_equal(stats.erase_us, 800000);
        sim_host_stop(&h);
}

/* F7, H7, G4: the first GETSTATUS lasts as long as the work. */
static void works_first(void **state) {
        static const struct {
                const char *kind;
                unsigned poll_ms, erase_ms;
        } rows[] = {
                {"stm32-f722", 100, 200},    {"stm32-f745", 100, 200},    {"stm32-f765", 100, 200},
                {"stm32-h743y", 1000, 1000}, {"stm32-h743v", 1000, 1000}, {"stm32-g474", 30, 22},
                {"stm32-c5", 10, 5},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;

                sim_host_start(&h, rows[i].kind, "power-up=idle", NULL);
                assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
                check_status(&h, 0, rows[i].poll_ms, 4, rows[i].erase_ms * 1000U + GETSTATUS_US);
                check_status(&h, 0, 0, 5, GETSTATUS_US);
                sim_host_stop(&h);
        }
}

/* H743 rev V, bank 2: done, and dfuDNBUSY for ever; CLRSTATUS twice. Rev Y and bank 1 are well. */
static void wedge(void **state) {
        uint8_t byte = 0;
        struct sim_host h;

        sim_host_start(&h, "stm32-h743v", "power-up=idle", NULL);
        assert_int_equal(model_load(h.m, BANK2, &byte, 1), 0);
        assert_int_equal(sim_command(&h, ERASE, BANK2), 5);
        check_status(&h, 0, 1000, 4, 16000 + GETSTATUS_US);
        for (int i = 0; i < 50; i++) {
                h.now_us += 1000000;
                check_status(&h, 0, 1000, 4, GETSTATUS_US);
        }
        assert_int_equal(sim_command(&h, ERASE, FLASH), -EPIPE);
        assert_int_equal(sim_out(&h, ABORT, 0, NULL, 0), 0);
        sim_status(&h, 0, 1000, 4);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        sim_status(&h, 0x0E, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(model_dump(h.m, BANK2, &byte, 1), 0);
        assert_int_equal(byte, 0xFF);
        sim_host_stop(&h);

        /* Cleared at once, reading still waits for the erase, */
        sim_host_start(&h, "stm32-h743v", "power-up=idle", NULL);
        assert_int_equal(sim_command(&h, ADDRESS, BANK2), 5);
        sim_status(&h, 0, 10, 4);
        sim_status(&h, 0, 0, 5);
        assert_int_equal(sim_command(&h, ERASE, BANK2), 5);
        sim_status(&h, 0, 1000, 4);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_in(&h, UPLOAD, 2, 1024), 1024);
        assert_true(h.took_us > 900000);
        sim_host_stop(&h);

        /* and so does the next operation. */
        sim_host_start(&h, "stm32-h743v", "power-up=idle", NULL);
        assert_int_equal(sim_command(&h, ERASE, BANK2), 5);
        sim_status(&h, 0, 1000, 4);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        sim_status(&h, 0, 1000, 4);
        assert_true(h.took_us > 1900000);
        sim_status(&h, 0, 0, 5);
        sim_host_stop(&h);

        sim_host_start(&h, "stm32-h743y", "power-up=idle", NULL);
        assert_int_equal(sim_command(&h, ERASE, BANK2), 5);
        sim_status(&h, 0, 1000, 4);
        sim_status(&h, 0, 0, 5);
        sim_host_stop(&h);
}

/* L43x: GETSTATUS stalls until the erase is done, its poll time is too short, nothing else comes of
 * it. */
static void stalls_while_busy(void **state) {
        struct sim_host h;

        sim_host_start(&h, "stm32-l43x", "power-up=idle", NULL);
        assert_int_equal(sim_command(&h, ERASE, FLASH), 5);
        check_status(&h, 0, 21, 4, GETSTATUS_US);
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        h.now_us += 21000 - h.took_us;
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        h.now_us += 1000;
        sim_status(&h, 0, 0, 5);
        sim_host_stop(&h);
}

/* C5: up in dfuIDLE, one alternate setting, CLRSTATUS only where there is an error. */
static void strict(void **state) {
        struct sim_host h;

        sim_host_start(&h, "stm32-c5", NULL);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), -EPIPE);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x2100, 9, NULL), -EPIPE);
        assert_int_equal(h.m->config_size, 27);
        assert_int_equal(sim_command(&h, ERASE, 0), 5);
        sim_status(&h, 0, 10, 4);
        sim_status(&h, 0x01, 0, 10);
        assert_int_equal(sim_out(&h, CLRSTATUS, 0, NULL, 0), 0);
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

/* G431, G474: after a refused UPLOAD bState is 0x0F, which is no state. */
static void state_0f(void **state) {
        struct sim_host h;

        sim_host_start(&h, "stm32-g474", "power-up=idle", NULL);
        assert_int_equal(sim_in(&h, UPLOAD, 1, 1024), -EPIPE);
        sim_status(&h, 0, 0, 0x0F);
        sim_host_stop(&h);
}

/* X32: the DFU of its maker's SDK says "done" to what it does not know or cannot do, and moves its
 * pointer when it erases. */
static void unchecked(void **state) {
        static const uint8_t erase_all[] = {0x41}, unprotect[] = {0x92},
                             erase[] = {0x41, 0x00, 0x00, 0x04, 0x15},
                             nowhere[] = {0x21, 0x00, 0x00, 0x00, 0x08};
        uint8_t commands[] = {0x00, 0x21, 0x41}, block[16], got[16];
        struct sim_host h;

        memset(block, 0x5A, sizeof(block));
        sim_host_start(&h, "x32m7b", "flash=400K", "after-leave=auto", NULL);
        sim_status(&h, 0, 0, 2);
        assert_int_equal(sim_in(&h, UPLOAD, 0, 16), 3);
        assert_memory_equal(h.answer.data, commands, 3);
        for (size_t i = 0; i < 3; i++) {
                const uint8_t *command = i == 0 ? erase_all : i == 1 ? unprotect : nowhere;

                assert_true(sim_out(&h, DNLOAD, 0, command, i < 2 ? 1 : 5) > 0);
                sim_status(&h, 0, 50, 4);
                sim_status(&h, 0, 0, 5);
        }
        assert_int_equal(model_dump(h.m, 0x15040000, got, sizeof(got)), 0);
        assert_int_not_equal(got[3], 0xFF); /* nothing was erased */
        assert_true(sim_out(&h, DNLOAD, 0, erase, sizeof(erase)) > 0);
        sim_status(&h, 0, 50, 4);
        sim_status(&h, 0, 0, 5);
        assert_true(sim_out(&h, DNLOAD, 2, block, sizeof(block)) > 0);
        sim_status(&h, 0, 50, 4);
        sim_status(&h, 0, 0, 5);
        assert_int_equal(model_dump(h.m, 0x15040000, got, sizeof(got)), 0);
        assert_memory_equal(got, block, sizeof(block));
        /* Off it goes by a reset: back into its ROM, as BOOT is held. */
        assert_int_equal(sim_out(&h, DNLOAD, 0, NULL, 0), 0);
        sim_status(&h, 0, 1, 7);
        while (h.m->generation == 1)
                assert_true(sim_host_run(&h));
        sim_status(&h, 0, 0, 2);
        sim_host_stop(&h);
}

static void identities(void **state) {
        static const struct {
                const char *kind;
                uint16_t vendor, product, release, transfer_size;
                size_t config_size;
                const char *name, *serial, *flash;
        } rows[] = {
                {"stm32-f411", 0x0483, 0xDF11, 0x2200, 2048, 54, "STM32  BOOTLOADER",
                 "325E35633334", "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg"},
                {"stm32-f722", 0x0483, 0xDF11, 0x2200, 2048, 54, "STM32  BOOTLOADER",
                 "STM32FxSTM32", "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg"},
                {"stm32-f745", 0x0483, 0xDF11, 0x2200, 2048, 54, "STM32  BOOTLOADER",
                 "325E35633334", "@Internal Flash  /0x08000000/04*032Kg,01*128Kg,03*256Kg"},
                {"stm32-h743y", 0x0483, 0xDF11, 0x0200, 1024, 36, "DFU in FS Mode", "325E35633334",
                 "@Internal Flash   /0x08000000/16*128Kg"},
                {"stm32-h743v", 0x0483, 0xDF11, 0x0200, 1024, 36, "DFU in FS Mode", "200364500000",
                 "@Internal Flash   /0x08000000/16*128Kg"},
                {"stm32-g474", 0x0483, 0xDF11, 0x0200, 1024, 45, "DFU in FS Mode", "325E35633334",
                 "@Internal Flash   /0x08000000/256*02Kg"},
                {"at32f435", 0x2E3C, 0xDF11, 0x0200, 2048, 36, "AT32 Bootloader DFU", "AT32",
                 "@Internal Flash   /0x08000000/512*002Kg"},
                {"x32m7b", 0x3997, 0xDF11, 0x0200, 1024, 27, "X32 DFU", "3834121354D7",
                 "@Internal Flash   /0x15000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"},
                {"gd32vf103", 0x28E9, 0x0189, 0x0100, 2048, 36, "GD32 DFU Bootloader in FS Mode",
                 "\xE4\x8C\xB3\xE4\xA9\x82", "@Internal Flash  /0x08000000/512*002Kg"},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                const uint8_t *d, *functional;
                char flash[128] = "";
                struct sim_host h;
                int n;

                sim_host_start(&h, rows[i].kind, NULL);
                d = h.m->device_descriptor;
                functional = h.m->config_descriptor + h.m->config_size - 9;
                assert_int_equal(d[8] | d[9] << 8, rows[i].vendor);
                assert_int_equal(d[10] | d[11] << 8, rows[i].product);
                assert_int_equal(d[12] | d[13] << 8, rows[i].release);
                assert_int_equal(h.m->config_size, rows[i].config_size);
                assert_int_equal(functional[1], 0x21);
                assert_int_equal(functional[5] | functional[6] << 8, rows[i].transfer_size);
                assert_string_equal(h.m->product, rows[i].name);
                assert_string_equal(h.m->serial, rows[i].serial);
                n = sim_host_transfer(&h, 0x80, 6, 0x0304, 255, NULL);
                for (int k = 2; k < n; k += 2)
                        flash[k / 2 - 1] = (char) h.answer.data[k];
                assert_string_equal(flash, rows[i].flash);
                sim_host_stop(&h);
        }
        /* The GD32's serial number is eight-bit characters on the wire. */
        struct sim_host h;

        sim_host_start(&h, "gd32vf103", NULL);
        assert_int_equal(sim_host_transfer(&h, 0x80, 6, 0x0303, 255, NULL), 6);
        assert_memory_equal(h.answer.data,
                            "\x06\x03"
                            "3CBJ",
                            6);
        sim_host_stop(&h);
}

/* Each chip's sectors fill its flash, have an erase time, and its strings begin with '@'. */
static void table_is_whole(void **state) {
        for (size_t i = 0; i < n_chips; i++) {
                const struct chip *chip = &chips[i];

                for (size_t k = 0; k < 4 && chip->sectors[k].count; k++) {
                        bool found = false;

                        for (size_t e = 0; e < 5; e++)
                                found |= chip->erase[e].size == chip->sectors[k].size &&
                                         chip->erase[e].typ_ms[chip->parallelism] > 0;
                        if (!found)
                                fail_msg("%s: sectors of %u bytes have no erase time", chip->name,
                                         chip->sectors[k].size);
                }
                for (int p = 0; p < PARALLEL_COUNT; p++)
                        assert_true(chip->program_typ_ns[p] > 0 &&
                                    chip->program_max_ns[p] >= chip->program_typ_ns[p]);
                for (size_t a = 0; a < 4 && chip->alts[a]; a++)
                        assert_int_equal(chip->alts[a][0], '@');
        }
}

static void leave_variants(void **state) {
        enum { GONE_AT_DNLOAD, GONE_AT_STATUS, STALLED, ANSWERED, STAYS };
        static const struct {
                const char *kind, *leave;
                int how;
        } rows[] = {
                {"stm32-f405", "leave=answer", ANSWERED},
                {"stm32-f405", "leave=gone", GONE_AT_STATUS},
                {"stm32-f405", "leave=stall", STALLED},
                {"stm32-f405", "leave=drop", GONE_AT_DNLOAD},
                {"stm32-f405", "leave=ignore", STAYS},
                {"gd32vf103", "power-up=idle", GONE_AT_DNLOAD},
        };

        for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
                const char *scale = i % 2 ? "time-scale=0" : "time-scale=1";
                int how = rows[i / 2].how, r;
                struct sim_host h;

                sim_host_start(&h, rows[i / 2].kind, "power-up=idle", rows[i / 2].leave, scale,
                               NULL);
                r = sim_out(&h, DNLOAD, 0, NULL, 0);
                assert_int_equal(r, how == GONE_AT_DNLOAD ? -ENODEV : 0);
                if (how == GONE_AT_STATUS)
                        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
                else if (how == STALLED)
                        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
                else if (how != GONE_AT_DNLOAD)
                        sim_status(&h, 0, 1, 7);
                while (sim_host_run(&h))
                        ;
                assert_int_equal(h.m->on_bus, how == STAYS);
                sim_host_stop(&h);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(f405_holds_the_second),
                cmocka_unit_test(f405_programs_by_width),
                cmocka_unit_test(f405_takes_the_voltage),
                cmocka_unit_test(giving_up_changes_nothing),
                cmocka_unit_test(scaled),
                cmocka_unit_test(works_first),
                cmocka_unit_test(wedge),
                cmocka_unit_test(stalls_while_busy),
                cmocka_unit_test(strict),
                cmocka_unit_test(state_0f),
                cmocka_unit_test(unchecked),
                cmocka_unit_test(identities),
                cmocka_unit_test(table_is_whole),
                cmocka_unit_test(leave_variants),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
