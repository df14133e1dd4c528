/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a worker tells what it does: reports on a socket (base/report.h) when the service runs it,
 * lines for a person when it is run by hand. Progress is held to ten a second; a phase's first and
 * last are always told. Worker only. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/report.h"

struct reporter {
        int fd;    /* socket, borrowed; -EBADF: lines on `out` */
        FILE *out; /* borrowed */
        bool live; /* `out` is a terminal: the progress line is rewritten */
        uint64_t (*now_us)(void);
        bool about_board;            /* say at the end that a board is untouched */
        volatile sig_atomic_t *lost; /* set to 1 when the listener is gone; may be NULL */

        const char *phase; /* the present one, static text */
        uint64_t phase_start_us, last_us;
        uint64_t done, total;
        bool line_open;
        enum board_state state;
};

void reporter_init(struct reporter *reporter, int fd, FILE *out);
/* A phase without bytes to count. */
void reporter_phase(struct reporter *reporter, const char *phase);
void reporter_progress(struct reporter *reporter, const char *phase, uint64_t done, uint64_t total);
/* The board's state only moves forward: an earlier one is ignored. */
void reporter_state(struct reporter *reporter, enum board_state state);
/* `key` without its "X.". */
void reporter_fact(struct reporter *reporter, const char *key, const char *format, ...)
        _printf_(3, 4);
void reporter_notice(struct reporter *reporter, const char *format, ...) _printf_(2, 3);
/* The last report. FWD_OK in `fault` is success. */
void reporter_result(struct reporter *reporter, const struct fault *fault);
