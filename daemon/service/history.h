/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every job that there was, for good: history.db (SQLite) under the state directory. A job is
 * written down when it begins, again whenever the state of its board's firmware changes, and at its
 * end, so that after a crash or a power cut it is still known what was last true of the board. A
 * job that the database has no end of is one that the service did not live to see; history_init()
 * gives it that end. In the service alone. The file is opened for each call, which is some
 * milliseconds a few times a job; nothing here waits for anything but the disk. Works without it,
 * and says so once; jobs whose end could not be written are kept in memory until it can be. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fault.h"

#define HISTORY_LISTED_MAX    1000U

#define HISTORY_UNWRITTEN_MAX 256U

struct unwritten; /* history-unwritten.c */

struct history {
        char *dir;                   /* owned: the state directory */
        bool failed;                 /* told already */
        struct unwritten *unwritten; /* the oldest first */
};

enum history_text {
        HISTORY_KIND,
        HISTORY_PORT,
        HISTORY_UNIQUE_ID,
        HISTORY_BOARD, /* profile */
        HISTORY_BOARD_NAME,
        HISTORY_IMAGE_NAME,
        HISTORY_IMAGE_SHA256,
        HISTORY_STATE,  /* of the board's firmware */
        HISTORY_RESULT, /* "": runs */
        HISTORY_ERROR_NAME,
        HISTORY_ERROR_MESSAGE,
        HISTORY_DETAILS, /* a JSON object of texts */
        _HISTORY_TEXT_MAX,
};

struct history_entry {
        uint64_t id;                         /* grows; of no other thing */
        const char *text[_HISTORY_TEXT_MAX]; /* NULL is "" when written; never NULL when read */
        uint32_t uid;
        uint64_t start_us, end_us; /* CLOCK_REALTIME; end 0: not known */
        bool dry_run;
};

struct history_query {
        const char *unique_id, *port; /* NULL: any */
        uint64_t before;              /* ids below this one; 0: all */
        size_t limit;                 /* at most HISTORY_LISTED_MAX */
};

/* What earlier runs of the service left without an end is given one. `state_dir` need not exist.
 * -ENOMEM. */
int history_init(struct history *history, const char *state_dir);
void history_clear(struct history *history);

/* Writes it down: a new one if `entry->id` is 0, and sets that. What fails is told in the journal,
 * and is tried again with the next call if it has a result: it is the last that is said of the job.
 */
void history_write(struct history *history, struct history_entry *entry);
/* Tries again to write what could not be written. */
void history_sync(struct history *history);

/* history-unwritten.c: copies, of HISTORY_UNWRITTEN_MAX entries at most; the oldest give way. */
void history_unwritten_add(struct history *history, const struct history_entry *entry);
/* NULL: there is none. */
struct history_entry *history_unwritten_first(struct history *history);
void history_unwritten_drop_first(struct history *history);

/* The newest first. `each` may end it with a negative number, which is returned. FWD_STORAGE_FAILED
 * if there is a history that cannot be read; one that is not there is empty. */
int history_list(struct history *history, const struct history_query *query,
                 int (*each)(const struct history_entry *entry, void *userdata), void *userdata,
                 struct fault *fault);
