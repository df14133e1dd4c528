/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/config-files.h"

#include <glob.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define FILE_SIZE_MAX (4U << 20)
#define OWN_RULES     "/70-fwd.rules"

char *text_file_read(const char *path) {
        _cleanup_free_ char *text = malloc(FILE_SIZE_MAX + 1);
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        char *cut;
        size_t n;

        if (!f || !text)
                return NULL;
        n = fread(text, 1, FILE_SIZE_MAX, f);
        if (ferror(f))
                return NULL;
        text[n] = '\0';
        cut = realloc(text, n + 1);
        if (cut)
                text = NULL;
        return cut ? cut : TAKE_PTR(text);
}

char *config_file_find(const char *root, const char *const *folders, const char *pattern,
                       bool (*fits)(const char *path, const char *content, const void *userdata),
                       const void *userdata) {
        char *found = NULL;

        for (; *folders && !found; folders++) {
                _cleanup_free_ char *all = text_format("%s%s/%s", root, *folders, pattern);
                glob_t names = {};

                if (!all || glob(all, 0, NULL, &names) != 0)
                        continue;
                for (size_t i = 0; i < names.gl_pathc && !found; i++) {
                        const char *path = names.gl_pathv[i] + strlen(root);
                        _cleanup_free_ char *content = text_file_read(names.gl_pathv[i]);

                        if (content && fits(path, content, userdata))
                                found = strdup(path);
                }
                globfree(&names);
        }
        return found;
}

static bool speaks_of(const char *path, const char *content, const void *text) {
        return strstr(content, text) && !strstr(path, OWN_RULES);
}

char *udev_rules_find(const char *root, const char *text) {
        static const char *const folders[] = {"/etc/udev",     "/run/udev", "/usr/local/lib/udev",
                                              "/usr/lib/udev", "/lib/udev", NULL};

        return config_file_find(root, folders, "rules.d/*.rules", speaks_of, text);
}
