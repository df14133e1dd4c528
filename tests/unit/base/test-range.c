/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/range.h"

static void test_half_open(void **state) {
        const struct range r = {16, 32};

        assert_false(range_has(r, 15));
        assert_true(range_has(r, 16));
        assert_true(range_has(r, 31));
        assert_false(range_has(r, 32));
        assert_int_equal(range_size(r), 16);
        assert_true(range_overlaps(r, (struct range){31, 32}));
        assert_false(range_overlaps(r, (struct range){32, 33}));
        assert_false(range_overlaps(r, (struct range){0, 16}));
        assert_true(range_contains(r, r));
        assert_true(range_contains(r, (struct range){16, 17}));
        assert_true(range_contains(r, (struct range){31, 32}));
        assert_false(range_contains(r, (struct range){15, 17}));
        assert_false(range_contains(r, (struct range){31, 33}));
        /* What is empty lies anywhere and overlaps nothing. */
        assert_true(range_contains(r, (struct range){99, 99}));
        assert_false(range_overlaps(r, (struct range){20, 20}));
        assert_int_equal(range_size((struct range){5, 3}), 0);
}

static void test_make(void **state) {
        struct range r = {1, 2};

        assert_int_equal(range_make(UINT64_MAX, 1, &r), -EOVERFLOW);
        assert_int_equal(r.start, 1);
        assert_int_equal(r.end, 2);
        assert_int_equal(range_make(UINT64_MAX, 0, &r), 0);
        assert_true(range_is_empty(r));
        assert_int_equal(range_make(UINT64_MAX - 1, 1, &r), 0);
        assert_int_equal(r.end, UINT64_MAX);
}

static void test_parse(void **state) {
        static const struct {
                const char *text;
                int r;
                struct range range;
        } cases[] = {
                {"0x08000000-0x08004000", 0, {0x08000000, 0x08004000}},
                {"0x08000000+16K", 0, {0x08000000, 0x08004000}},
                {"0x8000000+1M", 0, {0x08000000, 0x08100000}},
                {"0+0", 0, {0, 0}},
                {"16-16", 0, {16, 16}},
                {"17-16", -EINVAL, {}},
                {"", -EINVAL, {}},
                {"-", -EINVAL, {}},
                {"+", -EINVAL, {}},
                {"16", -EINVAL, {}},
                {"16-", -EINVAL, {}},
                {"-16", -EINVAL, {}},
                {"16+-1", -EINVAL, {}},
                {"1-2-3", -EINVAL, {}},
                {"1-2 ", -EINVAL, {}},
                {"0xffffffffffffffff+1", -EOVERFLOW, {}},
                {"0x10000000000000000+1", -ERANGE, {}},
                {"00000000000000000000000000000000000+1", -EINVAL, {}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct range r = {7, 9};

                assert_int_equal(range_parse(cases[i].text, &r), cases[i].r);
                assert_int_equal(r.start, cases[i].r < 0 ? 7 : cases[i].range.start);
                assert_int_equal(r.end, cases[i].r < 0 ? 9 : cases[i].range.end);
        }
}

/* Against a map of 64 addresses, one bit each. */
static uint64_t bits(struct range r) {
        uint64_t map = 0;

        for (unsigned i = 0; i < 64; i++)
                if (range_has(r, i))
                        map |= UINT64_C(1) << i;
        return map;
}

static struct range random_range(uint64_t *seed) {
        /* Now and then empty, or the wrong way round. */
        return (struct range){random_below(seed, 65), random_below(seed, 65)};
}

static void test_pairs_against_bits(void **state) {
        uint64_t seed = 1;

        for (unsigned i = 0; i < 20000; i++) {
                const struct range a = random_range(&seed), b = random_range(&seed);

                assert_int_equal(range_size(a), __builtin_popcountll(bits(a)));
                assert_int_equal(range_overlaps(a, b), (bits(a) & bits(b)) != 0);
                assert_int_equal(range_contains(a, b), (bits(b) & ~bits(a)) == 0);
                assert_true(bits(range_intersect(a, b)) == (bits(a) & bits(b)));
        }
}

static void test_normalize_and_cover_against_bits(void **state) {
        uint64_t seed = 2;

        for (unsigned i = 0; i < 20000; i++) {
                const struct range wanted = random_range(&seed);
                struct range ranges[8];
                size_t n = random_below(&seed, ARRAY_SIZE(ranges) + 1);
                uint64_t before = 0, after = 0;

                for (size_t k = 0; k < n; k++) {
                        ranges[k] = random_range(&seed);
                        before |= bits(ranges[k]);
                }
                n = range_normalize(ranges, n);
                for (size_t k = 0; k < n; k++) {
                        after |= bits(ranges[k]);
                        assert_false(range_is_empty(ranges[k]));
                        if (k > 0)
                                assert_true(ranges[k].start > ranges[k - 1].end);
                }
                assert_true(before == after);
                assert_int_equal(ranges_cover(ranges, n, wanted), (bits(wanted) & ~after) == 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_half_open),
                cmocka_unit_test(test_make),
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_pairs_against_bits),
                cmocka_unit_test(test_normalize_and_cover_against_bits),
        };

        return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
