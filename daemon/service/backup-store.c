/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/backup-store.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "service/backup-file.h"

#define USEC_PER_SEC 1000000ULL
#define SUFFIX       ".txt"
#define TEMPORARY    ".new"
#define NAMES_MAX    4096U /* files looked at in one directory */
#define OWNERS_MAX   4096U
#define STAMP_FORMAT "%Y%m%dT%H%M%SZ"
#define STAMP_LENGTH 16U
#define ID_LENGTH    (BACKUP_ID_SIZE - 1)

int backup_store_init(struct backup_store *store, const char *dir) {
        *store = (struct backup_store){.dir = text_format("%s/backups", dir)};
        return store->dir ? 0 : -ENOMEM;
}

void backup_store_clear(struct backup_store *store) {
        free(store->dir);
        *store = (struct backup_store){};
}

static int storage_fault(struct fault *fault, const char *what, int r) {
        return fault_set(fault, FWD_STORAGE_FAILED, "%s: %s", what, strerror(-r));
}

static bool is_hex(const char *text, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!isdigit((unsigned char) text[i]) && (text[i] < 'a' || text[i] > 'f'))
                        return false;
        return true;
}

int backup_owner(const char *unique_id, const char *port, char ret[BACKUP_OWNER_SIZE]) {
        size_t n = strlen(unique_id);

        if (n > 0 && n < BACKUP_OWNER_SIZE) {
                for (size_t i = 0; i <= n; i++)
                        ret[i] = (char) tolower((unsigned char) unique_id[i]);
                if (is_hex(ret, n))
                        return 0;
        }
        if (!*port || strlen(port) + strlen("port-") >= BACKUP_OWNER_SIZE ||
            port[strspn(port, "0123456789-.")] != '\0')
                return -EINVAL;
        (void) snprintf(ret, BACKUP_OWNER_SIZE, "port-%s", port);
        return 0;
}

static bool is_owner(const char *name) {
        const char *port = strncmp(name, "port-", 5) == 0 ? name + 5 : NULL;
        char owner[BACKUP_OWNER_SIZE];

        return strlen(name) < BACKUP_OWNER_SIZE &&
               backup_owner(port ? "" : name, port ? port : "", owner) == 0 &&
               strcmp(owner, name) == 0;
}

/* The time in a file's name; false if it is not the name of a backup. */
static bool parse_name(const char *name, char id[BACKUP_ID_SIZE], uint64_t *ret_time_us) {
        struct tm tm = {};
        char *end;
        time_t t;

        if (strlen(name) != ID_LENGTH + strlen(SUFFIX) || strcmp(name + ID_LENGTH, SUFFIX) != 0 ||
            name[STAMP_LENGTH] != '-' || !is_hex(name + STAMP_LENGTH + 1, BACKUP_PREFIX_LENGTH))
                return false;
        memcpy(id, name, ID_LENGTH);
        id[ID_LENGTH] = '\0';
        end = strptime(id, STAMP_FORMAT, &tm);
        if (end != id + STAMP_LENGTH)
                return false;
        t = timegm(&tm);
        *ret_time_us = t > 0 ? (uint64_t) t * USEC_PER_SEC : 0;
        return true;
}

static void take_head(char to[BACKUP_TEXT_SIZE], const char *line, size_t size) {
        char value[2 * BACKUP_TEXT_SIZE];

        (void) snprintf(value, sizeof(value), "%.*s", (int) size, line);
        if (!*to)
                text_sanitize(to, BACKUP_TEXT_SIZE, value);
}

/* "# Key: value" lines, until the first one that is no comment. */
void backup_read_head(const char *text, size_t size, struct backup *backup) {
        const struct {
                const char *key;
                char *to;
        } keys[] = {
                {"# Board: ", backup->board_name},
                {"# Variant: ", backup->variant},
                {"# FirmwareVersion: ", backup->version},
        };
        const char *end = text + size;

        while (text < end && *text == '#') {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                size_t length = (size_t) ((newline ? newline : end) - text);

                for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                        size_t n = strlen(keys[i].key);

                        if (length > n && strncmp(text, keys[i].key, n) == 0)
                                take_head(keys[i].to, text + n, length - n);
                }
                text += newline ? length + 1 : length;
        }
}

/* Directories */

static int open_dir(int at, const char *name, int *ret) {
        *ret = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

/* Opens it, and makes it if it is not there; then the directory above is synchronised too. */
static int make_dir(int at, const char *name, int *ret) {
        int r = open_dir(at, name, ret);

        if (r != -ENOENT)
                return r;
        if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        if (at != AT_FDCWD && fsync(at) < 0)
                return -errno;
        return open_dir(at, name, ret);
}

struct names {
        char **items;
        size_t n;
};

static void names_clear(struct names *names) {
        for (size_t i = 0; i < names->n; i++)
                free(names->items[i]);
        free(names->items);
}

static int names_add(struct names *names, const char *name) {
        char *copy, **grown = reallocarray(names->items, names->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        names->items = grown;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        grown[names->n++] = copy;
        return 0;
}

static int by_name_backwards(const void *a, const void *b) {
        return strcmp(*(char *const *) b, *(char *const *) a);
}

/* The names in a directory that `is_wanted`, the last in the alphabet first. Others are counted. */
static int read_names(int dir_fd, bool (*is_wanted)(const char *), size_t max, struct names *names,
                      size_t *ignored) {
        _cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!dir)
                return -errno;
        (void) TAKE_FD(fd);
        while ((entry = readdir(dir)) && names->n < max) {
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (!is_wanted(entry->d_name)) {
                        (*ignored)++;
                        continue;
                }
                r = names_add(names, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (names->n > 0)
                qsort(names->items, names->n, sizeof(*names->items), by_name_backwards);
        return 0;
}

static bool is_backup_name(const char *name) {
        char id[BACKUP_ID_SIZE];
        uint64_t time_us;

        return parse_name(name, id, &time_us);
}

/* Saving */

/* What a service that was killed in mid-write left, and what is beyond the number kept; never the
 * one that was just written, wherever the clock put it. */
static void tidy(int dir_fd, const char *keep) {
        _cleanup_(names_clear) struct names names = {};
        size_t ignored = 0, kept = 1;

        (void) unlinkat(dir_fd, TEMPORARY, 0);
        if (read_names(dir_fd, is_backup_name, NAMES_MAX, &names, &ignored) < 0)
                return;
        for (size_t i = 0; i < names.n; i++) {
                if (strcmp(names.items[i], keep) == 0)
                        continue;
                if (kept++ >= BACKUPS_PER_BOARD)
                        (void) unlinkat(dir_fd, names.items[i], 0);
        }
}

static int open_store(const struct backup_store *store, int *ret) {
        _cleanup_free_ char *state = strndup(store->dir, strlen(store->dir) - strlen("/backups"));
        _cleanup_close_ int state_fd = -EBADF;
        int r;

        if (!state)
                return -ENOMEM;
        r = make_dir(AT_FDCWD, state, &state_fd);
        return r < 0 ? r : make_dir(state_fd, "backups", ret);
}

static int write_backup(struct backup_store *store, const struct backup *backup, const char *text) {
        _cleanup_close_ int store_fd = -EBADF, dir_fd = -EBADF;
        char name[BACKUP_ID_SIZE + sizeof(SUFFIX)];
        int r;

        (void) snprintf(name, sizeof(name), "%s" SUFFIX, backup->id);
        r = open_store(store, &store_fd);
        if (r < 0)
                return r;
        r = make_dir(store_fd, backup->owner, &dir_fd);
        if (r < 0)
                return r;
        r = backup_file_write(dir_fd, TEMPORARY, name, text, backup->size);
        if (r < 0)
                return r;
        tidy(dir_fd, name);
        return 0;
}

int backup_save(struct backup_store *store, const char *unique_id, const char *port, int memfd,
                uint64_t now_us, struct backup *ret, struct fault *fault) {
        time_t now = (time_t) (now_us / USEC_PER_SEC);
        _cleanup_free_ char *text = NULL;
        struct backup backup = {.time_us = now_us / USEC_PER_SEC * USEC_PER_SEC};
        char stamp[STAMP_LENGTH + 8];
        struct tm tm;
        int r;

        if (backup_owner(unique_id, port, backup.owner) < 0)
                return fault_set(fault, FWD_FAILED, "The board on port %s has no proper name",
                                 port);
        r = backup_fd_read(memfd, &text, &backup.size, fault);
        if (r < 0)
                return r;
        if (!gmtime_r(&now, &tm) ||
            strftime(stamp, sizeof(stamp), STAMP_FORMAT, &tm) != STAMP_LENGTH)
                return fault_set(fault, FWD_FAILED, "The clock of this machine is out of range");
        backup_file_hash(text, backup.size, backup.sha256);
        (void) snprintf(backup.id, sizeof(backup.id), "%.16s-%.8s", stamp, backup.sha256);
        backup_read_head(text, backup.size, &backup);
        r = write_backup(store, &backup, text);
        if (r < 0)
                return storage_fault(fault, "The backup could not be written", r);
        *ret = backup;
        return 0;
}

/* Reading */

static int load(int dir_fd, const char *owner, const char *name, struct backup *ret,
                char **ret_text) {
        struct backup backup = {};
        _cleanup_free_ char *text = NULL;
        int r;

        if (!parse_name(name, backup.id, &backup.time_us))
                return -EBADMSG;
        (void) snprintf(backup.owner, sizeof(backup.owner), "%s", owner);
        r = backup_file_read(dir_fd, name, BACKUP_SIZE_MAX, &text, &backup.size);
        if (r < 0)
                return r;
        backup_file_hash(text, backup.size, backup.sha256);
        if (strncmp(backup.sha256, backup.id + STAMP_LENGTH + 1, BACKUP_PREFIX_LENGTH) != 0)
                return -EBADMSG;
        backup_read_head(text, backup.size, &backup);
        *ret = backup;
        if (ret_text)
                *ret_text = TAKE_PTR(text);
        return 0;
}

struct listing {
        struct backup *items;
        size_t n, ignored;
};

static void listing_clear(struct listing *listing) {
        free(listing->items);
}

static int list_owner(int store_fd, const char *owner, struct listing *listing) {
        _cleanup_(names_clear) struct names names = {};
        _cleanup_close_ int dir_fd = -EBADF;
        struct backup *grown;
        int r;

        r = open_dir(store_fd, owner, &dir_fd);
        if (r < 0) {
                listing->ignored++;
                return r == -ENOENT || r == -ENOTDIR || r == -ELOOP ? 0 : r;
        }
        r = read_names(dir_fd, is_backup_name, NAMES_MAX, &names, &listing->ignored);
        if (r < 0)
                return r;
        grown = reallocarray(listing->items, listing->n + names.n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        listing->items = grown;
        for (size_t i = 0; i < names.n; i++)
                if (load(dir_fd, owner, names.items[i], &grown[listing->n], NULL) == 0)
                        listing->n++;
                else
                        listing->ignored++;
        return 0;
}

static int newest_first(const void *a, const void *b) {
        const struct backup *x = a, *y = b;
        int r = strcmp(y->id, x->id);

        return r != 0 ? r : strcmp(x->owner, y->owner);
}

static int list_all(struct backup_store *store, const char *owner, struct listing *listing) {
        _cleanup_(names_clear) struct names owners = {};
        _cleanup_close_ int store_fd = -EBADF;
        int r = open_dir(AT_FDCWD, store->dir, &store_fd);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (owner)
                r = names_add(&owners, owner);
        else
                r = read_names(store_fd, is_owner, OWNERS_MAX, &owners, &listing->ignored);
        for (size_t i = 0; r >= 0 && i < owners.n; i++)
                r = list_owner(store_fd, owners.items[i], listing);
        return r;
}

int backup_list(struct backup_store *store, const char *owner, struct backup **ret, size_t *ret_n,
                struct fault *fault) {
        _cleanup_(listing_clear) struct listing listing = {};
        int r = list_all(store, owner, &listing);

        if (r < 0)
                return storage_fault(fault, "The backups could not be read", r);
        /* Said once, not at each call: anybody may call. */
        if (!owner && listing.ignored != store->ignored) {
                if (listing.ignored > 0)
                        log_warning("%s: %zu files are no backups, or damaged ones, and are left "
                                    "out",
                                    store->dir, listing.ignored);
                store->ignored = listing.ignored;
        }
        if (listing.n > 0)
                qsort(listing.items, listing.n, sizeof(*listing.items), newest_first);
        *ret_n = listing.n < BACKUPS_LISTED_MAX ? listing.n : BACKUPS_LISTED_MAX;
        *ret = TAKE_PTR(listing.items);
        return 0;
}

static int find(struct backup_store *store, const char *id, struct backup *ret,
                struct fault *fault) {
        _cleanup_free_ struct backup *list = NULL;
        const struct backup *found = NULL;
        char shown[2 * BACKUP_ID_SIZE];
        size_t n;
        int r = backup_list(store, NULL, &list, &n, fault);

        if (r < 0)
                return r;
        text_sanitize(shown, sizeof(shown), id);
        for (size_t i = 0; i < n; i++) {
                if (!*id || strncmp(list[i].id, id, strlen(id)) != 0)
                        continue;
                if (found)
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "Several backups begin with %s", shown);
                found = &list[i];
        }
        if (!found)
                return fault_set(fault, FWD_NOT_FOUND, "There is no backup %s", shown);
        *ret = *found;
        return 0;
}

int backup_open(struct backup_store *store, const char *id, int *ret_fd, struct backup *ret,
                struct fault *fault) {
        _cleanup_close_ int store_fd = -EBADF, dir_fd = -EBADF, memfd = -EBADF;
        char name[BACKUP_ID_SIZE + sizeof(SUFFIX)];
        _cleanup_free_ char *text = NULL;
        struct backup backup;
        int r;

        r = find(store, id, &backup, fault);
        if (r < 0)
                return r;
        (void) snprintf(name, sizeof(name), "%s" SUFFIX, backup.id);
        r = open_dir(AT_FDCWD, store->dir, &store_fd);
        if (r == 0)
                r = open_dir(store_fd, backup.owner, &dir_fd);
        if (r == 0)
                r = load(dir_fd, backup.owner, name, &backup, &text);
        if (r == 0)
                r = memfd = backup_file_memfd(text, backup.size);
        if (r < 0)
                return storage_fault(fault, "The backup could not be read", r);
        *ret_fd = TAKE_FD(memfd);
        if (ret)
                *ret = backup;
        return 0;
}
