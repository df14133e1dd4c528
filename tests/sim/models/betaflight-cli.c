/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/betaflight-cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "models/betaflight.h"

#define STX              0x02
#define ETX              0x03
#define FRAME_TIMEOUT_US 2000000U /* a byte after this closes the frame */
#define PIECE            64U      /* output leaves in pieces of this size */
#define LATENCY_US       1000U

void cli_say(struct betaflight *b, const char *format, ...) {
        struct cli *cli = &b->cli;
        va_list list;
        int n;

        va_start(list, format);
        n = vsnprintf(cli->out + cli->size, sizeof(cli->out) - cli->size, format, list);
        va_end(list);
        cli->size += (size_t) n;
        if (cli->size >= sizeof(cli->out))
                cli->size = sizeof(cli->out) - 1;
}

void cli_error(struct betaflight *b, const char *command, const char *format, ...) {
        char text[200];
        va_list list;

        va_start(list, format);
        (void) vsnprintf(text, sizeof(text), format, list);
        va_end(list);
        b->cli.batch_error |= b->cli.batch;
        if (betaflight_is(b, "INAV"))
                cli_say(b, "### ERROR: %s\r\n", text);
        else if (!betaflight_is(b, "BTFL") || betaflight_is_before(b, 4, 3, 0))
                cli_say(b, "###ERROR: %s###\r\n", text);
        else
                cli_say(b, "###ERROR IN %s: %s###\r\n", command, text);
}

static void prompt(struct betaflight *b) {
        if (b->cli.mode == CLI_INTERACTIVE)
                cli_say(b, "\r\n# ");
}

void cli_flush(struct betaflight *b, uint64_t now_us) {
        struct cli *cli = &b->cli;
        uint64_t due_us = now_us + LATENCY_US + b->slow_ms * UINT64_C(1000);

        if (b->cli_fault == CLI_FAULT_NO_PROMPT)
                cli->size = 0;
        for (size_t at = 0; at < cli->size; at += PIECE) {
                size_t n = cli->size - at < PIECE ? cli->size - at : PIECE;

                betaflight_send(b, (const uint8_t *) cli->out + at, n, due_us);
                due_us += b->cli_slow_ms * UINT64_C(1000);
        }
        cli->size = 0;
}

void cli_enter(struct betaflight *b, uint64_t now_us) {
        b->cli.mode = CLI_INTERACTIVE;
        b->cli.length = 0;
        b->cli.batch = b->cli.batch_error = false;
        cli_say(b, "\r\nEntering CLI Mode, type 'exit' to return, or 'help'\r\n");
        prompt(b);
        cli_flush(b, now_us);
}

static void run_line(struct betaflight *b, uint64_t now_us) {
        struct cli *cli = &b->cli;
        char line[CLI_LINE_MAX], *comment;

        cli->line[cli->length] = '\0';
        cli->length = 0;
        memcpy(line, cli->line, sizeof(line));
        comment = strchr(line, '#');
        if (comment)
                *comment = '\0';
        for (size_t n = strlen(line); n > 0 && line[n - 1] == ' '; n--)
                line[n - 1] = '\0';
        if (line[0])
                cli_run(b, line, now_us);
}

static void keep(struct cli *cli, uint8_t byte) {
        if (cli->length == 0 && byte == ' ')
                return;
        if (byte >= 32 && byte <= 126 && cli->length < sizeof(cli->line) - 1)
                cli->line[cli->length++] = (char) byte;
}

static void take_framed(struct betaflight *b, uint8_t byte, uint64_t now_us) {
        struct cli *cli = &b->cli;

        if (byte == '\n' || byte == '\r') {
                if (cli->length > 0)
                        run_line(b, now_us);
        } else if (byte == ETX) {
                cli->mode = CLI_OFF;
                if (!cli->stop)
                        cli_say(b, "%c", ETX);
        } else
                keep(cli, byte);
}

static void take_typed(struct betaflight *b, uint8_t byte, uint64_t now_us) {
        struct cli *cli = &b->cli;
        size_t before = cli->length;

        switch (byte) {
        case '\n':
        case '\r':
                if (cli->length == 0)
                        return;
                if (b->cli_fault == CLI_FAULT_OTHER_ECHO)
                        cli_say(b, "x");
                cli_say(b, "\r\n");
                run_line(b, now_us);
                if (!cli->stop)
                        prompt(b);
                return;
        case '\t':
        case '?': /* completion: what could be meant, and the line again */
                cli_say(b, "\r\n");
                prompt(b);
                cli_say(b, "%.*s", (int) cli->length, cli->line);
                return;
        case 0x7F:
                if (cli->length > 0) {
                        cli->length--;
                        cli_say(b, "\b \b");
                }
                return;
        case 0x04:
                if (cli->length == 0) {
                        char leave[] = "exit";

                        cli_run(b, leave, now_us);
                }
                return;
        case 0x0C:
                cli_say(b, "\033[2J\033[1;1H");
                prompt(b);
                return;
        default:
                keep(cli, byte);
                if (cli->length > before)
                        cli_say(b, "%c", byte);
        }
}

static bool knows_frames(const struct betaflight *b) {
        return betaflight_is(b, "BTFL") && !betaflight_is_before(b, 4, 5, 4);
}

bool cli_take(struct betaflight *b, uint8_t byte, uint64_t now_us) {
        struct cli *cli = &b->cli;

        if (cli->mode == CLI_FRAMED && now_us > cli->opened_us + FRAME_TIMEOUT_US) {
                cli->mode = CLI_OFF;
                cli_say(b, "%c", ETX);
        }
        if (cli->mode == CLI_OFF && byte == STX && knows_frames(b) && !b->armed &&
            msp_port_is_idle(&b->msp)) {
                cli->mode = CLI_FRAMED;
                cli->opened_us = now_us;
                cli->length = 0;
                cli->stop = false;
                cli_say(b, "%c", STX);
                return true;
        }
        if (cli->mode == CLI_FRAMED)
                take_framed(b, byte, now_us);
        else if (cli->mode == CLI_INTERACTIVE)
                take_typed(b, byte, now_us);
        else
                return false;
        return true;
}
