/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/options.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define KEY_MAX 32U

static int take_address(struct options *options, const char *value) {
        int r = parse_u64(value, UINT64_MAX, &options->address);

        options->has_address = r == 0;
        return r;
}

static int take_bool(const char *value, bool *ret) {
        int r = parse_bool(value);

        if (r >= 0)
                *ret = r;
        return r;
}

static int take_force(struct options *options, const char *value) {
        return take_bool(value, &options->force);
}

static int take_recover(struct options *options, const char *value) {
        return take_bool(value, &options->recover);
}

static int take_save_if_lost(struct options *options, const char *value) {
        return take_bool(value, &options->save_if_lost);
}

static int take_leave(struct options *options, const char *value) {
        return take_bool(value, &options->leave);
}

static int take_dump(struct options *options, const char *value) {
        return take_bool(value, &options->dump);
}

static int take_save_with_errors(struct options *options, const char *value) {
        return take_bool(value, &options->save_with_errors);
}

/* A word of these characters; what it means is the operation's to know. */
static int take_chars(const char *value, const char *chars, char *ret, size_t size) {
        const size_t n = strlen(value);

        if (n == 0 || n >= size || strspn(value, chars) != n)
                return -EINVAL;
        memcpy(ret, value, n + 1);
        return 0;
}

static int take_only(struct options *options, const char *value) {
        return take_chars(value, "abcdefghijklmnopqrstuvwxyz,", options->only,
                          sizeof(options->only));
}

static int take_after(struct options *options, const char *value) {
        return take_chars(value, "abcdefghijklmnopqrstuvwxyz-", options->after,
                          sizeof(options->after));
}

static int take_word(const char *value, const char *const words[], size_t n, unsigned *ret) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(value, words[i]) == 0) {
                        *ret = (unsigned) i;
                        return 0;
                }
        return -EINVAL;
}

static int take_erase(struct options *options, const char *value) {
        static const char *const words[] = {[ERASE_SECTORS] = "sectors", [ERASE_FULL] = "full"};
        unsigned word = options->erase;
        int r = take_word(value, words, ARRAY_SIZE(words), &word);

        options->erase = word;
        return r;
}

static int take_to(struct options *options, const char *value) {
        static const char *const words[] = {
                [REBOOT_TO_BOOTLOADER] = "bootloader", [REBOOT_TO_FIRMWARE] = "firmware"};
        unsigned word = options->to;
        int r = take_word(value, words, ARRAY_SIZE(words), &word);

        options->to = word;
        return r;
}

static int take_range(struct options *options, const char *value) {
        struct range range;
        int r = range_parse(value, &range);

        if (r < 0 || range_is_empty(range))
                return r < 0 ? r : -EINVAL;
        options->range = range;
        options->has_range = true;
        return 0;
}

static int take_dry_run(struct options *options, const char *value) {
        return take_bool(value, &options->dry_run);
}

static const struct {
        const char *key;
        unsigned sets;
        int (*take)(struct options *options, const char *value);
        const char *form;
} table[] = {
        /* A flash is inspected with the options it will run with. */
        {"address", OPTIONS_INSPECT | OPTIONS_FLASH | OPTIONS_LEAVE, take_address,
         "an address such as 0x08000000"},
        {"force", OPTIONS_INSPECT | OPTIONS_FLASH | OPTIONS_RESTORE, take_force, "yes or no"},
        {"erase", OPTIONS_INSPECT | OPTIONS_FLASH, take_erase, "sectors or full"},
        /* A read leaves nothing by itself: what the service's job does afterwards is told here,
           too. */
        {"leave", OPTIONS_INSPECT | OPTIONS_FLASH | OPTIONS_READ, take_leave, "yes or no"},
        {"range", OPTIONS_READ | OPTIONS_ERASE, take_range,
         "a range such as 0x08000000-0x08004000 or 0x08000000+16K"},
        {"dry-run",
         OPTIONS_INSPECT | OPTIONS_FLASH | OPTIONS_ERASE | OPTIONS_UNPROTECT | OPTIONS_RECOVER |
                 OPTIONS_RESTORE | OPTIONS_DEFAULTS,
         take_dry_run, "yes or no"},
        {"dump", OPTIONS_BACKUP, take_dump, "yes or no"},
        {"only", OPTIONS_RESTORE | OPTIONS_COMPARE, take_only,
         "parts with commas between, such as serial,receiver,modes,osd"},
        {"save-with-errors", OPTIONS_RESTORE, take_save_with_errors, "yes or no"},
        {"recover", OPTIONS_INSPECT, take_recover, "yes or no"},
        {"save-if-lost", OPTIONS_FLASH, take_save_if_lost, "yes or no"},
        {"to", OPTIONS_REBOOT, take_to, "bootloader or firmware"},
        {"after", OPTIONS_REBOOT, take_after, "a Method that was told, such as msp-reboot"},
};

int options_take(struct options *options, enum option_set set, const char *text,
                 struct fault *fault) {
        const char *equals = strchr(text, '=');
        size_t length = equals ? (size_t) (equals - text) : strlen(text);
        char key[KEY_MAX + 1];

        if (length == 0 || length > KEY_MAX || !equals)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "An option is KEY=VALUE, not this: %.40s", text);
        memcpy(key, text, length);
        key[length] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                if (strcmp(key, table[i].key) != 0 || !(table[i].sets & set))
                        continue;
                if (options->seen & 1U << i)
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "The option %s is given twice", key);
                if (table[i].take(options, equals + 1) < 0)
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "The option %s is to be %s, not: %.40s", key,
                                         table[i].form, equals + 1);
                options->seen |= 1U << i;
                return 0;
        }
        return fault_set(fault, FWD_INVALID_ARGUMENT, "This operation has no option %s", key);
}
