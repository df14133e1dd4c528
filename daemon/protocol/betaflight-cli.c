/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight-cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define STX         0x02
#define ETX         0x03
#define PROMPT      "\n# "
#define PROMPT_SIZE 3U

/* '#' counts if nothing follows it for 100 ms (mspProcessPendingRequest). */
#define GUARD_MS 150U
/* Until the banner and the prompt are there; the firmware prints them at once. */
#define ENTER_MS 3000U
/* Longest silence in the middle of an answer. The firmware works on one command for much less;
 * Betaflight's own application gives it 2 s. */
#define SILENCE_MS 3000U
/* A whole answer, however the bytes trickle. */
#define ANSWER_MS 30000U
/* A heading of an answer begins as the prompt does: the prompt is followed by silence. Output
 * comes in pieces of 64 bytes, a millisecond or so apart. */
#define QUIET_MS 60U
/* `set` answers with one line and no heading. */
#define QUIET_SET_MS 2U
/* From "Rebooting" until the port is gone. */
#define GOING_MS 3000U
/* In front of a frame there may be what is left of an MSP frame; more is noise. */
#define BEFORE_FRAME_MAX 1024U
#define CHUNK            512U

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

static int port_fault(const struct fc_cli *cli, int error, struct fault *fault) {
        switch (error) {
        case -ENODEV:
                return fault_set(fault, FWD_DEVICE_LOST,
                                 "The board on %s went away while its command line was in use",
                                 cli->port->name);
        case -ECANCELED:
                return fault_set(fault, FWD_CANCELLED, "Cancelled");
        case -ETIMEDOUT:
                return fault_set(fault, FWD_TIMEOUT, "The board on %s takes no bytes",
                                 cli->port->name);
        case -ENOMEM:
                return fault_set(fault, FWD_FAILED, "Out of memory");
        default:
                return fault_set(fault, FWD_FAILED, "%s: %s", cli->port->name, strerror(-error));
        }
}

/* Keeps a byte; carriage returns go. -EFBIG, -ENOMEM. */
static int keep(struct fc_cli *cli, char c) {
        if (c == '\r')
                return 0;
        if (cli->size >= FC_CLI_REPLY_MAX)
                return -EFBIG;
        if (cli->size + 1 >= cli->allocated) {
                char *grown = realloc(cli->reply, 2 * cli->allocated);

                if (!grown)
                        return -ENOMEM;
                cli->reply = grown;
                cli->allocated *= 2;
        }
        cli->reply[cli->size++] = c;
        cli->reply[cli->size] = '\0';
        return 0;
}

static void forget(struct fc_cli *cli) {
        cli->size = 0;
        cli->reply[0] = '\0';
}

/* Text has line breaks, tabs and printable characters; bytes above ASCII are judged as a whole. */
static bool is_text(unsigned char c) {
        return c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c != 0x7f);
}

static int bad_answer(const struct fc_cli *cli, const char *what, struct fault *fault) {
        return fault_set(fault, FWD_BAD_ANSWER, "The command line of the board on %s answers %s",
                         cli->port->name, what);
}

static int keep_fault(const struct fc_cli *cli, int r, struct fault *fault) {
        return r == -EFBIG ? bad_answer(cli, "without an end", fault) : port_fault(cli, r, fault);
}

/* UTF-8 throughout: a name may have been set by other means than the command line. */
static int check_text(struct fc_cli *cli, struct fault *fault) {
        for (char *line = cli->reply; line && *line;) {
                char *end = strchr(line, '\n');
                bool clean;

                if (end)
                        *end = '\0';
                for (char *tab = line; (tab = strchr(tab, '\t'));)
                        *tab = ' ';
                clean = text_is_clean(line);
                if (end)
                        *end = '\n';
                if (!clean)
                        return bad_answer(cli, "with bytes that are no text", fault);
                line = end ? end + 1 : NULL;
        }
        return 0;
}

static int stopped(const struct fc_cli *cli, const char *command, struct fault *fault) {
        if (cli->size == 0)
                return fault_set(fault, FWD_TIMEOUT,
                                 "The command line of the board on %s does not answer to \"%.40s\"",
                                 cli->port->name, command);
        return fault_set(fault, FWD_TIMEOUT,
                         "The board on %s stopped in the middle of its answer to \"%.40s\", after "
                         "%zu bytes",
                         cli->port->name, command, cli->size);
}

/* Frames */

static int write_frame(struct fc_cli *cli, const char *command) {
        char frame[FC_CLI_COMMAND_MAX + 4];
        int n = snprintf(frame, sizeof(frame), "%c%s\n%c", STX, command, ETX);

        cli->port->ops->discard_input(cli->port);
        forget(cli);
        return serial_write(cli->port, frame, (size_t) n);
}

/* 1 when the frame is whole, 0 to go on. */
static int take_framed(struct fc_cli *cli, const char *data, size_t size, bool *open,
                       size_t *before, struct fault *fault) {
        for (size_t i = 0; i < size; i++) {
                const unsigned char c = (unsigned char) data[i];
                int r;

                if (!*open) {
                        *open = c == STX;
                        if (!*open && ++*before > BEFORE_FRAME_MAX)
                                return bad_answer(cli, "with bytes that are no text", fault);
                        continue;
                }
                if (c == ETX)
                        return 1;
                if (!is_text(c))
                        return bad_answer(cli, "with bytes that are no text", fault);
                r = keep(cli, data[i]);
                if (r < 0)
                        return keep_fault(cli, r, fault);
        }
        return 0;
}

static int run_framed(struct fc_cli *cli, const char *command, struct fault *fault) {
        struct serial_port *port = cli->port;
        const uint64_t end_ms = port->ops->now_ms(port) + ANSWER_MS;
        size_t before = 0;
        bool open = false;
        int r = write_frame(cli, command);

        if (r < 0)
                return port_fault(cli, r, fault);
        for (;;) {
                uint64_t until_ms = port->ops->now_ms(port) + SILENCE_MS;
                char data[CHUNK];
                int n = serial_read_until(port, data, sizeof(data),
                                          until_ms < end_ms ? until_ms : end_ms);

                if (n < 0)
                        return port_fault(cli, n, fault);
                if (n == 0)
                        return before > 0 && !open
                                       ? bad_answer(cli, "with bytes that are no text", fault)
                                       : stopped(cli, command, fault);
                r = take_framed(cli, data, (size_t) n, &open, &before, fault);
                if (r < 0)
                        return r;
                if (r > 0)
                        return check_text(cli, fault);
        }
}

/* Interactive */

static bool at_prompt(const struct fc_cli *cli) {
        return cli->size >= PROMPT_SIZE &&
               strcmp(cli->reply + cli->size - PROMPT_SIZE, PROMPT) == 0;
}

/* The last line before the prompt is `save`: how every `diff all` and `dump all` ends. */
static bool closes_with_save(const char *text, size_t size) {
        static const char closing[] = "\nsave";

        while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' '))
                size--;
        return size >= strlen(closing) &&
               memcmp(text + size - strlen(closing), closing, strlen(closing)) == 0;
}

static int take_text(struct fc_cli *cli, const char *data, size_t size, struct fault *fault) {
        for (size_t i = 0; i < size; i++) {
                int r;

                if (!is_text((unsigned char) data[i]))
                        return bad_answer(cli, "with bytes that are no text", fault);
                r = keep(cli, data[i]);
                if (r < 0)
                        return keep_fault(cli, r, fault);
        }
        return 0;
}

enum reply_end {
        END_AT_PROMPT,
        END_AT_PROMPT_AFTER_SAVE,
        END_AT_PROMPT_AFTER_BANNER,
};

static bool is_at_end(const struct fc_cli *cli, enum reply_end end) {
        if (!at_prompt(cli))
                return false;
        switch (end) {
        case END_AT_PROMPT:
                return true;
        case END_AT_PROMPT_AFTER_SAVE:
                return closes_with_save(cli->reply, cli->size - PROMPT_SIZE);
        case END_AT_PROMPT_AFTER_BANNER: /* in every build's, minimal ones included */
                return strstr(cli->reply, "CLI");
        }
        return false;
}

/* 0 when the prompt is there and quiet, -ETIME after silence anywhere else. */
static int read_to_prompt(struct fc_cli *cli, enum reply_end end, unsigned silence_ms,
                          unsigned quiet_ms, struct fault *fault) {
        struct serial_port *port = cli->port;
        const uint64_t end_ms = port->ops->now_ms(port) + ANSWER_MS;

        for (;;) {
                const bool ended = is_at_end(cli, end);
                uint64_t until_ms = port->ops->now_ms(port) + (ended ? quiet_ms : silence_ms);
                char data[CHUNK];
                int n, r;

                n = serial_read_until(port, data, sizeof(data),
                                      until_ms < end_ms ? until_ms : end_ms);
                if (n < 0)
                        return port_fault(cli, n, fault);
                if (n == 0)
                        return ended ? 0 : -ETIME;
                r = take_text(cli, data, (size_t) n, fault);
                if (r < 0)
                        return r;
        }
}

/* Takes the echo off the beginning and the prompt off the end. */
static int strip(struct fc_cli *cli, const char *command, struct fault *fault) {
        const size_t length = strlen(command);
        size_t start = 0, end = cli->size - PROMPT_SIZE;

        while (start < cli->size && cli->reply[start] == '\n')
                start++;
        if (cli->size - start < length || memcmp(cli->reply + start, command, length) != 0 ||
            cli->reply[start + length] != '\n')
                return bad_answer(cli, "something else than what it was asked", fault);
        start += length + 1;
        while (end > start && cli->reply[end - 1] == '\n')
                end--;
        if (end < start)
                end = start;
        memmove(cli->reply, cli->reply + start, end - start);
        cli->size = end - start;
        cli->reply[cli->size] = '\0';
        return check_text(cli, fault);
}

static int write_line(struct fc_cli *cli, const char *command) {
        char line[FC_CLI_COMMAND_MAX + 2];
        int n = snprintf(line, sizeof(line), "%s\n", command);

        cli->port->ops->discard_input(cli->port);
        forget(cli);
        return serial_write(cli->port, line, (size_t) n);
}

static int run_interactive(struct fc_cli *cli, const char *command, enum reply_end end,
                           struct fault *fault) {
        int r = write_line(cli, command);

        if (r < 0)
                return port_fault(cli, r, fault);
        r = read_to_prompt(cli, end, SILENCE_MS,
                           strncmp(command, "set ", 4) == 0 ? QUIET_SET_MS : QUIET_MS, fault);
        if (r == -ETIME)
                return stopped(cli, command, fault);
        return r < 0 ? r : strip(cli, command, fault);
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
                return port_fault(cli, r, fault);
        cli->entered = true;
        forget(cli);
        r = read_to_prompt(cli, END_AT_PROMPT_AFTER_BANNER, ENTER_MS, QUIET_MS, fault);
        if (r == 0)
                return 0;
        tell_to_leave(cli);
        if (r != -ETIME)
                return r;
        return fault_set(fault, FWD_TIMEOUT,
                         "The board on %s does not show the prompt of its command line",
                         cli->port->name);
}

int fc_cli_open(struct fc_cli *ret, struct serial_port *port, const struct fc_identity *identity,
                struct fault *fault) {
        _cleanup_fc_cli_ struct fc_cli cli = {.port = port};
        int r;

        memcpy(cli.variant, identity->variant, sizeof(cli.variant));
        cli.framed = cli.knows_noreboot = fc_cli_has_frames(identity);
        cli.reply = calloc(1, CHUNK);
        cli.allocated = CHUNK;
        if (!cli.reply)
                return port_fault(&cli, -ENOMEM, fault);
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
        return cli->framed ? run_framed(cli, command, fault)
                           : run_interactive(cli, command, END_AT_PROMPT, fault);
}

int fc_cli_read_config(struct fc_cli *cli, bool all, struct fault *fault) {
        const char *command = all ? "dump all" : "diff all";
        int r;

        r = cli->framed ? run_framed(cli, command, fault)
                        : run_interactive(cli, command, END_AT_PROMPT_AFTER_SAVE, fault);
        if (r < 0)
                return r;
        if (!closes_with_save(cli->reply, cli->size))
                return bad_answer(cli, "with a configuration that is not whole", fault);
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
                char data[CHUNK];
                int n = serial_read_until(cli->port, data, sizeof(data), end_ms);

                if (n == -ENODEV || n == -EIO)
                        return GONE;
                if (n <= 0)
                        return n < 0 ? n : going ? SAYS_SO : STAYS;
                for (int i = 0; i < n; i++)
                        if (is_text((unsigned char) data[i]))
                                (void) keep(cli, data[i]);
                going = strstr(cli->reply, "Rebooting");
                /* A refusal ends with the prompt, or the frame. */
                if (!going && (memchr(data, ETX, (size_t) n) || (!cli->framed && at_prompt(cli))))
                        return STAYS;
        }
}

static int send(struct fc_cli *cli, const char *command) {
        return cli->framed ? write_frame(cli, command) : write_line(cli, command);
}

int fc_cli_save(struct fc_cli *cli, struct fault *fault) {
        size_t ignored;
        int r = send(cli, "save");

        if (r == 0)
                r = watch_going(cli);
        if (r < 0)
                return port_fault(cli, r, fault);
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
                (void) serial_wait(cli->port, QUIET_MS);
        return resets;
}

int fc_cli_go(struct fc_cli *cli, const char *command, struct fault *fault) {
        const char *refusal;
        size_t length;
        int r = send(cli, command);

        if (r == 0)
                r = watch_going(cli);
        if (r < 0)
                return port_fault(cli, r, fault);
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
