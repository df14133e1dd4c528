/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/modprobe.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static bool is_name(const char *text, size_t length, const char *module) {
        if (length != strlen(module))
                return false;
        for (size_t i = 0; i < length; i++) {
                char a = text[i] == '-' ? '_' : text[i], b = module[i] == '-' ? '_' : module[i];

                if (a != b)
                        return false;
        }
        return true;
}

static bool line_forbids(char *line, const char *module) {
        static const char blanks[] = " \t";
        char *rest = line + strspn(line, blanks);
        const char *word = strsep(&rest, blanks), *name, *command;

        if (rest)
                rest += strspn(rest, blanks);
        name = rest ? strsep(&rest, blanks) : NULL;
        if (!name || !is_name(name, strlen(name), module))
                return false;
        if (strcmp(word, "blacklist") == 0)
                return true;
        if (strcmp(word, "install") != 0 || !rest)
                return false;
        rest += strspn(rest, blanks);
        command = strsep(&rest, blanks);
        return strcmp(command, "/bin/false") == 0 || strcmp(command, "/bin/true") == 0 ||
               strcmp(command, "/usr/bin/false") == 0 || strcmp(command, "/usr/bin/true") == 0;
}

bool modprobe_text_forbids(const char *text, const char *module) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *line;

        while (rest && (line = strsep(&rest, "\n")))
                if (line_forbids(line, module))
                        return true;
        return false;
}

bool modules_text_has(const char *text, const char *module) {
        for (const char *line = text; line && *line;) {
                const char *next = strchr(line, '\n');
                size_t length = next ? (size_t) (next - line) : strlen(line);
                const char *end = memchr(line, ':', length);
                const char *start;

                if (!end)
                        end = line + length;
                for (start = end; start > line && start[-1] != '/';)
                        start--;
                if (is_name(start, strcspn(start, ".:\n"), module))
                        return true;
                line = next ? next + 1 : NULL;
        }
        return false;
}

static bool list_has(const char *list, const char *module) {
        for (;;) {
                size_t length = strcspn(list, ", \n");

                if (is_name(list, length, module))
                        return true;
                if (list[length] != ',')
                        return false;
                list += length + 1;
        }
}

bool command_line_forbids(const char *text, const char *module) {
        static const char *const keys[] = {"module_blacklist=", "modprobe.blacklist="};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                for (const char *at = text; (at = strstr(at, keys[i])); at++)
                        if ((at == text || at[-1] == ' ') && list_has(at + strlen(keys[i]), module))
                                return true;
        return false;
}
