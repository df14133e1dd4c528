/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "worker/config-session.h"

/* The text of the custom defaults without what is not about anything: what a board is given. */
static void list_commands(const char *text, struct config_list *list) {
        for (const char *line = text; line && *line;) {
                const size_t length = strcspn(line, "\n");
                const size_t blanks = strspn(line, " ");

                if (blanks < length && line[blanks] != '#')
                        config_list_add(list, "%.*s", (int) (length - blanks), line + blanks);
                line += length + (line[length] == '\n');
        }
}

/* `diff all` is against the custom defaults where there are some: what it has will be gone. */
static int list_replaced(struct config_session *session, struct config_list *list,
                         struct fault *fault) {
        _cleanup_fc_config_ struct fc_config *config = NULL;
        int r = config_session_read(session, FC_CLI_DIFF, &config, fault);

        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n; i++) {
                const struct fc_config_line *line = &config->lines[i];

                if (line->kind == FC_LINE_SETTING)
                        config_list_add(list, "%s%s%s%s", line->text, line->profile ? " (" : "",
                                        line->profile ? line->profile->text : "",
                                        line->profile ? ")" : "");
        }
        return 0;
}

/* What would be done, without doing it. */
static int plan(struct config_session *session, struct fault *fault) {
        struct config_list commands = {.room = CONFIG_LIST_LONG};
        struct config_list replaced = {.room = CONFIG_LIST_LONG};
        struct reporter *reporter = &session->worker->reporter;
        int shown, r;

        r = fc_check_custom_defaults(session->port, &session->identity, fault);
        if (r == 0)
                r = config_session_enter(session, fault);
        if (r < 0)
                return r;
        shown = fc_cli_show_custom_defaults(&session->cli, fault);
        if (shown < 0)
                return shown;
        if (shown > 0)
                list_commands(session->cli.reply, &commands);
        r = list_replaced(session, &replaced, fault);
        if (r < 0)
                return r;
        if (shown > 0)
                config_list_report(&commands, reporter, "Plan");
        config_list_report(&replaced, reporter, "Replaced");
        return 0;
}

/* What the board had is gone after this, and whether it has its custom defaults now is asked when
 * it is back: the service's to do. */
static int apply_defaults(struct worker *worker, struct fault *fault) {
        _cleanup_config_session_ struct config_session session = {};
        int r;

        r = config_session_identify(&session, worker, fault);
        if (r == 0)
                r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        if (worker->options.dry_run)
                return plan(&session, fault);
        r = fc_apply_custom_defaults(session.port, &session.identity, fault);
        if (r == 0)
                reporter_fact(&worker->reporter, "Rebooting", "yes");
        return r;
}

const struct operation op_defaults = {
        .name = "defaults",
        .summary = "reset a flight controller to its custom defaults",
        .phase = "applying-defaults",
        .needs = NEEDS_TTY,
        .options = OPTIONS_DEFAULTS,
        .run = apply_defaults,
};
