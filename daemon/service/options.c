/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/options.h"

#include <string.h>

#include "base/text.h"

static const struct {
        const char *key;
        unsigned bit;
        const char *types; /* signatures of one letter each */
        const char *what;
} keys[] = {
        {"address", OPTION_ADDRESS, "ts", "a number (t) or a text such as 0x08000000 (s)"},
        {"force", OPTION_FORCE, "b", "a boolean (b)"},
        {"erase", OPTION_ERASE, "s", "the text \"sectors\" or \"full\" (s)"},
        {"leave", OPTION_LEAVE, "b", "a boolean (b)"},
        {"keep-config", OPTION_KEEP_CONFIG, "b", "a boolean (b)"},
        {"custom-defaults", OPTION_CUSTOM_DEFAULTS, "b", "a boolean (b)"},
        {"dump", OPTION_DUMP, "b", "a boolean (b)"},
        {"only", OPTION_ONLY, "s", "a text such as \"serial,modes\" (s)"},
        {"save-with-errors", OPTION_SAVE_WITH_ERRORS, "b", "a boolean (b)"},
        {"range", OPTION_RANGE, "s", "a text such as 0x08000000-0x08004000 (s)"},
        {"dry-run", OPTION_DRY_RUN, "b", "a boolean (b)"},
        {"limit", OPTION_LIMIT, "t", "a number (t)"},
        {"before", OPTION_BEFORE, "t", "the Id of an entry (t)"},
        {"port", OPTION_PORT, "s", "a port such as 1-2.3 (s)"},
        {"unique-id", OPTION_UNIQUE_ID, "s", "the unique id of a chip (s)"},
        {"save-old", OPTION_SAVE_OLD, "h", "a file that was opened for writing (h)"},
};

static void take_bool(struct options *options, unsigned bit, bool value) {
        switch (bit) {
        case OPTION_FORCE:
                options->force = value;
                break;
        case OPTION_LEAVE:
                options->leave = value;
                break;
        case OPTION_KEEP_CONFIG:
                options->keep_config = value ? KEEP_YES : KEEP_NO;
                break;
        case OPTION_CUSTOM_DEFAULTS:
                options->custom_defaults = value;
                break;
        case OPTION_DUMP:
                options->dump = value;
                break;
        case OPTION_DRY_RUN:
                options->dry_run = value;
                break;
        case OPTION_SAVE_WITH_ERRORS:
                options->save_with_errors = value;
                break;
        default:
                break;
        }
}

static int take_number(struct options *options, unsigned bit, uint64_t value, struct fault *fault) {
        if (bit == OPTION_LIMIT && (value == 0 || value > HISTORY_LISTED_MAX))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The option \"limit\" must be from 1 to %u", HISTORY_LISTED_MAX);
        if (bit == OPTION_LIMIT) {
                options->query.limit = value;
        } else if (bit == OPTION_BEFORE) {
                options->query.before = value;
        } else {
                options->address = value;
                options->has_address = true;
        }
        return 0;
}

static int take_only(struct options *options, const char *text, struct fault *fault) {
        if (!*text || strlen(text) >= sizeof(options->only) ||
            text[strspn(text, "abcdefghijklmnopqrstuvwxyz,-")])
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The option \"only\" is not a list of names with commas between");
        (void) strcpy(options->only, text);
        return 0;
}

static int take_range(struct options *options, const char *text, struct fault *fault) {
        if (range_parse(text, &options->range) < 0 || range_is_empty(options->range))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The option \"range\" is no range such as 0x08000000-0x08004000 "
                                 "or 0x08000000+16K");
        return 0;
}

static int read_value(sd_bus_message *m, unsigned bit, const char *type, struct options *options,
                      struct fault *fault) {
        const char *text;
        uint64_t number;
        int r, b;

        if (type[0] == 'b') {
                r = sd_bus_message_read(m, "v", "b", &b);
                if (r < 0)
                        return r;
                take_bool(options, bit, b);
                return 0;
        }
        if (type[0] == 't') {
                r = sd_bus_message_read(m, "v", "t", &number);
                return r < 0 ? r : take_number(options, bit, number, fault);
        }
        if (type[0] == 'h') {
                r = sd_bus_message_read(m, "v", "h", &options->output_fd);
                options->has_output = true;
                return r < 0 ? r : 0;
        }
        r = sd_bus_message_read(m, "v", "s", &text);
        if (r < 0)
                return r;
        if (bit == OPTION_PORT) {
                options->query.port = text;
                return 0;
        }
        if (bit == OPTION_UNIQUE_ID) {
                options->query.unique_id = text;
                return 0;
        }
        if (bit == OPTION_RANGE)
                return take_range(options, text, fault);
        if (bit == OPTION_ONLY)
                return take_only(options, text, fault);
        if (bit == OPTION_ADDRESS) {
                if (parse_u64(text, UINT64_MAX, &options->address) < 0)
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "The option \"address\" is not an address");
                options->has_address = true;
                return 0;
        }
        if (strcmp(text, "full") != 0 && strcmp(text, "sectors") != 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The option \"erase\" is neither \"sectors\" nor \"full\"");
        options->erase_full = strcmp(text, "full") == 0;
        return 0;
}

static int read_entry(sd_bus_message *m, unsigned allowed, unsigned *seen, struct options *options,
                      struct fault *fault) {
        const char *key, *type;
        char shown[64];
        int r;

        r = sd_bus_message_read(m, "s", &key);
        if (r < 0)
                return r;
        r = sd_bus_message_peek_type(m, NULL, &type);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (strcmp(keys[i].key, key) != 0 || !(allowed & keys[i].bit))
                        continue;
                if (*seen & keys[i].bit)
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "The option \"%s\" was given twice", key);
                *seen |= keys[i].bit;
                if (strlen(type) != 1 || !strchr(keys[i].types, type[0]))
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "The option \"%s\" must be %s", key, keys[i].what);
                return read_value(m, keys[i].bit, type, options, fault);
        }
        text_sanitize(shown, sizeof(shown), key);
        return fault_set(fault, FWD_INVALID_ARGUMENT, "This call knows no option \"%s\"", shown);
}

/* Nobody can have both. */
static int check_together(const struct options *options, struct fault *fault) {
        if (!options->custom_defaults)
                return 0;
        if (options->keep_config == KEEP_YES)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The options \"custom-defaults\" and \"keep-config\" exclude "
                                 "each other: a board has the one or the other after a flash");
        if (!options->leave)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The option \"custom-defaults\" needs the board's firmware: it "
                                 "cannot stay in its bootloader");
        return 0;
}

int options_parse(sd_bus_message *message, unsigned allowed, struct options *ret,
                  struct fault *fault) {
        struct options options = OPTIONS_INIT;
        unsigned seen = 0;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        for (;;) {
                r = sd_bus_message_enter_container(message, 'e', "sv");
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                r = read_entry(message, allowed, &seen, &options, fault);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        r = check_together(&options, fault);
        if (r < 0)
                return r;
        *ret = options;
        return 0;
}
