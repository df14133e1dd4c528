/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a terminal gets: clean text, right widths, tables that fit. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "client/color.h"
#include "client/screen.h"
#include "client/table.h"

static void check_clean(const char *from, const char *expected) {
        _cleanup_free_ char *clean = screen_clean(from);

        assert_non_null(clean);
        assert_string_equal(clean, expected);
}

static void test_clean(void **state) {
        check_clean("", "");
        check_clean("Räucherfisch 鱼 F405", "Räucherfisch 鱼 F405");
        check_clean("\033[31mred\033[0m", "?[31mred?[0m");
        check_clean("\033]0;title\a", "?]0;title?");
        check_clean("two\nlines\r\t", "two?lines??");
        check_clean("broken \xff\xc3", "broken ??");
        /* C1 control (CSI in one character), and marks that turn the line around. */
        check_clean("a\xc2\x9b"
                    "31mb",
                    "a??31mb");
        check_clean("a\xe2\x80\xae"
                    "b\xe2\x81\xa6"
                    "c",
                    "a?b?c");
}

static void test_clean_ascii(void **state) {
        assert_non_null(setlocale(LC_CTYPE, "C"));
        check_clean("R\xc3\xa4ucherfisch \xe9\xb1\xbc", "R?ucherfisch ?");
        assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static void check_cut(const char *from, size_t width, const char *expected) {
        _cleanup_free_ char *cut = screen_cut(from, width);

        assert_non_null(cut);
        assert_string_equal(cut, expected);
        if (width > 0)
                assert_true(screen_width(cut) <= width);
}

static void test_width(void **state) {
        assert_int_equal(screen_width(""), 0);
        assert_int_equal(screen_width("Räuber"), 6);
        assert_int_equal(screen_width("鱼"), 2);
        assert_int_equal(screen_width("e\xcc\x81"), 1); /* a combining accent takes none */
}

static void test_cut(void **state) {
        check_cut("betaflight", 0, "betaflight");
        check_cut("betaflight", 10, "betaflight");
        check_cut("betaflight", 9, "betaflig…");
        check_cut("betaflight", 1, "…");
        /* A wide character that does not fit whole is not begun. */
        check_cut("鱼鱼鱼", 5, "鱼鱼…");
        check_cut("鱼鱼鱼", 4, "鱼…");
}

static const char *red(const char *cell) {
        return strcmp(cell, "bad") == 0 ? color(true, COLOR_BAD) : NULL;
}

static const struct table_column columns[] = {
        {"PORT", 4, NULL},
        {"NAME", 4, red},
        {"LAST", 4, NULL},
};

static void check_table(const char *const (*rows)[3], size_t n, size_t width, bool header,
                        bool colored, const char *expected) {
        _cleanup_table_ struct table *table = table_new(columns, ARRAY_SIZE(columns));
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(table);
        assert_non_null(f);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(table_add(table, rows[i]), 0);
        assert_int_equal(table_rows(table), n);
        assert_int_equal(table_print(table, f, width, header, colored), 0);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, expected);
}

static void test_table(void **state) {
        static const char *const rows[][3] = {
                {"1-1", "Räucherfisch", "x"},
                {"1-2.3", "", NULL},
        };

        check_table(rows, 2, 0, true, false,
                    "PORT   NAME          LAST\n"
                    "1-1    Räucherfisch  x\n"
                    "1-2.3  -             -\n");
        check_table(rows, 2, 0, false, false,
                    "1-1    Räucherfisch  x\n"
                    "1-2.3  -             -\n");
        check_table(NULL, 0, 0, true, false, "PORT  NAME  LAST\n");
}

static void test_table_cut(void **state) {
        static const char *const rows[][3] = {
                {"1-1", "A very long name of a board", "SERIAL"},
        };

        /* The widest column gives way first. */
        check_table(rows, 1, 24, true, false,
                    "PORT  NAME        LAST\n"
                    "1-1   A very lo…  SERIAL\n");
        /* Never below the least width, even if the row is then too wide. */
        check_table(rows, 1, 5, true, false,
                    "PORT  NAME  LAST\n"
                    "1-1   A v…  SER…\n");
}

static void test_table_color(void **state) {
        static const char *const rows[][3] = {{"1-1", "bad", "x"}};

        check_table(rows, 1, 0, false, true, "1-1  \033[31mbad\033[0m  x\n");
        check_table(rows, 1, 0, false, false, "1-1  bad  x\n");
}

static void test_table_hostile(void **state) {
        static const char *const rows[][3] = {{"1-1", "\033[2J\nroot", "x"}};

        check_table(rows, 1, 0, false, false, "1-1  ?[2J?root  x\n");
}

static void test_color_mode(void **state) {
        assert_int_equal(color_mode_from_name("auto"), COLOR_MODE_AUTO);
        assert_int_equal(color_mode_from_name("always"), COLOR_MODE_ALWAYS);
        assert_int_equal(color_mode_from_name("never"), COLOR_MODE_NEVER);
        assert_true(color_mode_from_name("sometimes") < 0);
        assert_true(color_wanted(COLOR_MODE_ALWAYS, -1));
        assert_false(color_wanted(COLOR_MODE_NEVER, -1));
        assert_false(color_wanted(COLOR_MODE_AUTO, -1));
        assert_string_equal(color(false, COLOR_BAD), "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_clean),       cmocka_unit_test(test_clean_ascii),
                cmocka_unit_test(test_width),       cmocka_unit_test(test_cut),
                cmocka_unit_test(test_table),       cmocka_unit_test(test_table_cut),
                cmocka_unit_test(test_table_color), cmocka_unit_test(test_table_hostile),
                cmocka_unit_test(test_color_mode),
        };

        if (!setlocale(LC_CTYPE, "C.UTF-8"))
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
