/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight-config.h"

#include <ctype.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "protocol/betaflight-lines.h"

/* The first line of our files. */
#define HEAD_MARK  "# fwd configuration backup"
#define HASH_KEY   "# Sha256: "
#define HEAD_LINES 16U /* the head ends with its hash; it is not looked for further down */

struct fc_config *fc_config_free(struct fc_config *config) {
        if (config) {
                free(config->lines);
                free(config->text);
                free(config);
        }
        return NULL;
}

static void hash(const char *data, size_t size, char ret[2 * SHA256_DIGEST_SIZE + 1]) {
        uint8_t digest[SHA256_DIGEST_SIZE];
        struct sha256_ctx ctx;

        sha256_init(&ctx);
        sha256_update(&ctx, size, (const uint8_t *) data);
        sha256_digest(&ctx, sizeof(digest), digest);
        for (size_t i = 0; i < sizeof(digest); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

char *fc_config_format(const struct fc_identity *identity, const char *date, const char *body,
                       size_t body_size, size_t *ret_size) {
        char sum[2 * SHA256_DIGEST_SIZE + 1], head[1024];
        char uid[25] = "";
        char *text;
        int n;

        if (identity->has_uid)
                (void) snprintf(uid, sizeof(uid), "%08x%08x%08x", identity->uid[0],
                                identity->uid[1], identity->uid[2]);
        hash(body, body_size, sum);
        n = snprintf(head, sizeof(head),
                     HEAD_MARK "\n"
                               "# Board: %s\n# Manufacturer: %s\n# Mcu: %s\n# UniqueId: %s\n"
                               "# Variant: %s\n# FirmwareVersion: %s\n# Date: %s\n" HASH_KEY "%s\n",
                     fc_board_name(identity), identity->manufacturer, identity->mcu, uid,
                     identity->variant, identity->version_text, date, sum);
        if (n < 0 || (size_t) n >= sizeof(head))
                return NULL;
        text = malloc((size_t) n + body_size + 1);
        if (!text)
                return NULL;
        memcpy(text, head, (size_t) n);
        memcpy(text + n, body, body_size);
        text[(size_t) n + body_size] = '\0';
        *ret_size = (size_t) n + body_size;
        return text;
}

static bool take_key(const char *line, const char *key, char *to, size_t to_size) {
        const size_t n = strlen(key);

        if (strncmp(line, key, n) != 0)
                return false;
        text_sanitize(to, to_size, line + n);
        return true;
}

static bool parse_version(const char *text, unsigned ret[3]) {
        unsigned v[3];

        if (sscanf(text, "%4u.%3u.%3u", &v[0], &v[1], &v[2]) != 3)
                return false;
        memcpy(ret, v, sizeof(v));
        return true;
}

/* Says which firmware printed it: "# Betaflight / STM32F405 (S405) 4.5.1 Jul 27 2024 / …",
 * "# INAV/MATEKF405 7.1.0 …". */
static void take_version_line(struct fc_config *config, const char *line) {
        static const struct {
                const char *begin, *variant;
        } names[] = {
                {"# Betaflight ", "BTFL"},
                {"# INAV", "INAV"},
                {"# EmuFlight", "EMUF"},
                {"# Cleanflight", "CLFL"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (strncmp(line, names[i].begin, strlen(names[i].begin)) != 0)
                        continue;
                for (const char *word = line; word; word = strchr(word, ' ')) {
                        word += strspn(word, " ");
                        if (!isdigit((unsigned char) *word) ||
                            !parse_version(word, config->version))
                                continue;
                        config->has_version = true;
                        memcpy(config->variant, names[i].variant, sizeof(config->variant));
                        text_sanitize(config->version_text, sizeof(config->version_text), word);
                        config->version_text[strcspn(config->version_text, " ")] = '\0';
                        return;
                }
        }
}

static void take_head_line(struct fc_config *config, const char *line) {
        if (take_key(line, "# Board: ", config->board, sizeof(config->board)) ||
            take_key(line, "# Manufacturer: ", config->manufacturer,
                     sizeof(config->manufacturer)) ||
            take_key(line, "# Mcu: ", config->mcu, sizeof(config->mcu)) ||
            take_key(line, "# UniqueId: ", config->unique_id, sizeof(config->unique_id)) ||
            take_key(line, "# Date: ", config->date, sizeof(config->date)) ||
            take_key(line, "# Variant: ", config->variant, sizeof(config->variant)))
                return;
        if (take_key(line, "# FirmwareVersion: ", config->version_text,
                     sizeof(config->version_text)))
                config->has_version = parse_version(config->version_text, config->version);
}

static int invalid(struct fault *fault, const char *what) {
        return fault_set(fault, FWD_INVALID_CONFIG, "The configuration file %s", what);
}

/* Reads our head, if there is one, and looks whether the rest is what it was. `*ret_body` is where
 * it begins. */
static int take_head(struct fc_config *config, char *text, size_t size, char **ret_body,
                     struct fault *fault) {
        char sum[2 * SHA256_DIGEST_SIZE + 1];
        char *line = text;

        *ret_body = text;
        if (strncmp(text, HEAD_MARK "\n", strlen(HEAD_MARK) + 1) != 0)
                return 0;
        for (size_t i = 0; i < HEAD_LINES; i++) {
                char *end = strchr(line, '\n');

                if (!end)
                        break;
                *end = '\0';
                if (strncmp(line, HASH_KEY, strlen(HASH_KEY)) == 0) {
                        hash(end + 1, size - (size_t) (end + 1 - text), sum);
                        if (strcmp(line + strlen(HASH_KEY), sum) != 0)
                                return invalid(fault, "was cut short or changed: its hash is not "
                                                      "the one in its head");
                        config->has_head = true;
                        *ret_body = end + 1;
                        return 0;
                }
                take_head_line(config, line);
                line = end + 1;
        }
        return invalid(fault, "has a head without a hash");
}

/* Whether `line` begins with a word. */
static bool is_word(const char *line, const char *word) {
        const size_t n = strlen(word);

        return strncmp(line, word, n) == 0 && (line[n] == '\0' || line[n] == ' ');
}

static void take_identity(struct fc_config *config, const char *line) {
        if (config->has_head)
                return;
        (void) take_key(line, "board_name ", config->board, sizeof(config->board));
        (void) take_key(line, "manufacturer_id ", config->manufacturer,
                        sizeof(config->manufacturer));
        if (take_key(line, "mcu_id ", config->unique_id, sizeof(config->unique_id)))
                for (char *c = config->unique_id; *c; c++)
                        *c = (char) tolower((unsigned char) *c);
}

static enum fc_line_kind line_kind(const char *line) {
        static const struct {
                const char *word;
                enum fc_line_kind kind;
        } words[] = {
                {"batch", FC_LINE_CONTROL},
                {"defaults", FC_LINE_CONTROL},
                {"save", FC_LINE_CONTROL},
                {"exit", FC_LINE_CONTROL},
                {"diff", FC_LINE_CONTROL}, /* of a terminal's log */
                {"dump", FC_LINE_CONTROL},
                {"version", FC_LINE_CONTROL},
                {"status", FC_LINE_CONTROL},
                {"board_name", FC_LINE_IDENTITY},
                {"manufacturer_id", FC_LINE_IDENTITY},
                {"mcu_id", FC_LINE_IDENTITY},
                {"signature", FC_LINE_IDENTITY},
                {"profile", FC_LINE_PROFILE},
                {"control_profile", FC_LINE_PROFILE},
                {"rateprofile", FC_LINE_PROFILE},
                {"battery_profile", FC_LINE_PROFILE},
                {"mixer_profile", FC_LINE_PROFILE},
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (is_word(line, words[i].word))
                        return words[i].kind;
        return FC_LINE_SETTING;
}

/* Commands that must not be in a configuration: they restart the board, or write elsewhere. */
static bool is_forbidden(const char *line) {
        static const char *const words[] = {"bl",
                                            "dfu",
                                            "msc",
                                            "flash_erase",
                                            "flash_write",
                                            "serialpassthrough",
                                            "gpspassthrough",
                                            "escprog",
                                            "motor",
                                            "sd_info",
                                            "dshotprog",
                                            "bootloader"};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (is_word(line, words[i]))
                        return true;
        return false;
}

/* A word, and more behind a blank: no record of a firmware file is like that. */
static bool is_like_a_command(const char *line) {
        const char *end = line;

        while (isalpha((unsigned char) *end) || *end == '_')
                end++;
        return end > line && (*end == '\0' || *end == ' ');
}

static int add_line(struct fc_config *config, char *text, unsigned number,
                    const struct fc_config_line **profile, struct fault *fault) {
        struct fc_config_line *line = &config->lines[config->n];

        if (strlen(text) > FC_CONFIG_LINE_MAX)
                return fault_set(fault, FWD_INVALID_CONFIG,
                                 "Line %u of the configuration file is longer than the %u "
                                 "characters that a board takes",
                                 number, FC_CONFIG_LINE_MAX);
        if (is_forbidden(text))
                return fault_set(fault, FWD_INVALID_CONFIG,
                                 "Line %u of the configuration file is no setting: %.60s", number,
                                 text);
        *line = (struct fc_config_line){.text = text, .number = number, .kind = line_kind(text)};
        switch (line->kind) {
        case FC_LINE_CONTROL:
                if (is_word(text, "save"))
                        config->is_whole = true;
                if (is_word(text, "defaults"))
                        config->is_diff = true;
                break;
        case FC_LINE_IDENTITY:
                take_identity(config, text);
                break;
        case FC_LINE_PROFILE:
                *profile = line;
                break;
        case FC_LINE_SETTING:
                line->profile = *profile;
                break;
        }
        line->section = fc_section_of_line(line);
        config->has_command |= is_like_a_command(text);
        config->n++;
        return 0;
}

/* Cuts the body into lines, in place. */
static int take_body(struct fc_config *config, char *body, struct fault *fault) {
        const struct fc_config_line *profile = NULL;
        unsigned number = 0;

        for (char *at = body; at;) {
                char *next = strchr(at, '\n'), *end = next ? next : at + strlen(at);
                int r;

                number++;
                if (number > FC_CONFIG_LINES_MAX)
                        return invalid(fault, "has too many lines");
                *end = '\0';
                at += strspn(at, " \t");
                while (end > at && strchr(" \t\r", end[-1]))
                        *--end = '\0';
                for (char *tab = at; (tab = strchr(tab, '\t'));)
                        *tab = ' ';
                if (!text_is_clean(at))
                        return fault_set(fault, FWD_INVALID_CONFIG,
                                         "Line %u of the configuration file is no text", number);
                if (*at == '#') {
                        if (!config->has_head)
                                take_version_line(config, at);
                } else if (*at) {
                        r = add_line(config, at, number, &profile, fault);
                        if (r < 0)
                                return r;
                }
                at = next ? next + 1 : NULL;
        }
        if (config->n == 0)
                return invalid(fault, "has no setting in it");
        return config->has_command ? 0
                                   : invalid(fault, "has no command of a flight controller in it");
}

int fc_config_parse(const void *data, size_t size, struct fc_config **ret, struct fault *fault) {
        _cleanup_fc_config_ struct fc_config *config = NULL;
        size_t n_lines = 1;
        char *body;
        int r;

        if (size == 0)
                return invalid(fault, "is empty");
        if (size > FC_CONFIG_SIZE_MAX)
                return invalid(fault, "is too large to be one");
        if (memchr(data, '\0', size))
                return invalid(fault, "is no text");
        for (size_t i = 0; i < size; i++)
                n_lines += ((const char *) data)[i] == '\n';
        if (n_lines > FC_CONFIG_LINES_MAX)
                return invalid(fault, "has too many lines");
        config = calloc(1, sizeof(*config));
        if (config) {
                config->text = malloc(size + 1);
                config->lines = calloc(n_lines, sizeof(*config->lines));
        }
        if (!config || !config->text || !config->lines)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        memcpy(config->text, data, size);
        config->text[size] = '\0';
        r = take_head(config, config->text, size, &body, fault);
        if (r == 0)
                r = take_body(config, body, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(config);
        return 0;
}

/* The name of a chip without what tells packages and flash sizes apart: "STM32F405" and
 * "STM32F40x", the names in two release lines, are one. */
static bool same_mcu(const char *a, const char *b) {
        while (*a && *b) {
                if (tolower((unsigned char) *a) != tolower((unsigned char) *b) && *a != 'x' &&
                    *b != 'x' && *a != 'X' && *b != 'X')
                        return false;
                a++;
                b++;
        }
        return true;
}

int fc_config_check_board(const struct fc_config *config, const struct fc_identity *identity,
                          struct fault *fault) {
        const char *board = fc_board_name(identity);

        if (config->variant[0] && strcmp(config->variant, identity->variant) != 0)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The configuration is of the firmware %s, the board runs %s",
                                 config->variant, identity->variant);
        if (config->board[0] && board[0] && strcasecmp(config->board, board) != 0)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The configuration is of a board %s, this is a %s", config->board,
                                 board);
        if (config->mcu[0] && identity->mcu[0] && !same_mcu(config->mcu, identity->mcu))
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The configuration is of a board with the chip %s, this one has "
                                 "a %s",
                                 config->mcu, identity->mcu);
        return 0;
}
