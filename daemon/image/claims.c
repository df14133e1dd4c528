/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/claims.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/fc-firmware.h"
#include "base/mcu.h"
#include "image/parse.h"

#define LINE_MAX_SIZE     80U /* of a longer line only the end is looked at */
#define BOARD_LENGTH_MIN  5U
#define BOARD_LENGTH_MAX  20U /* MAX_BOARD_NAME_LENGTH of Betaflight */

#define FLASH_START       UINT64_C(0x08000000)
#define FLASH_SIZE_MAX    0x200000U
#define DEFAULTS_POINTERS 0x2800U /* from the start of the flash */

/* A text that was seen; of two different ones neither is believed. */
struct seen {
        char text[CLAIM_TEXT_SIZE];
        bool differs;
};

struct search {
        unsigned names, identifiers; /* bits of `fc_firmwares` */
        struct seen version, mcu;
        struct seen board;       /* known names */
        struct seen board_named; /* "board_name X" */
};

static void see(struct seen *seen, const char *text) {
        if (seen->text[0] == '\0')
                (void) snprintf(seen->text, sizeof(seen->text), "%.*s", (int) CLAIM_TEXT_SIZE - 1,
                                text);
        else if (strcmp(seen->text, text) != 0)
                seen->differs = true;
}

static const char *skip_digits(const char *text) {
        while (isdigit((unsigned char) *text))
                text++;
        return text;
}

/* "4.5.1", "2025.12.0-beta": three numbers, then whatever a build adds to them. */
static bool is_version(const char *text) {
        for (int i = 0; i < 3; i++) {
                const char *end = skip_digits(text);

                if (end == text || end - text > 4 || (i < 2 && *end != '.'))
                        return false;
                text = i < 2 ? end + 1 : end;
        }
        if (*text != '\0' && *text != '-' && *text != '+' && *text != '.')
                return false;
        for (; *text; text++)
                if (!isalnum((unsigned char) *text) && !strchr(".-+_", *text))
                        return false;
        return true;
}

static bool is_board_name(const char *text) {
        size_t n = strlen(text);

        if (n < BOARD_LENGTH_MIN || n > BOARD_LENGTH_MAX)
                return false;
        for (; *text; text++)
                if (!isupper((unsigned char) *text) && !isdigit((unsigned char) *text) &&
                    *text != '_' && *text != '-')
                        return false;
        return true;
}

/* "STM32F405", "STM32F7X2", "AT32F435G": a chip and no more than two letters behind it. */
static bool is_target(const char *text) {
        size_t n = strlen(text);

        if (n < 6 || n > 12)
                return false;
        for (; *text; text++)
                if (!isupper((unsigned char) *text) && !isdigit((unsigned char) *text))
                        return false;
        return true;
}

/* A name counts if it stands alone or behind the firmware's ("Betaflight STM32F405"), not at the
 * end of a sentence. */
static bool stands_alone(const char *line, const char *word) {
        size_t n = (size_t) (word - line);

        if (n == 0)
                return true;
        for (size_t i = 0; i < FC_FIRMWARES; i++) {
                size_t length = strlen(fc_firmwares[i].name);

                if (strncmp(line, fc_firmwares[i].name, length) == 0 &&
                    strspn(line + length, " -") + length == n)
                        return true;
        }
        return false;
}

static void look_at_line(struct search *search, const char *line) {
        const char *blank = strrchr(line, ' '), *word = blank ? blank + 1 : line;
        const struct mcu *mcu;

        for (size_t i = 0; i < FC_FIRMWARES; i++) {
                if (strcmp(word, fc_firmwares[i].name) == 0)
                        search->names |= 1U << i;
                if (strcmp(word, fc_firmwares[i].variant) == 0)
                        search->identifiers |= 1U << i;
        }
        if (strlen(word) >= CLAIM_TEXT_SIZE)
                return;
        if (strncmp(line, "board_name ", strlen("board_name ")) == 0 &&
            word == line + strlen("board_name ") && is_board_name(word))
                see(&search->board_named, word);
        if (!stands_alone(line, word))
                return;
        if (is_version(word))
                see(&search->version, word);
        mcu = is_target(word) ? mcu_find(word) : NULL;
        if (mcu)
                see(&search->mcu, mcu->name);
        if (is_board_name(word) && board_name_is_known(word))
                see(&search->board, word);
}

/* Calls look_at_line() for each run of printable characters that a NUL or a line break ends. */
static void look_at_segment(struct search *search, const struct segment *segment) {
        size_t start = 0;

        for (size_t i = 0; i < segment->size; i++) {
                uint8_t c = segment->data[i];
                char line[LINE_MAX_SIZE];
                size_t n = i - start;

                if (c >= ' ' && c <= '~')
                        continue;
                if (n >= 4 && (c == '\0' || c == '\n' || c == '\r')) {
                        if (n > sizeof(line) - 1)
                                n = sizeof(line) - 1;
                        memcpy(line, segment->data + i - n, n);
                        line[n] = '\0';
                        look_at_line(search, line);
                }
                start = i + 1;
        }
}

static const char *firmware_of(const struct search *search) {
        unsigned both = search->names & search->identifiers;

        for (size_t i = 0; i < FC_FIRMWARES; i++)
                if (both == 1U << i)
                        return fc_firmwares[i].name;
        return NULL;
}

static void claim(char to[CLAIM_TEXT_SIZE], const struct seen *seen) {
        if (!seen->differs)
                memcpy(to, seen->text, CLAIM_TEXT_SIZE);
}

static void claim_stack(const struct image *image, struct claims *claims) {
        const struct segment *first = &image->segments.items[0];

        if (image->has_address && image_check_vectors(image, first->address, false, NULL) == 0) {
                claims->has_stack = true;
                claims->stack = read_le32(first->data);
        }
}

static bool copy_bytes(const struct image *image, uint64_t address, void *to, size_t size) {
        for (size_t i = 0; i < image->segments.n; i++) {
                const struct segment *segment = &image->segments.items[i];

                if (address < segment->address || address - segment->address > segment->size ||
                    segment->size - (size_t) (address - segment->address) < size)
                        continue;
                memcpy(to, segment->data + (address - segment->address), size);
                return true;
        }
        return false;
}

/* Where the room begins and ends stands at a fixed place, as the application reads it that fills
 * it (ConfigInserter.js of betaflight-configurator). */
static void claim_custom_defaults(const struct image *image, struct claims *claims) {
        static const char first_line[] = "# Betaflight";
        char text[sizeof(first_line) - 1];
        uint8_t words[8];
        uint64_t start, end;
        unsigned major, minor;

        if (strcmp(claims->firmware, "Betaflight") != 0 ||
            !copy_bytes(image, FLASH_START + DEFAULTS_POINTERS, words, sizeof(words)))
                return;
        /* From 4.5 on there may be anything in that place. */
        if (sscanf(claims->version, "%4u.%4u", &major, &minor) != 2 || major > 4 ||
            (major == 4 && minor > 4))
                return;
        start = read_le32(words);
        end = read_le32(words + 4);
        if (start < FLASH_START || start >= end || end > FLASH_START + FLASH_SIZE_MAX)
                return;
        (void) snprintf(claims->custom_defaults, sizeof(claims->custom_defaults), "%s",
                        copy_bytes(image, start, text, sizeof(text)) &&
                                        memcmp(text, first_line, sizeof(text)) == 0
                                ? "included"
                                : "none");
}

void image_claims(const struct image *image, struct claims *ret) {
        struct claims claims = {};
        struct search search = {};
        const char *firmware;

        for (size_t i = 0; i < image->segments.n; i++)
                look_at_segment(&search, &image->segments.items[i]);
        claim_stack(image, &claims);
        firmware = firmware_of(&search);
        if (firmware) {
                (void) snprintf(claims.firmware, sizeof(claims.firmware), "%s", firmware);
                claim(claims.version, &search.version);
                claim(claims.mcu, &search.mcu);
                claim(claims.board,
                      search.board_named.text[0] ? &search.board_named : &search.board);
                claim_custom_defaults(image, &claims);
        }
        *ret = claims;
}
