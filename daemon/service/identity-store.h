/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What boards said of themselves, kept over restarts of the service and of the machine, so that one
 * that is met in its bootloader is known again: boards/UID.json under the state directory, one
 * small file for each chip, and all of them in memory. A chip in its bootloader proves itself only
 * by its serial number, so one that several known chips would have counts for nothing, like the
 * constants of some chips. In the service; works without the directory, and says so once; what
 * could not be written is written with what can be, later. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define KNOWN_BOARDS_MAX 256U /* the one not seen for longest is forgotten */

enum known_text {
        KNOWN_UNIQUE_ID,   /* lower-case hexadecimal digits */
        KNOWN_DFU_SERIALS, /* what its ROM may call itself, commas between */
        KNOWN_BOARD,       /* profile */
        KNOWN_BOARD_NAME,
        KNOWN_VARIANT,
        KNOWN_MCU,
        _KNOWN_MAX,
};

struct known_board {
        char *text[_KNOWN_MAX]; /* owned; never NULL */
        uint64_t seen_s;        /* CLOCK_REALTIME */
        bool unsaved;           /* the file does not say this yet */
};

struct identity_store {
        char *dir;                  /* STATE/boards; NULL: nothing is kept */
        struct known_board *boards; /* in no order */
        size_t n;
        bool failed; /* writing did; told already */
};

/* Reads what is there; what is damaged is told and left out. `state_dir` need not exist. -ENOMEM.
 */
int identity_store_init(struct identity_store *store, const char *state_dir);
void identity_store_clear(struct identity_store *store);

/* Remembers the board; `text` by enum known_text. One whose unique id is none, or that has no
 * serial number to be known by, is not kept. Written only if something is new, or once a day. */
void identity_store_keep(struct identity_store *store, const char *const text[_KNOWN_MAX],
                         uint64_t now_s);
/* Tries again to write what could not be written. */
void identity_store_sync(struct identity_store *store);
/* The one board whose ROM shows this serial number; NULL if there is none, or more than one. */
const struct known_board *identity_store_find(const struct identity_store *store,
                                              const char *serial);
