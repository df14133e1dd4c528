/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two text formats, Intel HEX and Motorola S-record, have in common: lines of hexadecimal
 * digits, and how they are told about. Pure; for the parsers of this folder alone. */

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline bool hex_is_blank(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\r';
}

/* The line's length without the blanks at its end. */
static inline size_t hex_trim(const uint8_t *line, size_t length) {
        while (length > 0 && hex_is_blank(line[length - 1]))
                length--;
        return length;
}

/* The line that begins at `*at`, which moves behind it; false at the end. */
static inline bool hex_next_line(const uint8_t *data, size_t size, size_t *at,
                                 const uint8_t **ret_line, size_t *ret_length) {
        const uint8_t *line = data + *at, *end;

        if (*at >= size)
                return false;
        end = memchr(line, '\n', size - *at);
        *ret_length = end ? (size_t) (end - line) : size - *at;
        *ret_line = line;
        *at += *ret_length + 1;
        return true;
}

static inline unsigned hex_value(uint8_t c) {
        return isdigit(c) ? c - (unsigned) '0' : (c | 0x20) - 'a' + 10U;
}

static inline uint8_t hex_byte(const uint8_t *digits) {
        return (uint8_t) (hex_value(digits[0]) << 4 | hex_value(digits[1]));
}

/* How many digits `text` begins with. */
static inline size_t hex_digits(const uint8_t *text, size_t size) {
        size_t n = 0;

        while (n < size && isxdigit(text[n]))
                n++;
        return n;
}

static inline const char *hex_character_text(uint8_t c, char to[static 8]) {
        (void) snprintf(to, 8, c > ' ' && c < 0x7f ? "'%c'" : "0x%02X", c);
        return to;
}
