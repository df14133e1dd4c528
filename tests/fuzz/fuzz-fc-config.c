/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration file from anywhere, and what is done with its lines. */

#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "protocol/betaflight-cli.h"
#include "protocol/betaflight-config.h"
#include "protocol/betaflight-ports.h"

#define COMPARED_MAX 2000U /* lines: each is looked for among all */

static void count(void *userdata, const struct fc_config_line *line, const char *instead) {
        ++*(size_t *) userdata;
        check(line->kind == FC_LINE_SETTING);
}

/* Each of its commands is one that a command line takes. */
static void check_ports(const struct fc_config *config, const struct fc_config_line *line) {
        struct fc_ports *ports = fc_ports_new(config);
        struct fc_ports_commands commands;

        check(ports);
        fc_ports_translate(ports, line->text, &commands);
        check(commands.n <= FC_PORTS_COMMANDS_MAX);
        for (size_t i = 0; i < commands.n; i++)
                check(strncmp(commands.text[i], "set ", 4) == 0 &&
                      text_is_clean(commands.text[i]) && !strchr(commands.text[i], '#'));
        fc_ports_free(ports);
}

static void check_line(const struct fc_config *config, const struct fc_config_line *line,
                       const struct fc_identity *identity) {
        char to[FC_CONFIG_LINE_MAX + 1];
        const char *why = NULL;

        check(*line->text && strlen(line->text) <= FC_CONFIG_LINE_MAX);
        check(text_is_clean(line->text));
        check(line->section < _FC_SECTION_MAX);
        check(!line->profile || (line->profile >= config->lines && line->profile < line));
        for (int interactive = 0; interactive < 2; interactive++)
                switch (fc_config_translate(line, identity, interactive, to, &why)) {
                case FC_SEND:
                        check(!strchr(line->text, '\n') && !strchr(line->text, '#'));
                        break;
                case FC_TRANSLATE:
                        check(*to && strlen(to) <= FC_CONFIG_LINE_MAX && why);
                        break;
                case FC_PORTS:
                        check_ports(config, line);
                        break;
                case FC_SKIP:
                        check(why);
                        break;
                }
}

/* What a board says of its defaults is no more trusted than the rest. */
static void check_defaults(const struct fc_config *config, const uint8_t *data, size_t size) {
        char *text = strndup((const char *) data, size);
        struct fc_ports *ports = fc_ports_new(config);

        check(ports && text);
        fc_ports_reset(ports, text);
        fc_ports_free(ports);
        free(text);
}

static void check_format(const struct fc_identity *identity, const uint8_t *data, size_t size) {
        struct fc_config *again = NULL;
        size_t text_size = 0;
        char *text = fc_config_format(identity, "2026-11-21T12:00:00Z", (const char *) data, size,
                                      &text_size);

        check(text);
        if (fc_config_parse(text, text_size, &again, NULL) == 0) {
                check(again->has_head);
                check(strcmp(again->board, identity->board) == 0);
        }
        fc_config_free(again);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const unsigned versions[][2] = {{4, 2}, {4, 5}, {2025, 12}, {2026, 12}};
        struct fc_identity identity = {.variant = "BTFL", .has_version = true, .board = "MOTH405"};
        struct fc_config *config = NULL;
        size_t missing = 0;

        if (fc_config_parse(data, size, &config, NULL) < 0) {
                check(!config);
                return 0;
        }
        for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
                memcpy(identity.version, versions[v], sizeof(versions[v]));
                for (size_t i = 0; i < config->n; i++)
                        check_line(config, &config->lines[i], &identity);
        }
        check_defaults(config, data, size);
        (void) fc_config_check_board(config, &identity, NULL);
        /* What is the same has nothing missing, but for what goes by another name here. */
        memcpy(identity.variant, "INAV", 4);
        if (config->n < COMPARED_MAX)
                check(fc_config_compare(config, config, &identity, ~0U, count, &missing) == 0);
        check(missing == 0);
        memcpy(identity.variant, "BTFL", 4);
        if (!config->has_head && size < FC_CONFIG_SIZE_MAX / 2)
                check_format(&identity, data, size);
        fc_config_free(config);
        return 0;
}
