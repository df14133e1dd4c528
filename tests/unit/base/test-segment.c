/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <errno.h>
#include <string.h>

#include "base/segment.h"

#define SPACE 256U

/* Random pieces, put together by the module and by a map of one cell a byte. */
static void test_against_byte_map(void **state) {
        uint64_t seed = 3;
        unsigned n_whole = 0, n_refused = 0;

        for (unsigned round = 0; round < 5000; round++) {
                _cleanup_segments_ struct segments segments = {};
                uint8_t map[SPACE], claims[SPACE] = {};
                uint64_t address = 0, total = 0;
                size_t n = random_below(&seed, 10);
                bool overlap = false;
                int r;

                for (size_t i = 0; i < n; i++) {
                        uint8_t data[16];
                        size_t size = random_below(&seed, sizeof(data) + 1);
                        size_t start = random_below(&seed, SPACE - sizeof(data));

                        for (size_t k = 0; k < size; k++) {
                                data[k] = (uint8_t) next_random(&seed);
                                map[start + k] = data[k];
                                overlap |= claims[start + k]++ > 0;
                        }
                        total += size;
                        assert_int_equal(segments_add(&segments, start, data, size), 0);
                }
                assert_int_equal(segments_size(&segments), total);
                r = segments_finish(&segments, &address);
                if (overlap) {
                        n_refused++;
                        assert_int_equal(r, -EEXIST);
                        assert_true(claims[address] > 1);
                        for (size_t k = 0; k < address; k++)
                                assert_true(claims[k] < 2);
                        continue;
                }
                n_whole++;
                assert_int_equal(r, 0);
                assert_int_equal(segments_size(&segments), total);
                for (size_t i = 0; i < segments.n; i++) {
                        const struct segment *s = &segments.items[i];

                        assert_true(s->size > 0);
                        if (i > 0)
                                assert_true(s->address >
                                            s[-1].address + s[-1].size); /* a gap between */
                        assert_memory_equal(s->data, map + s->address, s->size);
                        for (size_t k = 0; k < s->size; k++)
                                assert_int_equal(claims[s->address + k], 1);
                }
        }
        /* Both happened, often. */
        assert_true(n_whole > 500);
        assert_true(n_refused > 500);
}

static void test_first_overlap_is_told(void **state) {
        _cleanup_segments_ struct segments segments = {};
        uint64_t address = 0;

        assert_int_equal(segments_add(&segments, 100, "aaaa", 4), 0);
        assert_int_equal(segments_add(&segments, 50, "bbbb", 4), 0);
        assert_int_equal(segments_add(&segments, 103, "c", 1), 0);
        assert_int_equal(segments_add(&segments, 53, "d", 1), 0);
        assert_int_equal(segments_finish(&segments, &address), -EEXIST);
        assert_int_equal(address, 53);
}

/* Equal bytes said twice are an overlap all the same. */
static void test_equal_bytes_twice(void **state) {
        _cleanup_segments_ struct segments segments = {};
        uint64_t address = 0;

        assert_int_equal(segments_add(&segments, 8, "same", 4), 0);
        assert_int_equal(segments_add(&segments, 8, "same", 4), 0);
        assert_int_equal(segments_finish(&segments, &address), -EEXIST);
        assert_int_equal(address, 8);
}

static void test_limits(void **state) {
        _cleanup_segments_ struct segments segments = {};
        uint64_t address;

        assert_int_equal(segments_finish(&segments, &address), 0);
        assert_int_equal(segments_add(&segments, 0, "", 0), 0);
        assert_int_equal(segments.n, 0);
        assert_int_equal(segments_add(&segments, UINT64_MAX, "x", 1), -EOVERFLOW);
        assert_int_equal(segments_add(&segments, UINT64_MAX - 1, "x", 1), 0);
        assert_int_equal(segments_add(&segments, UINT64_MAX, "x", 1), -EOVERFLOW);
        assert_int_equal(segments.n, 1);
        segments_clear(&segments);
        assert_int_equal(segments.n, 0);
        assert_null(segments.items);
}

/* An array that was finished can be added to and finished again. */
static void test_again(void **state) {
        _cleanup_segments_ struct segments segments = {};
        uint64_t address;

        for (unsigned i = 0; i < 9; i++)
                assert_int_equal(segments_add(&segments, 10 * (8 - i), "x", 1), 0);
        assert_int_equal(segments_finish(&segments, &address), 0);
        assert_int_equal(segments.n, 9);
        for (unsigned i = 0; i < 8; i++)
                assert_int_equal(segments_add(&segments, 10 * i + 1, "123456789", 9), 0);
        assert_int_equal(segments_finish(&segments, &address), 0);
        assert_int_equal(segments.n, 1);
        assert_int_equal(segments.items[0].size, 81);
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(segments_add(&segments, 1000 - 10 * i, "y", 1), 0);
        assert_int_equal(segments_finish(&segments, &address), 0);
        assert_int_equal(segments.n, 21);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_against_byte_map),
                cmocka_unit_test(test_first_overlap_is_told),
                cmocka_unit_test(test_equal_bytes_twice),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_again),
        };

        return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
