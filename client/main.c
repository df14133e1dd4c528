/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command line: options, the table of verbs, and how the process ends. */

#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "base/range.h"
#include "base/text.h"
#include "client/bus.h"
#include "client/color.h"
#include "client/problem.h"
#include "client/screen.h"

/* Options that only some verbs take; the others are taken by all. */
enum {
        OPT_PROPERTY = 0x100,
        OPT_VALUE,
        OPT_ADDRESS,
        OPT_ERASE,
        OPT_NO_LEAVE,
        OPT_FORCE,
        OPT_NO_BLOCK,
        OPT_BOOTLOADER,
        OPT_FIRMWARE,
        OPT_WAIT,
        OPT_RANGE,
        OPT_SAVE_OLD,
        OPT_DRY_RUN,
        OPT_YES,
        OPT_KEEP_CONFIG,
        OPT_NO_KEEP_CONFIG,
        OPT_DUMP,
        OPT_ONLY,
        OPT_SAVE_WITH_ERRORS,
        _OPT_MAX,

        ARG_VERSION,
        ARG_JSON,
        ARG_COLOR,
        ARG_NO_LEGEND,
        ARG_NO_PAGER,
        ARG_NO_ASK_PASSWORD,
};

#define BIT(option) (1U << ((option) -OPT_PROPERTY))

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
                 BIT(OPT_KEEP_CONFIG) | BIT(OPT_NO_KEEP_CONFIG),
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
        {"restore", 1, 2,
         BIT(OPT_ONLY) | BIT(OPT_SAVE_WITH_ERRORS) | BIT(OPT_FORCE) | BIT(OPT_NO_BLOCK),
         verb_restore, "[DEVICE] FILE|BACKUP"},
        {"backups", 0, 1, 0, verb_backups, "[DEVICE]"},
        {"jobs", 0, 0, 0, verb_jobs, ""},
        {"wait", 0, 1, 0, verb_wait, "[JOB]"},
        {"cancel", 1, 1, BIT(OPT_NO_BLOCK), verb_cancel, "JOB"},
        {"version", 0, 0, 0, verb_version, ""},
};

static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, ARG_VERSION},
        {"json", required_argument, NULL, ARG_JSON},
        {"color", required_argument, NULL, ARG_COLOR},
        {"no-legend", no_argument, NULL, ARG_NO_LEGEND},
        {"no-pager", no_argument, NULL, ARG_NO_PAGER},
        {"full", no_argument, NULL, 'l'},
        {"quiet", no_argument, NULL, 'q'},
        {"no-ask-password", no_argument, NULL, ARG_NO_ASK_PASSWORD},
        {"property", required_argument, NULL, OPT_PROPERTY},
        {"value", no_argument, NULL, OPT_VALUE},
        {"address", required_argument, NULL, OPT_ADDRESS},
        {"erase", required_argument, NULL, OPT_ERASE},
        {"no-leave", no_argument, NULL, OPT_NO_LEAVE},
        {"force", no_argument, NULL, OPT_FORCE},
        {"no-block", no_argument, NULL, OPT_NO_BLOCK},
        {"bootloader", no_argument, NULL, OPT_BOOTLOADER},
        {"firmware", no_argument, NULL, OPT_FIRMWARE},
        {"wait", no_argument, NULL, OPT_WAIT},
        {"range", required_argument, NULL, OPT_RANGE},
        {"save-old", required_argument, NULL, OPT_SAVE_OLD},
        {"dry-run", no_argument, NULL, OPT_DRY_RUN},
        {"yes", no_argument, NULL, OPT_YES},
        {"keep-config", no_argument, NULL, OPT_KEEP_CONFIG},
        {"no-keep-config", no_argument, NULL, OPT_NO_KEEP_CONFIG},
        {"dump", no_argument, NULL, OPT_DUMP},
        {"only", required_argument, NULL, OPT_ONLY},
        {"save-with-errors", no_argument, NULL, OPT_SAVE_WITH_ERRORS},
        {},
};

struct arguments {
        enum color_mode color;
        bool help, version;
        unsigned given; /* BIT(OPT_…) */
};

static void print_help(void) {
        puts("fwctl [OPTIONS] [VERB] [ARGUMENTS]\n"
             "\n"
             "Look at flight controllers and other boards, and put firmware on them.\n"
             "\n"
             "Boards:\n"
             "  list                    The boards that are plugged in (also with no verb)\n"
             "  show [DEVICE]           Everything known of a board\n"
             "  identify [DEVICE]       Ask a board what it is\n"
             "  reboot [DEVICE]         Bring a board into its bootloader (--firmware: back)\n"
             "  leave [DEVICE]          Start the firmware of a board in its bootloader\n"
             "  monitor                 What changes, until interrupted\n"
             "\n"
             "Firmware:\n"
             "  inspect FILE            What is in a firmware file\n"
             "  flash [DEVICE] FILE     Write it to a board, verify it and start it\n"
             "  read [DEVICE] FILE      Read the flash of a board into a file\n"
             "  erase [DEVICE]          Erase the flash of a board\n"
             "  unprotect [DEVICE]      Take the read protection off a chip, which erases it\n"
             "  recover-bootloader [DEVICE] FILE\n"
             "                          Write the loader that a board has of its own again\n"
             "\n"
             "Configuration:\n"
             "  backup [DEVICE] [FILE]  Read it, keep it here, and write it to FILE\n"
             "  restore [DEVICE] FILE   Give a file, or one of the backups, to a board\n"
             "  backups [DEVICE]        Those that are kept here\n"
             "\n"
             "Jobs:\n"
             "  jobs                    What runs, and what ended lately\n"
             "  wait [JOB]              Watch a job to its end\n"
             "  cancel JOB              Cancel a job at its next safe point\n"
             "\n"
             "  version                 Versions of fwctl and of the service\n"
             "\n"
             "DEVICE is a port (1-2.3), serial number, node, alias, or the beginning of one. It\n"
             "can be left out when there is one board.\n"
             "\n"
             "Options:\n"
             "  -h --help               This text\n"
             "     --version            Versions of fwctl and of the service\n"
             "     --json=MODE          pretty, short or off\n"
             "  -j                      --json=pretty on a terminal, --json=short elsewhere\n"
             "     --color=WHEN         auto, always or never\n"
             "     --no-legend          No table headers\n"
             "  -l --full               Do not cut table columns\n"
             "  -q --quiet              No progress\n"
             "     --no-ask-password    Do not ask for authentication\n"
             "     --no-block           Start the job and return\n"
             "  -p --property=NAME      show: only this property (can be repeated)\n"
             "     --value              show: only the values\n"
             "     --address=ADDRESS    flash, inspect: where a raw image belongs\n"
             "     --erase=WHAT         flash: sectors (default) or full\n"
             "     --no-leave           flash, read: stay in the bootloader\n"
             "     --wait               flash: wait until the board is there and ready\n"
             "  -f --force              flash: also what is not known to fit the board\n"
             "                          read: overwrite the file\n"
             "                          restore: also the configuration of another board\n"
             "     --save-old=FILE      flash: keep the old flash, before the first erase\n"
             "     --range=RANGE        read, erase: 0x08000000-0x08004000 or 0x08000000+16K\n"
             "     --dry-run            flash, erase, unprotect, recover-bootloader: tell the\n"
             "                          plan, change nothing\n"
             "     --yes                erase, unprotect: do not ask\n"
             "     --keep-config        flash: back the configuration up and bring it back\n"
             "     --no-keep-config     flash: do not\n"
             "     --dump               backup: all settings, not only the changed ones\n"
             "     --only=PARTS         restore: only these, such as serial,receiver,modes,osd\n"
             "     --save-with-errors   restore: save although the board refuses some lines\n"
             "     --bootloader         reboot: into the bootloader (default)\n"
             "     --firmware           reboot: into the firmware\n"
             "\n"
             "See fwctl(1).");
}

static int usage(const struct client *c, const char *format, ...) _printf_(2, 3);

static int usage(const struct client *c, const char *format, ...) {
        char message[512];
        struct problem p = {};
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        (void) problem_set(&p, FWD_INVALID_ARGUMENT, "%s", message);
        (void) problem_advise(&p, "fwctl --help lists what there is.");
        return problem_print(c, &p);
}

static int parse_json(struct client *c, const char *mode) {
        static const char *const names[] = {
                [OUTPUT_TEXT] = "off",
                [OUTPUT_JSON_SHORT] = "short",
                [OUTPUT_JSON_PRETTY] = "pretty",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], mode) == 0) {
                        c->options.output = (enum output) i;
                        return 0;
                }
        return usage(c, "--json takes pretty, short or off, not \"%s\".", mode);
}

/* NAME or NAME,NAME; commas are cut in place, argv is ours. */
static int parse_properties(struct client *c, char *list) {
        char *name;

        while ((name = strsep(&list, ","))) {
                if (!*name)
                        return usage(c, "--property needs the name of a property.");
                if (c->options.n_properties >= PROPERTIES_MAX)
                        return usage(c, "At most %u properties can be asked for.", PROPERTIES_MAX);
                c->options.properties[c->options.n_properties++] = name;
        }
        return 0;
}

static int parse_address(struct client *c, const char *text) {
        if (parse_u64(text, UINT64_MAX, &c->options.address) < 0)
                return usage(c, "--address takes a number such as 0x08000000, not \"%s\".", text);
        c->options.has_address = true;
        return 0;
}

static int parse_erase(struct client *c, const char *text) {
        if (strcmp(text, "sectors") != 0 && strcmp(text, "full") != 0)
                return usage(c, "--erase takes sectors or full, not \"%s\".", text);
        c->options.erase = text;
        return 0;
}

static int parse_range(struct client *c, const char *text) {
        struct range range;

        if (range_parse(text, &range) < 0 || range_is_empty(range))
                return usage(c,
                             "--range takes 0x08000000-0x08004000 (the end exclusive) or "
                             "0x08000000+16K, not \"%s\".",
                             text);
        c->options.range = text;
        return 0;
}

static int parse_verb_option(struct client *c, int option) {
        switch (option) {
        case OPT_PROPERTY:
                return parse_properties(c, optarg);
        case OPT_VALUE:
                c->options.value = true;
                return 0;
        case OPT_ADDRESS:
                return parse_address(c, optarg);
        case OPT_ERASE:
                return parse_erase(c, optarg);
        case OPT_NO_LEAVE:
                c->options.no_leave = true;
                return 0;
        case OPT_FORCE:
                c->options.force = true;
                return 0;
        case OPT_NO_BLOCK:
                c->options.no_block = true;
                return 0;
        case OPT_WAIT:
                c->options.wait = true;
                return 0;
        case OPT_KEEP_CONFIG:
                c->options.keep_config = KEEP_CONFIG;
                return 0;
        case OPT_NO_KEEP_CONFIG:
                c->options.keep_config = NO_KEEP_CONFIG;
                return 0;
        case OPT_DUMP:
                c->options.dump = true;
                return 0;
        case OPT_ONLY:
                c->options.only = optarg;
                return 0;
        case OPT_SAVE_WITH_ERRORS:
                c->options.save_with_errors = true;
                return 0;
        case OPT_BOOTLOADER:
                c->options.to_firmware = false;
                return 0;
        case OPT_RANGE:
                return parse_range(c, optarg);
        case OPT_SAVE_OLD:
                c->options.save_old = optarg;
                return 0;
        case OPT_DRY_RUN:
                c->options.dry_run = true;
                return 0;
        case OPT_YES:
                c->options.yes = true;
                return 0;
        default: /* OPT_FIRMWARE */
                c->options.to_firmware = true;
                return 0;
        }
}

static int parse_option(struct client *c, int option, struct arguments *a) {
        int r;

        switch (option) {
        case 'h':
                a->help = true;
                return 0;
        case ARG_VERSION:
                a->version = true;
                return 0;
        case 'j':
                c->options.output = isatty(STDOUT_FILENO) ? OUTPUT_JSON_PRETTY : OUTPUT_JSON_SHORT;
                return 0;
        case ARG_JSON:
                return parse_json(c, optarg);
        case ARG_COLOR:
                r = color_mode_from_name(optarg);
                if (r < 0)
                        return usage(c, "--color takes auto, always or never, not \"%s\".", optarg);
                a->color = (enum color_mode) r;
                return 0;
        case ARG_NO_LEGEND:
                c->options.no_legend = true;
                return 0;
        case ARG_NO_PAGER: /* there is none; scripts written for its relatives say so */
                return 0;
        case 'l':
                c->options.full = true;
                return 0;
        case 'q':
                c->options.quiet = true;
                return 0;
        case ARG_NO_ASK_PASSWORD:
                c->options.no_ask_password = true;
                return 0;
        case ':':
                return usage(c, "%s needs a value.", optarg ? optarg : "An option");
        default:
                return -ENOENT;
        }
}

static int parse(struct client *c, int argc, char **argv, struct arguments *a) {
        int option;

        opterr = 0;
        while ((option = getopt_long(argc, argv, ":fhjlqp:", long_options, NULL)) >= 0) {
                int r;

                if (option == 'p')
                        option = OPT_PROPERTY;
                if (option == 'f')
                        option = OPT_FORCE;
                if (option == ':')
                        return usage(c, "%s needs a value.", argv[optind - 1]);
                if (option == '?' && optopt > 0 && optopt < OPT_PROPERTY)
                        return usage(c, "There is no option -%c.", optopt);
                if (option == '?')
                        return usage(c, "The option %s is unknown, not unique, or takes no value.",
                                     argv[optind - 1]);
                if (option >= OPT_PROPERTY && option < _OPT_MAX) {
                        a->given |= BIT(option);
                        r = parse_verb_option(c, option);
                } else
                        r = parse_option(c, option, a);
                if (r != 0)
                        return r;
        }
        return 0;
}

static const char *option_name(int option) {
        for (size_t i = 0; long_options[i].name; i++)
                if (long_options[i].val == option)
                        return long_options[i].name;
        return "";
}

static const struct verb *find_verb(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
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
        if (argc > 0 && (argc - 1 < verb->args_min || argc - 1 > verb->args_max))
                return usage(c, "It is: fwctl %s%s%s", name, *verb->arguments ? " " : "",
                             verb->arguments);
        return verb->run(c, argc, argv);
}

static int run(struct client *c, int argc, char **argv) {
        struct arguments a = {};
        int r = parse(c, argc, argv, &a);

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
        sd_bus_close_unref(client.bus);
        if (client.raise_signal != 0)
                end_by_signal(client.raise_signal);
        return exit_code;
}
