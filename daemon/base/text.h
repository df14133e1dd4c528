/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers out of text, and text from a device made fit for people: strict, bounded, without locale.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Decimal or 0x-hexadecimal, the whole string, no sign, no blanks. -EINVAL, -ERANGE (above max). */
int parse_u64(const char *text, uint64_t max, uint64_t *ret);
/* The same with an optional suffix K, M or G (binary). -EINVAL, -ERANGE. */
int parse_size(const char *text, uint64_t *ret);
/* "yes", "true", "1", "on" and their opposites. -EINVAL. */
int parse_bool(const char *text);

/* Copies what a device said: valid UTF-8 stays, control characters and broken sequences become '?',
 * blanks at both ends go, and the copy ends at the last whole character that fits. Always
 * terminated. `to_size` at least 1. */
void text_sanitize(char *to, size_t to_size, const char *from);

/* True if `text` is valid UTF-8 without control characters (tab is one). */
bool text_is_clean(const char *text);

/* A new string, or NULL when memory is out. Free with free(). */
char *text_format(const char *format, ...) _printf_(1, 2);
