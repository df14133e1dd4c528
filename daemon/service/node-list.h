/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answer of a node enumerator: object paths, NULL-terminated, which sd-bus frees. Begin with
 * {}. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct node_list {
        char **paths;
        size_t n;
};

/* -ENOMEM. */
static inline int node_list_add(struct node_list *list, const char *path) {
        char **paths = reallocarray(list->paths, list->n + 2, sizeof(*paths));

        if (!paths)
                return -ENOMEM;
        list->paths = paths;
        paths[list->n] = strdup(path);
        if (!paths[list->n])
                return -ENOMEM;
        paths[++list->n] = NULL;
        return 0;
}

static inline void node_list_clear(struct node_list *list) {
        for (size_t i = 0; i < list->n; i++)
                free(list->paths[i]);
        free(list->paths);
        *list = (struct node_list){};
}
