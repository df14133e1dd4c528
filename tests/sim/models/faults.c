/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/faults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const char *const when_names[] = {
        [WHEN_TRANSFER] = "transfer",   [WHEN_DNLOAD] = "dnload",       [WHEN_UPLOAD] = "upload",
        [WHEN_GETSTATUS] = "getstatus", [WHEN_CLRSTATUS] = "clrstatus", [WHEN_ABORT] = "abort",
        [WHEN_ERASE] = "erase",         [WHEN_WRITE] = "write",         [WHEN_ADDRESS] = "address",
};

static const struct {
        const char *prefix;
        enum fault_action action;
} actions[] = {
        {"stall-", FAULT_STALL},
        {"hold-", FAULT_HOLD},
        {"unplug-", FAULT_UNPLUG},
        {"error-", FAULT_STATUS},
};

static int parse_key(const char *key, struct fault_rule *rule) {
        for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
                size_t n = strlen(actions[i].prefix);

                if (strncmp(key, actions[i].prefix, n) != 0)
                        continue;
                for (int when = 0; when < _WHEN_MAX; when++) {
                        if (strcmp(key + n, when_names[when]) != 0)
                                continue;
                        rule->action = actions[i].action;
                        rule->when = (enum fault_when) when;
                        return 0;
                }
        }
        return -ENOENT;
}

int faults_set(struct faults *faults, const char *key, const char *value) {
        struct fault_rule rule = {.times = 1};
        char first[32];
        const char *comma = strchr(value, ',');
        uint64_t second = 0;
        bool of_operation;
        int r;

        r = parse_key(key, &rule);
        if (r < 0)
                return r;
        of_operation = rule.when >= WHEN_ERASE;
        if (of_operation ? rule.action == FAULT_STALL || rule.action == FAULT_HOLD
                         : rule.action == FAULT_STATUS)
                return -ENOENT;

        r = snprintf(first, sizeof(first), "%.*s", (int) strcspn(value, ","), value);
        if (r < 0 || (size_t) r >= sizeof(first) || parse_u64(first, UINT64_MAX, &rule.first) < 0 ||
            rule.first == 0)
                return -EINVAL;
        if (comma && (parse_u64(comma + 1, UINT64_MAX, &second) < 0 || second == 0))
                return -EINVAL;
        if (rule.action == FAULT_STATUS) {
                if (!comma || second > 0xFF)
                        return -EINVAL;
                rule.status = (uint8_t) second;
        } else if (comma)
                rule.times = second;
        else if (rule.action == FAULT_HOLD)
                rule.times = UINT64_MAX;

        if (faults->n == FAULTS_MAX)
                return -ENOSPC;
        faults->rules[faults->n++] = rule;
        return 0;
}

enum fault_action faults_hit(struct faults *faults, enum fault_when when, uint8_t *ret_status) {
        enum fault_action action = FAULT_NONE;

        for (unsigned i = 0; i < faults->n; i++) {
                struct fault_rule *rule = &faults->rules[i];

                if (rule->when != when)
                        continue;
                rule->seen++;
                if (rule->seen < rule->first || rule->seen - rule->first >= rule->times ||
                    action != FAULT_NONE)
                        continue;
                action = rule->action;
                *ret_status = rule->status;
        }
        return action;
}

void faults_clear(struct faults *faults) {
        *faults = (struct faults){0};
}
