/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UF2: blocks of 512 bytes, each with its address and its number, for bootloaders that look like a
 * drive. Source: github.com/microsoft/uf2, README.md and utils/uf2families.json. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "image/parse.h"

#define BLOCK_SIZE   512U
#define PAYLOAD_MAX  476U
#define MD5_SIZE     24U /* where the flag says so, the payload's room ends with it */

#define MAGIC_FIRST  0x0a324655U
#define MAGIC_SECOND 0x9e5d5157U
#define MAGIC_LAST   0x0ab16f30U

enum { /* offsets in a block */
       AT_MAGIC_SECOND = 4,
       AT_FLAGS = 8,
       AT_ADDRESS = 12,
       AT_PAYLOAD_SIZE = 16,
       AT_NUMBER = 20,
       AT_COUNT = 24,
       AT_FAMILY = 28,
       AT_PAYLOAD = 32,
       AT_MAGIC_LAST = 508,
};

enum {
        FLAG_NOT_MAIN_FLASH = 0x1,
        FLAG_CONTAINER = 0x1000, /* files instead of flash */
        FLAG_FAMILY = 0x2000,
        FLAG_MD5 = 0x4000,
};

static const struct {
        uint32_t id;
        const char *name;
} families[] = {
        {0x647824b6, "STM32F0"},  {0x5ee21072, "STM32F1"},   {0x5d1a0a2e, "STM32F2"},
        {0x6b846188, "STM32F3"},  {0x57755a57, "STM32F4"},   {0x6d0922fa, "STM32F407"},
        {0x8fb060fe, "STM32F4"},  {0x06d1097b, "STM32F411"}, {0x2dc309c5, "STM32F411"},
        {0x53b80f00, "STM32F7"},  {0x300f5633, "STM32G0"},   {0x4c71240a, "STM32G4"},
        {0x6db66082, "STM32H7"},  {0x202e3a91, "STM32L0"},   {0x1e1f432d, "STM32L1"},
        {0x00ff6919, "STM32L4"},  {0x04240bdf, "STM32L5"},   {0x70d16653, "STM32WB"},
        {0x21460ff0, "STM32WL"},  {0xe48bff56, "RP2040"},    {0xe48bff57, "RP2"},
        {0xe48bff58, "RP2"},      {0xe48bff59, "RP2350"},    {0xe48bff5a, "RP2350"},
        {0xe48bff5b, "RP2350"},   {0x68ed2b88, "SAMD21"},    {0x55114460, "SAMD51"},
        {0xada52840, "NRF52840"}, {0x1c5f21b0, "ESP32"},     {0xbfdd4eee, "ESP32-S2"},
        {0xc47e5767, "ESP32-S3"},
};

const char *uf2_family_name(uint32_t id) {
        for (size_t i = 0; i < ARRAY_SIZE(families); i++)
                if (families[i].id == id)
                        return families[i].name;
        return NULL;
}

struct reader {
        struct image *image;
        struct fault *fault;
        uint32_t n_blocks;
        bool *seen; /* one for each block number */
};

static void reader_clear(struct reader *r) {
        free(r->seen);
}

#define block_fault(r, at, format, ...)                                                            \
        fault_set((r)->fault, FWD_INVALID_IMAGE, "UF2 block at offset %zu: " format, at,           \
                  ##__VA_ARGS__)

static int check_family(struct reader *r, const uint8_t *block, size_t at) {
        uint32_t family = read_le32(block + AT_FAMILY);

        if (!(read_le32(block + AT_FLAGS) & FLAG_FAMILY))
                return 0;
        if (r->image->has_family && r->image->family != family)
                return block_fault(r, at,
                                   "it is for another chip family (0x%08" PRIx32
                                   ") than those before it (0x%08" PRIx32
                                   "); a file for one family is needed",
                                   family, r->image->family);
        r->image->has_family = true;
        r->image->family = family;
        return 0;
}

static int check_number(struct reader *r, const uint8_t *block, size_t at) {
        uint32_t number = read_le32(block + AT_NUMBER), count = read_le32(block + AT_COUNT);

        if (count != r->n_blocks)
                return block_fault(r, at,
                                   "it says that the file has %" PRIu32 " blocks, but %" PRIu32
                                   " are there",
                                   count, r->n_blocks);
        if (number >= count)
                return block_fault(r, at, "it has the number %" PRIu32 " of %" PRIu32, number,
                                   count);
        if (r->seen[number])
                return block_fault(r, at, "a second block with the number %" PRIu32, number);
        r->seen[number] = true;
        return 0;
}

static int take_block(struct reader *r, const uint8_t *block, size_t at) {
        uint32_t flags = read_le32(block + AT_FLAGS), size = read_le32(block + AT_PAYLOAD_SIZE);
        uint32_t room = flags & FLAG_MD5 ? PAYLOAD_MAX - MD5_SIZE : PAYLOAD_MAX;
        int e;

        if (read_le32(block) != MAGIC_FIRST || read_le32(block + AT_MAGIC_SECOND) != MAGIC_SECOND ||
            read_le32(block + AT_MAGIC_LAST) != MAGIC_LAST)
                return block_fault(r, at, "it has not the marks of a UF2 block");
        if (flags & FLAG_CONTAINER)
                return block_fault(r, at, "it holds a file for the drive, not firmware");
        if (size > room)
                return block_fault(r, at,
                                   "it says that it has %" PRIu32 " bytes; %" PRIu32
                                   " is the most that fits",
                                   size, room);
        e = check_number(r, block, at);
        if (e == 0)
                e = check_family(r, block, at);
        if (e < 0 || size == 0 || flags & FLAG_NOT_MAIN_FLASH)
                return e;
        return image_add(r->image, read_le32(block + AT_ADDRESS), block + AT_PAYLOAD, size,
                         r->fault);
}

bool uf2_detect(const uint8_t *data, size_t size) {
        return size >= 8 && read_le32(data) == MAGIC_FIRST &&
               read_le32(data + AT_MAGIC_SECOND) == MAGIC_SECOND;
}

int uf2_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        _cleanup_(reader_clear) struct reader r = {
                .image = image,
                .fault = fault,
                .n_blocks = (uint32_t) (size / BLOCK_SIZE),
        };

        image->has_address = true;
        if (size == 0 || size % BLOCK_SIZE)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The UF2 file is incomplete: %zu bytes are no whole number of "
                                 "blocks of %u",
                                 size, BLOCK_SIZE);
        r.seen = calloc(r.n_blocks, sizeof(*r.seen));
        if (!r.seen)
                return fault_set(fault, FWD_FAILED, "Out of memory while reading the image");
        for (size_t at = 0; at < size; at += BLOCK_SIZE) {
                int e = take_block(&r, data + at, at);

                if (e < 0)
                        return e;
        }
        return 0;
}
