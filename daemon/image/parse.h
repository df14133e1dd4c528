/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parsers of this folder share: reading little-endian numbers, adding bytes to an image
 * within the bounds that hold for every format, and the DFU suffix, which two formats end with.
 * Nobody outside daemon/image includes this but its tests. */

#include "image/image.h"

/* All boards have 32-bit addresses. */
#define IMAGE_ADDRESS_END (UINT64_C(1) << 32)
/* Pieces before they are merged. A linker makes a handful, a text format in any sane order some
 * hundreds; the bound keeps a hostile file from costing more memory than it has bytes. */
#define IMAGE_PIECES_MAX 65536U

static inline uint16_t read_le16(const uint8_t *p) {
        return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t read_le32(const uint8_t *p) {
        return read_le16(p) | (uint32_t) read_le16(p + 2) << 16;
}

/* Copies the bytes into the image's segments. FWD_INVALID_IMAGE if they end behind the address
 * space or are one piece too many. */
int image_add(struct image *image, uint64_t address, const uint8_t *data, size_t size,
              struct fault *fault);

/* USB DFU 1.1, appendix B. */
#define DFU_SUFFIX_SIZE 16U

struct dfu_suffix {
        uint16_t bcd_device, product_id, vendor_id, bcd_dfu;
        size_t length; /* bytes, bLength: at least DFU_SUFFIX_SIZE */
};

/* Reads and checks the suffix at the end of the file, its CRC over the whole file included. */
int dfu_suffix_read(const uint8_t *data, size_t size, struct dfu_suffix *ret, struct fault *fault);

/* The firmware in a release archive (release-zip.c), a new buffer; what the archive says of it goes
 * to `image`. FWD_INVALID_IMAGE, FWD_IMAGE_TOO_LARGE. */
bool release_zip_detect(const uint8_t *data, size_t size);
int release_zip_extract(const uint8_t *data, size_t size, struct image *image, uint8_t **ret,
                        size_t *ret_size, struct fault *fault);

/* A name for a format that is known not to be read (an archive, another text format …), or NULL if
 * the bytes may be a raw image. */
const char *image_foreign_format(const uint8_t *data, size_t size);
