/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of the simulated Betaflight, INAV or EmuFlight. betaflight-cli.c: characters,
 * lines, frames, and what may go wrong with them. betaflight-commands.c: what the commands do. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_LINE_MAX   256U /* CLI_IN_BUFFER_SIZE; what is behind it is cut in silence */
#define CLI_OUTPUT_MAX 32768U

struct betaflight;

enum cli_mode { CLI_OFF, CLI_INTERACTIVE, CLI_FRAMED };

enum cli_fault {
        CLI_FAULT_NONE,
        CLI_FAULT_GARBAGE,     /* bytes that are no text, in the middle of an answer */
        CLI_FAULT_HALF,        /* the answer to diff and dump stops half way */
        CLI_FAULT_NO_SAVE,     /* the closing `save` is missing */
        CLI_FAULT_NO_PROMPT,   /* '#' and frames are taken and nothing comes */
        CLI_FAULT_REFUSE_SAVE, /* no space left in the config sector */
        CLI_FAULT_OTHER_ECHO,  /* another program types as well */
        CLI_FAULT_DROP,        /* the board resets in the middle of diff */
        CLI_FAULT_GONE,        /* the cable is pulled when `save` comes */
};

struct cli {
        enum cli_mode mode;
        bool pending; /* '#' came, and must stand alone */
        char line[CLI_LINE_MAX];
        size_t length;
        bool batch, batch_error;
        uint64_t opened_us; /* a frame */
        bool stop;          /* nothing more comes out of it */
        char out[CLI_OUTPUT_MAX];
        size_t size;
};

/* True if the command line takes it: MSP then does not see it. */
bool cli_take(struct betaflight *b, uint8_t byte, uint64_t now_us);
/* '#' stood alone for long enough. */
void cli_enter(struct betaflight *b, uint64_t now_us);
/* Sends what was said. */
void cli_flush(struct betaflight *b, uint64_t now_us);

/* Shared by the two files. */
void cli_say(struct betaflight *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_error(struct betaflight *b, const char *command, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void cli_run(struct betaflight *b, char *line, uint64_t now_us);
