/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a job ended, for a person (one line what happened, one what to do) or as one JSON object. */

#include <inttypes.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"
#include "client/color.h"
#include "client/job.h"
#include "client/screen.h"

#define BYTES_PER_KB 1000.0

json_t *result_json(const char *job_id, const char *port, const char *kind, const char *result,
                    const struct problem *problem, const json_t *details) {
        json_t *error = json_null(), *id = json_null();
        json_t *facts = details ? json_deep_copy(details) : json_object();
        const char *state = json_text(details, "State");
        uint64_t number;

        if (problem && *problem->name)
                error = json_pack("{s:s, s:s, s:s}", "name", problem->name, "message",
                                  problem->message, "advice", problem->advice);
        if (job_id && parse_u64(job_id, INT64_MAX, &number) == 0)
                id = json_integer((json_int_t) number);
        /* They are in "error" already. */
        (void) json_object_del(facts, "ErrorName");
        (void) json_object_del(facts, "ErrorMessage");
        return json_pack("{s:o, s:s, s:s?, s:s?, s:o, s:s?, s:o}", "job", id, "kind", kind, "port",
                         port, "result", result && *result ? result : NULL, "error", error, "state",
                         *state ? state : NULL, "details", facts);
}

static int print_json(struct client *c, json_t *object, int exit_code) {
        _cleanup_json_ json_t *owned = object;

        return owned && json_print(c, owned) == 0 ? exit_code : FWD_EXIT_FAILURE;
}

int refusal_print(struct client *c, const char *port, const char *kind, const struct problem *p) {
        (void) problem_print(c, p);
        if (!client_json(c))
                return p->exit_code;
        return print_json(c, result_json(NULL, port, kind, "failed", p, NULL), p->exit_code);
}

int started_print(struct client *c, const struct job *job) {
        if (client_json(c))
                return print_json(c, result_json(job->id, job->port, job->kind, NULL, NULL, NULL),
                                  FWD_EXIT_OK);
        printf("Job %s started on %s.\n", job->id, job->title);
        return FWD_EXIT_OK;
}

static void print_flashed(const struct job *job, const struct outcome *o) {
        const char *state = json_text(o->details, "State");
        double bytes = (double) o->bytes;

        (void) json_number(o->details, "Written", &bytes);
        if (strcmp(state, board_state_name(BOARD_VERIFIED)) == 0)
                printf("%s: flashed and verified", job->title);
        else
                printf("%s: flashed, but not verified", job->title);
        if (bytes > 0 && o->seconds > 0)
                printf(", %.0f bytes in %.1f s (%.1f KB/s)", bytes, o->seconds,
                       bytes / BYTES_PER_KB / o->seconds);
        puts(".");
}

/* What became of the configuration, if it was touched. */
static void print_config(const struct job *job, const struct outcome *o) {
        static const struct {
                const char *config, *text;
        } texts[] = {
                {"kept", "the board kept its configuration"},
                {"restored", "the configuration was restored"},
                {"partly-restored", "the configuration was restored in part"},
                {"not-restored", "the configuration was not restored"},
                {"custom-defaults", "the custom defaults are applied"},
        };
        const char *config = json_text(o->details, "Config"),
                   *backup = json_text(o->details, "Backup");

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (strcmp(texts[i].config, config) == 0)
                        printf("%s: %s%s%s.\n", job->title, texts[i].text,
                               !*backup                            ? ""
                               : strcmp(job->kind, "restore") == 0 ? "; what it had is in backup "
                                                                   : "; a backup is ",
                               backup);
}

static void print_lines(const struct client *c, const struct outcome *o, const char *key,
                        const char *what) {
        const char *lines = json_text(o->details, key);
        _cleanup_free_ char *clean = *lines ? screen_clean(lines) : NULL;

        if (!clean)
                return;
        (void) fflush(stdout);
        fprintf(stderr, "%s%s: %s%s\n", color(c->options.color_err, COLOR_WARN), what, clean,
                color(c->options.color_err, COLOR_RESET));
}

static void print_identity(const struct job *job, const json_t *details) {
        static const char *const keys[] = {
                "BoardName", "Variant",   "FirmwareVersion", "CustomDefaults", "ConfigState",
                "Mcu",       "McuFamily", "UniqueId",        "ReadProtected",  "OptionBytes"};

        printf("%s: identified.\n", job->title);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const json_t *value = json_object_get(details, keys[i]);
                _cleanup_free_ char *text = value ? json_to_text(value) : NULL;
                _cleanup_free_ char *clean = text ? screen_clean(text) : NULL;

                if (clean && *clean)
                        printf("%16s: %s\n", keys[i], clean);
        }
}

/* A list of command lines, one to a line: the worker's separator is between them. */
static void print_commands(const json_t *details, const char *key) {
        _cleanup_free_ char *lines = screen_clean(json_text(details, key));

        for (char *at = lines, *end; at && *at; at = end) {
                end = strstr(at, "; ");
                if (end) {
                        *end = '\0';
                        end += strlen("; ");
                }
                printf("  %s\n", at);
        }
}

static bool is_backup_planned(const json_t *details) {
        return strcmp(json_text(details, "BackupPlanned"), "yes") == 0;
}

/* What a dry run of a restore found out; what would be left out is told behind it. */
static void print_config_plan(const struct job *job, const json_t *details, bool in_part) {
        double settings = 0, missing = 0;

        (void) json_number(details, "ConfigApplied", &settings);
        (void) json_number(details, "ConfigMissing", &missing);
        printf("%s: would give the board %.0f settings; %.0f of the file it does not have now.\n",
               job->title, settings, missing);
        print_commands(details, "ConfigPlanLines");
        if (!in_part)
                puts("What the file does not name would go back to its default.");
        if (is_backup_planned(details))
                puts("A backup would be made first.");
        puts("Nothing was changed.");
}

/* What the board would be reset to, if its firmware shows it, and what would be gone. */
static void print_defaults_plan(const struct job *job, const json_t *details) {
        double lines = 0, replaced = 0;

        (void) json_number(details, "ConfigPlan", &lines);
        (void) json_number(details, "ConfigReplaced", &replaced);
        printf("%s: would reset the board to its custom defaults", job->title);
        if (json_object_get(details, "ConfigPlan"))
                printf(", %.0f lines:\n", lines);
        else
                puts(". This firmware does not show them.");
        print_commands(details, "ConfigPlanLines");
        if (is_backup_planned(details))
                puts("A backup would be made first.");
        if (replaced > 0)
                printf("Set on the board now, and gone from it then (%.0f):\n", replaced);
        print_commands(details, "ConfigReplacedLines");
        puts("Nothing was changed.");
}

/* What a dry run found out, with the ranges one to a line. */
static void print_plan(const struct job *job, const json_t *details) {
        _cleanup_free_ char *plan = screen_clean(json_text(details, "Plan"));
        _cleanup_free_ char *ranges = screen_clean(json_text(details, "PlanErases"));
        char *rest = ranges, *item;

        if (plan && *plan)
                printf("%s: would %s.\n", job->title, plan);
        while (rest && (item = strsep(&rest, ",")))
                if (*item)
                        printf("%16s: %s\n", item == ranges ? "Erases" : "", item);
        if (is_backup_planned(details))
                puts("A backup of the configuration would be made first.");
        puts("Nothing was changed.");
}

static void print_chip_job(const struct job *job, const struct outcome *o) {
        double bytes = 0;

        if (strcmp(job->kind, "read") == 0) {
                (void) json_number(o->details, "Read", &bytes);
                printf("%s: read, %.0f bytes.\n", job->title, bytes);
        } else if (strcmp(job->kind, "erase") == 0) {
                (void) json_number(o->details, "Erased", &bytes);
                printf("%s: erased and blank, %.0f bytes; it is in its bootloader.\n", job->title,
                       bytes);
        } else if (strcmp(json_text(o->details, "State"), board_state_name(BOARD_ERASED)) == 0)
                printf("%s: not read protected any more, and erased; it is in its bootloader.\n",
                       job->title);
        else
                printf("%s: unchanged.\n", job->title);
}

static void print_success(struct client *c, const struct job *job, const struct outcome *o) {
        const char *notice = json_text(o->details, "Notice");

        fputs(color(c->options.color_out, COLOR_GOOD), stdout);
        if (c->options.dry_run && strcmp(job->kind, "restore") == 0)
                print_config_plan(job, o->details, c->options.only);
        else if (c->options.dry_run && strcmp(job->kind, "custom-defaults") == 0)
                print_defaults_plan(job, o->details);
        else if (c->options.dry_run)
                print_plan(job, o->details);
        else if (strcmp(job->kind, "flash") == 0)
                print_flashed(job, o);
        else if (strcmp(job->kind, "read") == 0 || strcmp(job->kind, "erase") == 0 ||
                 strcmp(job->kind, "unprotect") == 0)
                print_chip_job(job, o);
        else if (strcmp(job->kind, "recover-bootloader") == 0)
                printf("%s: its loader is written and verified.\n", job->title);
        else if (strcmp(job->kind, "identify") == 0)
                print_identity(job, o->details);
        else if (strcmp(job->kind, "leave") == 0)
                /* A notice says that the board was told to, but has not come back. */
                printf("%s: %s.\n", job->title,
                       *notice ? "told to start its firmware" : "in its firmware");
        else if (strcmp(job->kind, "reboot") == 0)
                printf("%s: in its bootloader.\n", job->title);
        else if (strcmp(job->kind, "backup") == 0)
                printf("%s: configuration kept as backup %s.\n", job->title,
                       json_text(o->details, "Backup"));
        else if (strcmp(job->kind, "restore") != 0 && strcmp(job->kind, "custom-defaults") != 0)
                printf("%s: job %s (%s) succeeded.\n", job->title, job->id, job->kind);
        print_config(job, o);
        fputs(color(c->options.color_out, COLOR_RESET), stdout);
        if (*notice && !o->notice_told) {
                _cleanup_free_ char *clean = screen_clean(notice);

                (void) fflush(stdout);
                fprintf(stderr, "%s%s%s\n", color(c->options.color_err, COLOR_WARN),
                        clean ? clean : "", color(c->options.color_err, COLOR_RESET));
        }
}

static int print_ended(struct client *c, const struct job *job, const struct outcome *o) {
        bool success = strcmp(o->result, "success") == 0;

        if (success && !client_json(c))
                print_success(c, job, o);
        print_lines(c, o, "ConfigRejectedLines", "Refused by the board");
        print_lines(c, o, "ConfigSkippedLines", "Left out");
        if (c->options.dry_run) {
                print_lines(c, o, "ConfigTranslatedLines", "Translated");
                print_lines(c, o, "ConfigMissingLines", "Not on the board now");
        }
        return success ? FWD_EXIT_OK : problem_print(c, &o->problem);
}

static void print_left(const struct job *job) {
        (void) fflush(stdout);
        fprintf(stderr,
                "fwctl: Job %s on %s goes on in the service.\n"
                "Watch it with: fwctl wait %s. Cancel it with: fwctl cancel %s.\n",
                job->id, job->title, job->id, job->id);
}

int outcome_print(struct client *c, const struct job *job, const struct outcome *o) {
        int exit_code = FWD_EXIT_FAILURE;

        switch (o->ending) {
        case ENDING_KNOWN:
                exit_code = print_ended(c, job, o);
                break;
        case ENDING_LEFT:
                print_left(job);
                break;
        case ENDING_LOST:
                exit_code = problem_print(c, &o->problem);
                break;
        }
        if (!client_json(c))
                return exit_code;
        return print_json(
                c, result_json(job->id, job->port, job->kind, o->result, &o->problem, o->details),
                exit_code);
}
