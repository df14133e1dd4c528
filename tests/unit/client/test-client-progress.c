/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The progress that a person sees, on a clock of the test's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "client/progress.h"

#define MS    1000U
#define START (1000U * MS)

struct screen {
        struct progress progress;
        char *text;
        size_t size;
};

static int set_up(void **state) {
        struct screen *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        s->progress.out = open_memstream(&s->text, &s->size);
        assert_non_null(s->progress.out);
        s->progress.columns = 120;
        strcpy(s->progress.label, "1-1");
        progress_start(&s->progress, START);
        *state = s;
        return 0;
}

static int tear_down(void **state) {
        struct screen *s = *state;

        fclose(s->progress.out);
        free(s->text);
        free(s);
        return 0;
}

/* What was printed since the last look. */
static const char *shown(struct screen *s) {
        static char copy[4096];

        fflush(s->progress.out);
        assert_true(s->size < sizeof(copy));
        memcpy(copy, s->text, s->size);
        copy[s->size] = '\0';
        rewind(s->progress.out);
        return copy;
}

static void test_format(void **state) {
        struct screen *s = *state;
        char line[256];

        progress_update(&s->progress, "writing", 0, 480000, START + 2000 * MS);
        progress_update(&s->progress, "writing", 120000, 480000, START + 5000 * MS);
        progress_format(&s->progress, START + 5000 * MS, line, sizeof(line));
        assert_string_equal(line, "1-1  writing    "
                                  "[######------------------]  25 %  120.0/480.0 KB  40.0 KB/s  "
                                  "5.0 s");
        progress_update(&s->progress, "writing", 480000, 480000, START + 14000 * MS);
        progress_format(&s->progress, START + 14000 * MS, line, sizeof(line));
        assert_non_null(strstr(line, "[########################] 100 %  480.0/480.0 KB"));
}

static void test_format_without_bytes(void **state) {
        struct screen *s = *state;
        char line[256];

        progress_update(&s->progress, "waiting-for-bootloader", 0, 0, START + 500 * MS);
        progress_format(&s->progress, START + 3500 * MS, line, sizeof(line));
        assert_string_equal(line, "1-1  waiting for the bootloader  3.5 s");
}

static void test_format_more_than_all(void **state) {
        struct screen *s = *state;
        char line[256];

        progress_update(&s->progress, "writing", UINT64_MAX, 10, START);
        progress_format(&s->progress, START, line, sizeof(line));
        assert_non_null(strstr(line, "100 %"));
}

static void test_narrow(void **state) {
        struct screen *s = *state;
        char line[256];

        progress_update(&s->progress, "writing", 120000, 480000, START + 3000 * MS);
        for (size_t columns = 200; columns > 1; columns--) {
                s->progress.columns = columns;
                progress_format(&s->progress, START + 3000 * MS, line, sizeof(line));
                assert_true(strlen(line) < columns);
        }
        s->progress.columns = 80;
        progress_format(&s->progress, START + 3000 * MS, line, sizeof(line));
        assert_non_null(strstr(line, "[#####"));
        assert_non_null(strstr(line, "25 %"));
        assert_non_null(strstr(line, "3.0 s"));
}

static void test_bar_is_not_drawn_too_often(void **state) {
        struct screen *s = *state;
        unsigned drawn = 0;

        s->progress.style = PROGRESS_BAR;
        for (unsigned i = 0; i < 1000; i++) {
                progress_update(&s->progress, "writing", i, 1000, START + i * MS);
                if (*shown(s))
                        drawn++;
        }
        assert_in_range(drawn, 9, 10); /* in one second */
        /* A new phase is shown at once. */
        progress_update(&s->progress, "verifying", 0, 1000, START + 1000 * MS);
        assert_non_null(strstr(shown(s), "verifying"));
}

static void test_bar_is_drawn_over(void **state) {
        struct screen *s = *state;
        const char *text;

        s->progress.style = PROGRESS_BAR;
        progress_update(&s->progress, "erasing", 0, 0, START);
        text = shown(s);
        assert_int_equal(text[0], '\r');
        assert_null(strchr(text, '\n'));
        progress_say(&s->progress, "Hold the button.", START + 10 * MS);
        text = shown(s);
        assert_non_null(strstr(text, "\r\033[K1-1: Hold the button.\n"));
        assert_non_null(strstr(text, "erasing"));
        progress_clear(&s->progress);
        assert_string_equal(shown(s), "\r\033[K");
        progress_clear(&s->progress);
        assert_string_equal(shown(s), "");
}

static void test_bar_rests_while_asking(void **state) {
        struct screen *s = *state;

        s->progress.style = PROGRESS_BAR;
        s->progress.paused = true;
        progress_update(&s->progress, "writing", 1, 10, START);
        progress_tick(&s->progress, START + 1000 * MS);
        assert_string_equal(shown(s), "");
        s->progress.paused = false;
        progress_tick(&s->progress, START + 2000 * MS);
        assert_non_null(strstr(shown(s), "writing"));
}

static void test_lines(void **state) {
        struct screen *s = *state;

        s->progress.style = PROGRESS_LINES;
        progress_update(&s->progress, "rebooting", 0, 0, START);
        assert_string_equal(shown(s), "1-1: rebooting the board\n");
        progress_update(&s->progress, "writing", 0, 480000, START + 1000 * MS);
        assert_string_equal(shown(s), "1-1: writing, 480000 bytes\n");
        /* Tenths, and at most one line a second. */
        progress_update(&s->progress, "writing", 96000, 480000, START + 1500 * MS);
        assert_string_equal(shown(s), "");
        progress_update(&s->progress, "writing", 100000, 480000, START + 2000 * MS);
        assert_string_equal(shown(s), "1-1: writing, 20 %\n");
        progress_update(&s->progress, "writing", 110000, 480000, START + 4000 * MS);
        assert_string_equal(shown(s), "");
        progress_update(&s->progress, "writing", 480000, 480000, START + 9000 * MS);
        assert_string_equal(shown(s), "");
        progress_update(&s->progress, "done", 0, 0, START + 9000 * MS);
        assert_string_equal(shown(s), "");
        assert_int_equal(s->progress.written, 480000);
        assert_null(strchr(shown(s), '\033'));
}

static void test_hostile_phase(void **state) {
        struct screen *s = *state;

        s->progress.style = PROGRESS_LINES;
        progress_update(&s->progress, "\033[2Jwriting\n", 0, 0, START);
        assert_string_equal(shown(s), "1-1: ?[2Jwriting?\n");
}

static void test_none(void **state) {
        struct screen *s = *state;

        progress_update(&s->progress, "writing", 1, 10, START);
        progress_tick(&s->progress, START + 1000 * MS);
        assert_string_equal(shown(s), "");
        /* What a person has to do is no progress. */
        progress_say(&s->progress, "Hold the button.", START);
        assert_string_equal(shown(s), "1-1: Hold the button.\n");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(test_format),
                TEST(test_format_without_bytes),
                TEST(test_format_more_than_all),
                TEST(test_narrow),
                TEST(test_bar_is_not_drawn_too_often),
                TEST(test_bar_is_drawn_over),
                TEST(test_bar_rests_while_asking),
                TEST(test_lines),
                TEST(test_hostile_phase),
                TEST(test_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
