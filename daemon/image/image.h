/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Firmware files -> segments. Pure: bytes in, image or fault out; no file, no device, no clock.
 * Runs in the worker, on bytes from strangers: everything is bounded, every record is checked, and
 * each parser has a fuzz target.
 *
 * The format is found by content, never by a name. One parser a file (ihex.c, dfuse.c, elf.c …),
 * one entry each, below; image.c detects, dispatches, sorts and merges, hashes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/segment.h"

#define IMAGE_SIZE_MAX (64U << 20) /* bytes of a file */

enum image_format {
        IMAGE_RAW,   /* .bin: bytes that say nothing of themselves */
        IMAGE_IHEX,  /* Intel HEX */
        IMAGE_DFUSE, /* ST DfuSe container with suffix */
        IMAGE_DFU,   /* raw bytes with a DFU suffix */
        IMAGE_ELF,   /* PT_LOAD at physical addresses */
        IMAGE_UF2,   /* blocks of 512 bytes, for drives of bootloaders */
        IMAGE_SREC,  /* Motorola S-record */
        _IMAGE_FORMAT_MAX,
};

#define IMAGE_ID_ANY 0xffffU /* wildcard of the DFU suffix */

struct image {
        enum image_format format;
        struct segments
                segments; /* sorted, merged, without overlap; one at address 0 if !has_address */
        bool has_address; /* false: a raw or plain DFU file whose address nobody told */
        bool has_entry;
        uint64_t entry;
        uint16_t vendor_id, product_id, bcd_device; /* of the DFU suffix; IMAGE_ID_ANY if none */
        bool has_family;                            /* UF2 alone: what chips it is for */
        uint32_t family;
        bool gzip;             /* came compressed; `format` is of what was inside */
        int alt;               /* alternate setting of a DfuSe file's target; -1: not said */
        char target_name[256]; /* of a DfuSe target, clean text; "" if none */
        bool release;          /* out of a release archive */
        char platform[32];     /* that the archive says the firmware is for; clean text */
        char left_out[200];    /* what else it has, for other processors: "name (nrf51), …" */
        uint8_t sha256[32];    /* of the file as it came */
};

struct image_options {
        bool has_address; /* where a file that does not say belongs (--address, or the board's
                             profile) */
        uint64_t address;
};

/* Parses `size` bytes. `*ret` is a new image; free with image_free(). Errors in `fault`:
 * FWD_INVALID_IMAGE (with what is wrong, and the line or offset), FWD_IMAGE_TOO_LARGE,
 * FWD_INVALID_ARGUMENT (an address for a file that has its own and is not equal to it). */
int image_parse(const uint8_t *data, size_t size, const struct image_options *options,
                struct image **ret, struct fault *fault);
/* Says where a file without an address belongs. FWD_INVALID_ARGUMENT as above. */
int image_place(struct image *image, const struct image_options *options, struct fault *fault);
struct image *image_free(struct image *image);
DEFINE_CLEANUP(struct image *, image_free)
#define _cleanup_image_ _cleanup_(image_free_p)

/* "raw", "ihex", "dfuse", "dfu", "elf", "uf2", "srec". Never NULL. */
const char *image_format_name(enum image_format format);

/* "0x08000000+481280,0x08010000+1234": address and bytes of each segment, for reports. What does
 * not fit ends in ",...". `to_size` at least 4. */
void image_segments_text(const struct segments *segments, char *to, size_t to_size);

/* Is this a vector table of a Cortex-M whose flash holds `image`? Checked on the segment that holds
 * `flash_start`'s table: initial stack pointer in one of the RAM areas of STM32-class chips and a
 * multiple of 4 (unless `unaligned_stack`), reset vector odd (Thumb) and inside the image. Source:
 * ARMv7-M ARM (DDI 0403E) B1.5.3. FWD_INVALID_IMAGE. `table` is the address of the table. */
int image_check_vectors(const struct image *image, uint64_t table, bool unaligned_stack,
                        struct fault *fault);
/* The two words of a vector table, unchecked; false if the image has none there. */
bool image_read_vectors(const struct image *image, uint64_t table, uint32_t *ret_stack,
                        uint32_t *ret_reset);
/* Whether a word may be a stack pointer on chips of this class. */
bool image_is_stack(uint32_t word, bool unaligned);

/* The parsers: each fills segments and what else its format says. For image.c, tests and fuzz
 * targets. */
bool ihex_detect(const uint8_t *data, size_t size);
int ihex_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault);
bool dfuse_detect(const uint8_t *data, size_t size);
int dfuse_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault);
bool dfu_suffix_detect(const uint8_t *data, size_t size);
int dfu_suffix_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault);
bool elf_detect(const uint8_t *data, size_t size);
int elf_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault);
bool uf2_detect(const uint8_t *data, size_t size);
int uf2_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault);
bool srec_detect(const uint8_t *data, size_t size);
int srec_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault);

/* What chips a UF2 family id stands for, as the beginning of their name ("STM32F4"); NULL if it is
 * not known. */
const char *uf2_family_name(uint32_t id);

bool gzip_detect(const uint8_t *data, size_t size);
/* What was compressed, at most IMAGE_SIZE_MAX bytes; free with free(). FWD_INVALID_IMAGE,
 * FWD_IMAGE_TOO_LARGE. */
int gzip_inflate(const uint8_t *data, size_t size, uint8_t **ret, size_t *ret_size,
                 struct fault *fault);
