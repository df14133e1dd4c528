/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loader of board profiles: what a good file gives, and how each wrong one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "board/board.h"

struct fixture {
        char first[64], second[64]; /* directories, the first wins */
        const char *dirs[3];
        char log[4096]; /* what the loader said on standard error */
};

static void make_dir(char *path) {
        strcpy(path, "/tmp/fwd-board-XXXXXX");
        assert_non_null(mkdtemp(path));
}

static void remove_dir(const char *path) {
        _cleanup_closedir_ DIR *dir = opendir(path);
        struct dirent *entry;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        assert_int_equal(rmdir(path), 0);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        make_dir(f->first);
        make_dir(f->second);
        f->dirs[0] = f->first;
        f->dirs[1] = f->second;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        remove_dir(f->first);
        remove_dir(f->second);
        free(f);
        return 0;
}

static void write_file(const char *dir, const char *name, const void *text, size_t size) {
        _cleanup_fclose_ FILE *file = NULL;
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, size, file), size);
}

static void write_text(const char *dir, const char *name, const char *text) {
        write_file(dir, name, text, strlen(text));
}

/* Loads with standard error caught in f->log. */
static int load(struct fixture *f, const char *name, struct board_profile **ret) {
        _cleanup_close_ int saved = dup(STDERR_FILENO);
        _cleanup_fclose_ FILE *file = tmpfile();
        size_t size;
        int r;

        assert_non_null(file);
        assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
        r = board_profile_load(f->dirs, name, ret);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        rewind(file);
        size = fread(f->log, 1, sizeof(f->log) - 1, file);
        f->log[size] = '\0';
        return r;
}

#define MINIMUM "[Board]\nTitle=A board\n[Bootloader]\nHint=Press the button.\n"

static void test_whole_file(void **state) {
        struct fixture *f = *state;
        _cleanup_board_profile_ struct board_profile *p = NULL;

        write_text(f->first, "all.board",
                   "# a comment\n"
                   "; another\n"
                   "[Board]\n"
                   "Title=All of it\n"
                   "Identify=auto\n"
                   "\n"
                   "[Match]\n"
                   "Manufacturer=Some*|Other maker \n"
                   "Product=Thing ?.x\n"
                   "[Firmware]\n"
                   "Flash=no\n"
                   "RawAddress=0x08004000\n"
                   "Protect=0x08000000-0x08004000 0x1fff7800+512\n"
                   "Keep=0x080c0000+256K\n"
                   "CheckVectors=yes\n"
                   "KeepConfig=yes\n"
                   "[Bootloader]\n"
                   "Reboot=msp\n"
                   "Hint=Hold the button,\n"
                   "  then plug it in,\n"
                   "\tand let go.\n"
                   "HintReturn=Unplug it.");
        if (load(f, "all", &p) < 0)
                fail_msg("%s", f->log);
        assert_string_equal(f->log, "");
        assert_string_equal(p->name, "all");
        assert_string_equal(p->title, "All of it");
        assert_int_equal(p->identify, IDENTIFY_AUTO);
        assert_int_equal(p->reboot, REBOOT_MSP);
        assert_false(p->flashable);
        assert_string_equal(p->match.manufacturer[0], "Some*");
        assert_string_equal(p->match.manufacturer[1], "Other maker");
        assert_null(p->match.manufacturer[2]);
        assert_string_equal(p->match.product[0], "Thing ?.x");
        assert_true(p->has_raw_address);
        assert_int_equal(p->raw_address, 0x08004000);
        assert_int_equal(p->n_protected, 2);
        assert_int_equal(p->protected_ranges[0].start, 0x08000000);
        assert_int_equal(p->protected_ranges[0].end, 0x08004000);
        assert_int_equal(p->protected_ranges[1].start, 0x1fff7800);
        assert_int_equal(p->protected_ranges[1].end, 0x1fff7a00);
        assert_int_equal(p->n_keep, 1);
        assert_int_equal(p->keep_ranges[0].end, 0x08100000);
        assert_true(p->check_vectors);
        assert_true(p->keep_config);
        assert_string_equal(p->hint_bootloader, "Hold the button, then plug it in, and let go.");
        assert_string_equal(p->hint_return, "Unplug it.");
}

static void test_defaults(void **state) {
        struct fixture *f = *state;
        _cleanup_board_profile_ struct board_profile *p = NULL;

        write_text(f->first, "min.board", MINIMUM);
        assert_int_equal(load(f, "min", &p), 0);
        assert_int_equal(p->identify, IDENTIFY_NEVER);
        assert_int_equal(p->reboot, REBOOT_NONE);
        assert_true(p->flashable);
        assert_false(p->has_raw_address);
        assert_false(p->check_vectors);
        assert_false(p->keep_config);
        assert_int_equal(p->n_protected, 0);
        assert_int_equal(p->n_keep, 0);
        assert_null(p->match.manufacturer);
        assert_null(p->match.product);
        assert_null(p->hint_return);
}

/* Every wrong file names its path and line, and gives no profile. */
static void test_wrong_files(void **state) {
        static const struct {
                const char *text;
                const char *said; /* line and the words that matter */
        } cases[] = {
                {"Title=x\n", ":1: There is no key Title in []."},
                {"[Board]\nTitel=x\n", ":2: There is no key Titel in [Board]."},
                {"[Bord]\nTitle=x\n", ":2: There is no key Title in [Bord]."},
                {"[Firmware]\nTitle=x\n", ":2: There is no key Title in [Firmware]."},
                {"[Board]\nTitle=x\nTitle=y\n", ":3: Title= is there twice."},
                {"[Board]\nTitle=x\n[Match]\nProduct=a\n[Board]\nTitle=y\n",
                 ":6: Title= is there twice."},
                {"[Board]\nTitle=\n", ":2: Title= wants a text."},
                {"[Board]\nTitle=x\nIdentify=always\n",
                 ":3: Identify= wants auto, asked or never."},
                {"[Board]\nIdentify=auto\n  never\n", ":3: Identify= cannot go on"},
                {"[Board\nTitle=x\n", ":1: Neither [Section], Key=Value nor a comment."},
                {"[Board]\nTitle\n", ":2: Neither [Section], Key=Value nor a comment."},
                {"[Board]\nTitle=a\x01z\n", ":2: The line has control characters"},
                {"[Board]\nTitle=a\xff\n", ":2: The line has control characters"},
                {"[Match]\nProduct=a||b\n", ":2: Product= wants patterns"},
                {"[Match]\nManufacturer=|\n", ":2: Manufacturer= wants patterns"},
                {"[Firmware]\nFlash=perhaps\n", ":2: Flash= wants yes or no."},
                {"[Firmware]\nRawAddress=08000000x\n", ":2: RawAddress= wants an address."},
                {"[Firmware]\nRawAddress=0x100000000\n", ":2: RawAddress= wants an address."},
                {"[Firmware]\nRawAddress=-1\n", ":2: RawAddress= wants an address."},
                {"[Firmware]\nProtect=0x08004000-0x08000000\n", ":2: Protect= wants ranges"},
                {"[Firmware]\nProtect=0x08000000-0x08000000\n", ":2: Protect= wants ranges"},
                {"[Firmware]\nProtect=all\n", ":2: Protect= wants ranges"},
                {"[Firmware]\nKeep=0xffffffffffffffff+2\n", ":2: Keep= wants ranges"},
                {"[Firmware]\nCheckVectors=2\n", ":2: CheckVectors= wants yes or no."},
                {"[Bootloader]\nReboot=magic\n",
                 ":2: Reboot= wants msp, crazyflie, odrive, ffbeast or none."},
                {"[Board]\nTitle=x\n", ":2: The file ends without a Hint="},
                {"[Bootloader]\nHint=x\n", ":2: The file ends without a Title="},
                {MINIMUM "[Otp]\nWarning=x\n", ":6: WarnTypes= and Warning="},
                {"[Image]\nUsbIds=045B:59D7\n", ":2: UsbIds= wants USB ids"},
                {"[Image]\nUsbIds=045b:59d7|1\n", ":2: UsbIds= wants USB ids"},
                {MINIMUM "Reboot=msp\n", ":5: Reboot= opens the serial port, and Identify=never"},
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct board_profile *p = NULL;

                write_text(f->first, "bad.board", cases[i].text);
                assert_int_equal(load(f, "bad", &p), -EINVAL);
                assert_null(p);
                if (!strstr(f->log, cases[i].said) || !strstr(f->log, "/bad.board:"))
                        fail_msg("case %zu: wanted \"%s\", got \"%s\"", i, cases[i].said, f->log);
        }
}

static void test_bounds(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *big = malloc(BOARD_FILE_MAX + 1);
        struct board_profile *p = NULL;
        char line[1024];
        size_t n;

        assert_non_null(big);
        memset(big, '\n', BOARD_FILE_MAX + 1);
        write_file(f->first, "big.board", big, BOARD_FILE_MAX + 1);
        assert_int_equal(load(f, "big", &p), -E2BIG);

        memcpy(big, MINIMUM, strlen(MINIMUM));
        write_file(f->first, "big.board", big, BOARD_FILE_MAX);
        assert_int_equal(load(f, "big", &p), 0);
        p = board_profile_free(p);

        /* A line of 190 bytes is whole, one of 191 is not cut in two but refused. */
        n = (size_t) snprintf(line, sizeof(line), "%s", MINIMUM "HintReturn=");
        memset(line + n, 'x', 180);
        strcpy(line + n + 179, "\n");
        write_text(f->first, "long.board", line);
        assert_int_equal(load(f, "long", &p), 0);
        assert_int_equal(strlen(p->hint_return), 179);
        p = board_profile_free(p);
        strcpy(line + n + 179, "x\n");
        write_text(f->first, "long.board", line);
        assert_int_equal(load(f, "long", &p), -EINVAL);
        assert_non_null(strstr(f->log, ":5: The line is longer"));

        /* A text that goes on for ever. */
        n = (size_t) snprintf(big, BOARD_FILE_MAX, "%s", MINIMUM);
        for (int i = 0; i < 50; i++)
                n += (size_t) snprintf(big + n, BOARD_FILE_MAX - n, "  fifteen letters\n");
        write_text(f->first, "endless.board", big);
        assert_int_equal(load(f, "endless", &p), -EINVAL);
        assert_non_null(strstr(f->log, "Hint= is too long."));

        /* More patterns than anybody needs. */
        n = (size_t) snprintf(line, sizeof(line), "[Match]\nProduct=");
        for (unsigned i = 0; i <= BOARD_LIST_MAX; i++)
                n += (size_t) snprintf(line + n, sizeof(line) - n, "%sab", i ? "|" : "");
        write_text(f->first, "many.board", line);
        assert_int_equal(load(f, "many", &p), -EINVAL);
        assert_non_null(strstr(f->log, "Product= is too long."));

        write_file(f->first, "nul.board", MINIMUM "\0more", strlen(MINIMUM) + 5);
        assert_int_equal(load(f, "nul", &p), -EINVAL);
        assert_null(p);
}

/* A name becomes part of a path only if it cannot lead anywhere else. */
static void test_names(void **state) {
        static const char *const bad[] = {"",   "..",        "../etc",      "a/b",
                                          "A",  "a.b",       "a b",         "a\n",
                                          "%s", "-\xc3\xa4", "board.board", "a\t"};
        struct fixture *f = *state;
        struct board_profile *p = NULL;
        char name[BOARD_NAME_MAX + 2];

        write_text(f->first, "a.board", MINIMUM);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(load(f, bad[i], &p), -EINVAL);
        assert_int_equal(load(f, NULL, &p), -EINVAL);
        memset(name, 'a', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        assert_int_equal(load(f, name, &p), -EINVAL);
        name[sizeof(name) - 2] = '\0';
        assert_int_equal(load(f, name, &p), -ENOENT);
        assert_null(p);
}

static void test_directories(void **state) {
        struct fixture *f = *state;
        struct board_profile *p = NULL;
        char path[128];

        assert_int_equal(load(f, "there", &p), -ENOENT);

        write_text(f->second, "there.board", MINIMUM);
        assert_int_equal(load(f, "there", &p), 0);
        assert_string_equal(p->title, "A board");
        p = board_profile_free(p);

        /* The first directory's file replaces the other whole. */
        write_text(f->first, "there.board", "[Board]\nTitle=Mine\n[Bootloader]\nHint=Mine too.\n");
        assert_int_equal(load(f, "there", &p), 0);
        assert_string_equal(p->title, "Mine");
        p = board_profile_free(p);

        /* A broken one does not let the packaged one through. */
        write_text(f->first, "there.board", "[Board]\nTitle=Mine\n");
        assert_int_equal(load(f, "there", &p), -EINVAL);

        /* Hidden on purpose. */
        write_text(f->first, "there.board", "");
        assert_int_equal(load(f, "there", &p), -ENOENT);
        snprintf(path, sizeof(path), "%s/there.board", f->first);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(load(f, "there", &p), -ENOENT);

        /* What is no file blocks nothing and is not read. */
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(load(f, "there", &p), -EINVAL);
        assert_null(p);
}

static void test_find(void **state) {
        struct fixture *f = *state;
        struct board_profile *p = NULL;

        write_text(f->first, "one.board", MINIMUM "[Match]\nManufacturer=One*\n");
        write_text(f->first, "two.board", MINIMUM "[Match]\nManufacturer=Two\nProduct=X*|Y?\n");
        write_text(f->first, "rest.board", MINIMUM);

        assert_int_equal(board_profile_find(f->dirs, " gone one  two\trest ", "One Ltd", "x", &p),
                         0);
        assert_string_equal(p->name, "one");
        p = board_profile_free(p);
        assert_int_equal(board_profile_find(f->dirs, "one two rest", "Two", "Y2", &p), 0);
        assert_string_equal(p->name, "two");
        p = board_profile_free(p);
        /* Both keys must agree, and case counts. */
        assert_int_equal(board_profile_find(f->dirs, "one two rest", "Two", "Y22", &p), 0);
        assert_string_equal(p->name, "rest");
        p = board_profile_free(p);
        assert_int_equal(board_profile_find(f->dirs, "one two rest", "one", NULL, &p), 0);
        assert_string_equal(p->name, "rest");
        p = board_profile_free(p);
        assert_int_equal(board_profile_find(f->dirs, "one two", NULL, NULL, &p), -ENOENT);
        assert_int_equal(board_profile_find(f->dirs, "", "One", NULL, &p), -ENOENT);
        assert_int_equal(board_profile_find(f->dirs, NULL, "One", NULL, &p), -ENOENT);
        assert_int_equal(board_profile_find(f->dirs, "one ../rest", "x", "x", &p), -EINVAL);

        /* A broken candidate might have been the board: nothing behind it is taken. */
        write_text(f->first, "one.board", "[Board]\nTitle=x\n");
        assert_int_equal(board_profile_find(f->dirs, "one two rest", "Three", "x", &p), -EINVAL);
        assert_null(p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_whole_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wrong_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
                cmocka_unit_test_setup_teardown(test_names, setup, teardown),
                cmocka_unit_test_setup_teardown(test_directories, setup, teardown),
                cmocka_unit_test_setup_teardown(test_find, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
