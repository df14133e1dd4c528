/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight-cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "protocol/betaflight-cli-reply.h"

/* '#' counts if nothing follows it for 100 ms (mspProcessPendingRequest). */
#define GUARD_MS 150U
/* Until the banner and the prompt are there; the firmware prints them at once. */
#define ENTER_MS 3000U
/* Until an open command line has answered to an empty line. */
#define RESUME_MS 500U
/* From "Rebooting" until the port is gone. */
#define GOING_MS 3000U

bool fc_cli_is_known(const struct fc_identity *identity) {
        if (strcmp(identity->variant, "BTFL") == 0)
                return identity->has_version && identity->version[0] >= 4;
        return strcmp(identity->variant, "INAV") == 0 || strcmp(identity->variant, "EMUF") == 0;
}

bool fc_cli_has_frames(const struct fc_identity *identity) {
        const unsigned *v = identity->version;

        if (strcmp(identity->variant, "BTFL") != 0 || !identity->has_version)
                return false;
        if (v[0] != 4)
                return v[0] > 4;
        return v[1] > 5 || (v[1] == 5 && v[2] >= 4);
}

void fc_cli_clear(struct fc_cli *cli) {
        free(cli->reply);
        cli->reply = NULL;
        cli->size = cli->allocated = 0;
}

/* A board that is in its command line without our knowing is no use to anybody. */
static void tell_to_leave(struct fc_cli *cli) {
        static const char leave[] = "exit\n";

        (void) serial_write(cli->port, leave, strlen(leave));
        (void) serial_wait(cli->port, GUARD_MS);
}

static int enter(struct fc_cli *cli, struct fault *fault) {
        int r;

        /* One byte alone: 2025.12.1 takes no notice of "#\r", older ones not of "#" in a row. */
        r = serial_wait(cli->port, GUARD_MS);
        if (r == 0)
                r = serial_write(cli->port, "#", 1);
        if (r < 0)
                return cli_port_fault(cli, r, fault);
        cli->entered = true;
        cli_forget(cli);
        r = cli_read_to_prompt(cli, CLI_END_AT_PROMPT_AFTER_BANNER, ENTER_MS, CLI_QUIET_MS, fault);
        if (r == 0)
                return 0;
        tell_to_leave(cli);
        if (r != -ETIME)
                return r;
        return fault_set(fault, FWD_TIMEOUT,
                         "The board on %s does not show the prompt of its command line",
                         cli->port->name);
}

static int allocate(struct fc_cli *cli, struct fault *fault) {
        cli->reply = calloc(1, CLI_CHUNK);
        cli->allocated = CLI_CHUNK;
        return cli->reply ? 0 : cli_port_fault(cli, -ENOMEM, fault);
}

int fc_cli_resume(struct fc_cli *ret, struct serial_port *port, struct fault *fault) {
        _cleanup_fc_cli_ struct fc_cli cli = {.port = port, .entered = true};
        struct fault f = FAULT_INIT; /* bytes that are no text are no command line */
        int r = allocate(&cli, fault);

        if (r < 0)
                return r;
        r = cli_write_line(&cli, "");
        if (r < 0)
                return cli_port_fault(&cli, r, fault);
        r = cli_read_to_prompt(&cli, CLI_END_AT_PROMPT, RESUME_MS, CLI_QUIET_MS, &f);
        if (r == -ETIME || f.error == FWD_BAD_ANSWER)
                return 0;
        if (r < 0)
                return fault_set(fault, f.error, "%s", f.message);
        *ret = cli;
        cli.reply = NULL;
        return 1;
}

int fc_cli_open(struct fc_cli *ret, struct serial_port *port, const struct fc_identity *identity,
                struct fault *fault) {
        _cleanup_fc_cli_ struct fc_cli cli = {.port = port};
        int r;

        memcpy(cli.variant, identity->variant, sizeof(cli.variant));
        cli.framed = cli.knows_noreboot = fc_cli_has_frames(identity);
        r = allocate(&cli, fault);
        if (r < 0)
                return r;
        if (!fc_cli_is_known(identity))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The command line of %s %s on %s is not known; it is of "
                                 "Betaflight from 4.0 on, INAV and EmuFlight",
                                 fc_variant_name(identity), identity->version_text, port->name);
        if (!cli.framed) {
                r = enter(&cli, fault);
                if (r < 0)
                        return r;
        }
        *ret = cli;
        cli.reply = NULL;
        return 0;
}

static int check_command(const struct fc_cli *cli, const char *command, struct fault *fault) {
        const size_t length = strlen(command);
        bool fits = length > 0 && length <= FC_CLI_COMMAND_MAX;

        for (size_t i = 0; fits && i < length; i++)
                /* TAB and '?' complete, and are no part of what is typed. */
                fits = command[i] >= 0x20 && command[i] < 0x7f &&
                       (cli->framed || command[i] != '?');
        return fits ? 0
                    : fault_set(fault, FWD_INVALID_ARGUMENT,
                                "The command line cannot be given this: %.60s", command);
}

int fc_cli_run(struct fc_cli *cli, const char *command, struct fault *fault) {
        int r = check_command(cli, command, fault);

        if (r < 0)
                return r;
        return cli->framed ? cli_run_framed(cli, command, fault)
                           : cli_run_interactive(cli, command, CLI_END_AT_PROMPT, fault);
}

int fc_cli_read_config(struct fc_cli *cli, enum fc_cli_config what, struct fault *fault) {
        static const char *const commands[] = {[FC_CLI_DIFF] = "diff all",
                                               [FC_CLI_DUMP] = "dump all",
                                               [FC_CLI_DUMP_DEFAULTS] = "dump all defaults"};
        const char *command = commands[what];
        int r;

        r = cli->framed ? cli_run_framed(cli, command, fault)
                        : cli_run_interactive(cli, command, CLI_END_AT_PROMPT_AFTER_SAVE, fault);
        if (r < 0)
                return r;
        if (!cli_closes_with_save(cli->reply, cli->size))
                return cli_bad_answer(cli, "with a configuration that is not whole", fault);
        return 0;
}

static bool begins(const char *line, const char *with) {
        return strncasecmp(line, with, strlen(with)) == 0;
}

const char *fc_cli_refusal(const char *reply, size_t *ret_length) {
        for (const char *line = reply; line && *line;) {
                const char *end = strchr(line, '\n'), *text = line + strspn(line, " ");
                const size_t hashes = strspn(text, "#");

                if ((hashes >= 3 && begins(text + hashes + strspn(text + hashes, " "), "ERROR")) ||
                    begins(text, "ERR_CMD_NA") || begins(text, "Unknown command") ||
                    begins(text, "Invalid ")) {
                        *ret_length = end ? (size_t) (end - text) : strlen(text);
                        return text;
                }
                line = end ? end + 1 : NULL;
        }
        return NULL;
}

enum going {
        STAYS,
        SAYS_SO, /* and is still there when the time is over */
        GONE,
};

/* Reads what comes until the port is gone, or the firmware refuses, or the time is over. */
static int watch_going(struct fc_cli *cli) {
        const uint64_t end_ms = cli->port->ops->now_ms(cli->port) + GOING_MS;
        bool going = false;

        for (;;) {
                char data[CLI_CHUNK];
                int n = serial_read_until(cli->port, data, sizeof(data), end_ms);

                if (n == -ENODEV || n == -EIO)
                        return GONE;
                if (n <= 0)
                        return n < 0 ? n : going ? SAYS_SO : STAYS;
                for (int i = 0; i < n; i++)
                        if (cli_is_text((unsigned char) data[i]))
                                (void) cli_keep(cli, data[i]);
                going = strstr(cli->reply, "Rebooting");
                /* A refusal ends with the prompt, or the frame. */
                if (!going &&
                    (memchr(data, CLI_ETX, (size_t) n) || (!cli->framed && cli_at_prompt(cli))))
                        return STAYS;
        }
}

static int send(struct fc_cli *cli, const char *command) {
        return cli->framed ? cli_write_frame(cli, command) : cli_write_line(cli, command);
}

int fc_cli_save(struct fc_cli *cli, struct fault *fault) {
        size_t ignored;
        int r = send(cli, "save");

        if (r == 0)
                r = watch_going(cli);
        if (r < 0)
                return cli_port_fault(cli, r, fault);
        if (r != STAYS || fc_cli_refusal(cli->reply, &ignored))
                return r != STAYS;
        return fault_set(fault, FWD_TIMEOUT,
                         "The board on %s was told to save, and did not restart; nobody knows "
                         "whether it saved",
                         cli->port->name);
}

bool fc_cli_leave(struct fc_cli *cli, bool changed) {
        const bool resets = changed || !cli->knows_noreboot;

        if (!cli->entered && !changed)
                return false;
        cli->entered = false;
        if (send(cli, resets ? "exit" : "exit noreboot") < 0)
                return true;
        if (resets)
                (void) watch_going(cli);
        else
                (void) serial_wait(cli->port, CLI_QUIET_MS);
        return resets;
}

int fc_cli_go(struct fc_cli *cli, const char *command, struct fault *fault) {
        const char *refusal;
        size_t length;
        int r = send(cli, command);

        if (r == 0)
                r = watch_going(cli);
        if (r < 0)
                return cli_port_fault(cli, r, fault);
        if (r != STAYS) {
                cli->entered = false;
                return r == GONE;
        }
        refusal = fc_cli_refusal(cli->reply, &length);
        if (refusal)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The firmware on %s refuses the command %s: %.*s", cli->port->name,
                                 command, (int) (length < 80 ? length : 80), refusal);
        return fault_set(fault, FWD_TIMEOUT, "The firmware on %s takes no notice of the command %s",
                         cli->port->name, command);
}
