/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/betaflight-ports.h"
#include "worker/config-session.h"

/* One restore on its way. Nothing of it is kept by the board before it is saved: whatever goes
 * wrong until then is undone by the restart at the session's end. */
struct restore {
        struct worker *worker;
        struct config_session *session;
        const struct fc_config *config;
        unsigned sections;
        size_t applied, done;
        bool is_reset; /* to the board's defaults */
        struct config_list rejected, skipped, translated;
        struct config_list plan; /* of a dry run: what would be sent, in that order */
        /* The chosen profile, of the lines to come and of the board, for each kind of them. */
        const struct fc_config_line *profile;
        struct fc_ports *ports; /* owned; what the board's ports do, as settings */
};

static void restore_clear(struct restore *restore) {
        restore->ports = fc_ports_free(restore->ports);
}

/* Runs a line, which a dry run only tells. 1: the board took it, 0: it refused, and is on the list
 * as `text`. */
static int run(struct restore *restore, const char *command, const char *text,
               struct fault *fault) {
        const char *refusal;
        size_t length = 0;
        int r;

        if (restore->worker->options.dry_run) {
                config_list_add(&restore->plan, "%s", command);
                return 1;
        }
        r = fc_cli_run(&restore->session->cli, command, fault);
        if (r < 0)
                return r;
        restore->session->changed = true;
        refusal = fc_cli_refusal(restore->session->cli.reply, &length);
        if (!refusal)
                return 1;
        config_list_add(&restore->rejected, "%s (%.*s)", text, (int) (length < 100 ? length : 100),
                        refusal);
        return 0;
}

static const char *phase(const struct restore *restore) {
        return restore->worker->options.dry_run ? "planning" : "restoring";
}

/* INAV writes its defaults to the flash at once. All lines are tried there before that, so that a
 * configuration which the board refuses costs it nothing. */
static bool keeps_defaults_at_once(const struct restore *restore) {
        return strcmp(restore->session->identity.variant, "INAV") == 0;
}

/* The board names its own kind; it takes a name only if it has none, which is so after it was
 * flashed with firmware for any board of its chip (Betaflight up to 4.4). */
static int restore_identity(struct restore *restore, const struct fc_config_line *line,
                            struct fault *fault) {
        const struct fc_identity *identity = &restore->session->identity;
        const char *value = strchr(line->text, ' ');
        int r;

        if (!value || restore->worker->options.only[0])
                return 0;
        if (!(strncmp(line->text, "board_name ", 11) == 0 && !identity->board[0]) &&
            !(strncmp(line->text, "manufacturer_id ", 16) == 0 && !identity->manufacturer[0]))
                return 0;
        r = run(restore, line->text, line->text, fault);
        if (r > 0)
                restore->applied++;
        return r < 0 ? r : 0;
}

static int choose_profile(struct restore *restore, const struct fc_config_line *profile,
                          struct fault *fault) {
        int r;

        if (!profile || profile == restore->profile)
                return 0;
        restore->profile = profile;
        r = run(restore, profile->text, profile->text, fault);
        return r < 0 ? r : 0;
}

/* A line that says what a port does, for firmware that has a setting for each function. */
static int restore_port(struct restore *restore, const struct fc_config_line *line,
                        struct fault *fault) {
        struct fc_ports_commands commands;
        char all[sizeof(commands.text) + 1] = "";
        size_t n = 0;
        int taken = 1;

        fc_ports_translate(restore->ports, line->text, &commands);
        for (size_t i = 0; i < commands.n; i++) {
                int r = run(restore, commands.text[i], line->text, fault);

                if (r < 0)
                        return r;
                taken &= r;
                n += (size_t) snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "",
                                       commands.text[i]);
        }
        if (commands.n > 0)
                config_list_add(&restore->translated, "%s (%s)", line->text, all);
        if (commands.why[0])
                config_list_add(&restore->skipped, "%s (%s)", line->text, commands.why);
        restore->applied += taken && !commands.why[0];
        return 0;
}

static int restore_setting(struct restore *restore, const struct fc_config_line *line,
                           struct fault *fault) {
        struct config_session *session = restore->session;
        char other[FC_CONFIG_LINE_MAX + 1];
        const char *why, *command = line->text;
        int r;

        if (!(restore->sections & 1U << line->section))
                return 0;
        switch (fc_config_translate(line, &session->identity, !session->cli.framed, other, &why)) {
        case FC_SKIP:
                config_list_add(&restore->skipped, "%s (%s)", line->text, why);
                return 0;
        case FC_TRANSLATE:
                config_list_add(&restore->translated, "%s (%s)", line->text, other);
                command = other;
                break;
        case FC_PORTS:
                return restore_port(restore, line, fault);
        case FC_SEND:
                break;
        }
        r = choose_profile(restore, line->profile, fault);
        if (r == 0)
                r = run(restore, command, line->text, fault);
        if (r > 0)
                restore->applied++;
        return r < 0 ? r : 0;
}

static int restore_line(struct restore *restore, const struct fc_config_line *line,
                        struct fault *fault) {
        switch (line->kind) {
        case FC_LINE_SETTING:
                return restore_setting(restore, line, fault);
        case FC_LINE_IDENTITY:
                return restore_identity(restore, line, fault);
        case FC_LINE_PROFILE: /* the last of a kind says which one flies: chosen at the end */
        case FC_LINE_CONTROL:
                break;
        }
        return 0;
}

/* The profiles that were in use: of each kind the last line that chooses one. */
static int restore_choices(struct restore *restore, struct fault *fault) {
        for (size_t i = 0; i < restore->config->n; i++) {
                const struct fc_config_line *line = &restore->config->lines[i];
                const size_t word = strcspn(line->text, " ");
                bool last =
                        line->kind == FC_LINE_PROFILE && restore->sections & 1U << line->section;
                int r;

                for (size_t j = i + 1; last && j < restore->config->n; j++)
                        last = restore->config->lines[j].kind != FC_LINE_PROFILE ||
                               strncmp(restore->config->lines[j].text, line->text, word + 1) != 0;
                if (!last)
                        continue;
                r = run(restore, line->text, line->text, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Where ports are settings, what there is must be known before a line about one can be told. All
 * of a configuration goes over the defaults: a dry run, which does not reset to them, asks what
 * they are. */
static int learn_ports(struct restore *restore, struct fault *fault) {
        const struct options *options = &restore->worker->options;
        const bool would_reset = options->dry_run && !options->only[0];
        _cleanup_fc_config_ struct fc_config *here = NULL;
        bool needed = false;
        int r;

        for (size_t i = 0; i < restore->config->n; i++)
                needed |= strncmp(restore->config->lines[i].text, "serial ", 7) == 0;
        if (!needed || !(restore->sections & 1U << FC_SECTION_SERIAL) ||
            !fc_ports_are_settings(&restore->session->identity))
                return 0;
        r = config_session_read(restore->session, would_reset ? FC_CLI_DUMP_DEFAULTS : FC_CLI_DUMP,
                                &here, fault);
        if (r < 0)
                return r;
        restore->ports = fc_ports_new(here);
        if (!restore->ports)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        if (would_reset)
                fc_ports_reset(restore->ports, restore->session->cli.reply);
        return 0;
}

static int restore_lines(struct restore *restore, struct fault *fault) {
        const struct fc_config *config = restore->config;
        int r = learn_ports(restore, fault);

        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n; i++) {
                r = worker_check_cancel(fault);
                if (r == 0)
                        r = restore_line(restore, &config->lines[i], fault);
                if (r < 0)
                        return r;
                reporter_progress(&restore->worker->reporter, phase(restore), i + 1, config->n);
        }
        return restore_choices(restore, fault);
}

/* Back to the defaults, not saved. */
static int reset(struct restore *restore, struct fault *fault) {
        const bool inav = keeps_defaults_at_once(restore);
        const char *refusal;
        size_t length = 0;
        int r;

        restore->session->changed = true;
        r = fc_cli_run(&restore->session->cli, inav ? "defaults noreboot" : "defaults nosave",
                       fault);
        if (r < 0)
                return r;
        refusal = fc_cli_refusal(restore->session->cli.reply, &length);
        restore->is_reset = !refusal;
        return refusal ? fault_set(fault, FWD_CONFIG_REJECTED,
                                   "The board does not go back to its defaults: %.*s",
                                   (int) (length < 100 ? length : 100), refusal)
                       : 0;
}

static int refused(const struct restore *restore, struct fault *fault) {
        return fault_set(fault, FWD_CONFIG_REJECTED,
                         "The board refused %zu of the lines; nothing was saved, and it restarts "
                         "with the configuration that it had",
                         restore->rejected.n);
}

/* Somebody has opened the port meanwhile. Whether he has an answer that was meant for us nobody can
 * say, so nothing is saved over it. Not FWD_PORT_HELD, whose end is waited for: the board has been
 * given something. */
static int joined(const struct restore *restore, struct fault *fault) {
        *fault = (struct fault) FAULT_INIT;
        return fault_set(fault, FWD_BAD_ANSWER,
                         "Another program has opened %s while the board was given its "
                         "configuration, and may have answers of it: nothing was saved, and it "
                         "restarts with %s",
                         restore->session->port->name,
                         restore->is_reset && keeps_defaults_at_once(restore)
                                 ? "its defaults"
                                 : "the configuration that it had");
}

static bool may_save(const struct restore *restore) {
        return restore->rejected.n == 0 || restore->worker->options.save_with_errors;
}

static int apply(struct restore *restore, struct fault *fault) {
        int r;

        if (restore->worker->options.dry_run)
                return restore_lines(restore, fault);
        /* What another program left behind would make the board refuse to save. In a batch of
         * ours, the board itself refuses to save after an error that we did not see. */
        r = fc_cli_run(&restore->session->cli, "batch start", fault);
        /* A part goes over what is there; all of it replaces what is there. */
        if (r < 0 || restore->worker->options.only[0])
                return r < 0 ? r : restore_lines(restore, fault);
        if (keeps_defaults_at_once(restore)) {
                r = restore_lines(restore, fault);
                if (r < 0 || !may_save(restore))
                        return r;
                if (serial_is_shared(restore->session->port))
                        return joined(restore, fault);
                restore->applied = 0;
                restore->profile = NULL;
                restore->rejected = restore->skipped = restore->translated = (struct config_list){};
        }
        r = reset(restore, fault);
        return r < 0 ? r : restore_lines(restore, fault);
}

static void report(const struct restore *restore) {
        struct reporter *reporter = &restore->worker->reporter;

        reporter_fact(reporter, "Applied", "%zu", restore->applied);
        config_list_report(&restore->rejected, reporter, "Rejected");
        config_list_report(&restore->skipped, reporter, "Skipped");
        config_list_report(&restore->translated, reporter, "Translated");
        if (restore->worker->options.dry_run)
                config_list_report(&restore->plan, reporter, "Plan");
}

static int save(struct restore *restore, struct fault *fault) {
        const char *refusal;
        size_t length = 0;
        int r = 0;

        if (!may_save(restore))
                return refused(restore, fault);
        if (serial_is_shared(restore->session->port))
                return joined(restore, fault);
        /* The batch has errors in it: it would not be saved. */
        if (restore->rejected.n > 0)
                r = fc_cli_run(&restore->session->cli, "batch end", fault);
        if (r < 0)
                return r;
        reporter_phase(&restore->worker->reporter, "saving");
        r = config_session_save(restore->session, fault);
        if (r != 0)
                return r < 0 ? r : 0;
        refusal = fc_cli_refusal(restore->session->cli.reply, &length);
        return fault_set(fault, FWD_CONFIG_REJECTED,
                         "The board refuses to save: %.*s; it restarts with the configuration that "
                         "it had",
                         (int) (length < 100 ? length : 100), refusal ? refusal : "");
}

/* A file that was cut short would set the rest to the defaults. Our own files are told by their
 * hash. */
static int check_config(const struct fc_config *config, const struct restore *restore,
                        struct fault *fault) {
        size_t n = 0;

        if (!config->has_head && config->is_diff && !config->is_whole)
                return fault_set(fault, FWD_INVALID_CONFIG,
                                 "The configuration file was cut short: its closing save is "
                                 "missing");
        for (size_t i = 0; i < config->n; i++)
                n += config->lines[i].kind == FC_LINE_SETTING &&
                     restore->sections & 1U << config->lines[i].section;
        /* All of a configuration may be its defaults. */
        return n > 0 || !restore->worker->options.only[0]
                       ? 0
                       : fault_set(fault, FWD_INVALID_CONFIG,
                                   "The configuration file has no setting of the parts that were "
                                   "asked for");
}

static int restore_config(struct worker *worker, struct fault *fault) {
        _cleanup_config_session_ struct config_session session = {};
        _cleanup_fc_config_ struct fc_config *config = NULL;
        _cleanup_(restore_clear) struct restore restore = {
                .worker = worker, .session = &session, .plan.room = CONFIG_LIST_LONG};
        int r;

        r = config_sections(worker, &restore.sections, fault);
        if (r < 0)
                return r;
        r = config_load(worker, &config, fault);
        if (r < 0)
                return r;
        r = check_config(config, &restore, fault);
        if (r < 0)
                return r;
        restore.config = config;
        r = config_session_open(&session, worker, fault);
        if (r == 0 && !worker->options.force)
                r = fc_config_check_board(config, &session.identity, fault);
        if (r < 0)
                return r;
        r = apply(&restore, fault);
        if (r < 0 && session.changed && serial_is_shared(session.port) &&
            (fault->error == FWD_TIMEOUT || fault->error == FWD_BAD_ANSWER))
                return joined(&restore, fault);
        if (r < 0)
                return r;
        report(&restore);
        if (worker->options.dry_run)
                return 0;
        r = save(&restore, fault);
        reporter_fact(&worker->reporter, "Saved", "%s", r < 0 ? "no" : "yes");
        return r;
}

const struct operation op_restore = {
        .name = "restore",
        .summary = "give a configuration to a flight controller",
        .phase = "restoring",
        .needs = NEEDS_TTY | NEEDS_IMAGE,
        .options = OPTIONS_RESTORE,
        .run = restore_config,
};
