/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Motorola S-records, after the M68000 Family Programmer's Reference Manual, appendix C:
 *
 *   S0 a title   S1 S2 S3 data at 16, 24, 32 bits of address   S5 S6 how many data records there
 *   were, in 16 or 24 bits   S7 S8 S9 the end, with a start address of 32, 24, 16 bits
 *
 * The end record is required: without it nobody knows whether the file is whole. Tools pair S1 with
 * S9, S2 with S8 and S3 with S7, but not all of them, so any end is taken. */

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "image/hex-text.h"
#include "image/parse.h"

#define RECORD_BYTES_MAX 255U /* counted by one byte: address, data and checksum */

struct record {
        unsigned type; /* the digit */
        uint8_t bytes[RECORD_BYTES_MAX];
        size_t n_address;
        uint32_t address; /* or the count of S5 and S6 */
        const uint8_t *data;
        size_t n_data;
};

struct reader {
        struct image *image;
        struct fault *fault;
        size_t line; /* counted from 1 */
        size_t count_line, end_line;
        uint32_t n_data_records;
};

#define line_fault(r, format, ...)                                                                 \
        fault_set((r)->fault, FWD_INVALID_IMAGE, "S-record line %zu: " format, (r)->line,          \
                  ##__VA_ARGS__)

/* Bytes of the address field; 0: no such record. S4 is reserved. */
static const uint8_t address_sizes[10] = {2, 2, 3, 4, 0, 2, 3, 4, 3, 2};

static bool has_data(unsigned type) {
        return type <= 3;
}

static int check_digits(struct reader *r, const uint8_t *line, size_t length) {
        char c[8];

        for (size_t i = 2; i < length; i++)
                if (!isxdigit(line[i]))
                        return line_fault(r, "%s in column %zu is not a hexadecimal digit",
                                          hex_character_text(line[i], c), i + 1);
        if (length % 2)
                return line_fault(r, "it is cut short: %zu characters, which is odd", length);
        return 0;
}

/* `line` is whole, without the blanks at its end. */
static int record_decode(struct reader *r, const uint8_t *line, size_t length, struct record *ret) {
        uint8_t sum = 0, wanted;
        size_t n, announced;
        char c[8];
        int e;

        if (line[0] != 'S')
                return line_fault(r, "it begins with %s instead of 'S'",
                                  hex_character_text(line[0], c));
        if (length < 4)
                return line_fault(r, "it is cut short after %zu characters", length);
        if (!isdigit(line[1]) || address_sizes[line[1] - '0'] == 0)
                return line_fault(r, "record type S%c does not exist (S0 to S3 and S5 to S9 do)",
                                  isgraph(line[1]) ? line[1] : '?');
        e = check_digits(r, line, length);
        if (e < 0)
                return e;
        ret->type = line[1] - (unsigned) '0';
        ret->n_address = address_sizes[ret->type];
        announced = hex_byte(line + 2);
        n = length / 2 - 2;
        if (announced != n)
                return line_fault(r, "it announces %zu bytes, but %zu are there", announced, n);
        if (n < ret->n_address + 1)
                return line_fault(r, "it is cut short: %zu bytes, an S%u record has at least %zu",
                                  n, ret->type, ret->n_address + 1);
        sum = (uint8_t) announced;
        for (size_t i = 0; i < n; i++) {
                ret->bytes[i] = hex_byte(line + 4 + 2 * i);
                if (i + 1 < n)
                        sum = (uint8_t) (sum + ret->bytes[i]);
        }
        wanted = (uint8_t) ~sum;
        if (ret->bytes[n - 1] != wanted)
                return line_fault(r, "the checksum is 0x%02X, its bytes give 0x%02X",
                                  ret->bytes[n - 1], wanted);
        ret->address = 0;
        for (size_t i = 0; i < ret->n_address; i++)
                ret->address = ret->address << 8 | ret->bytes[i];
        ret->data = ret->bytes + ret->n_address;
        ret->n_data = n - ret->n_address - 1;
        return 0;
}

static int take_data(struct reader *r, const struct record *record) {
        if (r->count_line > 0)
                return line_fault(r, "there is data behind the count record of line %zu",
                                  r->count_line);
        if (record->address + (uint64_t) record->n_data > IMAGE_ADDRESS_END)
                return line_fault(r, "%zu bytes at 0x%08" PRIX32 " leave the 32-bit address space",
                                  record->n_data, record->address);
        r->n_data_records++;
        return image_add(r->image, record->address, record->data, record->n_data, r->fault);
}

static int take_count(struct reader *r, const struct record *record) {
        if (r->count_line > 0)
                return line_fault(r, "a second count record after that of line %zu", r->count_line);
        if (record->address != r->n_data_records)
                return line_fault(r,
                                  "it counts %" PRIu32 " data records, but %" PRIu32
                                  " are there: lines are missing",
                                  record->address, r->n_data_records);
        r->count_line = r->line;
        return 0;
}

static int take_record(struct reader *r, const struct record *record) {
        if (!has_data(record->type) && record->n_data > 0)
                return line_fault(r, "an S%u record has no data, this one has %zu bytes",
                                  record->type, record->n_data);
        switch (record->type) {
        case 0: /* a title, for people */
                return 0;
        case 1:
        case 2:
        case 3:
                return take_data(r, record);
        case 5:
        case 6:
                return take_count(r, record);
        default:
                r->end_line = r->line;
                /* 0 is what tools write that know no start address. */
                r->image->has_entry = record->address != 0;
                r->image->entry = record->address;
                return 0;
        }
}

static int take_line(struct reader *r, const uint8_t *line, size_t length) {
        struct record record;
        int n;

        length = hex_trim(line, length);
        if (length == 0)
                return 0;
        if (r->end_line > 0)
                return line_fault(r, "there is more behind the end record of line %zu",
                                  r->end_line);
        n = record_decode(r, line, length, &record);
        return n < 0 ? n : take_record(r, &record);
}

/* A record in the first line that is not blank. */
bool srec_detect(const uint8_t *data, size_t size) {
        while (size > 0 && (hex_is_blank(data[0]) || data[0] == '\n')) {
                data++;
                size--;
        }
        return size >= 4 && data[0] == 'S' && isdigit(data[1]) && hex_digits(data + 2, 2) == 2;
}

int srec_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
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
                                 "The S-record file is incomplete: it ends in line %zu without an "
                                 "end record (S7, S8 or S9)",
                                 r.line);
        return 0;
}
