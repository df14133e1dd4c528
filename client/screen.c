/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/screen.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/text.h"

#define COLUMNS_DEFAULT 80U
#define COLUMNS_MAX     10000U

static bool locale_is_utf8(void) {
        return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void screen_setup(void) {
        (void) setlocale(LC_CTYPE, "");
        if (!locale_is_utf8())
                (void) setlocale(LC_CTYPE, isatty(STDOUT_FILENO) ? "C" : "C.UTF-8");
}

bool screen_is_capable(int fd) {
        const char *term = getenv("TERM");

        return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

size_t screen_columns(int fd) {
        const char *columns = getenv("COLUMNS");
        struct winsize size;
        uint64_t value;

        if (!isatty(fd))
                return 0;
        if (columns && parse_u64(columns, COLUMNS_MAX, &value) == 0 && value > 0)
                return value;
        if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return COLUMNS_DEFAULT;
        return size.ws_col;
}

/* Marks that reorder the text around them: a board's name could make a line read as another. */
static bool is_direction_mark(wchar_t c) {
        return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
               (c >= 0x2066 && c <= 0x2069);
}

/* Length and width of the character at `text`; a width below 0 is not to be shown. */
static size_t character(const char *text, int *ret_width) {
        mbstate_t state = {};
        wchar_t c;
        size_t n = mbrtowc(&c, text, MB_LEN_MAX, &state);

        if (n == (size_t) -1 || n == (size_t) -2 || n == 0) {
                *ret_width = -1;
                return 1;
        }
        *ret_width = is_direction_mark(c) ? -1 : wcwidth(c);
        return n;
}

/* Bytes of the UTF-8 character at `text`, whatever the locale. */
static size_t utf8_length(const char *text) {
        size_t n = 1;

        while (((unsigned char) text[n] & 0xc0) == 0x80)
                n++;
        return n;
}

char *screen_clean(const char *text) {
        size_t size = strlen(text) + 1, to = 0;
        char *clean = malloc(size);

        if (!clean)
                return NULL;
        text_sanitize(clean, size, text);
        for (size_t from = 0; clean[from];) {
                int width;
                size_t n = character(clean + from, &width);

                if (width < 0) {
                        from += utf8_length(clean + from);
                        clean[to++] = '?';
                        continue;
                }
                memmove(clean + to, clean + from, n);
                to += n;
                from += n;
        }
        clean[to] = '\0';
        return clean;
}

size_t screen_width(const char *text) {
        size_t total = 0;

        while (*text) {
                int width;

                text += character(text, &width);
                total += width < 0 ? 1U : (size_t) width;
        }
        return total;
}

char *screen_cut(const char *text, size_t width) {
        const char *ellipsis = locale_is_utf8() ? "…" : "~", *end = text;
        size_t taken = 0;

        if (width == 0 || screen_width(text) <= width)
                return strdup(text);
        while (*end) {
                int w;
                size_t n = character(end, &w);

                w = w < 0 ? 1 : w;
                if (taken + (size_t) w > width - 1) /* the ellipsis takes one */
                        break;
                taken += (size_t) w;
                end += n;
        }
        return text_format("%.*s%s", (int) (end - text), text, ellipsis);
}
