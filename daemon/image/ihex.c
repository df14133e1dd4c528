/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Intel HEX, after "Hexadecimal Object File Format Specification", revision A, 1988. */

#include <inttypes.h>
#include <string.h>

#include "image/hex-text.h"
#include "image/parse.h"

enum {
        RECORD_DATA = 0,
        RECORD_END = 1,
        RECORD_SEGMENT_BASE = 2,
        RECORD_SEGMENT_ENTRY = 3,
        RECORD_LINEAR_BASE = 4,
        RECORD_LINEAR_ENTRY = 5,
};

/* Length, offset (2), type and checksum around the data. */
#define RECORD_OVERHEAD 5U

struct record {
        uint8_t bytes[RECORD_OVERHEAD + 255];
        uint8_t length; /* of the data */
        uint16_t offset;
        uint8_t type;
        const uint8_t *data;
};

struct reader {
        struct image *image;
        struct fault *fault;
        size_t line; /* counted from 1 */
        size_t end_line;
        uint32_t base;
        bool segmented; /* base from an 02 record: offsets do not leave their 64 KiB */
};

#define line_fault(r, format, ...)                                                                 \
        fault_set((r)->fault, FWD_INVALID_IMAGE, "Intel HEX line %zu: " format, (r)->line,         \
                  ##__VA_ARGS__)

/* `text` is the line without its ':'. */
static int record_decode(struct reader *r, const uint8_t *text, size_t length, struct record *ret) {
        uint8_t sum = 0, wanted;
        size_t n = length / 2;
        char c[8];

        for (size_t i = 0; i < length; i++)
                if (!isxdigit(text[i]))
                        return line_fault(r, "%s in column %zu is not a hexadecimal digit",
                                          hex_character_text(text[i], c), i + 2);
        if (length % 2)
                return line_fault(r, "it is cut short: %zu digits, which is odd", length);
        if (n < RECORD_OVERHEAD)
                return line_fault(r, "it is cut short: %zu bytes, a record has at least %u", n,
                                  RECORD_OVERHEAD);
        ret->length = hex_byte(text);
        if (n != RECORD_OVERHEAD + ret->length)
                return line_fault(r, "it announces %u data bytes, but %zu are there", ret->length,
                                  n - RECORD_OVERHEAD);
        for (size_t i = 0; i < n; i++)
                ret->bytes[i] = hex_byte(text + 2 * i);
        for (size_t i = 0; i < n - 1; i++)
                sum = (uint8_t) (sum + ret->bytes[i]);
        wanted = (uint8_t) (0x100 - sum);
        if (ret->bytes[n - 1] != wanted)
                return line_fault(r, "the checksum is 0x%02X, its bytes give 0x%02X",
                                  ret->bytes[n - 1], wanted);
        ret->offset = (uint16_t) (ret->bytes[1] << 8 | ret->bytes[2]);
        ret->type = ret->bytes[3];
        ret->data = ret->bytes + 4;
        return 0;
}

static uint32_t data_be16(const struct record *record, size_t at) {
        return (uint32_t) record->data[at] << 8 | record->data[at + 1];
}

static int set_entry(struct reader *r, uint32_t entry) {
        if (r->image->has_entry && r->image->entry != entry)
                return line_fault(r, "a second start address, 0x%08" PRIX32 ", after 0x%08" PRIX64,
                                  entry, r->image->entry);
        r->image->has_entry = true;
        r->image->entry = entry;
        return 0;
}

static int take_data(struct reader *r, const struct record *record) {
        uint64_t address = (uint64_t) r->base + record->offset;

        if (r->segmented && record->offset + record->length > 0x10000)
                return line_fault(r, "%u bytes at 0x%04X leave their 64 KiB segment",
                                  record->length, record->offset);
        if (address + record->length > IMAGE_ADDRESS_END)
                return line_fault(r, "%u bytes at 0x%08" PRIX64 " leave the 32-bit address space",
                                  record->length, address);
        return image_add(r->image, address, record->data, record->length, r->fault);
}

static int take_record(struct reader *r, const struct record *record) {
        /* Data bytes of each type but data itself. */
        static const uint8_t lengths[] = {
                [RECORD_END] = 0,         [RECORD_SEGMENT_BASE] = 2, [RECORD_SEGMENT_ENTRY] = 4,
                [RECORD_LINEAR_BASE] = 2, [RECORD_LINEAR_ENTRY] = 4,
        };

        if (record->type == RECORD_DATA)
                return take_data(r, record);
        if (record->type >= ARRAY_SIZE(lengths))
                return line_fault(r, "record type 0x%02X does not exist (00 to 05 do)",
                                  record->type);
        if (record->length != lengths[record->type])
                return line_fault(r, "a record of type %02X has %u data bytes, this one %u",
                                  record->type, lengths[record->type], record->length);
        if (record->offset != 0)
                return line_fault(r, "a record of type %02X has the offset 0000, this one %04X",
                                  record->type, record->offset);
        switch (record->type) {
        case RECORD_END:
                r->end_line = r->line;
                return 0;
        case RECORD_SEGMENT_BASE:
                r->base = data_be16(record, 0) << 4;
                r->segmented = true;
                return 0;
        case RECORD_LINEAR_BASE:
                r->base = data_be16(record, 0) << 16;
                r->segmented = false;
                return 0;
        case RECORD_SEGMENT_ENTRY:
                return set_entry(r, (data_be16(record, 0) << 4) + data_be16(record, 2));
        default:
                return set_entry(r, data_be16(record, 0) << 16 | data_be16(record, 2));
        }
}

static int take_line(struct reader *r, const uint8_t *line, size_t length) {
        struct record record;
        char c[8];
        int n;

        length = hex_trim(line, length);
        if (length == 0)
                return 0;
        if (r->end_line > 0)
                return line_fault(r, "there is more behind the end record of line %zu",
                                  r->end_line);
        if (line[0] != ':')
                return line_fault(r, "it begins with %s instead of ':'",
                                  hex_character_text(line[0], c));
        n = record_decode(r, line + 1, length - 1, &record);
        return n < 0 ? n : take_record(r, &record);
}

/* A line that could be a record, near the beginning. Not in the first line alone: a file with
 * something else in front of its records gets a message about that line. */
bool ihex_detect(const uint8_t *data, size_t size) {
        const size_t probe = size < 4096 ? size : 4096;

        for (size_t i = 0; i < probe; i++) {
                if (data[i] == ':' && (i == 0 || data[i - 1] == '\n') &&
                    (hex_digits(data + i + 1, size - i - 1) >= 8 || i == 0))
                        return true;
                /* Not text: only a record in its first bytes made it Intel HEX. */
                if (data[i] < ' ' && !hex_is_blank(data[i]) && data[i] != '\n')
                        return false;
        }
        return false;
}

int ihex_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        struct reader r = {.image = image, .fault = fault};
        size_t at = 0, length;
        const uint8_t *line;
        int n;

        image->has_address = true;
        while (hex_next_line(data, size, &at, &line, &length)) {
                r.line++;
                n = take_line(&r, line, length);
                if (n < 0)
                        return n;
        }
        if (r.end_line == 0)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The Intel HEX file is incomplete: it ends in line %zu without "
                                 "the end record :00000001FF",
                                 r.line);
        return 0;
}
