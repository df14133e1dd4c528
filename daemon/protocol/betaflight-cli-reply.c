/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight-cli-reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define PROMPT      "\n# "
#define PROMPT_SIZE 3U

/* Longest silence in the middle of an answer. The firmware works on one command for much less;
 * Betaflight's own application gives it 2 s. */
#define SILENCE_MS 3000U
/* A whole answer, however the bytes trickle. */
#define ANSWER_MS 30000U
/* `set` answers with one line and no heading. */
#define QUIET_SET_MS 2U
/* In front of a frame there may be what is left of an MSP frame; more is noise. */
#define BEFORE_FRAME_MAX 1024U

int cli_port_fault(const struct fc_cli *cli, int error, struct fault *fault) {
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

int cli_keep(struct fc_cli *cli, char c) {
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

void cli_forget(struct fc_cli *cli) {
        cli->size = 0;
        cli->reply[0] = '\0';
}

bool cli_is_text(unsigned char c) {
        return c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c != 0x7f);
}

int cli_bad_answer(const struct fc_cli *cli, const char *what, struct fault *fault) {
        return fault_set(fault, FWD_BAD_ANSWER, "The command line of the board on %s answers %s",
                         cli->port->name, what);
}

static int keep_fault(const struct fc_cli *cli, int r, struct fault *fault) {
        return r == -EFBIG ? cli_bad_answer(cli, "without an end", fault)
                           : cli_port_fault(cli, r, fault);
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
                        return cli_bad_answer(cli, "with bytes that are no text", fault);
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

int cli_write_frame(struct fc_cli *cli, const char *command) {
        char frame[FC_CLI_COMMAND_MAX + 4];
        int n = snprintf(frame, sizeof(frame), "%c%s\n%c", CLI_STX, command, CLI_ETX);

        cli->port->ops->discard_input(cli->port);
        cli_forget(cli);
        return serial_write(cli->port, frame, (size_t) n);
}

/* 1 when the frame is whole, 0 to go on. */
static int take_framed(struct fc_cli *cli, const char *data, size_t size, bool *open,
                       size_t *before, struct fault *fault) {
        for (size_t i = 0; i < size; i++) {
                const unsigned char c = (unsigned char) data[i];
                int r;

                if (!*open) {
                        *open = c == CLI_STX;
                        if (!*open && ++*before > BEFORE_FRAME_MAX)
                                return cli_bad_answer(cli, "with bytes that are no text", fault);
                        continue;
                }
                if (c == CLI_ETX)
                        return 1;
                if (!cli_is_text(c))
                        return cli_bad_answer(cli, "with bytes that are no text", fault);
                r = cli_keep(cli, data[i]);
                if (r < 0)
                        return keep_fault(cli, r, fault);
        }
        return 0;
}

int cli_run_framed(struct fc_cli *cli, const char *command, struct fault *fault) {
        struct serial_port *port = cli->port;
        const uint64_t end_ms = port->ops->now_ms(port) + ANSWER_MS;
        size_t before = 0;
        bool open = false;
        int r = cli_write_frame(cli, command);

        if (r < 0)
                return cli_port_fault(cli, r, fault);
        for (;;) {
                uint64_t until_ms = port->ops->now_ms(port) + SILENCE_MS;
                char data[CLI_CHUNK];
                int n = serial_read_until(port, data, sizeof(data),
                                          until_ms < end_ms ? until_ms : end_ms);

                if (n < 0)
                        return cli_port_fault(cli, n, fault);
                if (n == 0)
                        return before > 0 && !open
                                       ? cli_bad_answer(cli, "with bytes that are no text", fault)
                                       : stopped(cli, command, fault);
                r = take_framed(cli, data, (size_t) n, &open, &before, fault);
                if (r < 0)
                        return r;
                if (r > 0)
                        return check_text(cli, fault);
        }
}

/* Interactive */

bool cli_at_prompt(const struct fc_cli *cli) {
        return cli->size >= PROMPT_SIZE &&
               strcmp(cli->reply + cli->size - PROMPT_SIZE, PROMPT) == 0;
}

bool cli_closes_with_save(const char *text, size_t size) {
        static const char closing[] = "\nsave";

        while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' '))
                size--;
        return size >= strlen(closing) &&
               memcmp(text + size - strlen(closing), closing, strlen(closing)) == 0;
}

static int take_text(struct fc_cli *cli, const char *data, size_t size, struct fault *fault) {
        for (size_t i = 0; i < size; i++) {
                int r;

                if (!cli_is_text((unsigned char) data[i]))
                        return cli_bad_answer(cli, "with bytes that are no text", fault);
                r = cli_keep(cli, data[i]);
                if (r < 0)
                        return keep_fault(cli, r, fault);
        }
        return 0;
}

static bool is_at_end(const struct fc_cli *cli, enum cli_end end) {
        if (!cli_at_prompt(cli))
                return false;
        switch (end) {
        case CLI_END_AT_PROMPT:
                return true;
        case CLI_END_AT_PROMPT_AFTER_SAVE:
                return cli_closes_with_save(cli->reply, cli->size - PROMPT_SIZE);
        case CLI_END_AT_PROMPT_AFTER_BANNER: /* in every build's, minimal ones included */
                return strstr(cli->reply, "CLI");
        }
        return false;
}

int cli_read_to_prompt(struct fc_cli *cli, enum cli_end end, unsigned silence_ms, unsigned quiet_ms,
                       struct fault *fault) {
        struct serial_port *port = cli->port;
        const uint64_t end_ms = port->ops->now_ms(port) + ANSWER_MS;

        for (;;) {
                const bool ended = is_at_end(cli, end);
                uint64_t until_ms = port->ops->now_ms(port) + (ended ? quiet_ms : silence_ms);
                char data[CLI_CHUNK];
                int n, r;

                n = serial_read_until(port, data, sizeof(data),
                                      until_ms < end_ms ? until_ms : end_ms);
                if (n < 0)
                        return cli_port_fault(cli, n, fault);
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
                return cli_bad_answer(cli, "something else than what it was asked", fault);
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

int cli_write_line(struct fc_cli *cli, const char *command) {
        char line[FC_CLI_COMMAND_MAX + 2];
        int n = snprintf(line, sizeof(line), "%s\n", command);

        cli->port->ops->discard_input(cli->port);
        cli_forget(cli);
        return serial_write(cli->port, line, (size_t) n);
}

int cli_run_interactive(struct fc_cli *cli, const char *command, enum cli_end end,
                        struct fault *fault) {
        int r = cli_write_line(cli, command);

        if (r < 0)
                return cli_port_fault(cli, r, fault);
        r = cli_read_to_prompt(cli, end, SILENCE_MS,
                               strncmp(command, "set ", 4) == 0 ? QUIET_SET_MS : CLI_QUIET_MS,
                               fault);
        if (r == -ETIME)
                return stopped(cli, command, fault);
        return r < 0 ? r : strip(cli, command, fault);
}
