/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int parse_u64(const char *text, uint64_t max, uint64_t *ret) {
        unsigned base = 10;
        uint64_t value = 0;

        if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
                base = 16;
                text += 2;
        }
        if (*text == '\0')
                return -EINVAL;
        for (; *text; text++) {
                unsigned char c = (unsigned char) *text;
                unsigned digit;

                if (c >= '0' && c <= '9')
                        digit = c - '0';
                else if (base == 16 && isxdigit(c))
                        digit = (c | 0x20) - 'a' + 10U;
                else
                        return -EINVAL;
                if (__builtin_mul_overflow(value, (uint64_t) base, &value) ||
                    __builtin_add_overflow(value, (uint64_t) digit, &value))
                        return -ERANGE;
        }
        if (value > max)
                return -ERANGE;
        *ret = value;
        return 0;
}

int parse_size(const char *text, uint64_t *ret) {
        char digits[32];
        size_t length = strlen(text);
        unsigned shift = 0;
        uint64_t value;
        int r;

        if (length == 0 || length >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, text, length + 1);
        switch (digits[length - 1]) {
        case 'K':
                shift = 10;
                break;
        case 'M':
                shift = 20;
                break;
        case 'G':
                shift = 30;
                break;
        }
        if (shift)
                digits[length - 1] = '\0';
        r = parse_u64(digits, UINT64_MAX >> shift, &value);
        if (r < 0)
                return r;
        *ret = value << shift;
        return 0;
}

int parse_bool(const char *text) {
        static const char *const yes[] = {"yes", "true", "1", "on"}, *const no[] = {"no", "false",
                                                                                    "0", "off"};

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                if (strcmp(text, yes[i]) == 0)
                        return 1;
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                if (strcmp(text, no[i]) == 0)
                        return 0;
        return -EINVAL;
}

/* Length of the valid UTF-8 character at `s` that is not a control character, or 0. */
static size_t clean_character(const unsigned char *s) {
        uint32_t code;
        size_t length;

        if (s[0] < 0x80)
                return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
        if ((s[0] & 0xe0) == 0xc0) {
                length = 2;
                code = s[0] & 0x1f;
        } else if ((s[0] & 0xf0) == 0xe0) {
                length = 3;
                code = s[0] & 0x0f;
        } else if ((s[0] & 0xf8) == 0xf0) {
                length = 4;
                code = s[0] & 0x07;
        } else
                return 0;
        for (size_t i = 1; i < length; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3f);
        }
        if (code < (length == 2   ? 0xa0U
                    : length == 3 ? 0x800U
                                  : 0x10000U) ||
            code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                return 0;
        return length;
}

void text_sanitize(char *to, size_t to_size, const char *from) {
        const unsigned char *s = (const unsigned char *) from;
        size_t n = 0;

        while (*s == ' ')
                s++;
        while (*s) {
                size_t length = clean_character(s);

                if (n + (length ? length : 1) >= to_size)
                        break;
                if (length == 0) {
                        to[n++] = '?';
                        s++;
                        continue;
                }
                memcpy(to + n, s, length);
                n += length;
                s += length;
        }
        while (n > 0 && to[n - 1] == ' ')
                n--;
        to[n] = '\0';
}

bool text_is_clean(const char *text) {
        const unsigned char *s = (const unsigned char *) text;

        while (*s) {
                size_t length = clean_character(s);

                if (length == 0)
                        return false;
                s += length;
        }
        return true;
}

char *text_format(const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        return r < 0 ? NULL : text;
}
