/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of Betaflight, INAV and EmuFlight on their MSP port. Two ways: one command in a
 * frame (STX text LF ETX; Betaflight 4.5.4 and 2025.12 on), after which the port speaks MSP again,
 * and the interactive one ('#', prompt, echo), which most firmware leaves by a reset alone. What a
 * board says is distrusted: bounded in size and time, text only, its end told by what must stand
 * there. Worker only; the port is borrowed. Source: Betaflight src/main/cli/cli.c and
 * src/main/msp/msp_serial.c, INAV src/main/fc/cli.c. */

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"
#include "protocol/betaflight.h"
#include "protocol/serial.h"

/* Characters of a command; the firmware's line has 256 bytes and cuts in silence. */
#define FC_CLI_COMMAND_MAX 250U
/* Of one reply. `dump all` of a large build has some 60 KiB. */
#define FC_CLI_REPLY_MAX (256U << 10)

struct fc_cli {
        struct serial_port *port;
        char variant[5];
        bool framed;
        bool knows_noreboot; /* `exit noreboot` leaves without a reset */
        bool entered;        /* the interactive one: MSP is not answered until it is left */
        char *reply;         /* of the last command, owned: lines end in LF, no echo, no prompt */
        size_t size, allocated;
};

/* Is there a command line that this program can use? And the one in frames? */
bool fc_cli_is_known(const struct fc_identity *identity);
bool fc_cli_has_frames(const struct fc_identity *identity);

/* Opens it, by frames where the firmware has them. FWD_NOT_SUPPORTED, FWD_TIMEOUT (it never shows
 * its prompt; it was told to leave), FWD_DEVICE_LOST, FWD_CANCELLED. */
int fc_cli_open(struct fc_cli *ret, struct serial_port *port, const struct fc_identity *identity,
                struct fault *fault);
/* The interactive one, if somebody else has left it open: a terminal that was closed, or
 * ModemManager, whose probing has a '#'. 1: it is. 0: nothing there shows a prompt. For a board
 * that does not answer MSP: one empty line is sent. */
int fc_cli_resume(struct fc_cli *ret, struct serial_port *port, struct fault *fault);
/* Runs a command; its answer is in `cli->reply`, errors of the firmware included. FWD_TIMEOUT (it
 * stopped in the middle), FWD_BAD_ANSWER (not text, not this command's echo, no end), and what
 * fc_cli_open() has. */
int fc_cli_run(struct fc_cli *cli, const char *command, struct fault *fault);
enum fc_cli_config {
        FC_CLI_DIFF,          /* `diff all`: what is not at its default */
        FC_CLI_DUMP,          /* `dump all` */
        FC_CLI_DUMP_DEFAULTS, /* and before what is not at its default, that: "#set a = 1" */
};

/* The configuration: whole, that is with its closing `save`, or an error. None of them changes
 * anything. */
int fc_cli_read_config(struct fc_cli *cli, enum fc_cli_config what, struct fault *fault);
/* The custom defaults, as the text that they are: 1, in `cli->reply`. 0: this firmware does not say
 * that it can show them (`help`). It is not tried then: the command without that word resets the
 * board. An answer that is not over is noticed by the next command. FWD_BAD_ANSWER. */
int fc_cli_show_custom_defaults(struct fc_cli *cli, struct fault *fault);
/* The first line of a reply by which the firmware refuses, or NULL. Borrowed, and not terminated:
 * `*ret_length`. */
const char *fc_cli_refusal(const char *reply, size_t *ret_length);

/* 1: saved, the board resets. 0: it refused, `cli->reply` says why. FWD_TIMEOUT. */
int fc_cli_save(struct fc_cli *cli, struct fault *fault);
/* Leaves, keeping nothing that was not saved. `changed`: something was, so that the board must
 * reset to forget it. True if the board resets. Never fails: a board that does not listen is
 * noticed by whoever asks it next. */
bool fc_cli_leave(struct fc_cli *cli, bool changed);
/* Sends a command after which the firmware leaves the bus: no answer is waited for but its going.
 * 1: it is gone. 0: it says that it restarts, and has not gone yet. FWD_NOT_SUPPORTED (the firmware
 * refuses), FWD_TIMEOUT (it stays). */
int fc_cli_go(struct fc_cli *cli, const char *command, struct fault *fault);
/* Frees the reply; leaves nothing. */
void fc_cli_clear(struct fc_cli *cli);
#define _cleanup_fc_cli_ _cleanup_(fc_cli_clear)
