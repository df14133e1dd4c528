/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan of a flash: known cases by hand, and thousands of random maps and images against the
 * properties that keep a board safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "protocol/flash-plan.h"

#define KIB   1024U
#define FLASH UINT64_C(0x08000000)

static const char f405[] = "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg";

struct fixture {
        struct memory_map map;
        struct segments image;
        struct flash_rules rules;
        struct flash_plan plan;
        struct fault fault;
};

static void fixture_clear(struct fixture *f) {
        memory_map_clear(&f->map);
        segments_clear(&f->image);
        flash_plan_clear(&f->plan);
}
#define _cleanup_fixture_ _cleanup_(fixture_clear)

static struct fixture fixture(const char *layout) {
        struct fixture f = {.rules = {.transfer_size = 2048}, .fault = FAULT_INIT};

        assert_true(memory_map_add(&f.map, 0, layout) >= 0);
        return f;
}

static void add(struct fixture *f, uint64_t address, size_t size) {
        _cleanup_free_ uint8_t *bytes = malloc(size ? size : 1);

        for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t) ((address + i) * 7 + ((address + i) >> 8));
        assert_int_equal(segments_add(&f->image, address, bytes, size), 0);
}

static int make(struct fixture *f) {
        assert_int_equal(segments_finish(&f->image, &(uint64_t){0}), 0);
        f->fault = (struct fault) FAULT_INIT;
        flash_plan_clear(&f->plan);
        return flash_plan_make(&f->map, &f->image, &f->rules, &f->plan, &f->fault);
}

static void expect_refusal(struct fixture *f, enum fwd_error error) {
        assert_true(make(f) < 0);
        assert_string_equal(fwd_error_name(f->fault.error), fwd_error_name(error));
        assert_true(f->fault.message[0] != '\0');
        assert_int_equal(f->plan.n_erases, 0);
        assert_null(f->plan.erases);
}

static void test_480k_on_f405(void **state) {
        _cleanup_fixture_ struct fixture f = fixture(f405);

        add(&f, FLASH, 480 * KIB);
        assert_int_equal(make(&f), 0);
        assert_int_equal(f.plan.n_erases, 8);
        assert_int_equal(f.plan.erase_bytes, 512 * KIB);
        assert_int_equal(f.plan.erases[0].range.start, FLASH);
        assert_int_equal(f.plan.erases[7].range.start, 0x08060000);
        assert_int_equal(f.plan.n_runs, 1);
        assert_int_equal(f.plan.runs[0].n_blocks, 240);
        assert_int_equal(f.plan.write_bytes, 480 * KIB);
        assert_int_equal(f.plan.n_lost, 1);
        assert_int_equal(f.plan.lost[0].start, 0x08078000);
        assert_int_equal(f.plan.lost[0].end, 0x08080000);
        assert_false(f.plan.loses_kept);
}

/* One byte more or less around a sector's end changes the erased sectors by exactly one. */
static void test_sector_boundary(void **state) {
        for (int more = -1; more <= 1; more++) {
                _cleanup_fixture_ struct fixture f = fixture(f405);

                add(&f, FLASH, (size_t) (64 * (int) KIB + more));
                assert_int_equal(make(&f), 0);
                assert_int_equal(f.plan.n_erases, more > 0 ? 5 : 4);
        }
        {
                _cleanup_fixture_ struct fixture f = fixture(f405);

                add(&f, 0x0800c000, 1);
                assert_int_equal(make(&f), 0);
                assert_int_equal(f.plan.n_erases, 1);
                assert_int_equal(f.plan.erases[0].range.start, 0x0800c000);
                assert_int_equal(f.plan.erases[0].range.end, 0x08010000);
        }
}

static void test_whole_flash_and_one_byte_more(void **state) {
        _cleanup_fixture_ struct fixture f = fixture(f405), g = fixture(f405);

        add(&f, FLASH, 1024 * KIB);
        assert_int_equal(make(&f), 0);
        assert_int_equal(f.plan.n_erases, 12);
        assert_int_equal(f.plan.n_lost, 0);
        add(&g, FLASH, 1024 * KIB + 1);
        expect_refusal(&g, FWD_IMAGE_TOO_LARGE);
        assert_int_equal(g.fault.address, 0x08100000);
}

static void test_refusals(void **state) {
        static const struct range guard = {0x08008000, 0x08008010};
        _cleanup_fixture_ struct fixture empty = fixture(f405), before = fixture(f405),
                                         guarded = fixture(f405), option = fixture(f405),
                                         limited = fixture(f405), readonly = fixture(f405),
                                         nomap = {.rules = {.transfer_size = 2048}},
                                         transfer = fixture(f405), unit = fixture(f405);

        expect_refusal(&empty, FWD_INVALID_IMAGE);

        add(&before, FLASH - 1, 2);
        expect_refusal(&before, FWD_ADDRESS_OUT_OF_RANGE);
        assert_int_equal(before.fault.address, FLASH - 1);

        /* In the guarded sector, though not in the guarded bytes. */
        guarded.rules.protected_ranges = &guard;
        guarded.rules.n_protected = 1;
        add(&guarded, 0x0800b000, 16);
        expect_refusal(&guarded, FWD_PROTECTED_REGION);

        assert_int_equal(memory_map_add(&option.map, 1, "@Option Bytes  /0x1FFFC000/01*016 g"), 0);
        add(&option, FLASH, 16);
        add(&option, 0x1fffc000, 16);
        expect_refusal(&option, FWD_PROTECTED_REGION);

        limited.rules.limit = (struct range){FLASH, FLASH + 64 * KIB};
        add(&limited, FLASH, 64 * KIB + 1);
        expect_refusal(&limited, FWD_IMAGE_TOO_LARGE);

        memory_map_clear(&readonly.map);
        assert_int_equal(memory_map_add(&readonly.map, 0, "@Flash/0x08000000/8*4Ka,1000*4Kg"), 0);
        add(&readonly, FLASH, 16);
        expect_refusal(&readonly, FWD_PROTECTED_REGION);
        readonly.rules.ignore_access = true;
        assert_int_equal(make(&readonly), 0);
        assert_int_equal(readonly.plan.n_erases, 1);

        add(&nomap, FLASH, 16);
        expect_refusal(&nomap, FWD_NOT_SUPPORTED);

        add(&transfer, FLASH, 16);
        transfer.rules.transfer_size = 0;
        expect_refusal(&transfer, FWD_NOT_SUPPORTED);
        transfer.rules.transfer_size = 4097;
        expect_refusal(&transfer, FWD_NOT_SUPPORTED);

        memory_map_clear(&unit.map);
        assert_int_equal(memory_map_add(&unit.map, 0, "@Flash/0x08000000/8*100Bg"), 0);
        add(&unit, FLASH, 16);
        unit.rules.write_unit = 32;
        expect_refusal(&unit, FWD_NOT_SUPPORTED);
        unit.rules.transfer_size = 100;
        unit.rules.write_unit = 32;
        expect_refusal(&unit, FWD_NOT_SUPPORTED);
}

/* Betaflight F4: vectors, a hole where the settings live, the rest. The settings stay. */
static void test_hole_is_not_erased(void **state) {
        static const struct range settings = {0x08004000, 0x08008000};
        _cleanup_fixture_ struct fixture f = fixture(f405);

        f.rules.keep_ranges = &settings;
        f.rules.n_keep = 1;
        add(&f, FLASH, 0x2000);
        add(&f, 0x08008000, 0x30000);
        assert_int_equal(make(&f), 0);
        for (size_t i = 0; i < f.plan.n_erases; i++)
                assert_false(range_overlaps(f.plan.erases[i].range, settings));
        assert_false(f.plan.loses_kept);
        assert_int_equal(f.plan.n_runs, 2);

        f.rules.erase_all = true;
        assert_int_equal(make(&f), 0);
        assert_int_equal(f.plan.n_erases, 12);
        assert_true(f.plan.loses_kept);
}

/* Settings in a sector that the image needs are lost, and the plan says so. */
static void test_shared_sector_is_told(void **state) {
        static const struct range settings = {0x08006000, 0x08008000};
        _cleanup_fixture_ struct fixture f = fixture(f405);

        f.rules.keep_ranges = &settings;
        f.rules.n_keep = 1;
        add(&f, FLASH, 0x4100);
        assert_int_equal(make(&f), 0);
        assert_true(f.plan.loses_kept);
        assert_int_equal(f.plan.n_lost, 1);
        assert_int_equal(f.plan.lost[0].start, 0x08004100);
        assert_int_equal(f.plan.lost[0].end, 0x08008000);
}

static void test_erase_all_spares_the_protected_and_the_special(void **state) {
        static const struct range guard = {0x08000010, 0x08000020};
        _cleanup_fixture_ struct fixture f = fixture(f405);

        assert_int_equal(memory_map_add(&f.map, 1, "@Option Bytes  /0x1FFFC000/01*016 g"), 0);
        f.rules.protected_ranges = &guard;
        f.rules.n_protected = 1;
        f.rules.erase_all = true;
        add(&f, 0x08004000, 16);
        assert_int_equal(make(&f), 0);
        assert_int_equal(f.plan.n_erases, 11);
        assert_int_equal(f.plan.erases[0].range.start, 0x08004000);
}

static void test_write_unit(void **state) {
        _cleanup_fixture_ struct fixture f = fixture("@Flash/0x08000000/256*2Kg");

        f.rules.transfer_size = 1024;
        f.rules.write_unit = 8;
        add(&f, FLASH + 4, 3);       /* begins inside a unit */
        add(&f, FLASH + 0x12, 2);    /* shares a unit … */
        add(&f, FLASH + 0x16, 1);    /* … with this */
        add(&f, FLASH + 0x20, 0x11); /* ends inside a unit */
        assert_int_equal(make(&f), 0);
        assert_int_equal(f.plan.n_runs, 3);
        assert_int_equal(f.plan.runs[0].address, FLASH);
        assert_int_equal(f.plan.runs[0].size, 7);
        assert_int_equal(f.plan.runs[0].padding, 1);
        assert_int_equal(f.plan.runs[0].data[0], 0xff);
        assert_int_equal(f.plan.runs[1].address, FLASH + 0x10);
        assert_int_equal(f.plan.runs[1].size, 7);
        assert_int_equal(f.plan.runs[1].data[4], 0xff);
        assert_int_equal(f.plan.runs[2].size, 0x11);
        assert_int_equal(f.plan.runs[2].padding, 7);
        assert_int_equal(f.plan.n_erases, 1);
}

/* wBlockNum has 16 bits: 64 MiB less a little behind one pointer. */
static void test_long_runs_are_split(void **state) {
        _cleanup_fixture_ struct fixture f = fixture("@External Flash/0x90000000/998*128Kg");

        f.rules.transfer_size = 64;
        add(&f, 0x90000000, 5 * 1024 * KIB);
        assert_int_equal(make(&f), 0);
        assert_int_equal(f.plan.n_runs, 2);
        assert_int_equal(f.plan.runs[0].n_blocks, 65534);
        assert_int_equal(f.plan.runs[1].address, f.plan.runs[0].address + 65534 * 64);
}

/* Random layouts and images */

static unsigned roll(unsigned *seed, unsigned n) {
        return (unsigned) rand_r(seed) % n;
}

static void random_layout(unsigned *seed, char *to, size_t size, uint64_t *ret_end, int alt) {
        uint64_t at = FLASH + (uint64_t) alt * 0x100000;
        size_t n = (size_t) snprintf(to, size, "@Flash/0x%08x/", (unsigned) at);
        unsigned groups = 1 + roll(seed, 4);

        for (unsigned i = 0; i < groups; i++) {
                unsigned count = 1 + roll(seed, 6), sector = 1U << roll(seed, 4);
                char type = "gggggggae"[roll(seed, 9)];

                n += (size_t) snprintf(to + n, size - n, "%s%u*%uK%c", i ? "," : "", count, sector,
                                       type);
                at += (uint64_t) count * sector * KIB;
                if (roll(seed, 5) == 0 && i + 1 < groups) {
                        at += KIB * (1 + roll(seed, 16));
                        n += (size_t) snprintf(to + n, size - n, "/0x%08x/", (unsigned) at);
                        to[n] = '\0';
                        count = 1 + roll(seed, 3);
                        n += (size_t) snprintf(to + n, size - n, "%u*1Kg", count);
                        at += (uint64_t) count * KIB;
                }
        }
        *ret_end = at;
}

static struct range random_range(unsigned *seed, uint64_t start, uint64_t end) {
        uint64_t at = start + roll(seed, (unsigned) (end - start));

        return (struct range){at, at + 1 + roll(seed, 3000)};
}

static bool in_image(const struct segments *image, uint64_t address) {
        for (size_t i = 0; i < image->n; i++)
                if (range_has(segment_range(&image->items[i]), address))
                        return true;
        return false;
}

static bool touches_image(const struct segments *image, struct range r) {
        for (size_t i = 0; i < image->n; i++)
                if (range_overlaps(segment_range(&image->items[i]), r))
                        return true;
        return false;
}

static const struct flash_erase *erased(const struct flash_plan *plan, uint64_t address) {
        const struct flash_erase *found = NULL;

        for (size_t i = 0; i < plan->n_erases; i++)
                if (range_has(plan->erases[i].range, address)) {
                        assert_null(found); /* once */
                        found = &plan->erases[i];
                }
        return found;
}

static void check_blocks(const struct fixture *f, struct segments *written) {
        const struct flash_plan *plan = &f->plan;
        uint64_t behind = 0, bytes = 0;

        for (size_t i = 0; i < plan->n_runs; i++) {
                const struct flash_run *run = &plan->runs[i];
                size_t data_in_blocks = 0;

                assert_true(run->n_blocks >= 1 && run->n_blocks <= FLASH_RUN_BLOCKS_MAX);
                assert_int_equal(run->address % plan->write_unit, 0);
                assert_int_equal((run->size + run->padding) % plan->write_unit, 0);
                assert_true(run->padding < plan->write_unit);
                /* Not split without need: a pointer costs three transfers. */
                if (i > 0 && run->address == behind && plan->write_unit < FLASH_UNIT_ONCE)
                        assert_true(run->alt != plan->runs[i - 1].alt);
                assert_true(run->address >= behind);
                for (size_t k = 0; k < run->n_blocks; k++) {
                        struct range block;
                        size_t data = flash_run_block(plan, run, k, &block);
                        const struct sector *first, *last;

                        assert_true(data >= 1 && range_size(block) <= plan->transfer_size);
                        assert_true(range_size(block) == plan->transfer_size ||
                                    k + 1 == run->n_blocks);
                        assert_true(block.start >= behind);
                        behind = block.end;
                        data_in_blocks += data;
                        first = memory_map_find(&f->map, block.start);
                        last = memory_map_find(&f->map, block.end - 1);
                        assert_non_null(first);
                        assert_non_null(last);
                        assert_int_equal(first->alt, run->alt);
                        assert_int_equal(last->alt, run->alt);
                        if (plan->write_unit >= FLASH_UNIT_ONCE)
                                assert_ptr_equal(first, last);
                        for (const struct sector *s = first; s <= last; s++) {
                                assert_true(f->rules.ignore_access ||
                                            (s->access & SECTOR_WRITABLE));
                                if (f->rules.ignore_access || (s->access & SECTOR_ERASABLE))
                                        assert_non_null(erased(plan, s->range.start));
                        }
                }
                assert_int_equal(data_in_blocks, run->size);
                assert_int_equal(segments_add(written, run->address, run->data, run->size), 0);
                bytes += run->size;
        }
        assert_int_equal(bytes, plan->write_bytes);
}

static void check_properties(const struct fixture *f) {
        const struct flash_plan *plan = &f->plan;
        _cleanup_segments_ struct segments written = {};
        uint64_t sum = 0, lost = 0, image_in_erased = 0;

        check_blocks(f, &written);
        assert_int_equal(segments_finish(&written, &(uint64_t){0}), 0);
        /* Every byte of the image is written, and what else is written is 0xFF. */
        for (size_t i = 0; i < written.n; i++)
                for (size_t k = 0; k < written.items[i].size; k++)
                        if (!in_image(&f->image, written.items[i].address + k))
                                assert_int_equal(written.items[i].data[k], 0xff);
        for (size_t i = 0, w = 0; i < f->image.n; i++) {
                const struct segment *s = &f->image.items[i];

                while (w < written.n && segment_range(&written.items[w]).end <= s->address)
                        w++;
                assert_true(w < written.n);
                assert_true(range_contains(segment_range(&written.items[w]), segment_range(s)));
                assert_memory_equal(written.items[w].data + (s->address - written.items[w].address),
                                    s->data, s->size);
        }
        for (size_t i = 0; i < plan->n_erases; i++) {
                struct range r = plan->erases[i].range;

                assert_true(f->rules.erase_all || touches_image(&f->image, r));
                assert_non_null(memory_map_find(&f->map, r.start));
                assert_int_equal(memory_map_find(&f->map, r.start)->range.end, r.end);
                for (size_t k = 0; k < f->rules.n_protected; k++)
                        assert_false(range_overlaps(r, f->rules.protected_ranges[k]));
                if (!range_is_empty(f->rules.limit))
                        assert_true(range_contains(f->rules.limit, r));
                sum += range_size(r);
                for (size_t k = 0; k < f->image.n; k++)
                        image_in_erased +=
                                range_size(range_intersect(r, segment_range(&f->image.items[k])));
        }
        assert_int_equal(sum, plan->erase_bytes);
        for (size_t i = 0; i < plan->n_lost; i++) {
                assert_false(touches_image(&f->image, plan->lost[i]));
                lost += range_size(plan->lost[i]);
        }
        assert_int_equal(lost + image_in_erased, plan->erase_bytes);
}

static void random_case(unsigned *seed, unsigned *made) {
        static const unsigned units[] = {1, 1, 2, 4, 8, 16, 32};
        _cleanup_fixture_ struct fixture f = {.fault = FAULT_INIT};
        struct range guards[2];
        uint64_t end = FLASH;
        unsigned alts = 1 + (roll(seed, 4) == 0);

        for (unsigned alt = 0; alt < alts; alt++) {
                char layout[256];

                random_layout(seed, layout, sizeof(layout), &end, (int) alt);
                assert_int_equal(memory_map_add(&f.map, (int) alt, layout), 0);
        }
        f.rules.write_unit = units[roll(seed, ARRAY_SIZE(units))];
        f.rules.transfer_size = f.rules.write_unit * (1 + roll(seed, 2048 / f.rules.write_unit));
        f.rules.erase_all = roll(seed, 8) == 0;
        f.rules.ignore_access = roll(seed, 3) == 0;
        if (roll(seed, 4) == 0)
                f.rules.limit = (struct range){FLASH, FLASH + roll(seed, 128) * KIB};
        f.rules.protected_ranges = guards;
        f.rules.n_protected = roll(seed, 4) == 0 ? 1 + roll(seed, 2) : 0;
        for (size_t i = 0; i < f.rules.n_protected; i++)
                guards[i] = random_range(seed, FLASH, end);

        for (unsigned i = 0, n = 1 + roll(seed, 5); i < n; i++) {
                uint64_t at = f.map.sectors[roll(seed, (unsigned) f.map.n)].range.start;

                if (roll(seed, 2))
                        at += roll(seed, 1000);
                add(&f, at, 1 + roll(seed, roll(seed, 3) ? 3000 : 20000));
        }
        if (segments_finish(&f.image, &(uint64_t){0}) < 0)
                return; /* random segments that overlap are no image */
        if (flash_plan_make(&f.map, &f.image, &f.rules, &f.plan, &f.fault) < 0) {
                assert_true(f.fault.error == FWD_ADDRESS_OUT_OF_RANGE ||
                            f.fault.error == FWD_IMAGE_TOO_LARGE ||
                            f.fault.error == FWD_PROTECTED_REGION);
                assert_true(f.fault.has_address);
                return;
        }
        (*made)++;
        check_properties(&f);
}

static void test_random_plans(void **state) {
        unsigned seed = 20240607, made = 0;

        for (int round = 0; round < 20000; round++)
                random_case(&seed, &made);
        assert_true(made > 3000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_480k_on_f405),
                cmocka_unit_test(test_sector_boundary),
                cmocka_unit_test(test_whole_flash_and_one_byte_more),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_hole_is_not_erased),
                cmocka_unit_test(test_shared_sector_is_told),
                cmocka_unit_test(test_erase_all_spares_the_protected_and_the_special),
                cmocka_unit_test(test_write_unit),
                cmocka_unit_test(test_long_runs_are_split),
                cmocka_unit_test(test_random_plans),
        };

        return cmocka_run_group_tests_name("flash-plan", tests, NULL, NULL);
}
