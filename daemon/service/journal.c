/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "service/journal.h"

#include <stdarg.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define LINE_MAX_BYTES 1024

static void send_fields(int priority, const char *port, unsigned job, const char *text) {
        char message[LINE_MAX_BYTES + sizeof("MESSAGE=")], level[sizeof("PRIORITY=") + 12];
        char port_field[128], job_field[32];
        struct iovec fields[4];
        int n = 0;

        fields[n].iov_base = message;
        fields[n++].iov_len = (size_t) snprintf(message, sizeof(message), "MESSAGE=%s", text);
        fields[n].iov_base = level;
        fields[n++].iov_len = (size_t) snprintf(level, sizeof(level), "PRIORITY=%d", priority);
        if (port) {
                (void) snprintf(port_field, sizeof(port_field), "FWD_PORT=%s", port);
                fields[n].iov_base = port_field;
                fields[n++].iov_len = strlen(port_field);
        }
        if (job) {
                fields[n].iov_base = job_field;
                fields[n++].iov_len =
                        (size_t) snprintf(job_field, sizeof(job_field), "FWD_JOB=%u", job);
        }
        (void) sd_journal_sendv(fields, n);
}

void journal_log(int priority, const char *port, unsigned job, const char *format, ...) {
        char text[LINE_MAX_BYTES];
        va_list ap;

        if (priority > log_max_level())
                return;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (getenv("JOURNAL_STREAM"))
                send_fields(priority, port, job, text);
        else if (port)
                log_line(priority, "%s: %s", port, text);
        else
                log_line(priority, "%s", text);
}
