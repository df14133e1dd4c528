/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of the command line: what there are, and what was given. Which verb takes which is
 * the table's in main.c. */

#include "client/client.h"
#include "client/color.h"

/* Options that only some verbs take; the others are taken by all. */
enum {
        OPT_PROPERTY = 0x100,
        OPT_VALUE,
        OPT_ADDRESS,
        OPT_ERASE,
        OPT_NO_LEAVE,
        OPT_FORCE,
        OPT_NO_BLOCK,
        OPT_BOOTLOADER,
        OPT_FIRMWARE,
        OPT_WAIT,
        OPT_RANGE,
        OPT_SAVE_OLD,
        OPT_DRY_RUN,
        OPT_YES,
        OPT_KEEP_CONFIG,
        OPT_NO_KEEP_CONFIG,
        OPT_DUMP,
        OPT_ONLY,
        OPT_SAVE_WITH_ERRORS,
        OPT_CUSTOM_DEFAULTS,
        OPT_LINES,
        _OPT_MAX,
};

#define BIT(option) (1U << ((option) -OPT_PROPERTY))

struct arguments {
        enum color_mode color;
        bool help, version;
        unsigned given; /* BIT(OPT_…) */
};

/* 0, and getopt's `optind` is at the verb. Otherwise the exit code; the error is printed. */
int arguments_parse(struct client *c, int argc, char **argv, struct arguments *ret);
/* "keep-config"; "" if there is none. */
const char *option_name(int option);
/* Prints what is wrong with the command line; returns the exit code. */
int usage(const struct client *c, const char *format, ...) _printf_(2, 3);

/* help.c */
void print_help(void);
