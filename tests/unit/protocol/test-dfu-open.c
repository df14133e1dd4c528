/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine makes of a bootloader before it does anything to it. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        const char *kind, *quirks, *map, *serial;
        unsigned transfer_size, write_unit, n_alts;
} chips[] = {
        {"stm32-f405", "stm32f4", "0x08000000/4*16K,1*64K,7*128K", "325E35633334", 2048, 1, 4},
        {"stm32-f411", "stm32f4", "0x08000000/4*16K,1*64K,3*128K", NULL, 2048, 1, 4},
        {"stm32-f722", "stm32f72x", "0x08000000/4*16K,1*64K,3*128K", "STM32FxSTM32", 2048, 1, 4},
        {"stm32-f745", "stm32f74x", "0x08000000/4*32K,1*128K,3*256K", NULL, 2048, 1, 4},
        {"stm32-f765", "stm32f74x", "0x08000000/4*32K,1*128K,7*256K", NULL, 2048, 1, 4},
        {"stm32-h743y", "stm32h743", "0x08000000/16*128K", NULL, 1024, 32, 2},
        {"stm32-h743v", "stm32h743", "0x08000000/16*128K", "200364500000", 1024, 32, 2},
        {"stm32-g474", "stm32g4", "0x08000000/256*2K", NULL, 1024, 8, 3},
        {"stm32-l43x", "stm32l43x", "0x08000000/128*2K", NULL, 2048, 8, 3},
        {"stm32-c5", "stm32c5", "0x08000000/64*8K", NULL, 1024, 32, 1},
        {"at32f435", "at32", "0x08000000/512*2K", "AT32", 2048, 4, 2},
        {"gd32vf103", "gd32vf103xb", "0x08000000/128*1K", "3CBJ", 2048, 4, 2},
};

static void test_every_chip_is_known(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
                _cleanup_rig_ struct rig rig;
                _cleanup_free_ char *map = NULL;

                rig_init(&rig, chips[i].kind, NULL);
                rig_open(&rig);
                assert_true(rig.dfu.dfuse);
                assert_string_equal(rig.dfu.quirks->name, chips[i].quirks);
                map = memory_map_format(&rig.dfu.map);
                assert_string_equal(map, chips[i].map);
                if (chips[i].serial)
                        assert_string_equal(rig.dfu.serial, chips[i].serial);
                assert_int_equal(rig.dfu.transfer_size, chips[i].transfer_size);
                assert_int_equal(rig.dfu.write_unit, chips[i].write_unit);
                assert_int_equal(rig.dfu.n_alts, chips[i].n_alts);
                assert_int_equal(rig.dfu.state, DFU_IDLE);
        }
}

/* Idle after a power-up in dfuERROR: one CLRSTATUS between two questions. */
static void test_power_up_is_no_failure(void **state) {
        _cleanup_rig_ struct rig rig;
        _cleanup_free_ char *trace = NULL;

        rig_init(&rig, "stm32-f405", NULL);
        rig_open(&rig);
        trace = fake_usb_trace(&rig.fake, rig.fake.n_trace - 3);
        assert_string_equal(trace, "A1 03 -> 0A 0A\n21 04 0000 0000\nA1 03 -> 00 02\n");
        /* Product, serial, four areas: no string is read twice. */
        assert_int_equal(rig.fake.n_trace, 9);
}

static void test_strict_clrstatus_is_spared(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-c5", NULL);
        rig_open(&rig);
        for (size_t i = 0; i < rig.fake.n_trace; i++)
                assert_false(rig.fake.trace[i].setup.request_type == 0x21 &&
                             rig.fake.trace[i].setup.request == 4);
}

static void test_idle_from_every_state(void **state) {
        static const uint8_t pointer[] = {0x21, 0, 0, 0, 8};
        _cleanup_rig_ struct rig rig;
        uint8_t bytes[64], answer[6];

        rig_init(&rig, "stm32-f405", NULL);
        rig_open(&rig);

        /* dfuDNLOAD-SYNC: somebody's DNLOAD without a GETSTATUS. */
        assert_int_equal(
                usb_control(&rig.fake.usb, 0x21, 1, 0, 0, (void *) (uintptr_t) pointer, 5, 1000),
                5);
        assert_int_equal(dfu_idle(&rig.dfu, &rig.fault), 0);
        /* dfuDNBUSY of an erase that its process did not live to see. */
        assert_int_equal(
                usb_control(&rig.fake.usb, 0x21, 1, 0, 0, (uint8_t[]){0x41, 0, 0, 2, 8}, 5, 1000),
                5);
        assert_int_equal(usb_control(&rig.fake.usb, 0xa1, 3, 0, 0, answer, 6, 1000), 6);
        assert_int_equal(answer[4], DFU_DNBUSY);
        assert_int_equal(dfu_idle(&rig.dfu, &rig.fault), 0);
        /* dfuUPLOAD-IDLE */
        assert_int_equal(usb_control(&rig.fake.usb, 0xa1, 2, 2, 0, bytes, 64, 1000), 64);
        assert_int_equal(dfu_idle(&rig.dfu, &rig.fault), 0);
        /* dfuERROR */
        assert_int_equal(usb_control(&rig.fake.usb, 0x21, 4, 0, 0, NULL, 0, 1000), 0);
        assert_int_equal(dfu_idle(&rig.dfu, &rig.fault), 0);
        /* 0x0F, which is none */
        rig_set(&rig, "state-0f", "yes");
        assert_int_equal(usb_control(&rig.fake.usb, 0xa1, 2, 1, 0, bytes, 64, 1000), -EPIPE);
        assert_int_equal(usb_control(&rig.fake.usb, 0xa1, 3, 0, 0, answer, 6, 1000), 6);
        assert_int_equal(answer[4], 0x0f);
        assert_int_equal(dfu_idle(&rig.dfu, &rig.fault), 0);
        assert_int_equal(rig.fault.error, FWD_OK);
}

/* Every broken spelling of a layout comes through the device as well. */
static void test_truncated_strings_are_read_again(void **state) {
        _cleanup_rig_ struct rig rig;
        _cleanup_free_ char *map = NULL;

        rig_init(&rig, "stm32-f405", (const char *const[]){"truncate-strings=1", NULL});
        rig_open(&rig);
        map = memory_map_format(&rig.dfu.map);
        assert_string_equal(map, "0x08000000/4*16K,1*64K,7*128K");
}

static void test_unreadable_layout(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405",
                 (const char *const[]){"layout=@Internal Flash  /nonsense", NULL});
        assert_true(dfu_open(&rig.fake.usb, &rig.dfu, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_NOT_SUPPORTED);
        assert_non_null(strstr(rig.fault.message, "nonsense"));
}

/* A layout that claims more than the chip can have is cut by the chip's row. */
static void test_claims_are_capped(void **state) {
        _cleanup_rig_ struct rig rig;
        struct flash_rules rules = {};
        struct flash_plan plan;

        rig_init(&rig, "gd32vf103", NULL);
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH, 129 * KIB);
        assert_int_equal(segments_finish(&rig.image, &(uint64_t){0}), 0);
        dfu_flash_rules(&rig.dfu, &rules);
        assert_true(flash_plan_make(&rig.dfu.map, &rig.image, &rules, &plan, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_IMAGE_TOO_LARGE);
        assert_int_equal(rig.fault.address, RIG_FLASH + 128 * KIB);

        {
                _cleanup_rig_ struct rig f4;

                rig_init(&f4, "stm32-f405",
                         (const char *const[]){
                                 "layout=@Internal Flash  /0x08000000/04*016Kg,01*064Kg,90*128Kg",
                                 NULL});
                rig_open(&f4);
                rig_add(&f4, RIG_FLASH + 2048 * KIB, 16);
                assert_int_equal(segments_finish(&f4.image, &(uint64_t){0}), 0);
                dfu_flash_rules(&f4.dfu, &rules);
                assert_true(flash_plan_make(&f4.dfu.map, &f4.image, &rules, &plan, &f4.fault) < 0);
                assert_int_equal(f4.fault.error, FWD_ADDRESS_OUT_OF_RANGE);
        }
}

static void test_held_by_another(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", NULL);
        rig.fake.busy = EBUSY;
        assert_true(dfu_open(&rig.fake.usb, &rig.dfu, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_PORT_HELD);
}

static void test_never_answers(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", NULL);
        rig_set(&rig, "hold-getstatus", "1");
        assert_true(dfu_open(&rig.fake.usb, &rig.dfu, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_TIMEOUT);
}

static void test_firmware_is_no_bootloader(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "dfu11", (const char *const[]){"mode=runtime", NULL});
        assert_true(dfu_open(&rig.fake.usb, &rig.dfu, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_NOT_SUPPORTED);
        assert_non_null(strstr(rig.fault.message, "firmware"));
}

/* A descriptor blob, cut at every place and with every byte bent: never a crash, never a map that
 * is not there. */
static void test_broken_descriptors(void **state) {
        for (size_t at = 0; at < 18 + 54; at++)
                for (unsigned bend = 0; bend < 4; bend++) {
                        static const uint8_t bends[] = {0x00, 0x01, 0xff};
                        _cleanup_rig_ struct rig rig;

                        rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
                        if (bend < ARRAY_SIZE(bends))
                                rig.fake.usb.descriptors[at] = bends[bend];
                        else
                                rig.fake.usb.descriptors_size = at;
                        if (dfu_open(&rig.fake.usb, &rig.dfu, &rig.fault) < 0)
                                assert_true(rig.fault.error != FWD_OK);
                        else
                                assert_true(rig.dfu.transfer_size >= 1 &&
                                            rig.dfu.transfer_size <= 4096);
                }
}

/* Protocol 0 with version 1.1a is a bootloader too. */
static void test_protocol_zero(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", NULL);
        for (size_t at = 18 + 9; at + 9 < rig.fake.usb.descriptors_size; at += 9) {
                assert_int_equal(rig.fake.usb.descriptors[at + 7], 2);
                rig.fake.usb.descriptors[at + 7] = 0;
        }
        rig_open(&rig);
        assert_true(rig.dfu.dfuse);
}

static void test_transfer_sizes_are_corrected(void **state) {
        static const struct {
                uint16_t claimed;
                unsigned used;
        } sizes[] = {{0, 64}, {0xffff, 1024}, {8192, 4096}, {16, 64}, {512, 512}};

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_rig_ struct rig rig;
                uint8_t *d;

                rig_init(&rig, "stm32-f405", NULL);
                d = rig.fake.usb.descriptors + rig.fake.usb.descriptors_size - 9;
                assert_int_equal(d[1], 0x21);
                d[5] = (uint8_t) sizes[i].claimed;
                d[6] = (uint8_t) (sizes[i].claimed >> 8);
                rig_open(&rig);
                assert_int_equal(rig.dfu.transfer_size, sizes[i].used);
        }
}

static void test_quirk_rows(void **state) {
        const struct dfu_quirks *q;

        q = dfu_quirks_find(0x1234, 0x5678, 0, "", "");
        assert_string_equal(q->name, "generic");
        assert_int_equal(q->poll, DFU_POLL_BOOK);
        assert_true(q->set_alt);
        /* mboot and Daisy are not ROMs, whatever their id. */
        assert_string_equal(
                dfu_quirks_find(0x0483, 0xdf11, 0x0200, "",
                                "@Flash /0x90000000/64*4Kg/0x90040000/60*64Kg/0x90400000/60*64Kg")
                        ->name,
                "generic");
        assert_string_equal(
                dfu_quirks_find(0x0483, 0xdf11, 0x2200, "",
                                "@Internal Flash  /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg")
                        ->name,
                "generic");
        q = dfu_quirks_find(0x2e3c, 0xdf11, 0x0200, "AT32",
                            "@Internal Flash   /0x08000000/08*04Ka,1000*04Kg");
        assert_true(q->ignore_access);
        q = dfu_quirks_find(0x0483, 0xdf11, 0x0200, "",
                            "@External Flash /0x90000000/1001*128Kg,3*128Kg,20*128Ka");
        assert_non_null(strstr(q->layout, "998*128Kg"));
        assert_string_equal(
                dfu_quirks_find(0x28e9, 0x0189, 0, "3C4J", "@Internal Flash  /0x08000000/512*002Kg")
                        ->layout,
                "@Internal Flash /0x08000000/16*1Kg");
        assert_null(dfu_quirks_find(0x28e9, 0x0189, 0, "GD32F450",
                                    "@Internal Flash  /0x08000000/04*016Kg")
                            ->layout);
        /* Nothing is known of X32's ROM, so nothing is hurried, and what it says is believed. */
        q = dfu_quirks_find(0x3997, 0xdf11, 0x0200, "",
                            "@Internal Flash   /0x15000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg");
        assert_string_equal(q->name, "x32");
        assert_int_equal(q->poll, DFU_POLL_BOOK);
        assert_null(q->layout);
        assert_false(q->keeps_pointer);
        assert_true(range_is_empty(q->flash_limit));
        /* F303 and L43x differ by a zero. */
        assert_true(dfu_quirks_find(0x0483, 0xdf11, 0x2200, "",
                                    "@Internal Flash  /0x08000000/0128*0002Kg")
                            ->stall_while_busy);
        assert_false(dfu_quirks_find(0x0483, 0xdf11, 0x2200, "",
                                     "@Internal Flash  /0x08000000/128*0002Kg")
                             ->stall_while_busy);
}

/* One stall at each transfer of opening and probing is survived. */
static void test_stall_at_every_transfer(void **state) {
        unsigned n = 0;

        for (bool hit = true; hit; n++) {
                _cleanup_rig_ struct rig rig;
                _cleanup_free_ char *map = NULL;

                rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
                rig_set(&rig, "stall-transfer", "%u", n + 1);
                rig_open(&rig);
                assert_int_equal(dfuse_probe_protection(&rig.dfu, RIG_FLASH, &rig.fault), 0);
                map = memory_map_format(&rig.dfu.map);
                assert_string_equal(map, "0x08000000/4*16K,1*64K,7*128K");
                hit = rig.fake.n_trace > n;
        }
        assert_true(n > 15);
}

static void test_unplug_at_every_transfer(void **state) {
        unsigned n = 0;

        for (bool lost = true; lost; n++) {
                _cleanup_rig_ struct rig rig;
                int r;

                rig_init(&rig, "stm32-f405", (const char *const[]){"time-scale=0", NULL});
                rig_set(&rig, "unplug-transfer", "%u", n + 1);
                r = dfu_open(&rig.fake.usb, &rig.dfu, &rig.fault);
                if (r == 0)
                        r = dfuse_probe_protection(&rig.dfu, RIG_FLASH, &rig.fault);
                lost = r < 0;
                if (lost)
                        assert_int_equal(rig.fault.error, FWD_DEVICE_LOST);
        }
        assert_true(n > 15);
}

static void test_probe_finds_protection(void **state) {
        static const char *const kinds[] = {"stm32-f405", "stm32-f722", "stm32-h743v", "stm32-g474",
                                            "stm32-l43x", "at32f435",   "gd32vf103"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;

                rig_init(&rig, kinds[i], NULL);
                rig_open(&rig);
                assert_int_equal(dfuse_probe_protection(&rig.dfu, RIG_FLASH, &rig.fault), 0);
                assert_int_equal(rig.dfu.state, DFU_IDLE);
                rig_set(&rig, "rdp", "1");
                assert_int_equal(dfuse_probe_protection(&rig.dfu, RIG_FLASH, &rig.fault), 1);
                assert_int_equal(rig.dfu.state, DFU_IDLE);
                assert_int_equal(rig.fault.error, FWD_OK);
        }
}

static void test_probe_outside_the_flash(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", NULL);
        rig_open(&rig);
        assert_true(dfuse_probe_protection(&rig.dfu, 0x60000000, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_ADDRESS_OUT_OF_RANGE);
        assert_int_equal(rig.fault.dfu_status, 0x01);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_chip_is_known),
                cmocka_unit_test(test_power_up_is_no_failure),
                cmocka_unit_test(test_strict_clrstatus_is_spared),
                cmocka_unit_test(test_idle_from_every_state),
                cmocka_unit_test(test_truncated_strings_are_read_again),
                cmocka_unit_test(test_unreadable_layout),
                cmocka_unit_test(test_claims_are_capped),
                cmocka_unit_test(test_held_by_another),
                cmocka_unit_test(test_never_answers),
                cmocka_unit_test(test_firmware_is_no_bootloader),
                cmocka_unit_test(test_broken_descriptors),
                cmocka_unit_test(test_protocol_zero),
                cmocka_unit_test(test_transfer_sizes_are_corrected),
                cmocka_unit_test(test_quirk_rows),
                cmocka_unit_test(test_stall_at_every_transfer),
                cmocka_unit_test(test_unplug_at_every_transfer),
                cmocka_unit_test(test_probe_finds_protection),
                cmocka_unit_test(test_probe_outside_the_flash),
        };

        return cmocka_run_group_tests_name("dfu-open", tests, NULL, NULL);
}
