/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int max_level = LOG_INFO;
static int prefix;

void log_setup(void) {
        static const struct {
                const char *name;
                int level;
        } levels[] = {
                {"debug", LOG_DEBUG},     {"info", LOG_INFO}, {"notice", LOG_NOTICE},
                {"warning", LOG_WARNING}, {"err", LOG_ERR},
        };
        const char *e = getenv("FWD_LOG_LEVEL");

        for (size_t i = 0; e && i < ARRAY_SIZE(levels); i++)
                if (strcmp(e, levels[i].name) == 0)
                        max_level = levels[i].level;
        prefix = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_prefix(int on) {
        prefix = on;
}

int log_max_level(void) {
        return max_level;
}

void log_line(int priority, const char *format, ...) {
        int saved = errno;
        char line[1024];
        va_list ap;

        if (priority > max_level)
                return;
        errno = saved; /* for %m */
        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        /* One call, one line: processes share this descriptor. */
        if (prefix)
                (void) dprintf(STDERR_FILENO, "<%d>%s\n", priority, line);
        else
                (void) dprintf(STDERR_FILENO, "%s\n", line);
        errno = saved;
}
