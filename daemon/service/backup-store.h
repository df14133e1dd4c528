/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The configurations that were read from boards, kept under the state directory:
 *
 *   backups/UID/20251121T115900Z-1a2b3c4d.txt
 *
 * UID is the chip's unique id, or `port-1-2.3` of a board that has none to tell. The second part of
 * the name is how the SHA-256 of the whole file begins, so that a file which was cut short or
 * changed is told from a whole one without another file beside it. What a file says of the board,
 * it says in its own head; the worker wrote that. A file is there as a whole or not at all: written
 * under another name, synchronised, renamed. Of each board the newest BACKUPS_PER_BOARD are kept.
 * In the service alone; the files are small, and nothing here waits for anything but the disk. */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fault.h"

#define BACKUPS_PER_BOARD  32U
#define BACKUPS_LISTED_MAX 1024U        /* the newest, of all boards */
#define BACKUP_SIZE_MAX    (512U << 10) /* bytes; `dump all` of a large build has some 60 KiB */
#define BACKUP_ID_SIZE     26U          /* "20251121T115900Z-1a2b3c4d" and the NUL */
#define BACKUP_OWNER_SIZE  65U
#define BACKUP_TEXT_SIZE   64U

struct backup_store {
        char *dir;      /* owned: STATE/backups; made when first needed */
        size_t ignored; /* files that were told to be no backups, at the last listing */
};

struct backup {
        char id[BACKUP_ID_SIZE];
        char owner[BACKUP_OWNER_SIZE]; /* its directory */
        uint64_t time_us;              /* CLOCK_REALTIME, whole seconds */
        size_t size;
        /* Of the file's head; "" if it does not say. Clean text. */
        char board_name[BACKUP_TEXT_SIZE], variant[BACKUP_TEXT_SIZE], version[BACKUP_TEXT_SIZE];
        char sha256[65]; /* of the whole file */
};

/* `dir` is the state directory; it need not be there. -ENOMEM. */
int backup_store_init(struct backup_store *store, const char *dir);
void backup_store_clear(struct backup_store *store);

/* Keeps what is in the memfd for the board; 0 when it is safe on the disk. FWD_STORAGE_FAILED (and
 * nothing is left behind), FWD_FAILED (empty, too large). `unique_id` may be "". */
int backup_save(struct backup_store *store, const char *unique_id, const char *port, int memfd,
                uint64_t now_us, struct backup *ret, struct fault *fault);
/* The newest first, those of one `owner` or (NULL) of all. A store that is not there is empty. Free
 * with free(). FWD_STORAGE_FAILED. */
int backup_list(struct backup_store *store, const char *owner, struct backup **ret, size_t *ret_n,
                struct fault *fault);
/* A sealed memfd with a copy. `id` as listed, or an unambiguous beginning of it. FWD_NOT_FOUND,
 * FWD_INVALID_ARGUMENT (fits several), FWD_STORAGE_FAILED. `ret` may be NULL. */
int backup_open(struct backup_store *store, const char *id, int *ret_fd, struct backup *ret,
                struct fault *fault);

/* Pure. What the head of a configuration says; and the name of a board's directory, -EINVAL if it
 * can have none. */
void backup_read_head(const char *text, size_t size, struct backup *backup);
int backup_owner(const char *unique_id, const char *port, char ret[BACKUP_OWNER_SIZE]);

/* An empty memfd for a worker's output. Negative errno. */
int backup_fd_new(void);
/* Seals it, if the worker has not, and reads it all, with a NUL behind it. Free with free().
 * FWD_FAILED, for one that is empty, or larger than BACKUP_SIZE_MAX, too. */
int backup_fd_read(int memfd, char **ret_text, size_t *ret_size, struct fault *fault);
