/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/modem-policy.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* Major, minor, micro in one number; 0 if it is none. */
static unsigned number(const char *version) {
        unsigned major = 0, minor = 0, micro = 0;

        if (!version || sscanf(version, "%u.%u.%u", &major, &minor, &micro) < 2)
                return 0;
        return major * 1000000U + minor * 1000U + micro;
}

#define VERSION(major, minor, micro) ((major) *1000000U + (minor) *1000U + (micro))

static enum modem_policy from_name(const char *name) {
        static const struct {
                const char *name;
                enum modem_policy policy;
        } names[] = {
                {"strict", MODEM_POLICY_STRICT},
                {"allowlist-only", MODEM_POLICY_ALLOWLIST},
                {"whitelist-only", MODEM_POLICY_ALLOWLIST},
                {"legacy", MODEM_POLICY_LEGACY},
                {"default", MODEM_POLICY_LEGACY},
                {"paranoid", MODEM_POLICY_PARANOID},
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i].name, name) == 0)
                        return names[i].policy;
        return MODEM_POLICY_UNKNOWN;
}

enum modem_policy modem_policy(const char *arguments, size_t size, const char *version) {
        static const char option[] = "--filter-policy";
        const size_t length = sizeof(option) - 1;
        unsigned v = number(version);

        for (size_t at = 0; arguments && at < size; at += strlen(arguments + at) + 1) {
                const char *word = arguments + at;

                if (strncmp(word, option, length) != 0)
                        continue;
                if (word[length] == '=')
                        return from_name(word + length + 1);
                at += length + 1;
                return word[length] == '\0' && at < size ? from_name(arguments + at)
                                                         : MODEM_POLICY_UNKNOWN;
        }
        return v == 0                     ? MODEM_POLICY_UNKNOWN
               : v < VERSION(1U, 14U, 0U) ? MODEM_POLICY_LEGACY
                                          : MODEM_POLICY_STRICT;
}

const char *modem_policy_name(enum modem_policy policy) {
        static const char *const names[] = {"unknown", "strict", "allowlist-only", "legacy",
                                            "paranoid"};

        return names[policy];
}

bool modem_manager_heeds_ignore(const char *version, enum modem_policy policy) {
        unsigned v = number(version);
        bool backported = v >= VERSION(1U, 10U, 6U) && v < VERSION(1U, 11U, 0U);

        return v == 0 || v >= VERSION(1U, 12U, 0U) || backported || policy != MODEM_POLICY_STRICT;
}
