/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/history.h"

struct unwritten {
        struct unwritten *next;
        struct history_entry entry; /* its texts are owned */
};

static void unwritten_free(struct unwritten *unwritten) {
        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++)
                free((char *) unwritten->entry.text[i]);
        free(unwritten);
}
DEFINE_CLEANUP(struct unwritten *, unwritten_free)

static struct unwritten *copy(const struct history_entry *entry) {
        _cleanup_(unwritten_free_p) struct unwritten *unwritten = calloc(1, sizeof(*unwritten));

        if (!unwritten)
                return NULL;
        unwritten->entry = *entry;
        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++)
                unwritten->entry.text[i] = NULL;
        for (size_t i = 0; i < _HISTORY_TEXT_MAX; i++) {
                if (!entry->text[i])
                        continue;
                unwritten->entry.text[i] = strdup(entry->text[i]);
                if (!unwritten->entry.text[i])
                        return NULL;
        }
        return TAKE_PTR(unwritten);
}

void history_unwritten_add(struct history *history, const struct history_entry *entry) {
        struct unwritten **at = &history->unwritten;
        size_t n = 1;

        while (*at) {
                at = &(*at)->next;
                n++;
        }
        *at = copy(entry);
        if (*at && n > HISTORY_UNWRITTEN_MAX)
                history_unwritten_drop_first(history);
}

struct history_entry *history_unwritten_first(struct history *history) {
        return history->unwritten ? &history->unwritten->entry : NULL;
}

void history_unwritten_drop_first(struct history *history) {
        struct unwritten *first = history->unwritten;

        history->unwritten = first->next;
        unwritten_free(first);
}
