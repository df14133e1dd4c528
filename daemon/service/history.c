/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/history.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"

#define FILE_NAME      "history.db"
#define SCHEMA_VERSION 1
/* Somebody reads the file with a tool of his own: waited for, shorter than anybody notices. */
#define BUSY_TIMEOUT_MS 250

static const char schema[] =
        "BEGIN;"
        "CREATE TABLE job (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, port TEXT, "
        "unique_id TEXT, board TEXT, board_name TEXT, image_name TEXT, image_sha256 TEXT, "
        "state TEXT, result TEXT, error_name TEXT, error_message TEXT, details TEXT, uid INTEGER, "
        "start_us INTEGER, end_us INTEGER, dry_run INTEGER);"
        "CREATE INDEX job_unique_id ON job (unique_id);"
        "PRAGMA user_version = 1;"
        "COMMIT;";

/* The texts in the order of enum history_text, then the numbers, as they are bound and read. */
#define COLUMNS                                                                                    \
        "kind, port, unique_id, board, board_name, image_name, image_sha256, state, result, "      \
        "error_name, error_message, details, uid, start_us, end_us, dry_run"

enum {
        COLUMN_UID = _HISTORY_TEXT_MAX,
        COLUMN_START,
        COLUMN_END,
        COLUMN_DRY_RUN,
        COLUMN_ID,
};

DEFINE_CLEANUP(sqlite3 *, sqlite3_close)
DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize)

/* Opening */

static int version_of(sqlite3 *db, int *ret) {
        _cleanup_(sqlite3_finalize_p) sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);

        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        if (r != SQLITE_ROW)
                return r;
        *ret = sqlite3_column_int(statement, 0);
        return SQLITE_OK;
}

/* Nobody else reads it, whatever the umask is. */
static int create_file(const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        (void) fd_close(fd);
        return fd < 0 ? SQLITE_CANTOPEN : SQLITE_OK;
}

/* SQLITE_SCHEMA: made by a later version, which is left alone. */
static int open_file(const char *path, bool create, sqlite3 **ret) {
        _cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
        int r = create ? create_file(path) : SQLITE_OK, version = 0;

        if (r == SQLITE_OK)
                r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
        if (r == SQLITE_OK)
                r = version_of(db, &version);
        if (r == SQLITE_OK && version == 0 && create)
                r = sqlite3_exec(db, schema, NULL, NULL, NULL);
        else if (r == SQLITE_OK && version != SCHEMA_VERSION)
                r = version == 0 ? SQLITE_NOTADB : SQLITE_SCHEMA;
        if (r != SQLITE_OK)
                return r;
        *ret = TAKE_PTR(db);
        return SQLITE_OK;
}

/* What cannot be read is kept, under another name; a new one is begun. */
static void set_aside(const char *path) {
        _cleanup_free_ char *aside =
                text_format("%s.damaged-%" PRIu64, path, (uint64_t) time(NULL));

        if (aside && rename(path, aside) == 0)
                log_error("%s is damaged, and was renamed to %s", path, aside);
}

static int history_open(const struct history *history, bool create, sqlite3 **ret) {
        _cleanup_free_ char *path = text_format("%s/" FILE_NAME, history->dir);
        int r;

        if (!path)
                return SQLITE_NOMEM;
        r = open_file(path, create, ret);
        if (create && (r == SQLITE_NOTADB || r == SQLITE_CORRUPT)) {
                set_aside(path);
                r = open_file(path, create, ret);
        }
        return r;
}

static const char *problem_text(int r) {
        return r == SQLITE_SCHEMA ? "it was written by a later version of fwd" : sqlite3_errstr(r);
}

static void tell(struct history *history, int r) {
        if (r == SQLITE_OK) {
                if (history->failed)
                        log_notice("The history of jobs in %s is written again", history->dir);
                history->failed = false;
                return;
        }
        if (!history->failed)
                log_error("The history of jobs in %s cannot be written: %s", history->dir,
                          problem_text(r));
        history->failed = true;
}

static bool is_there(const struct history *history) {
        _cleanup_free_ char *path = text_format("%s/" FILE_NAME, history->dir);
        struct stat st;

        return path && lstat(path, &st) == 0;
}

/* Writing */

/* `sql` has one parameter for each column, in their order, and one more for the id. */
static int bind(sqlite3_stmt *statement, const struct history_entry *entry) {
        int r = SQLITE_OK;

        for (int i = 0; r == SQLITE_OK && i < _HISTORY_TEXT_MAX; i++)
                r = sqlite3_bind_text(statement, i + 1, entry->text[i] ? entry->text[i] : "", -1,
                                      SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_bind_int64(statement, COLUMN_UID + 1, entry->uid);
        if (r == SQLITE_OK)
                r = sqlite3_bind_int64(statement, COLUMN_START + 1, (int64_t) entry->start_us);
        if (r == SQLITE_OK)
                r = sqlite3_bind_int64(statement, COLUMN_END + 1, (int64_t) entry->end_us);
        if (r == SQLITE_OK)
                r = sqlite3_bind_int(statement, COLUMN_DRY_RUN + 1, entry->dry_run);
        if (r == SQLITE_OK)
                r = entry->id ? sqlite3_bind_int64(statement, COLUMN_ID + 1, (int64_t) entry->id)
                              : sqlite3_bind_null(statement, COLUMN_ID + 1);
        return r;
}

static int write_entry(const struct history *history, struct history_entry *entry) {
        static const char sql[] = "INSERT OR REPLACE INTO job (" COLUMNS ", id) VALUES "
                                  "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        _cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
        _cleanup_(sqlite3_finalize_p) sqlite3_stmt *statement = NULL;
        int r = history_open(history, true, &db);

        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
        if (r == SQLITE_OK)
                r = bind(statement, entry);
        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        if (r != SQLITE_DONE)
                return r;
        entry->id = (uint64_t) sqlite3_last_insert_rowid(db);
        return SQLITE_OK;
}

static int write_in_dir(const struct history *history, struct history_entry *entry) {
        if (mkdir(history->dir, 0700) < 0 && errno != EEXIST)
                return SQLITE_CANTOPEN;
        return write_entry(history, entry);
}

/* In the order in which they ended. */
static int write_unwritten(struct history *history) {
        struct history_entry *entry;

        while ((entry = history_unwritten_first(history))) {
                int r = write_in_dir(history, entry);

                if (r != SQLITE_OK)
                        return r;
                history_unwritten_drop_first(history);
        }
        return SQLITE_OK;
}

void history_sync(struct history *history) {
        if (history_unwritten_first(history))
                tell(history, write_unwritten(history));
}

void history_write(struct history *history, struct history_entry *entry) {
        int r = write_unwritten(history);

        if (r == SQLITE_OK)
                r = write_in_dir(history, entry);
        if (r != SQLITE_OK && entry->text[HISTORY_RESULT] && *entry->text[HISTORY_RESULT])
                history_unwritten_add(history, entry);
        tell(history, r);
}

static int end_left_over(const struct history *history) {
        static const char sql[] =
                "UPDATE job SET result = 'failed', error_name = ?, error_message = "
                "'The service ended while this job ran. The firmware was last known to be ' || "
                "state || '.' WHERE result = ''";
        _cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
        _cleanup_(sqlite3_finalize_p) sqlite3_stmt *statement = NULL;
        int r = history_open(history, true, &db);

        if (r == SQLITE_OK)
                r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(statement, 1, fwd_error_bus_name(FWD_INTERRUPTED), -1,
                                      SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_step(statement);
        return r == SQLITE_DONE ? SQLITE_OK : r;
}

int history_init(struct history *history, const char *state_dir) {
        *history = (struct history){.dir = strdup(state_dir)};
        if (!history->dir)
                return -ENOMEM;
        if (is_there(history))
                tell(history, end_left_over(history));
        return 0;
}

void history_clear(struct history *history) {
        history_sync(history);
        while (history_unwritten_first(history))
                history_unwritten_drop_first(history);
        free(history->dir);
        *history = (struct history){};
}

/* Reading */

static void read_entry(sqlite3_stmt *statement, struct history_entry *ret) {
        for (int i = 0; i < _HISTORY_TEXT_MAX; i++) {
                const unsigned char *text = sqlite3_column_text(statement, i);

                ret->text[i] = text ? (const char *) text : "";
        }
        ret->uid = (uint32_t) sqlite3_column_int64(statement, COLUMN_UID);
        ret->start_us = (uint64_t) sqlite3_column_int64(statement, COLUMN_START);
        ret->end_us = (uint64_t) sqlite3_column_int64(statement, COLUMN_END);
        ret->dry_run = sqlite3_column_int(statement, COLUMN_DRY_RUN);
        ret->id = (uint64_t) sqlite3_column_int64(statement, COLUMN_ID);
}

static int prepare_query(sqlite3 *db, const struct history_query *query, sqlite3_stmt **ret) {
        static const char sql[] =
                "SELECT " COLUMNS ", id FROM job WHERE (?1 IS NULL OR unique_id = ?1) "
                "AND (?2 IS NULL OR port = ?2) AND (?3 = 0 OR id < ?3) "
                "ORDER BY id DESC LIMIT ?4";
        const size_t limit = query->limit < HISTORY_LISTED_MAX ? query->limit : HISTORY_LISTED_MAX;
        const int64_t before = query->before < INT64_MAX ? (int64_t) query->before : INT64_MAX;
        _cleanup_(sqlite3_finalize_p) sqlite3_stmt *statement = NULL;
        int r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

        /* A text that is NULL is bound as such. */
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(statement, 1, query->unique_id, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_bind_text(statement, 2, query->port, -1, SQLITE_STATIC);
        if (r == SQLITE_OK)
                r = sqlite3_bind_int64(statement, 3, before);
        if (r == SQLITE_OK)
                r = sqlite3_bind_int64(statement, 4, (int64_t) limit);
        if (r == SQLITE_OK)
                *ret = TAKE_PTR(statement);
        return r;
}

int history_list(struct history *history, const struct history_query *query,
                 int (*each)(const struct history_entry *entry, void *userdata), void *userdata,
                 struct fault *fault) {
        _cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
        _cleanup_(sqlite3_finalize_p) sqlite3_stmt *statement = NULL;
        struct history_entry entry;
        int r;

        history_sync(history);
        if (!is_there(history))
                return 0;
        r = history_open(history, false, &db);
        if (r == SQLITE_OK)
                r = prepare_query(db, query, &statement);
        while (r == SQLITE_OK && (r = sqlite3_step(statement)) == SQLITE_ROW) {
                read_entry(statement, &entry);
                r = each(&entry, userdata);
                if (r < 0)
                        return r;
                r = SQLITE_OK;
        }
        if (r == SQLITE_DONE)
                return 0;
        return fault_set(fault, FWD_STORAGE_FAILED, "The history in %s cannot be read: %s",
                         history->dir, problem_text(r));
}
