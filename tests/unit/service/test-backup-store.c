/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store of configurations: what is in it is whole, or is not in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/backup-store.h"

#define OWNER "002d00303334510b32313533"
#define NOW   1763726340ULL /* 2025-11-21 11:59:00 UTC */
#define US    1000000ULL
#define TEXT                                                                                       \
        "# Board: TESTF405\n# Variant: BTFL\n# FirmwareVersion: 4.5.1\nset motor_pwm = 1\nsave\n"

struct rig {
        char dir[64];
        struct backup_store store;
};

static int setup(void **state) {
        struct rig *rig = calloc(1, sizeof(*rig));

        assert_non_null(rig);
        (void) strcpy(rig->dir, "/tmp/fwd-test-store.XXXXXX");
        assert_non_null(mkdtemp(rig->dir));
        assert_int_equal(backup_store_init(&rig->store, rig->dir), 0);
        *state = rig;
        return 0;
}

static int teardown(void **state) {
        struct rig *rig = *state;
        char command[128];

        backup_store_clear(&rig->store);
        (void) snprintf(command, sizeof(command), "rm -rf '%s'", rig->dir);
        assert_int_equal(system(command), 0);
        free(rig);
        return 0;
}

static int memfd_with(const char *text) {
        int fd = backup_fd_new();

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        return fd;
}

static int save_text(struct rig *rig, const char *uid, const char *text, uint64_t now,
                     struct backup *ret, struct fault *fault) {
        _cleanup_close_ int fd = memfd_with(text);

        return backup_save(&rig->store, uid, "1-2.3", fd, now * US, ret, fault);
}

static void save(struct rig *rig, const char *text, uint64_t now, struct backup *ret) {
        struct fault fault = FAULT_INIT;

        if (save_text(rig, OWNER, text, now, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static size_t listed(struct rig *rig, struct backup *ret_first) {
        _cleanup_free_ struct backup *list = NULL;
        size_t n;

        assert_int_equal(backup_list(&rig->store, NULL, &list, &n, NULL), 0);
        if (n > 0 && ret_first)
                *ret_first = list[0];
        return n;
}

static void path_of(const struct rig *rig, const struct backup *backup, char path[256]) {
        (void) snprintf(path, 256, "%s/backups/%s/%s.txt", rig->dir, backup->owner, backup->id);
}

static void test_saved_and_listed(void **state) {
        struct rig *rig = *state;
        struct backup a, b, first;
        char path[256], text[256];
        struct stat st;
        _cleanup_close_ int fd = -EBADF;
        struct fault fault = FAULT_INIT;

        assert_int_equal(listed(rig, NULL), 0);
        save(rig, TEXT, NOW, &a);
        assert_memory_equal(a.id, "20251121T115900Z-", 17);
        assert_memory_equal(a.id + 17, a.sha256, 8);
        save(rig, TEXT "x", NOW + 60, &b);
        assert_int_equal(listed(rig, &first), 2);
        assert_string_equal(first.id, b.id);
        assert_string_equal(first.owner, OWNER);
        assert_string_equal(first.board_name, "TESTF405");
        assert_string_equal(first.variant, "BTFL");
        assert_string_equal(first.version, "4.5.1");
        assert_true(first.time_us == (NOW + 60) * US);
        assert_int_equal(first.size, strlen(TEXT) + 1);

        path_of(rig, &a, path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        (void) snprintf(path, sizeof(path), "%s/backups/" OWNER, rig->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);

        assert_int_equal(backup_open(&rig->store, a.id, &fd, &first, &fault), 0);
        assert_string_equal(first.id, a.id);
        assert_int_equal(read(fd, text, sizeof(text)), strlen(TEXT));
        assert_memory_equal(text, TEXT, strlen(TEXT));
        /* What is handed out is a copy that nobody can change. */
        assert_int_equal(write(fd, "x", 1), -1);
        assert_int_equal(ftruncate(fd, 0), -1);
}

static void test_found_by_beginning(void **state) {
        struct rig *rig = *state;
        struct backup a, b, found;
        struct fault several = FAULT_INIT, none = FAULT_INIT, empty = FAULT_INIT;
        _cleanup_close_ int fd = -EBADF;

        save(rig, TEXT, NOW, &a);
        save(rig, TEXT "x", NOW + 1, &b);
        assert_int_equal(backup_open(&rig->store, "20251121T115901", &fd, &found, NULL), 0);
        assert_string_equal(found.id, b.id);
        fd = fd_close(fd);
        assert_true(backup_open(&rig->store, "20251121", &fd, NULL, &several) < 0);
        assert_int_equal(several.error, FWD_INVALID_ARGUMENT);
        assert_true(backup_open(&rig->store, "../../../etc/passwd", &fd, NULL, &none) < 0);
        assert_int_equal(none.error, FWD_NOT_FOUND);
        assert_true(backup_open(&rig->store, "", &fd, NULL, &empty) < 0);
        assert_int_equal(empty.error, FWD_NOT_FOUND);
}

/* Cut at every byte: never taken for a whole one. */
static void test_cut_short(void **state) {
        struct rig *rig = *state;
        struct backup a, b, first;
        struct fault fault = FAULT_INIT;
        char path[256];
        _cleanup_close_ int fd = -EBADF;

        save(rig, TEXT, NOW, &a);
        save(rig, TEXT "x", NOW + 1, &b);
        path_of(rig, &b, path);
        for (size_t size = strlen(TEXT) + 1; size-- > 0;) {
                assert_int_equal(truncate(path, (off_t) size), 0);
                assert_int_equal(listed(rig, &first), 1);
                assert_string_equal(first.id, a.id);
        }
        assert_true(backup_open(&rig->store, b.id, &fd, NULL, &fault) < 0);
        assert_int_equal(fault.error, FWD_NOT_FOUND);
}

static void plant(const struct rig *rig, const char *name, const char *text) {
        char path[256];
        _cleanup_fclose_ FILE *file = NULL;

        (void) snprintf(path, sizeof(path), "%s/backups/%s", rig->dir, name);
        file = fopen(path, "we");
        assert_non_null(file);
        (void) fputs(text, file);
}

static void test_foreign_files(void **state) {
        struct rig *rig = *state;
        struct backup a;
        char path[256];

        save(rig, TEXT, NOW, &a);
        plant(rig, "README", "not a directory");
        plant(rig, OWNER "/notes.txt", "hello");
        plant(rig, OWNER "/20251121T115900Z-00000000.txt", TEXT);
        plant(rig, OWNER "/20259921T115900Z-00000000.txt", TEXT);
        plant(rig, OWNER "/.new", "half of a");
        (void) snprintf(path, sizeof(path), "%s/backups/" OWNER "/20251121T115902Z-1a2b3c4d.txt",
                        rig->dir);
        assert_int_equal(symlink("/etc/passwd", path), 0);
        path[strlen(path) - 8] = '5';
        assert_int_equal(mkfifo(path, 0600), 0); /* and opening it waits for nobody */
        (void) snprintf(path, sizeof(path), "%s/backups/%s", rig->dir, "..x");
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(listed(rig, NULL), 1);
        assert_true(rig->store.ignored >= 8);
}

/* Of one board the newest are kept; of another nothing is taken away, and nothing foreign. */
static void test_retention(void **state) {
        struct rig *rig = *state;
        struct backup other, last = {}, first;
        struct fault fault = FAULT_INIT;
        char path[256];

        assert_int_equal(save_text(rig, "abc", TEXT, NOW - 100, &other, &fault), 0);
        for (uint64_t i = 0; i < BACKUPS_PER_BOARD + 5; i++) {
                save(rig, TEXT, NOW + i, &last);
                if (i == 0)
                        plant(rig, OWNER "/notes.txt", "hello");
        }
        assert_int_equal(listed(rig, &first), BACKUPS_PER_BOARD + 1);
        assert_string_equal(first.id, last.id);
        path_of(rig, &other, path);
        assert_int_equal(access(path, F_OK), 0);
        (void) snprintf(path, sizeof(path), "%s/backups/" OWNER "/notes.txt", rig->dir);
        assert_int_equal(access(path, F_OK), 0);
        /* A clock that was set back must not cost the backup that was just made. */
        save(rig, TEXT, NOW - 1000, &last);
        path_of(rig, &last, path);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(listed(rig, NULL), BACKUPS_PER_BOARD + 1);
}

static void test_boards_without_id(void **state) {
        struct rig *rig = *state;
        struct fault fault = FAULT_INIT;
        struct backup backup;
        char owner[BACKUP_OWNER_SIZE];

        assert_int_equal(save_text(rig, "", TEXT, NOW, &backup, &fault), 0);
        assert_string_equal(backup.owner, "port-1-2.3");
        assert_int_equal(listed(rig, NULL), 1);
        assert_int_equal(backup_owner("00AB", "1-1", owner), 0);
        assert_string_equal(owner, "00ab");
        assert_int_equal(backup_owner("../../x", "1-1", owner), 0);
        assert_string_equal(owner, "port-1-1");
        assert_int_equal(backup_owner("", "../x", owner), -EINVAL);
        assert_int_equal(backup_owner("", "", owner), -EINVAL);
}

static void test_bad_output(void **state) {
        struct rig *rig = *state;
        struct fault empty = FAULT_INIT, large = FAULT_INIT;
        _cleanup_close_ int fd = backup_fd_new();
        struct backup backup;

        assert_true(save_text(rig, OWNER, "", NOW, &backup, &empty) < 0);
        assert_non_null(strstr(empty.message, "empty"));
        assert_int_equal(ftruncate(fd, BACKUP_SIZE_MAX + 1), 0);
        assert_true(backup_save(&rig->store, OWNER, "1-1", fd, NOW * US, &backup, &large) < 0);
        assert_non_null(strstr(large.message, "more than"));
        assert_int_equal(listed(rig, NULL), 0);
}

/* The disk is full: RLIMIT_FSIZE gives the same short writes. */
static void test_no_room(void **state) {
        struct rig *rig = *state;
        const struct rlimit small = {10, RLIM_INFINITY};
        struct rlimit old;
        struct fault fault = FAULT_INIT;
        struct backup a, b, first;
        _cleanup_close_ int fd = memfd_with(TEXT "x");
        char path[256];
        int r;

        save(rig, TEXT, NOW, &a);
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        r = backup_save(&rig->store, OWNER, "1-1", fd, (NOW + 1) * US, &b, &fault);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_true(r < 0);
        assert_int_equal(fault.error, FWD_STORAGE_FAILED);
        assert_int_equal(listed(rig, &first), 1);
        assert_string_equal(first.id, a.id);
        (void) snprintf(path, sizeof(path), "%s/backups/" OWNER "/.new", rig->dir);
        assert_int_equal(access(path, F_OK), -1);
}

/* A file in the place of the directory: nobody can write there, not even root. */
static void test_no_directory(void **state) {
        struct rig *rig = *state;
        struct fault fault = FAULT_INIT, list_fault = FAULT_INIT;
        struct backup backup, *list = NULL;
        char path[256];
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/backups", rig->dir);
        assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
        assert_true(save_text(rig, OWNER, TEXT, NOW, &backup, &fault) < 0);
        assert_int_equal(fault.error, FWD_STORAGE_FAILED);
        assert_true(backup_list(&rig->store, NULL, &list, &n, &list_fault) < 0);
        assert_int_equal(list_fault.error, FWD_STORAGE_FAILED);
}

static void test_head_is_distrusted(void **state) {
        struct backup backup = {};
        static const char text[] = "# Board: A\033[31m\x80\n# Board: second\n# Variant:\n"
                                   "# FirmwareVersion: 0123456789012345678901234567890123456789"
                                   "0123456789012345678901234567890123456789\n"
                                   "set x = 1\n# Variant: LATE\n";

        backup_read_head(text, sizeof(text) - 1, &backup);
        assert_string_equal(backup.board_name, "A?[31m?");
        assert_string_equal(backup.variant, "");
        assert_int_equal(strlen(backup.version), BACKUP_TEXT_SIZE - 1);
        backup_read_head("# Board: X", 4, &backup);
        backup_read_head("", 0, &backup);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_saved_and_listed), TEST(test_found_by_beginning),
                TEST(test_cut_short),        TEST(test_foreign_files),
                TEST(test_retention),        TEST(test_boards_without_id),
                TEST(test_bad_output),       TEST(test_no_room),
                TEST(test_no_directory),     TEST(test_head_is_distrusted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
