/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/arguments.h"

#include <getopt.h>
#include <string.h>

#include "base/range.h"
#include "base/text.h"
#include "client/problem.h"

#define LINES_MAX 1000U /* the service's limit */

enum { /* options that every verb takes */
       ARG_VERSION = 0x200,
       ARG_JSON,
       ARG_COLOR,
       ARG_NO_LEGEND,
       ARG_NO_PAGER,
       ARG_NO_ASK_PASSWORD,
       ARG_DIRECT,
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
        {"direct", no_argument, NULL, ARG_DIRECT},
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
        {"lines", required_argument, NULL, OPT_LINES},
        {"save-with-errors", no_argument, NULL, OPT_SAVE_WITH_ERRORS},
        {"custom-defaults", no_argument, NULL, OPT_CUSTOM_DEFAULTS},
        {},
};

int usage(const struct client *c, const char *format, ...) {
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

static int parse_lines(struct client *c, const char *text) {
        if (parse_u64(text, LINES_MAX, &c->options.lines) < 0 || c->options.lines == 0)
                return usage(c, "--lines takes a number from 1 to %u, not \"%s\".", LINES_MAX,
                             text);
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
        case OPT_CUSTOM_DEFAULTS:
                c->options.custom_defaults = true;
                return 0;
        case OPT_BOOTLOADER:
                c->options.to_firmware = false;
                return 0;
        case OPT_RANGE:
                return parse_range(c, optarg);
        case OPT_LINES:
                return parse_lines(c, optarg);
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
        case ARG_DIRECT:
                c->options.direct = true;
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

int arguments_parse(struct client *c, int argc, char **argv, struct arguments *a) {
        int option;

        opterr = 0;
        while ((option = getopt_long(argc, argv, ":fhjln:qp:", long_options, NULL)) >= 0) {
                int r;

                if (option == 'p')
                        option = OPT_PROPERTY;
                if (option == 'n')
                        option = OPT_LINES;
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

const char *option_name(int option) {
        for (size_t i = 0; long_options[i].name; i++)
                if (long_options[i].val == option)
                        return long_options[i].name;
        return "";
}
