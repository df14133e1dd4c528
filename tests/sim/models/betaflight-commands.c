/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "models/betaflight.h"

struct call {
        struct betaflight *b;
        const char *name;
        char *rest; /* behind the name, without blanks before it */
        uint64_t now_us;
};

static bool is_dated(const struct betaflight *b) {
        return betaflight_is(b, "BTFL") && !betaflight_is_before(b, 2025, 12, 0);
}

static bool has_noreboot(const struct betaflight *b) {
        return betaflight_is(b, "BTFL") && !betaflight_is_before(b, 4, 5, 4);
}

static void go(struct call *call, enum firmware_wish wish) {
        cli_say(call->b, "\r\nRebooting");
        betaflight_wish(call->b, wish, call->now_us);
        call->b->cli.mode = CLI_OFF;
        call->b->cli.stop = call->b->fw.wish != WISH_NOTHING; /* else it does not come to it */
}

static void say_version(struct betaflight *b) {
        if (betaflight_is(b, "INAV"))
                cli_say(b, "# INAV/%s %s Jan 12 2026 / 12:34:56 (0a1b2c3d)\r\n", b->board_name,
                        b->version);
        else
                cli_say(b,
                        "# %s / %s (%s) %s Jan 12 2026 / 12:34:56 (0a1b2c3d4) MSP API: %u.%u\r\n",
                        betaflight_is(b, "EMUF") ? "EmuFlight" : "Betaflight", b->target_name,
                        b->identifier, b->version, b->api_major, b->api_minor);
        if (is_dated(b))
                cli_say(b, "# board: manufacturer_id: %s, board_name: %s\r\n", b->manufacturer_id,
                        b->board_name);
}

static void command_version(struct call *call) {
        say_version(call->b);
}

static void command_status(struct call *call) {
        struct betaflight *b = call->b;

        if (is_dated(b))
                cli_say(b,
                        "MCU: %s CLK=168MHz, Vref=3.29V, Core temp=40degC\r\n"
                        "CONFIG: CONFIGURED (3840b / 16384b)\r\n",
                        b->target->target);
        else
                cli_say(b,
                        "MCU %s Clock=168MHz, Vref=3.29V, Core temp=40degC\r\n"
                        "Config size: 3840, Max available config: 16384\r\n",
                        b->target->identifier + 1);
        cli_say(b, "Arming disable flags: CLI MSP\r\n");
}

/* A minimal build names its commands, and no more. */
static void command_help(struct call *call) {
        struct betaflight *b = call->b;
        const char *options = custom_defaults_are_known(b) ? "[nosave|bare|show]" : "[nosave]";
        const bool minimal = strstr(b->without, "HELP");

        if (minimal)
                cli_say(b, "defaults\r\n");
        else
                cli_say(b, "defaults - reset to defaults and reboot\r\n\t%s\r\n", options);
        if (!call->rest[0])
                cli_say(b, "help\r\nversion\r\n");
}

static void command_set(struct call *call) {
        char *value = strchr(call->rest, '=');
        const char *wrong;
        size_t n;

        if (!value) {
                cli_error(call->b, call->name, "INVALID NAME");
                return;
        }
        *value++ = '\0';
        value += strspn(value, " ");
        for (n = strlen(call->rest); n > 0 && call->rest[n - 1] == ' '; n--)
                call->rest[n - 1] = '\0';
        wrong = settings_set(call->b, call->rest, value);
        if (wrong)
                cli_error(call->b, call->name, "%s", wrong);
        else
                cli_say(call->b, "%s set to %s\r\n", call->rest, value);
}

static void command_row(struct call *call) {
        struct betaflight *b = call->b;
        char row[CLI_LINE_MAX + 16];
        const char *wrong;

        if (strcmp(call->name, "serial") == 0 && betaflight_is(b, "BTFL") &&
            !betaflight_is_before(b, 2026, 12, 0)) {
                cli_error(b, call->name,
                          "READ ONLY, ASSIGN PORTS WITH THE <FEATURE>_UART SETTINGS");
                return;
        }
        (void) snprintf(row, sizeof(row), "%s %s", call->name, call->rest);
        wrong = settings_set_row(b, row);
        if (wrong)
                cli_error(b, call->name, "%s", wrong);
}

static void choose(struct call *call, unsigned *chosen, unsigned count) {
        char *end;
        unsigned long number = strtoul(call->rest, &end, 10);

        if (end == call->rest || number >= count)
                cli_error(call->b, call->name, "INVALID ARGUMENT");
        else
                *chosen = (unsigned) number;
}

static void command_profile(struct call *call) {
        choose(call, &call->b->settings.profile, SETTING_PROFILES);
}

static void command_rateprofile(struct call *call) {
        choose(call, &call->b->settings.rate, SETTING_RATES);
}

static void take_name(struct call *call, char *name, size_t size) {
        if (name[0] && strcmp(name, call->rest) != 0)
                cli_error(call->b, call->name, "CANNOT BE CHANGED. CURRENT: '%s'", name);
        else
                (void) snprintf(name, size, "%s", call->rest);
}

static void command_board_name(struct call *call) {
        take_name(call, call->b->board_name, sizeof(call->b->board_name));
}

static void command_manufacturer_id(struct call *call) {
        take_name(call, call->b->manufacturer_id, sizeof(call->b->manufacturer_id));
}

static void command_ignored(struct call *call) {
}

static void command_batch(struct call *call) {
        struct cli *cli = &call->b->cli;

        if (strcmp(call->rest, "start") == 0) {
                cli->batch = true;
                cli->batch_error = false;
                cli_say(call->b, "Command batch started\r\n");
        } else if (strcmp(call->rest, "end") == 0) {
                if (cli->batch && cli->batch_error)
                        cli_error(call->b, call->name, "PROBLEMS WERE DETECTED IN THE BATCH");
                cli->batch = cli->batch_error = false;
        } else
                cli_error(call->b, call->name, "INVALID OPTION");
}

static void show_custom_defaults(struct call *call) {
        const char *text = custom_defaults_text(call->b);

        if (!text)
                cli_error(call->b, call->name, "NO CUSTOM DEFAULTS FOUND");
        for (; text && *text; text++)
                if (*text == '\n')
                        cli_say(call->b, "\r\n");
                else
                        cli_say(call->b, "%c", *text);
}

static void command_defaults(struct call *call) {
        struct betaflight *b = call->b;
        bool inav = betaflight_is(b, "INAV");
        const char *keeps = inav ? "noreboot" : "nosave";

        if (custom_defaults_are_known(b) && strcmp(call->rest, "show") == 0) {
                show_custom_defaults(call);
                return;
        }
        if (call->rest[0] && strcmp(call->rest, keeps) != 0 &&
            !(custom_defaults_are_known(b) &&
              (strcmp(call->rest, "bare") == 0 || strcmp(call->rest, "bare nosave") == 0))) {
                cli_error(b, call->name, "INVALID OPTION");
                return;
        }
        if (custom_defaults_are_known(b) && strncmp(call->rest, "bare", 4) == 0) {
                call->rest += strcspn(call->rest, " ");
                call->rest += strspn(call->rest, " ");
                settings_reset(&b->settings);
        } else
                settings_reset_custom(b);
        b->cli.batch_error = false;
        cli_say(b, "\r\n# resetting to defaults\r\n");
        if (inav || !call->rest[0])
                settings_save(b);
        if (!call->rest[0])
                go(call, WISH_RESET);
}

static void command_save(struct call *call) {
        struct betaflight *b = call->b;

        if (b->cli.batch && b->cli.batch_error) {
                cli_error(b, call->name, "PROBLEMS WERE DETECTED IN THE BATCH");
                cli_error(b, call->name, "PLEASE FIX ERRORS THEN 'SAVE'");
                b->cli.batch = b->cli.batch_error = false;
                return;
        }
        if (b->cli_fault == CLI_FAULT_GONE) {
                betaflight_wish(b, WISH_OFF, call->now_us);
                b->cli.stop = true;
                return;
        }
        if (b->cli_fault == CLI_FAULT_REFUSE_SAVE) {
                cli_error(b, call->name, "NO SPACE LEFT FOR THE CONFIGURATION");
                return;
        }
        cli_say(b, "Saving");
        b->settings.state = STATE_CONFIGURED;
        settings_save(b);
        if (strcmp(call->rest, "noreboot") != 0 || !has_noreboot(b))
                go(call, WISH_RESET);
}

static void command_exit(struct call *call) {
        struct betaflight *b = call->b;

        if (strcmp(call->rest, "noreboot") == 0 && has_noreboot(b)) {
                cli_say(b, "\r\nLeaving CLI mode\r\n");
                b->cli.mode = CLI_OFF;
                return;
        }
        cli_say(b, "\r\nLeaving CLI mode, unsaved changes lost.\r\n");
        go(call, WISH_RESET);
}

static void command_bl(struct call *call) {
        struct betaflight *b = call->b;
        bool has_choice = betaflight_is(b, "BTFL") && !betaflight_is_before(b, 4, 1, 0);

        if (call->rest[0] &&
            !(has_choice && (strcmp(call->rest, "rom") == 0 ||
                             (strcmp(call->rest, "flash") == 0 && b->flash_bootloader)))) {
                cli_error(b, call->name, "INVALID OPTION");
                return;
        }
        cli_say(b, "\r\n# restarting in ROM bootloader mode\r\n");
        go(call, WISH_BOOTLOADER);
}

static void command_dfu(struct call *call) {
        cli_say(call->b, "\r\nRestarting in DFU mode\r\n");
        go(call, WISH_BOOTLOADER);
}

/* diff and dump */

static void heading(struct betaflight *b, const char *text) {
        cli_say(b, "\r\n# %s\r\n", text);
}

static void say_row(struct betaflight *b, const char *row) {
        static const char *const names[][2] = {
                {"serial 20 ", "serial VCP "},  {"serial 0 ", "serial UART1 "},
                {"serial 1 ", "serial UART2 "}, {"serial 2 ", "serial UART3 "},
                {"serial 5 ", "serial UART6 "},
        };

        for (size_t i = 0; is_dated(b) && i < ARRAY_SIZE(names); i++)
                if (strncmp(row, names[i][0], strlen(names[i][0])) == 0) {
                        cli_say(b, "%s%s\r\n", names[i][1], row + strlen(names[i][0]));
                        return;
                }
        cli_say(b, "%s\r\n", row);
}

enum content { CONTENT_DIFF, CONTENT_DUMP, CONTENT_DIFF_DEFAULTS, CONTENT_DUMP_DEFAULTS };

static bool is_dump(enum content content) {
        return content == CONTENT_DUMP || content == CONTENT_DUMP_DEFAULTS;
}

static bool tells_defaults(enum content content) {
        return content == CONTENT_DIFF_DEFAULTS || content == CONTENT_DUMP_DEFAULTS;
}

static void say_rows(struct betaflight *b, const struct settings *defaults, enum content content) {
        const char *last = "";

        for (size_t i = 0; row_initial_at(i); i++) {
                const char *initial = row_initial_at(i), *row = b->settings.rows[i];
                const bool same = strcmp(row, defaults->rows[i]) == 0;
                size_t word = strcspn(row, " ");

                if (!row_is_here(b, initial) || (!is_dump(content) && same))
                        continue;
                if (betaflight_is(b, "BTFL") && !betaflight_is_before(b, 2026, 12, 0) &&
                    strncmp(row, "serial ", 7) == 0)
                        continue;
                if (strncmp(last, row, word + 1) != 0)
                        cli_say(b, "\r\n# %.*s\r\n", (int) word, row);
                last = row;
                if (tells_defaults(content) && !same) {
                        cli_say(b, "#");
                        say_row(b, defaults->rows[i]);
                }
                say_row(b, row);
        }
}

static void say_settings(struct betaflight *b, enum setting_scope scope, unsigned set,
                         const struct settings *defaults, enum content content) {
        for (size_t i = 0; setting_at(i); i++) {
                const struct setting *s = setting_at(i);
                const char *value = b->settings.values[i][set];
                const bool same = strcmp(value, defaults->values[i][set]) == 0;

                if (s->scope != scope || !setting_is_here(b, s) || (!is_dump(content) && same))
                        continue;
                if (tells_defaults(content) && !same)
                        cli_say(b, "#set %s = %s\r\n", s->name, defaults->values[i][set]);
                cli_say(b, "set %s = %s\r\n", s->name, value);
        }
}

static void say_profiles(struct betaflight *b, enum setting_scope scope, const char *word,
                         unsigned count, unsigned chosen, const struct settings *defaults,
                         enum content content) {
        for (unsigned i = 0; i < count; i++) {
                cli_say(b, "\r\n%s %u\r\n\r\n# %s %u\r\n", word, i, word, i);
                say_settings(b, scope, i, defaults, content);
        }
        cli_say(b, "\r\n# restore original %s selection\r\n%s %u\r\n", word, word, chosen);
}

static void say_head(struct betaflight *b, enum content content) {
        heading(b, "version");
        say_version(b);
        heading(b, "start the command batch");
        cli_say(b, "batch start\r\n");
        if (!is_dump(content)) {
                heading(b, "reset configuration to default settings");
                cli_say(b, "defaults %s\r\n", betaflight_is(b, "INAV") ? "noreboot" : "nosave");
        }
        if (betaflight_is(b, "INAV"))
                return;
        cli_say(b,
                "\r\nboard_name %s\r\nmanufacturer_id %s\r\nmcu_id %08x%08x%08x\r\n"
                "signature \r\n",
                b->board_name, b->manufacturer_id, (unsigned) b->fw.uid[0], (unsigned) b->fw.uid[1],
                (unsigned) b->fw.uid[2]);
        cli_say(b, "\r\n# name: %s\r\n", b->craft_name);
        if (custom_defaults_are_known(b) && !custom_defaults_are_there(b))
                cli_say(b, "###WARNING: NO CUSTOM DEFAULTS FOUND###\r\n");
}

static void print_config(struct call *call, enum content content) {
        struct betaflight *b = call->b;
        const size_t start = b->cli.size;
        static struct settings defaults;

        if (strcmp(call->rest, "all defaults") == 0)
                content = is_dump(content) ? CONTENT_DUMP_DEFAULTS : CONTENT_DIFF_DEFAULTS;
        else if (strcmp(call->rest, "all") != 0) {
                cli_error(b, call->name, "INVALID OPTION");
                return;
        }
        say_head(b, content);
        settings_defaults(b, &defaults);
        say_rows(b, &defaults, content);
        heading(b, "master");
        say_settings(b, SCOPE_MASTER, 0, &defaults, content);
        say_profiles(b, SCOPE_PROFILE, "profile", SETTING_PROFILES, b->settings.profile, &defaults,
                     content);
        say_profiles(b, SCOPE_RATE, "rateprofile", SETTING_RATES, b->settings.rate, &defaults,
                     content);
        if (b->cli_fault != CLI_FAULT_NO_SAVE)
                cli_say(b, "\r\n# save configuration\r\nsave");
        if (betaflight_is(b, "INAV"))
                cli_say(b, "\r\n");

        switch (b->cli_fault) {
        case CLI_FAULT_GARBAGE:
                memcpy(b->cli.out + (start + b->cli.size) / 2, "\x01\xff$M>\x9a", 6);
                break;
        case CLI_FAULT_DROP:
                betaflight_wish(b, WISH_RESET, call->now_us);
                b->cli.size = (start + b->cli.size) / 2;
                b->cli.stop = true;
                break;
        case CLI_FAULT_HALF:
                b->cli.size = (start + b->cli.size) / 2;
                b->cli.stop = true;
                break;
        default:
                break;
        }
}

static void command_diff(struct call *call) {
        print_config(call, CONTENT_DIFF);
}

static void command_dump(struct call *call) {
        print_config(call, CONTENT_DUMP);
}

static const struct {
        const char *name;
        void (*run)(struct call *call);
        const char *variant; /* of this one alone */
        const char *not_of;
        const char *needs;
} commands[] = {
        {"adjrange", command_row, NULL, NULL, NULL},
        {"aux", command_row, NULL, NULL, NULL},
        {"batch", command_batch, NULL, NULL, NULL},
        {"beeper", command_row, NULL, NULL, NULL},
        {"bl", command_bl, NULL, "INAV", NULL},
        {"board_name", command_board_name, NULL, "INAV", NULL},
        {"defaults", command_defaults, NULL, NULL, NULL},
        {"dfu", command_dfu, "INAV", NULL, NULL},
        {"diff", command_diff, NULL, NULL, NULL},
        {"dump", command_dump, NULL, NULL, NULL},
        {"exit", command_exit, NULL, NULL, NULL},
        {"feature", command_row, NULL, NULL, NULL},
        {"help", command_help, NULL, NULL, NULL},
        {"led", command_row, NULL, NULL, NULL},
        {"manufacturer_id", command_manufacturer_id, NULL, "INAV", NULL},
        {"map", command_row, NULL, NULL, NULL},
        {"mcu_id", command_ignored, NULL, "INAV", NULL},
        {"profile", command_profile, NULL, NULL, NULL},
        {"rateprofile", command_rateprofile, NULL, NULL, NULL},
        {"resource", command_row, NULL, NULL, NULL},
        {"rxfail", command_row, NULL, NULL, NULL},
        {"rxrange", command_row, NULL, NULL, NULL},
        {"save", command_save, NULL, NULL, NULL},
        {"serial", command_row, NULL, NULL, NULL},
        {"set", command_set, NULL, NULL, NULL},
        {"signature", command_ignored, NULL, "INAV", NULL},
        {"status", command_status, NULL, NULL, NULL},
        {"version", command_version, NULL, NULL, NULL},
        {"vtxtable", command_row, NULL, NULL, "VTX"},
};

void cli_run(struct betaflight *b, char *line, uint64_t now_us) {
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                const size_t n = strlen(commands[i].name);
                struct call call = {b, commands[i].name, line + n, now_us};

                if (strncasecmp(line, commands[i].name, n) != 0 || (line[n] && line[n] != ' ') ||
                    (commands[i].variant && !betaflight_is(b, commands[i].variant)) ||
                    (commands[i].not_of && betaflight_is(b, commands[i].not_of)) ||
                    (commands[i].needs && strstr(b->without, commands[i].needs)))
                        continue;
                call.rest += strspn(call.rest, " ");
                commands[i].run(&call);
                return;
        }
        if (b->cli.mode == CLI_FRAMED)
                cli_say(b, "ERR_CMD_NA: %s\r\n", line);
        else
                cli_error(b, line, "UNKNOWN COMMAND, TRY 'HELP'");
}
