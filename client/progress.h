/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a job is, on standard error: a bar that is drawn over itself on a terminal, a line for
 * each phase and each tenth of it elsewhere. No clock of its own: every function is told the time
 * in microseconds (monotonic). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_REDRAW_US 100000U  /* at most ten times a second */
#define PROGRESS_LINE_US   1000000U /* off a terminal: between two lines of one phase */

enum progress_style {
        PROGRESS_NONE,
        PROGRESS_LINES,
        PROGRESS_BAR,
};

struct progress {
        FILE *out;
        enum progress_style style;
        bool colored;
        size_t columns; /* of the terminal */
        char label[64]; /* which board; clean text */

        char phase[40];
        uint64_t done, total; /* bytes of this phase; total 0: not known */
        uint64_t written;     /* bytes of the writing phase, for the last line */
        uint64_t start_us, phase_start_us;
        uint64_t drawn_us;
        unsigned told_tenths;
        bool on_line; /* the cursor stands behind a drawn bar */
        bool paused;  /* a question is on the screen */
};

void progress_start(struct progress *p, uint64_t now_us);
void progress_update(struct progress *p, const char *phase, uint64_t done, uint64_t total,
                     uint64_t now_us);
/* Redraws, so that the seconds go on while nothing is reported. */
void progress_tick(struct progress *p, uint64_t now_us);
/* A line of text above the bar, whatever the style: somebody has to read it. */
void progress_say(struct progress *p, const char *text, uint64_t now_us);
/* Takes the bar off the screen. */
void progress_clear(struct progress *p);

/* The bar's line, without colour, at most `columns` wide. */
void progress_format(const struct progress *p, uint64_t now_us, char *to, size_t to_size);
/* "waiting for the bootloader" for "waiting-for-bootloader". An unknown phase is itself. */
const char *progress_phase_text(const char *phase);
