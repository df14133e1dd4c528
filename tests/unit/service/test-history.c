/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of jobs: whole ones, those that the service did not live to see the end of, and what
 * happens to a history that cannot be used. */

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "bench.h"

struct seen { /* the newest first */
        uint64_t ids[8];
        char kind[8][16], result[8][16], state[8][20], error[8][48], message[8][256], name[8][32];
        uint64_t end_us[8];
        size_t n;
};

static int see(const struct history_entry *entry, void *userdata) {
        struct seen *seen = userdata;
        size_t i = seen->n++;

        assert_true(i < ARRAY_SIZE(seen->ids));
        seen->ids[i] = entry->id;
        seen->end_us[i] = entry->end_us;
        (void) snprintf(seen->kind[i], sizeof(seen->kind[i]), "%s", entry->text[HISTORY_KIND]);
        (void) snprintf(seen->result[i], sizeof(seen->result[i]), "%s",
                        entry->text[HISTORY_RESULT]);
        (void) snprintf(seen->state[i], sizeof(seen->state[i]), "%s", entry->text[HISTORY_STATE]);
        (void) snprintf(seen->error[i], sizeof(seen->error[i]), "%s",
                        entry->text[HISTORY_ERROR_NAME]);
        (void) snprintf(seen->message[i], sizeof(seen->message[i]), "%s",
                        entry->text[HISTORY_ERROR_MESSAGE]);
        (void) snprintf(seen->name[i], sizeof(seen->name[i]), "%s",
                        entry->text[HISTORY_BOARD_NAME]);
        return 0;
}

static struct seen list_of(struct bench *bench, const struct history_query *query) {
        struct fault fault = FAULT_INIT;
        struct seen seen = {};

        assert_int_equal(history_list(&bench->service.history, query, see, &seen, &fault), 0);
        return seen;
}

static struct seen list(struct bench *bench) {
        return list_of(bench, &(struct history_query){.limit = 8});
}

static struct job *begin(struct bench *bench, enum job_kind kind) {
        static const struct options options = {.leave = true, .keep_config = KEEP_NO};
        struct fault fault = FAULT_INIT;
        struct job *job = NULL;

        bench_short_waits(bench); /* no board comes back in these tests */
        assert_int_equal(job_new(&bench->service, bench->service.devices, kind, &options, 1000,
                                 kind == JOB_FLASH ? bench_image(bench, "firmware") : -EBADF, &job,
                                 &fault),
                         0);
        return job;
}

static void run(struct bench *bench, enum job_kind kind) {
        struct job *job = begin(bench, kind);

        bench_until(bench, job->result != JOB_RUNNING);
}

static void restart(struct bench *bench) {
        service_clear(&bench->service);
        assert_int_equal(service_open_state(&bench->service), 0);
}

static char *file_of(struct bench *bench, const char *suffix) {
        char *path = text_format("%s/history.db%s", bench->service.settings.state_dir, suffix);

        assert_non_null(path);
        return path;
}

static void test_jobs_are_kept(void **state) {
        struct bench *bench = *state;
        _cleanup_free_ char *path = file_of(bench, "");
        struct seen seen = list(bench);
        struct stat st;

        assert_int_equal(seen.n, 0);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        run(bench, JOB_FLASH);
        bench_script(bench, "leave", "fail VerifyFailed no");
        run(bench, JOB_LEAVE);
        restart(bench);
        seen = list(bench);
        assert_int_equal(seen.n, 2);
        assert_string_equal(seen.kind[1], "flash");
        assert_string_equal(seen.result[1], "success");
        assert_string_equal(seen.state[1], "verified");
        assert_string_equal(seen.error[1], "");
        assert_string_equal(seen.kind[0], "leave");
        assert_string_equal(seen.result[0], "failed");
        assert_true(strlen(seen.error[0]) > 0);
        assert_true(seen.ids[0] > seen.ids[1] && seen.end_us[0] >= seen.end_us[1]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
}

/* The service is killed in the middle of a write: what was true of the board then is still known.
 */
static void test_interrupted(void **state) {
        struct bench *bench = *state;
        struct seen seen;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_pipe(bench, "go");
        bench_script(bench, "flash",
                     "say STATE=erased PHASE=writing && say STATE=partly-written && hold go");
        job = begin(bench, JOB_FLASH);
        bench_until(bench, job->state == BOARD_PARTLY_WRITTEN);
        seen = list(bench);
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.result[0], "");
        restart(bench);
        seen = list(bench);
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.result[0], "failed");
        assert_string_equal(seen.error[0], "org.fwctl1.Error.Interrupted");
        assert_string_equal(seen.state[0], "partly-written");
        assert_non_null(strstr(seen.message[0], "partly-written"));
        assert_int_equal(seen.end_us[0], 0);
}

static void test_query(void **state) {
        struct bench *bench = *state;
        struct seen seen, some;

        (void) bench_plug_identified(bench, PORT);
        for (int i = 0; i < 4; i++)
                run(bench, JOB_IDENTIFY);
        seen = list(bench);
        assert_int_equal(seen.n, 4);
        assert_string_equal(seen.name[0], "STUB405");
        some = list_of(bench, &(struct history_query){.limit = 2});
        assert_int_equal(some.n, 2);
        assert_int_equal(some.ids[0], seen.ids[0]);
        some = list_of(bench, &(struct history_query){.limit = 8, .before = seen.ids[1]});
        assert_int_equal(some.n, 2);
        assert_int_equal(some.ids[0], seen.ids[2]);
        some = list_of(bench, &(struct history_query){.limit = 8, .port = PORT});
        assert_int_equal(some.n, 4);
        some = list_of(bench, &(struct history_query){.limit = 8, .unique_id = UID_HEX});
        assert_int_equal(some.n, 4);
        some = list_of(bench, &(struct history_query){.limit = 8, .port = "1' OR '1' = '1"});
        assert_int_equal(some.n, 0);
        some = list_of(bench, &(struct history_query){.limit = 8, .unique_id = ""});
        assert_int_equal(some.n, 0);
        some = list_of(bench, &(struct history_query){.limit = 8, .before = UINT64_MAX});
        assert_int_equal(some.n, 4);
}

static void write_file(const char *path, const char *text) {
        _cleanup_fclose_ FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

/* A file that is no database stays, under another name; jobs run and are kept. */
static void test_damaged(void **state) {
        struct bench *bench = *state;
        _cleanup_free_ char *path = file_of(bench, "");
        struct seen seen;

        write_file(path,
                   "this is no database, and it is long enough to be taken for a header of one: "
                   "0123456789 0123456789 0123456789 0123456789");
        restart(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        run(bench, JOB_LEAVE);
        seen = list(bench);
        assert_int_equal(seen.n, 1);
        {
                _cleanup_closedir_ DIR *dir = opendir(bench->service.settings.state_dir);
                size_t aside = 0;

                for (struct dirent *e; (e = readdir(dir));)
                        if (strncmp(e->d_name, "history.db.damaged-", 19) == 0)
                                aside++;
                assert_int_equal(aside, 1);
        }
}

/* What a later version wrote is not touched; listing says why it is not read, and jobs still run.
 */
static void test_later_version(void **state) {
        struct bench *bench = *state;
        _cleanup_free_ char *path = file_of(bench, "");
        struct fault fault = FAULT_INIT;
        struct seen seen = {};
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "CREATE TABLE job (id); PRAGMA user_version = 2", NULL,
                                      NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        restart(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        run(bench, JOB_FLASH);
        assert_int_equal(bench->service.jobs->result, JOB_SUCCESS);
        assert_true(history_list(&bench->service.history, &(struct history_query){.limit = 1}, see,
                                 &seen, &fault) < 0);
        assert_int_equal(fault.error, FWD_STORAGE_FAILED);
        assert_non_null(strstr(fault.message, "later version"));
}

/* Without a place to write to, jobs run all the same; when it is there again they are kept, those
 * of before too. */
static void test_no_directory(void **state) {
        struct bench *bench = *state;
        _cleanup_free_ char *place = strdup(bench->service.settings.state_dir);
        struct seen seen;

        bench->service.settings.state_dir = "/dev/null/fwd";
        restart(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        run(bench, JOB_FLASH);
        assert_int_equal(bench->service.jobs->result, JOB_SUCCESS);
        seen = list(bench);
        assert_int_equal(seen.n, 0);
        free(bench->service.history.dir);
        bench->service.history.dir = strdup(place);
        seen = list(bench); /* which is an occasion, too */
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.kind[0], "flash");
        assert_string_equal(seen.result[0], "success");
        run(bench, JOB_LEAVE);
        seen = list(bench);
        assert_int_equal(seen.n, 2);
        assert_string_equal(seen.kind[0], "leave");
}

static void set_dir(struct bench *bench, const char *dir) {
        free(bench->service.history.dir);
        bench->service.history.dir = strdup(dir);
        assert_non_null(bench->service.history.dir);
}

/* Of a job that began before the disk was full there is one row, with its end. */
static void test_end_written_later(void **state) {
        struct bench *bench = *state;
        struct seen seen;
        struct job *job;

        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        job = begin(bench, JOB_LEAVE);
        set_dir(bench, "/dev/null/fwd");
        bench_until(bench, job->result != JOB_RUNNING);
        set_dir(bench, bench->service.settings.state_dir);
        restart(bench); /* the end of the service is the last occasion */
        seen = list(bench);
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.result[0], "success");
        assert_true(seen.end_us[0] > 0);
}

static void test_unwritten_are_bounded(void **state) {
        const struct history_entry some = {.text = {[HISTORY_KIND] = "flash"}};
        struct bench *bench = *state;
        struct history *history = &bench->service.history;
        struct history_entry entry = some;
        size_t n = 0;

        set_dir(bench, "/dev/null/fwd");
        history_write(history, &entry); /* it runs: its end is to come */
        assert_null(history_unwritten_first(history));
        entry.text[HISTORY_RESULT] = "success";
        for (uint64_t i = 1; i <= HISTORY_UNWRITTEN_MAX + 2; i++) {
                entry.start_us = i;
                history_write(history, &entry);
        }
        assert_int_equal(history_unwritten_first(history)->start_us, 3);
        for (; history_unwritten_first(history); n++)
                history_unwritten_drop_first(history);
        assert_int_equal(n, HISTORY_UNWRITTEN_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_jobs_are_kept, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_interrupted, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_query, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_damaged, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_later_version, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_no_directory, bench_setup, bench_teardown),
                cmocka_unit_test_setup_teardown(test_end_written_later, bench_setup,
                                                bench_teardown),
                cmocka_unit_test_setup_teardown(test_unwritten_are_bounded, bench_setup,
                                                bench_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
