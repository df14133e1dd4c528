/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "worker/config-session.h"
#include "worker/output.h"

/* 2026-11-21T12:00:00Z, now. */
static void date_text(char *to, size_t size) {
        time_t now = time(NULL);
        struct tm tm;

        if (!gmtime_r(&now, &tm) || strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                to[0] = '\0';
}

static int store(struct config_session *session, const struct fc_config *config,
                 struct fault *fault) {
        struct reporter *reporter = &session->worker->reporter;
        _cleanup_free_ char *text = NULL;
        char date[32];
        size_t size = 0;
        int r;

        date_text(date, sizeof(date));
        text = fc_config_format(&session->identity, date, session->cli.reply, session->cli.size,
                                &size);
        if (!text)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        r = output_write(session->worker->output_fd, text, size, fault);
        if (r < 0)
                return r;
        reporter_fact(reporter, "Size", "%zu", size);
        reporter_fact(reporter, "Lines", "%zu", config->n);
        return 0;
}

static int backup(struct worker *worker, struct fault *fault) {
        _cleanup_config_session_ struct config_session session = {};
        _cleanup_fc_config_ struct fc_config *config = NULL;
        int r;

        r = output_check(worker->output_fd, fault);
        if (r < 0)
                return r;
        r = config_session_open(&session, worker, fault);
        if (r < 0)
                return r;
        r = config_session_read(&session, worker->options.dump ? FC_CLI_DUMP : FC_CLI_DIFF, &config,
                                fault);
        if (r < 0)
                return r;
        return store(&session, config, fault);
}

const struct operation op_backup = {
        .name = "backup",
        .summary = "read a flight controller's configuration",
        .phase = "reading-config",
        .needs = NEEDS_TTY | NEEDS_OUTPUT,
        .options = OPTIONS_BACKUP,
        .run = backup,
};
