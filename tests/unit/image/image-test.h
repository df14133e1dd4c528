/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the parsers share: files put together in memory byte by byte, and the two
 * things that a parser can do with one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/image.h"

/* A growing file. */
struct bytes {
        uint8_t *data;
        size_t size;
};

void bytes_free(struct bytes *bytes);
#define _cleanup_bytes_ _cleanup_(bytes_free)

void put(struct bytes *bytes, const void *data, size_t size);
void put_text(struct bytes *bytes, const char *text);
void put_fill(struct bytes *bytes, uint8_t value, size_t size);
void put_le16(struct bytes *bytes, uint16_t value);
void put_le32(struct bytes *bytes, uint32_t value);
void set_le32(struct bytes *bytes, size_t at, uint32_t value);

/* Appends a DFU suffix with the CRC of what is there. */
void put_suffix(struct bytes *bytes, uint16_t vendor, uint16_t product, uint16_t device,
                uint16_t bcd_dfu);
/* Computes the CRC of a file with a suffix anew, after a change. */
void fix_crc(struct bytes *bytes);

/* DfuSe, piece by piece; dfuse_finish() fills in sizes and the suffix. */
void dfuse_begin(struct bytes *bytes);
void dfuse_target(struct bytes *bytes, uint8_t alt, const char *name);
void dfuse_element(struct bytes *bytes, uint32_t address, const void *data, uint32_t size);
void dfuse_finish(struct bytes *bytes);

/* Must be read; the image is the caller's. */
struct image *accepted(const void *data, size_t size);
/* Must be refused with this error, a message that contains `part`, and without an image. */
void refused(const void *data, size_t size, enum fwd_error error, const char *part);
void assert_segment(const struct image *image, size_t index, uint64_t address, const void *data,
                    size_t size);
void read_file(const char *path, struct bytes *bytes);
/* Reads a file of tests/data. */
void read_data(const char *name, struct bytes *bytes);
