/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The `a{sv} options` at the end of the methods: read strictly, so that a misspelt option is an
 * error and not a flash that did something else. Pure. */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/fault.h"
#include "base/range.h"
#include "service/history.h"

enum {                                   /* which keys a method takes */
       OPTION_ADDRESS = 1 << 0,          /* "address" t, or s: where a raw image goes */
       OPTION_FORCE = 1 << 1,            /* "force" b */
       OPTION_ERASE = 1 << 2,            /* "erase" s: "sectors" or "full" */
       OPTION_LEAVE = 1 << 3,            /* "leave" b */
       OPTION_KEEP_CONFIG = 1 << 4,      /* "keep-config" b */
       OPTION_DUMP = 1 << 5,             /* "dump" b */
       OPTION_ONLY = 1 << 6,             /* "only" s: parts of a configuration */
       OPTION_SAVE_WITH_ERRORS = 1 << 7, /* "save-with-errors" b */
       OPTION_RANGE = 1 << 8,            /* "range" s: what is read or erased */
       OPTION_DRY_RUN = 1 << 9,          /* "dry-run" b */
       OPTION_SAVE_OLD = 1 << 10,        /* "save-old" h: a file for the old flash */
       OPTION_CUSTOM_DEFAULTS = 1 << 11, /* "custom-defaults" b */
       OPTION_LIMIT = 1 << 24,           /* "limit" t: so many at most */
       OPTION_BEFORE = 1 << 25,          /* "before" t: older than the one of this Id */
       OPTION_PORT = 1 << 26,            /* "port" s */
       OPTION_UNIQUE_ID = 1 << 27,       /* "unique-id" s */
       OPTION_QUERY = OPTION_LIMIT | OPTION_BEFORE | OPTION_PORT | OPTION_UNIQUE_ID,
};

#define HISTORY_LISTED_DEFAULT 100U

#define OPTION_ONLY_SIZE       64U /* bytes, with the NUL */

enum keep_config {
        KEEP_BY_PROFILE, /* as the board's profile says */
        KEEP_YES,
        KEEP_NO,
};

struct options {
        bool has_address;
        uint64_t address;
        bool force;
        bool erase_full;
        struct range range; /* empty: all */
        bool dry_run;
        bool has_output;
        int output_fd; /* borrowed from the message */
        bool leave;
        enum keep_config keep_config;
        bool custom_defaults; /* are what the board shall have after the flash */
        bool dump;
        bool save_with_errors;
        struct history_query query;  /* texts are the message's */
        char only[OPTION_ONLY_SIZE]; /* words with commas between; "": all. The worker knows them */
};

#define OPTIONS_INIT                                                                               \
        { .leave = true, .query.limit = HISTORY_LISTED_DEFAULT }

/* Reads the dictionary at the message's read pointer. FWD_INVALID_ARGUMENT, naming the key; -errno
 * without a fault if the message itself is broken. Writes `ret` on success alone. */
int options_parse(sd_bus_message *message, unsigned allowed, struct options *ret,
                  struct fault *fault);
