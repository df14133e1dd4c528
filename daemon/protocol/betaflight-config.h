/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The configuration of a flight controller as text: what `diff all` and `dump all` print, and our
 * backup files, which are that with a head. Reading is pure and takes any bytes. What a line is
 * for, what must be done to it for another firmware version, and what of one configuration is not
 * in another. Worker only. Source: Betaflight src/main/cli/cli.c (printConfig) and
 * cli/settings.c of each release line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fault.h"
#include "protocol/betaflight.h"

#define FC_CONFIG_SIZE_MAX  (512U << 10) /* bytes of a file */
#define FC_CONFIG_LINES_MAX 16384U
#define FC_CONFIG_LINE_MAX  250U /* characters, as the command line takes them */

enum fc_section {
        FC_SECTION_OTHER,
        FC_SECTION_SERIAL,   /* which port does what */
        FC_SECTION_RECEIVER, /* its kind, channel map, ranges, failsafe by channel */
        FC_SECTION_MODES,    /* switches: modes and adjustments */
        FC_SECTION_OSD,
        FC_SECTION_VTX,
        FC_SECTION_LED,
        FC_SECTION_PIDS,  /* what belongs to a profile */
        FC_SECTION_RATES, /* what belongs to a rate profile */
        _FC_SECTION_MAX,
};

/* "serial", "receiver" …; never NULL. */
const char *fc_section_name(enum fc_section section);
/* -EINVAL. */
int fc_section_from_name(const char *name);

enum fc_line_kind {
        FC_LINE_SETTING,  /* changes something; what a restore is about */
        FC_LINE_PROFILE,  /* chooses what the settings after it belong to */
        FC_LINE_IDENTITY, /* names the board: board_name, manufacturer_id, mcu_id, signature */
        FC_LINE_CONTROL,  /* batch, defaults, save: when to do what is the restorer's */
};

struct fc_config_line {
        const char *text; /* clean, without blanks at its ends; of the configuration */
        unsigned number;  /* in the file, from 1 */
        enum fc_line_kind kind;
        enum fc_section section;
        /* The FC_LINE_PROFILE line that it stands under, or NULL. */
        const struct fc_config_line *profile;
};

struct fc_config {
        /* Of the head; where there is none, of the configuration's own words. "" if not said. */
        bool has_head;
        char variant[5], version_text[48], board[64], manufacturer[32], mcu[32];
        char unique_id[25], date[32];
        bool has_version;
        unsigned version[3];
        bool is_whole;    /* has its closing `save` */
        bool has_command; /* a line that could be one of a command line */
        bool is_diff;     /* relative to the defaults: `defaults nosave` is in it */
        struct fc_config_line *lines;
        size_t n;
        char *text; /* what the lines point into */
};

/* FWD_INVALID_CONFIG: no text, a head whose hash is not that of the rest, nothing in it that a
 * command line could be given, too much. A file without our head is read as well. */
int fc_config_parse(const void *data, size_t size, struct fc_config **ret, struct fault *fault);
struct fc_config *fc_config_free(struct fc_config *config);
DEFINE_CLEANUP(struct fc_config *, fc_config_free)
#define _cleanup_fc_config_ _cleanup_(fc_config_free_p)

/* A backup file: a head that says what it is of, and the body as it came. `date` is clean text.
 * Free with free(). NULL: no memory. */
char *fc_config_format(const struct fc_identity *identity, const char *date, const char *body,
                       size_t body_size, size_t *ret_size);

/* Is the configuration of this board's kind? FWD_WRONG_BOARD with both names. What either does not
 * say is no evidence. */
int fc_config_check_board(const struct fc_config *config, const struct fc_identity *identity,
                          struct fault *fault);

enum fc_fate {
        FC_SEND,      /* as it is */
        FC_TRANSLATE, /* `to` has what this firmware calls it */
        FC_PORTS,     /* fc_ports_translate() knows what it is here: several settings */
        FC_SKIP,      /* it cannot be given to this firmware; `*ret_why` says so */
};

/* What becomes of a setting on the firmware of `identity`. `to` has FC_CONFIG_LINE_MAX + 1 bytes.
 * `interactive`: it will be typed, so that some characters cannot be. `*ret_why` is static text. */
enum fc_fate fc_config_translate(const struct fc_config_line *line,
                                 const struct fc_identity *identity, bool interactive, char *to,
                                 const char **ret_why);

/* Every setting of `wanted` that is not in `got` as it is: `missing` is called with the line and
 * with what stands in its place (NULL: nothing; a diff leaves out what is at its default). Only
 * the sections whose bits are set (1 << section). Returns how many, or -ENOMEM. */
int fc_config_compare(const struct fc_config *wanted, const struct fc_config *got,
                      const struct fc_identity *identity, unsigned sections,
                      void (*missing)(void *userdata, const struct fc_config_line *line,
                                      const char *instead),
                      void *userdata);
