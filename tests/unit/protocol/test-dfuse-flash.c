/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole flashes of every simulated chip: what is in it afterwards, what went over the wire, how
 * long it took by the chip's own clock. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
        "stm32-f405",  "stm32-f411", "stm32-f722", "stm32-f745", "stm32-f765", "stm32-h743y",
        "stm32-h743v", "stm32-g474", "stm32-l43x", "stm32-c5",   "at32f435",   "gd32vf103",
};

static void flash_chip(const char *kind, const char *const *options, uint64_t address,
                       size_t size) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, kind, options);
        rig_open(&rig);
        assert_int_equal(dfuse_probe_protection(&rig.dfu, RIG_FLASH, &rig.fault), 0);
        rig_add(&rig, address, size);
        rig_expect_flashed(&rig, rig_flash(&rig));
        assert_int_equal(rig.dfu.stats.retries, 0);
        assert_int_equal(rig.dfu.stats.erased_bytes, rig.plan.erase_bytes);
        assert_int_equal(rig.dfu.stats.written_bytes, rig.plan.write_bytes);
        assert_int_equal(rig.dfu.stats.verified_bytes, rig.plan.write_bytes);
        assert_int_equal(rig.dfu.state, DFU_IDLE);
        assert_int_equal(dfuse_leave(&rig.dfu, RIG_FLASH, &rig.fault), 0);
        rig.fake.now_us += 1000000;
        model_advance(rig.model, rig.fake.now_us);
        assert_true(!rig.model->on_bus || rig.model->generation != rig.fake.generation);
}

static void test_every_chip(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                print_message("# %s\n", kinds[i]);
                flash_chip(kinds[i], NULL, RIG_FLASH, 100 * KIB + 5);
                flash_chip(kinds[i], (const char *const[]){"timing=max", NULL}, RIG_FLASH,
                           20 * KIB);
                flash_chip(kinds[i], (const char *const[]){"time-scale=0", NULL}, RIG_FLASH, 1);
                flash_chip(kinds[i], (const char *const[]){"time-scale=0", NULL},
                           RIG_FLASH + 0x2c04, 70 * KIB);
        }
}

/* Each way to answer GETSTATUS, on a chip whose row expects another. */
static void test_every_family_on_every_row(void **state) {
        static const char *const families[] = {"family=answers-first", "family=works-first"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                for (size_t k = 0; k < ARRAY_SIZE(families); k++)
                        flash_chip(kinds[i], (const char *const[]){families[k], NULL}, RIG_FLASH,
                                   9 * KIB);
}

static void test_every_way_to_leave(void **state) {
        static const char *const leaves[] = {"leave=answer", "leave=gone", "leave=stall",
                                             "leave=drop"};

        for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
                flash_chip("stm32-f405", (const char *const[]){leaves[i], NULL}, RIG_FLASH, KIB);
}

static void test_several_segments(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_rig_ struct rig rig;

                rig_init(&rig, kinds[i], (const char *const[]){"time-scale=0", NULL});
                rig_open(&rig);
                rig_add(&rig, RIG_FLASH, 392);
                rig_add(&rig, RIG_FLASH + 394, 3); /* in the same write unit as the end before */
                rig_add(&rig, RIG_FLASH + 0x1001, 5000);
                rig_add(&rig, RIG_FLASH + 0x8000, 30 * KIB + 17);
                rig_expect_flashed(&rig, rig_flash(&rig));
        }
}

/* The transfers of 4096 bytes: three for an erase, three for a pointer, three for a block, one for
 * a block read back. The pointer is set again for the first block, which goes last. */
static void test_golden_trace(void **state) {
        static const char expected[] = "21 01 0000 0005 4100000008\n" /* erase the sector */
                                       "A1 03 -> 00 04\n"
                                       "A1 03 -> 00 05\n"
                                       "21 01 0000 0005 2100080008\n" /* all but the first block */
                                       "A1 03 -> 00 04\n"
                                       "A1 03 -> 00 05\n"
                                       "21 01 0002 0800\n"
                                       "A1 03 -> 00 04\n"
                                       "A1 03 -> 00 05\n"
                                       "21 06 0000 0000\n"
                                       "A1 02 0002 0800\n" /* read back */
                                       "21 06 0000 0000\n"
                                       "21 01 0000 0005 2100000008\n" /* the first block */
                                       "A1 03 -> 00 04\n"
                                       "A1 03 -> 00 05\n"
                                       "21 01 0002 0800\n"
                                       "A1 03 -> 00 04\n"
                                       "A1 03 -> 00 05\n"
                                       "21 06 0000 0000\n"
                                       "A1 02 0002 0800\n"
                                       "21 06 0000 0000\n"
                                       "21 01 0000 0000\n" /* leave, the pointer being there */
                                       "A1 03 -> 00 07\n";
        _cleanup_rig_ struct rig rig;
        _cleanup_free_ char *trace = NULL;
        size_t first;

        rig_init(&rig, "stm32-f405", NULL);
        rig_open(&rig);
        first = rig.fake.n_trace;
        rig_add(&rig, RIG_FLASH, 4096);
        rig_expect_flashed(&rig, rig_flash(&rig));
        assert_int_equal(dfuse_leave(&rig.dfu, RIG_FLASH, &rig.fault), 0);
        trace = fake_usb_trace(&rig.fake, first);
        assert_string_equal(trace, expected);
        assert_int_equal(rig.fake.slept_ms, 0);
}

/* 480 KiB at the F405's own speed: at most a tenth above what the flash and the wire need. */
static void test_time_of_480k(void **state) {
        static const struct {
                const char *kind;
                const char *options[2];
        } cases[] = {
                {"stm32-f405", {NULL}}, {"stm32-f405", {"parallelism=32", NULL}},
                {"stm32-f745", {NULL}}, {"stm32-h743y", {NULL}},
                {"stm32-g474", {NULL}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_rig_ struct rig rig;
                struct model_stats before, after;
                uint64_t begin_us, floor_us, took_us;
                size_t first;

                rig_init(&rig, cases[i].kind, cases[i].options);
                rig_open(&rig);
                model_stats(rig.model, &before);
                begin_us = rig.fake.now_us;
                first = rig.fake.n_trace;
                rig_add(&rig, RIG_FLASH, 480 * KIB);
                rig_expect_flashed(&rig, rig_flash(&rig));
                took_us = rig.fake.now_us - begin_us;
                model_stats(rig.model, &after);
                floor_us = after.erase_us + after.program_us + after.write_wire_us +
                           after.read_wire_us - before.read_wire_us;
                print_message("# %s %s: %.3f s, floor %.3f s, ratio %.4f, %zu transfers\n",
                              cases[i].kind, cases[i].options[0] ? cases[i].options[0] : "",
                              (double) took_us / 1e6, (double) floor_us / 1e6,
                              (double) took_us / (double) floor_us, rig.fake.n_trace - first);
                assert_true(took_us * 100 <= floor_us * 110);
                assert_int_equal(rig.fake.slept_ms, 0);
                /* Three a block and one to read it, three a sector, and a handful. */
                assert_true(rig.fake.n_trace - first <=
                            rig.plan.runs[0].n_blocks * 4 + rig.plan.n_erases * 3 + 16);
                assert_true(rig.n_progress >= rig.plan.runs[0].n_blocks * 2 + rig.plan.n_erases);
        }
}

/* H743 rev V: erases of bank 2 never leave dfuDNBUSY by themselves. */
static void test_bank2_wedge(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-h743v", NULL);
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH + 896 * KIB, 300 * KIB); /* sector 7 and two of bank 2 */
        rig_expect_flashed(&rig, rig_flash(&rig));
        assert_int_equal(rig.plan.n_erases, 3);
        assert_int_equal(rig.dfu.stats.retries, 0);
}

static void test_l43x_stalls_while_busy(void **state) {
        _cleanup_rig_ struct rig rig;
        unsigned stalls = 0;

        /* Its poll time is too short: the question after it comes too early. */
        rig_init(&rig, "stm32-l43x", (const char *const[]){"timing=max", "poll-write=1", NULL});
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH, 20 * KIB);
        rig_expect_flashed(&rig, rig_flash(&rig));
        for (size_t i = 0; i < rig.fake.n_trace; i++)
                stalls += rig.fake.trace[i].result == -EPIPE;
        assert_true(stalls > 5);
        assert_int_equal(rig.dfu.stats.retries, 0);
}

/* A chip taken for a fast one that stalls when asked early: one failure, then by the book. */
static void test_falls_back_to_the_book(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405",
                 (const char *const[]){"family=stalls-busy", "poll-erase=3000", NULL});
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH, 100 * KIB);
        rig_expect_flashed(&rig, rig_flash(&rig));
        assert_int_equal(rig.dfu.stats.retries, 1);
        assert_true(rig.dfu.by_the_book);
}

/* By the book, no question comes before the advertised time. */
static void test_polls_are_honoured(void **state) {
        _cleanup_rig_ struct rig rig;
        unsigned honoured = 0;

        rig_init(&rig, "at32f435", (const char *const[]){"poll-erase=70", "poll-write=60", NULL});
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH, 10 * KIB);
        rig_expect_flashed(&rig, rig_flash(&rig));
        for (size_t i = 1; i < rig.fake.n_trace; i++) {
                const struct fake_transfer *t = &rig.fake.trace[i], *last = t - 1;

                if (last->setup.request_type != 0xa1 || last->setup.request != 3 ||
                    last->data[4] != DFU_DNBUSY)
                        continue;
                assert_true(t->begin_us - last->end_us >= (uint64_t) last->data[1] * 1000);
                honoured++;
        }
        assert_true(honoured >= 10);
}

/* mboot and its like: not a ROM, nothing known but what it says. SET_INTERFACE once, by the book,
 * the pointer set again for reading, and its own sectors left alone. */
static void test_unknown_bootloader(void **state) {
        _cleanup_rig_ struct rig rig;
        struct flash_rules rules = {};
        struct flash_plan plan;
        unsigned interfaces = 0;

        rig_init(&rig, "stm32-f405",
                 (const char *const[]){"layout=@Internal Flash  "
                                       "/0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg",
                                       NULL});
        rig_open(&rig);
        assert_string_equal(rig.dfu.quirks->name, "generic");
        rig_add(&rig, RIG_FLASH + 48 * KIB, 30 * KIB);
        rig_expect_flashed(&rig, rig_flash(&rig));
        for (size_t i = 0; i < rig.fake.n_trace; i++)
                interfaces += rig.fake.trace[i].setup.request_type == 0x01;
        assert_int_equal(interfaces, 1);
        assert_true(rig.fake.slept_ms >= 15 * 104);

        segments_clear(&rig.image);
        rig_add(&rig, RIG_FLASH, 16);
        assert_int_equal(segments_finish(&rig.image, &(uint64_t){0}), 0);
        dfu_flash_rules(&rig.dfu, &rules);
        assert_true(flash_plan_make(&rig.dfu.map, &rig.image, &rules, &plan, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_PROTECTED_REGION);
}

static void test_read(void **state) {
        _cleanup_rig_ struct rig rig;
        uint8_t read[5000], there[5000];

        rig_init(&rig, "stm32-f405", NULL);
        rig_open(&rig);
        assert_int_equal(model_dump(rig.model, RIG_FLASH + 100, there, sizeof(there)), 0);
        assert_int_equal(dfuse_read(&rig.dfu, RIG_FLASH + 100, read, sizeof(read),
                                    rig_callbacks(&rig), "reading", &rig.fault),
                         0);
        assert_memory_equal(read, there, sizeof(read));
        assert_int_equal(rig.done, sizeof(read));
        assert_int_equal(rig.dfu.state, DFU_IDLE);
        assert_int_equal(dfuse_read(&rig.dfu, RIG_FLASH, read, 16, NULL, NULL, &rig.fault), 0);

        rig_set(&rig, "rdp", "1");
        rig.dfu.pointer_known = false;
        assert_true(dfuse_read(&rig.dfu, RIG_FLASH, read, 16, NULL, NULL, &rig.fault) < 0);
        assert_int_equal(rig.fault.error, FWD_READ_PROTECTED);
}

/* A board whose bootloader stays: the service waits and tells; here it is no failure. */
static void test_leave_ignored(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", (const char *const[]){"leave=ignore", NULL});
        rig_open(&rig);
        assert_int_equal(dfuse_leave(&rig.dfu, RIG_FLASH, &rig.fault), 0);
        assert_true(rig.model->on_bus);
}

/* One stall anywhere does not keep the board in its bootloader. */
static void test_leave_survives_a_stall(void **state) {
        for (unsigned n = 1; n <= 5; n++) {
                _cleanup_rig_ struct rig rig;

                rig_init(&rig, "stm32-f405", NULL);
                rig_open(&rig);
                rig_set(&rig, "stall-transfer", "%u", n);
                assert_int_equal(dfuse_leave(&rig.dfu, RIG_FLASH, &rig.fault), 0);
                rig.fake.now_us += 100000;
                model_advance(rig.model, rig.fake.now_us);
                assert_false(rig.model->on_bus);
        }
}

static void test_wrong_plan_is_refused(void **state) {
        _cleanup_rig_ struct rig rig;

        rig_init(&rig, "stm32-f405", NULL);
        rig_open(&rig);
        rig_add(&rig, RIG_FLASH, 4096);
        rig_plan(&rig);
        rig.plan.transfer_size = 1024;
        rig_expect_fault(&rig, dfuse_flash(&rig.dfu, &rig.plan, rig_callbacks(&rig), &rig.fault),
                         FWD_NOT_SUPPORTED);
        assert_int_equal(rig.state, BOARD_UNTOUCHED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_chip),
                cmocka_unit_test(test_every_family_on_every_row),
                cmocka_unit_test(test_every_way_to_leave),
                cmocka_unit_test(test_several_segments),
                cmocka_unit_test(test_golden_trace),
                cmocka_unit_test(test_time_of_480k),
                cmocka_unit_test(test_bank2_wedge),
                cmocka_unit_test(test_l43x_stalls_while_busy),
                cmocka_unit_test(test_falls_back_to_the_book),
                cmocka_unit_test(test_polls_are_honoured),
                cmocka_unit_test(test_unknown_bootloader),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_leave_ignored),
                cmocka_unit_test(test_leave_survives_a_stall),
                cmocka_unit_test(test_wrong_plan_is_refused),
        };

        return cmocka_run_group_tests_name("dfuse-flash", tests, NULL, NULL);
}
