/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static void test_parse_u64(void **state) {
        static const struct {
                const char *text;
                uint64_t max;
                int r;
                uint64_t value;
        } cases[] = {
                {"0", UINT64_MAX, 0, 0},
                {"007", UINT64_MAX, 0, 7},
                {"0x1f", UINT64_MAX, 0, 31},
                {"0X1F", UINT64_MAX, 0, 31},
                {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
                {"0xffffffffffffffff", UINT64_MAX, 0, UINT64_MAX},
                {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
                {"0x10000000000000000", UINT64_MAX, -ERANGE, 0},
                {"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
                {"255", 255, 0, 255},
                {"256", 255, -ERANGE, 0},
                {"", UINT64_MAX, -EINVAL, 0},
                {"0x", UINT64_MAX, -EINVAL, 0},
                {"x1", UINT64_MAX, -EINVAL, 0},
                {"1f", UINT64_MAX, -EINVAL, 0},
                {"0x1g", UINT64_MAX, -EINVAL, 0},
                {" 1", UINT64_MAX, -EINVAL, 0},
                {"1 ", UINT64_MAX, -EINVAL, 0},
                {"+1", UINT64_MAX, -EINVAL, 0},
                {"-1", UINT64_MAX, -EINVAL, 0},
                {"1.5", UINT64_MAX, -EINVAL, 0},
                {"\xd9\xa1", UINT64_MAX, -EINVAL, 0}, /* a digit, but not one of ours */
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t value = 12345;

                assert_int_equal(parse_u64(cases[i].text, cases[i].max, &value), cases[i].r);
                assert_true(value == (cases[i].r < 0 ? 12345 : cases[i].value));
        }
}

static void test_parse_size(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t value;
        } cases[] = {
                {"0", 0, 0},
                {"16K", 0, 16384},
                {"64M", 0, 64U << 20},
                {"1G", 0, 1U << 30},
                {"0x10K", 0, 16384},
                {"17179869183G", 0, UINT64_C(17179869183) << 30},
                {"17179869184G", -ERANGE, 0},
                {"", -EINVAL, 0},
                {"K", -EINVAL, 0},
                {"0xK", -EINVAL, 0},
                {"16k", -EINVAL, 0},
                {"16KK", -EINVAL, 0},
                {"16 K", -EINVAL, 0},
                {"16KiB", -EINVAL, 0},
                {"0000000000000000000000000000000000016", -EINVAL, 0},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t value = 12345;

                assert_int_equal(parse_size(cases[i].text, &value), cases[i].r);
                assert_true(value == (cases[i].r < 0 ? 12345 : cases[i].value));
        }
}

static void test_parse_bool(void **state) {
        assert_int_equal(parse_bool("yes"), 1);
        assert_int_equal(parse_bool("true"), 1);
        assert_int_equal(parse_bool("1"), 1);
        assert_int_equal(parse_bool("on"), 1);
        assert_int_equal(parse_bool("no"), 0);
        assert_int_equal(parse_bool("false"), 0);
        assert_int_equal(parse_bool("0"), 0);
        assert_int_equal(parse_bool("off"), 0);
        assert_int_equal(parse_bool(""), -EINVAL);
        assert_int_equal(parse_bool("Yes"), -EINVAL);
        assert_int_equal(parse_bool("2"), -EINVAL);
}

/* Broken and forbidden sequences of UTF-8, each what remains of it behind. */
static const struct {
        const char *text;
        bool clean;
        const char *sanitized;
} samples[] = {
        {"", true, ""},
        {"SpeedyBee F405 V4", true, "SpeedyBee F405 V4"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x81", true, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x81"},
        {"  both ends  ", true, "both ends"},
        {"   ", true, ""},
        {"a\tb", false, "a?b"},
        {"a\nb\r", false, "a?b?"},
        {"\033[31mred\033[0m", false, "?[31mred?[0m"},
        {"\177", false, "?"},
        {"\xc2\x85", false, "??"}, /* NEL, a C1 control */
        {"\xc2\x9b"
         "31m",
         false, "??31m"}, /* CSI, a C1 control: terminals obey it */
        {"\xc2\xa0", true, "\xc2\xa0"},
        {"\x80", false, "?"},                           /* a continuation of nothing */
        {"\xff\xfe", false, "??"},                      /* never in UTF-8 */
        {"a\xc3", false, "a?"},                         /* cut short */
        {"a\xe2\x82", false, "a??"},                    /* cut short */
        {"a\xf0\x9f\x9a", false, "a???"},               /* cut short */
        {"\xc3(", false, "?("},                         /* no continuation */
        {"\xc0\xaf", false, "??"},                      /* '/' in two bytes */
        {"\xc1\xbf", false, "??"},                      /* overlong */
        {"\xe0\x80\xaf", false, "???"},                 /* '/' in three */
        {"\xe0\x9f\xbf", false, "???"},                 /* overlong */
        {"\xf0\x8f\xbf\xbf", false, "????"},            /* overlong */
        {"\xed\xa0\x80", false, "???"},                 /* a surrogate */
        {"\xed\x9f\xbf", true, "\xed\x9f\xbf"},         /* the last before them */
        {"\xf4\x8f\xbf\xbf", true, "\xf4\x8f\xbf\xbf"}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", false, "????"},            /* above it */
        {"\xf8\x88\x80\x80\x80", false, "?????"},       /* five bytes */
};

static void test_utf8(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                char to[64];

                assert_int_equal(text_is_clean(samples[i].text), samples[i].clean);
                text_sanitize(to, sizeof(to), samples[i].text);
                assert_string_equal(to, samples[i].sanitized);
                assert_true(text_is_clean(to));
        }
}

/* Into each size: terminated, clean, nothing behind the end touched, never half a character, and as
 * much as fits. */
static void test_truncation(void **state) {
        static const char from[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x81z";
        static const size_t lengths[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

        for (size_t size = 1; size <= sizeof(from) + 1; size++) {
                char to[32];

                memset(to, 'X', sizeof(to));
                text_sanitize(to, size, from);
                assert_int_equal(strlen(to), lengths[size - 1]);
                assert_memory_equal(to, from, strlen(to));
                for (size_t i = size; i < sizeof(to); i++)
                        assert_int_equal(to[i], 'X');
        }
}

static void test_blank_at_the_cut(void **state) {
        char to[4];

        text_sanitize(to, sizeof(to), "ab cd");
        assert_string_equal(to, "ab");
}

static void test_random_bytes(void **state) {
        uint64_t seed = 4;

        for (unsigned i = 0; i < 20000; i++) {
                char from[24], to[24];
                size_t n = random_below(&seed, sizeof(from)), size;

                for (size_t k = 0; k < n; k++)
                        from[k] = (char) (1 + random_below(&seed, 255));
                from[n] = '\0';
                size = 1 + random_below(&seed, sizeof(to));
                text_sanitize(to, size, from);
                assert_true(strlen(to) < size);
                assert_true(text_is_clean(to));
                if (n > 0 && n < size && text_is_clean(from) && from[0] != ' ' &&
                    from[n - 1] != ' ')
                        assert_string_equal(to, from);
        }
}

static void test_format(void **state) {
        _cleanup_free_ char *text = text_format("%s-%d", "port", 3);

        assert_string_equal(text, "port-3");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_u64),    cmocka_unit_test(test_parse_size),
                cmocka_unit_test(test_parse_bool),   cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_truncation),   cmocka_unit_test(test_blank_at_the_cut),
                cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_format),
        };

        return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
