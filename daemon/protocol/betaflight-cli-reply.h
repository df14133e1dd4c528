/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a command is put to a flight controller's command line and how its answer is read: where it
 * ends, and that it is nothing but text. For betaflight-cli.c alone, which knows what to ask. */

#include <stdbool.h>
#include <stddef.h>

#include "protocol/betaflight-cli.h"

#define CLI_STX 0x02
#define CLI_ETX 0x03
/* A heading of an answer begins as the prompt does: the prompt is followed by silence. Output
 * comes in pieces of 64 bytes, a millisecond or so apart. */
#define CLI_QUIET_MS 60U
#define CLI_CHUNK    512U /* bytes that are read at once */

enum cli_end { /* of an answer that was typed for */
               CLI_END_AT_PROMPT,
               CLI_END_AT_PROMPT_AFTER_SAVE,
               CLI_END_AT_PROMPT_AFTER_BANNER,
};

/* The command in a frame, and the answer's frame in `cli->reply`. */
int cli_run_framed(struct fc_cli *cli, const char *command, struct fault *fault);
/* The command typed, and in `cli->reply` what came until the prompt, without the echo. */
int cli_run_interactive(struct fc_cli *cli, const char *command, enum cli_end end,
                        struct fault *fault);
/* 0 when the prompt is there and quiet, -ETIME after silence anywhere else. */
int cli_read_to_prompt(struct fc_cli *cli, enum cli_end end, unsigned silence_ms, unsigned quiet_ms,
                       struct fault *fault);

/* What came before is forgotten, and the command goes out. Negative errno. */
int cli_write_frame(struct fc_cli *cli, const char *command);
int cli_write_line(struct fc_cli *cli, const char *command);

void cli_forget(struct fc_cli *cli);
/* Keeps a byte; carriage returns go. -EFBIG, -ENOMEM. */
int cli_keep(struct fc_cli *cli, char c);
/* Text has line breaks, tabs and printable characters; bytes above ASCII are judged as a whole. */
bool cli_is_text(unsigned char c);
bool cli_at_prompt(const struct fc_cli *cli);
/* The last line before the prompt is `save`: how every `diff all` and `dump all` ends. */
bool cli_closes_with_save(const char *text, size_t size);

int cli_port_fault(const struct fc_cli *cli, int error, struct fault *fault);
int cli_bad_answer(const struct fc_cli *cli, const char *what, struct fault *fault);
