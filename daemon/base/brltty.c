/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/brltty.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define ETC             "/etc/"
#define SYSTEMD         "org.freedesktop.systemd1"
#define SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"

DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

int brltty_question_new(sd_bus *bus, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(bus, &call, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                               "ListUnitsByPatterns");

        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "asas", 2, "active", "activating", 1, "brltty*.service");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(call);
        return 0;
}

char *brltty_answer_unit(sd_bus_message *answer) {
        const char *name;

        if (sd_bus_message_is_method_error(answer, NULL) ||
            sd_bus_message_enter_container(answer, 'a', "(ssssssouso)") < 0 ||
            sd_bus_message_enter_container(answer, 'r', "ssssssouso") <= 0 ||
            sd_bus_message_read(answer, "s", &name) < 0 || !text_is_clean(name))
                return NULL;
        return strdup(name);
}

char *brltty_end_command(const char *rules_file, const char *unit) {
        if (rules_file && strncmp(rules_file, ETC, strlen(ETC)) == 0)
                return text_format("mv %s %s.off", rules_file, rules_file);
        if (rules_file)
                return text_format("ln -sf /dev/null /etc/udev/rules.d%s",
                                   strrchr(rules_file, '/'));
        return unit ? text_format("systemctl disable --now %s", unit) : NULL;
}
