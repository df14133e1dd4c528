/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of verbs, and how the process ends. */

#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "client/arguments.h"
#include "client/direct.h"
#include "client/screen.h"

static const struct verb {
        const char *name;
        int args_min, args_max; /* without the verb itself */
        unsigned options;       /* BIT(OPT_…) */
        int (*run)(struct client *c, int argc, char **argv);
        const char *arguments;
} verbs[] = {
        {"list", 0, 0, 0, verb_list, ""},
        {"show", 0, 1, BIT(OPT_PROPERTY) | BIT(OPT_VALUE), verb_show, "[DEVICE]"},
        {"monitor", 0, 0, 0, verb_monitor, ""},
        {"inspect", 1, 1, BIT(OPT_ADDRESS), verb_inspect, "FILE"},
        {"flash", 1, 2,
         BIT(OPT_ADDRESS) | BIT(OPT_ERASE) | BIT(OPT_NO_LEAVE) | BIT(OPT_FORCE) |
                 BIT(OPT_NO_BLOCK) | BIT(OPT_WAIT) | BIT(OPT_SAVE_OLD) | BIT(OPT_DRY_RUN) |
                 BIT(OPT_KEEP_CONFIG) | BIT(OPT_NO_KEEP_CONFIG) | BIT(OPT_CUSTOM_DEFAULTS),
         verb_flash, "[DEVICE] FILE"},
        {"reboot", 0, 1, BIT(OPT_NO_BLOCK) | BIT(OPT_BOOTLOADER) | BIT(OPT_FIRMWARE), verb_reboot,
         "[DEVICE]"},
        {"leave", 0, 1, BIT(OPT_NO_BLOCK), verb_leave, "[DEVICE]"},
        {"identify", 0, 1, BIT(OPT_NO_BLOCK), verb_identify, "[DEVICE]"},
        {"recover-bootloader", 1, 2, BIT(OPT_NO_BLOCK) | BIT(OPT_DRY_RUN), verb_recover_bootloader,
         "[DEVICE] FILE"},
        {"read", 1, 2, BIT(OPT_RANGE) | BIT(OPT_FORCE) | BIT(OPT_NO_LEAVE), verb_read,
         "[DEVICE] FILE"},
        {"erase", 0, 1, BIT(OPT_RANGE) | BIT(OPT_YES) | BIT(OPT_DRY_RUN) | BIT(OPT_NO_BLOCK),
         verb_erase, "[DEVICE]"},
        {"unprotect", 0, 1, BIT(OPT_YES) | BIT(OPT_DRY_RUN) | BIT(OPT_NO_BLOCK), verb_unprotect,
         "[DEVICE]"},
        {"backup", 0, 2, BIT(OPT_DUMP), verb_backup, "[DEVICE] [FILE]"},
        {"restore", 0, 2,
         BIT(OPT_ONLY) | BIT(OPT_SAVE_WITH_ERRORS) | BIT(OPT_FORCE) | BIT(OPT_NO_BLOCK) |
                 BIT(OPT_CUSTOM_DEFAULTS) | BIT(OPT_DRY_RUN),
         verb_restore, "[DEVICE] FILE|BACKUP|--custom-defaults"},
        {"backups", 0, 1, 0, verb_backups, "[DEVICE]"},
        {"jobs", 0, 0, 0, verb_jobs, ""},
        {"history", 0, 1, BIT(OPT_LINES), verb_history, "[DEVICE]"},
        {"wait", 0, 1, 0, verb_wait, "[JOB]"},
        {"cancel", 1, 1, BIT(OPT_NO_BLOCK), verb_cancel, "JOB"},
        {"doctor", 0, 0, 0, verb_doctor, ""},
        {"version", 0, 0, 0, verb_version, ""},
};

static const struct verb *find_verb(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

/* A restore has either a file, or nothing but the board's own defaults. */
static bool takes(const struct verb *verb, int n, const struct arguments *a) {
        const bool own = a->given & BIT(OPT_CUSTOM_DEFAULTS);

        if (verb->run == verb_restore)
                return own ? n <= 1 : n >= 1 && n <= verb->args_max;
        return n >= verb->args_min && n <= verb->args_max;
}

static int run_verb(struct client *c, int argc, char **argv, const struct arguments *a) {
        const char *name = argc > 0 ? argv[0] : "list";
        const struct verb *verb = find_verb(name);

        if (!verb)
                return usage(c, "There is no verb \"%s\".", name);
        for (int option = OPT_PROPERTY; option < _OPT_MAX; option++)
                if ((a->given & BIT(option)) && !(verb->options & BIT(option)))
                        return usage(c, "fwctl %s does not take --%s.", name, option_name(option));
        if ((a->given & BIT(OPT_BOOTLOADER)) && (a->given & BIT(OPT_FIRMWARE)))
                return usage(c, "--bootloader and --firmware exclude each other.");
        if ((a->given & BIT(OPT_KEEP_CONFIG)) && (a->given & BIT(OPT_NO_KEEP_CONFIG)))
                return usage(c, "--keep-config and --no-keep-config exclude each other.");
        if (a->given & BIT(OPT_CUSTOM_DEFAULTS) &&
            a->given & (BIT(OPT_KEEP_CONFIG) | BIT(OPT_NO_LEAVE) | BIT(OPT_ONLY) |
                        BIT(OPT_SAVE_WITH_ERRORS)))
                return usage(c, "--custom-defaults excludes --keep-config, --no-leave, --only and "
                                "--save-with-errors.");
        if (c->options.direct && c->options.no_block)
                return usage(c, "With --direct the job ends with fwctl: --no-block cannot be.");
        if (c->options.direct && verb->run == verb_doctor)
                return usage(c, "fwctl doctor looks at the service: it does not take --direct.");
        if (argc > 0 && !takes(verb, argc - 1, a))
                return usage(c, "It is: fwctl %s%s%s", name, *verb->arguments ? " " : "",
                             verb->arguments);
        return verb->run(c, argc, argv);
}

static int run(struct client *c, int argc, char **argv) {
        struct arguments a = {};
        int r = arguments_parse(c, argc, argv, &a);

        if (r != 0)
                return r;
        c->options.color_out = color_wanted(a.color, STDOUT_FILENO);
        c->options.color_err = color_wanted(a.color, STDERR_FILENO);
        if (a.help) {
                print_help();
                return FWD_EXIT_OK;
        }
        return a.version ? print_version(c) : run_verb(c, argc - optind, argv + optind, &a);
}

/* Ends as the signal would have ended it, so that a shell sees what happened. */
static void end_by_signal(int number) {
        sigset_t set;

        (void) signal(number, SIG_DFL);
        (void) raise(number);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, number);
        (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv) {
        struct client client = {};
        int exit_code;

        screen_setup();
        exit_code = run(&client, argc, argv);
        if ((fflush(stdout) == EOF || ferror(stdout)) && exit_code == FWD_EXIT_OK) {
                fprintf(stderr, "fwctl: Standard output cannot be written: %s.\n", strerror(errno));
                exit_code = FWD_EXIT_FAILURE;
        }
        direct_close(&client);
        if (client.raise_signal != 0)
                end_by_signal(client.raise_signal);
        return exit_code;
}
