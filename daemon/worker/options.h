/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The KEY=VALUE options of an operation: those of the D-Bus calls, handed on by the service, or
 * --option= by hand. One table; what is not in it, given twice, or of the wrong form is refused.
 * Worker only. */

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/range.h"

enum erase_mode {
        ERASE_SECTORS, /* those that the image touches */
        ERASE_FULL,    /* every one, but for protected ones */
};

enum reboot_target {
        REBOOT_TO_BOOTLOADER,
        REBOOT_TO_FIRMWARE,
};

enum option_set { /* which operation takes which options: bits */
                  OPTIONS_INSPECT = 1 << 0,
                  OPTIONS_IDENTIFY = 1 << 1,
                  OPTIONS_REBOOT = 1 << 2,
                  OPTIONS_FLASH = 1 << 3,
                  OPTIONS_LEAVE = 1 << 4,
                  OPTIONS_READ = 1 << 5,
                  OPTIONS_ERASE = 1 << 6,
                  OPTIONS_UNPROTECT = 1 << 7,
                  OPTIONS_BACKUP = 1 << 8,
                  OPTIONS_RESTORE = 1 << 9,
                  OPTIONS_COMPARE = 1 << 10,
                  OPTIONS_RECOVER = 1 << 11,
                  OPTIONS_DEFAULTS = 1 << 12,
};

#define OPTION_ONLY_SIZE  128U
#define OPTION_AFTER_SIZE 32U

struct options {
        bool has_address;
        uint64_t address; /* where a file that does not say belongs; for leave: where to start */
        bool force;       /* another board than expected is taken */
        enum erase_mode erase;
        bool leave; /* start the firmware after the flash */
        enum reboot_target to;
        char after[OPTION_AFTER_SIZE]; /* reboot: the way that started the firmware again; "" */
        bool has_range;
        struct range range; /* what is read or erased; empty: all */
        bool dry_run;       /* plan, and change nothing */
        bool dump;          /* all settings, not only those that differ from the defaults */
        char only[OPTION_ONLY_SIZE]; /* parts of a configuration, with commas between; "": all */
        bool save_with_errors; /* what the board takes of a configuration is saved without the rest
                                */
        bool save_if_lost;     /* the old flash is saved only if settings of the board go with it */
        bool recover;          /* inspect: as the board's own loader */
        unsigned seen;         /* bits of table rows, for what is given twice */
};

#define OPTIONS_INIT                                                                               \
        { .leave = true }

/* Takes "address=0x08000000". FWD_INVALID_ARGUMENT. */
int options_take(struct options *options, enum option_set set, const char *text,
                 struct fault *fault);
