/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/config-session.h"

static void missing(void *userdata, const struct fc_config_line *line, const char *instead) {
        if (instead)
                config_list_add(userdata, "%s (is: %s)", line->text, instead);
        else
                config_list_add(userdata, "%s", line->text);
}

/* What of the configuration that is handed over the board does not have. All settings are asked
 * for: a diff would leave out what has become the default. */
static int compare(struct worker *worker, struct fault *fault) {
        _cleanup_config_session_ struct config_session session = {};
        _cleanup_fc_config_ struct fc_config *wanted = NULL, *got = NULL;
        struct config_list list = {};
        unsigned sections;
        int r;

        r = config_sections(worker, &sections, fault);
        if (r < 0)
                return r;
        r = config_load(worker, &wanted, fault);
        if (r < 0)
                return r;
        r = config_session_open(&session, worker, fault);
        if (r < 0)
                return r;
        r = config_session_read(&session, FC_CLI_DUMP, &got, fault);
        if (r < 0)
                return r;
        r = fc_config_compare(wanted, got, &session.identity, sections, missing, &list);
        if (r < 0)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        config_list_report(&list, &worker->reporter, "Missing");
        return 0;
}

const struct operation op_compare = {
        .name = "compare",
        .summary = "what of a configuration a board does not have",
        .phase = "reading-config",
        .needs = NEEDS_TTY | NEEDS_IMAGE,
        .options = OPTIONS_COMPARE,
        .run = compare,
};
