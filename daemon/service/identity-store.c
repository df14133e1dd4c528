/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/identity-store.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/dfu-serial.h"
#include "base/log.h"
#include "base/text.h"
#include "service/backup-file.h"

#define SUFFIX            ".json"
#define TEMPORARY         ".new"
#define FILE_SIZE_MAX     4096U
#define FILES_MAX         4096U /* looked at in the directory */
#define UNIQUE_ID_MIN     8U
#define UNIQUE_ID_MAX     64U
#define TEXT_MAX          256U
#define SEEN_EVERY_S      86400U
#define SERIAL_LENGTH_MIN 4U

DEFINE_CLEANUP(json_t *, json_decref)

static const char *const keys[_KNOWN_MAX] = {
        [KNOWN_UNIQUE_ID] = "UniqueId", [KNOWN_DFU_SERIALS] = "DfuSerials",
        [KNOWN_BOARD] = "Board",        [KNOWN_BOARD_NAME] = "BoardName",
        [KNOWN_VARIANT] = "Variant",    [KNOWN_MCU] = "Mcu",
};

static bool is_unique_id(const char *text) {
        size_t n = strlen(text);

        return n >= UNIQUE_ID_MIN && n <= UNIQUE_ID_MAX &&
               text[strspn(text, "0123456789abcdef")] == '\0';
}

static void board_clear(struct known_board *board) {
        for (size_t i = 0; i < _KNOWN_MAX; i++)
                free(board->text[i]);
        *board = (struct known_board){};
}

/* What a file or a worker says: bounded, clean, and enough to be found by. */
static bool is_good(const char *const text[_KNOWN_MAX]) {
        for (size_t i = 0; i < _KNOWN_MAX; i++)
                if (!text[i] || strlen(text[i]) > TEXT_MAX || !text_is_clean(text[i]))
                        return false;
        return is_unique_id(text[KNOWN_UNIQUE_ID]) && *text[KNOWN_DFU_SERIALS];
}

static int board_set(struct known_board *board, const char *const text[_KNOWN_MAX],
                     uint64_t seen_s) {
        struct known_board made = {.seen_s = seen_s};

        for (size_t i = 0; i < _KNOWN_MAX; i++) {
                made.text[i] = strdup(text[i]);
                if (!made.text[i]) {
                        board_clear(&made);
                        return -ENOMEM;
                }
        }
        board_clear(board);
        *board = made;
        return 0;
}

static int open_dir(const struct identity_store *store, int *ret) {
        *ret = open(store->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

/* Files */

static void name_of(const struct known_board *board, char ret[UNIQUE_ID_MAX + sizeof(SUFFIX)]) {
        (void) snprintf(ret, UNIQUE_ID_MAX + sizeof(SUFFIX), "%.64s" SUFFIX,
                        board->text[KNOWN_UNIQUE_ID]);
}

static int write_file(int dir_fd, const struct known_board *board) {
        _cleanup_(json_decref_p) json_t *object =
                json_pack("{s:I}", "Seen", (json_int_t) board->seen_s);
        char name[UNIQUE_ID_MAX + sizeof(SUFFIX)];
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < _KNOWN_MAX; i++)
                if (json_object_set_new(object, keys[i], json_string(board->text[i])) < 0)
                        return -ENOMEM;
        text = json_dumps(object, JSON_INDENT(2) | JSON_SORT_KEYS);
        if (!text)
                return -ENOMEM;
        name_of(board, name);
        return backup_file_write(dir_fd, TEMPORARY, name, text, strlen(text));
}

static int save(struct identity_store *store, const struct known_board *board) {
        _cleanup_close_ int dir_fd = -EBADF;
        int r = open_dir(store, &dir_fd);

        if (r == -ENOENT) {
                if (mkdir(store->dir, 0700) < 0 && errno != EEXIST)
                        return -errno;
                r = open_dir(store, &dir_fd);
        }
        return r < 0 ? r : write_file(dir_fd, board);
}

static void forget_file(const struct identity_store *store, const struct known_board *board) {
        char name[UNIQUE_ID_MAX + sizeof(SUFFIX)];
        _cleanup_close_ int dir_fd = -EBADF;

        if (open_dir(store, &dir_fd) < 0)
                return;
        name_of(board, name);
        (void) unlinkat(dir_fd, name, 0);
}

static struct known_board *find_id(const struct identity_store *store, const char *unique_id) {
        for (size_t i = 0; i < store->n; i++)
                if (strcmp(store->boards[i].text[KNOWN_UNIQUE_ID], unique_id) == 0)
                        return &store->boards[i];
        return NULL;
}

/* The place of a board that is new: behind the others, or that of the one not seen for longest. */
static struct known_board *new_place(struct identity_store *store) {
        struct known_board *oldest = store->boards, *grown;

        if (store->n < KNOWN_BOARDS_MAX) {
                grown = reallocarray(store->boards, store->n + 1, sizeof(*grown));
                if (!grown)
                        return NULL;
                store->boards = grown;
                grown[store->n] = (struct known_board){};
                return &grown[store->n++];
        }
        for (size_t i = 1; i < store->n; i++)
                if (store->boards[i].seen_s < oldest->seen_s)
                        oldest = &store->boards[i];
        forget_file(store, oldest);
        return oldest;
}

static int load_file(struct identity_store *store, int dir_fd, const char *name) {
        _cleanup_(json_decref_p) json_t *object = NULL;
        const char *text[_KNOWN_MAX];
        _cleanup_free_ char *bytes = NULL;
        struct known_board *place;
        json_int_t seen;
        size_t size;
        int r = backup_file_read(dir_fd, name, FILE_SIZE_MAX, &bytes, &size);

        if (r < 0)
                return r;
        object = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
        for (size_t i = 0; i < _KNOWN_MAX; i++)
                text[i] = json_string_value(json_object_get(object, keys[i]));
        seen = json_integer_value(json_object_get(object, "Seen"));
        /* The name is that of the chip: no file speaks of two, or of another. */
        if (!is_good(text) || seen < 0 ||
            strncmp(name, text[KNOWN_UNIQUE_ID], strlen(name) - strlen(SUFFIX)) != 0 ||
            strlen(name) != strlen(text[KNOWN_UNIQUE_ID]) + strlen(SUFFIX))
                return -EBADMSG;
        if (store->n >= KNOWN_BOARDS_MAX)
                return 0;
        place = new_place(store);
        if (!place)
                return -ENOMEM;
        r = board_set(place, text, (uint64_t) seen);
        if (r < 0)
                store->n--;
        return r;
}

static bool has_suffix(const char *name) {
        size_t n = strlen(name);

        return n > strlen(SUFFIX) && strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static void load_all(struct identity_store *store, DIR *dir) {
        size_t damaged = 0, looked_at = 0;
        struct dirent *entry;

        while ((entry = readdir(dir)) && looked_at++ < FILES_MAX)
                if (has_suffix(entry->d_name) && load_file(store, dirfd(dir), entry->d_name) < 0)
                        damaged++;
        if (damaged > 0)
                log_warning("%s: %zu files say nothing of a board, or are damaged, and are left "
                            "out",
                            store->dir, damaged);
}

int identity_store_init(struct identity_store *store, const char *state_dir) {
        _cleanup_closedir_ DIR *dir = NULL;

        *store = (struct identity_store){.dir = text_format("%s/boards", state_dir)};
        if (!store->dir)
                return -ENOMEM;
        dir = opendir(store->dir);
        if (dir)
                load_all(store, dir);
        else if (errno != ENOENT)
                log_warning("%s: the boards met before are not known: %s", store->dir,
                            strerror(errno));
        return 0;
}

static bool is_known(const struct known_board *board, const char *const text[_KNOWN_MAX]) {
        for (size_t i = 0; i < _KNOWN_MAX; i++)
                if (strcmp(board->text[i], text[i]) != 0)
                        return false;
        return true;
}

void identity_store_sync(struct identity_store *store) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < store->n; i++) {
                if (!store->boards[i].unsaved)
                        continue;
                r = save(store, &store->boards[i]);
                store->boards[i].unsaved = r < 0;
        }
        if (r < 0 && !store->failed)
                log_warning("%s: boards are remembered only until the service ends: %s", store->dir,
                            strerror(-r));
        else if (r == 0 && store->failed)
                log_notice("%s: boards are remembered again", store->dir);
        store->failed = r < 0;
}

void identity_store_clear(struct identity_store *store) {
        identity_store_sync(store);
        for (size_t i = 0; i < store->n; i++)
                board_clear(&store->boards[i]);
        free(store->boards);
        free(store->dir);
        *store = (struct identity_store){};
}

void identity_store_keep(struct identity_store *store, const char *const text[_KNOWN_MAX],
                         uint64_t now_s) {
        struct known_board *board;
        int r;

        if (!store->dir || !is_good(text))
                return;
        board = find_id(store, text[KNOWN_UNIQUE_ID]);
        if (board && is_known(board, text) && now_s >= board->seen_s &&
            now_s - board->seen_s < SEEN_EVERY_S) {
                identity_store_sync(store);
                return;
        }
        if (!board)
                board = new_place(store);
        if (!board)
                return;
        r = board_set(board, text, now_s);
        if (r < 0) {
                /* A new place stays empty at the end; one that was taken keeps what it had. */
                if (!board->text[0])
                        store->n--;
                return;
        }
        board->unsaved = true;
        identity_store_sync(store);
}

/* The first of the predictions alone. Of the others, one is the first plus ten: what a neighbour on
 * the same wafer shows, whose unique id differs in its place on it. */
static bool shows(const struct known_board *board, const char *serial) {
        const char *serials = board->text[KNOWN_DFU_SERIALS];
        size_t n = strcspn(serials, ",");

        return strlen(serial) == n && strncmp(serials, serial, n) == 0;
}

const struct known_board *identity_store_find(const struct identity_store *store,
                                              const char *serial) {
        const struct known_board *found = NULL;

        if (strlen(serial) < SERIAL_LENGTH_MIN || dfu_serial_is_constant(serial))
                return NULL;
        for (size_t i = 0; i < store->n; i++) {
                if (!shows(&store->boards[i], serial))
                        continue;
                if (found)
                        return NULL;
                found = &store->boards[i];
        }
        return found;
}
