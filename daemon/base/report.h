/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The wire between a worker and the service: one SOCK_SEQPACKET datagram a report, KEY=value lines
 * in it, as sd_notify(3) does. The worker writes, the service reads; what it reads is distrusted:
 * bounded, clean UTF-8, known keys. Keys and their meaning: docs/architecture.md, "Worker reports".
 *
 *   PHASE=writing DONE=1024 TOTAL=49152     progress, bytes of this phase
 *   STATE=partly-written                    the board's state, as soon as it changes
 *   NOTICE=text                             a sentence for a person while the job runs (Job.Details
 * "Notice") X.Key=value                             a fact learnt (X.Variant=BTFL); goes to the
 * device or the job's details RESULT=success | failed | cancelled     the last one; with ERROR=,
 * MESSAGE=, ADDRESS=, DFU_STATE=, DFU_STATUS= */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define REPORT_SIZE_MAX                                                                            \
        8192U /* bytes a datagram; more is cut by the writer and refused by the reader */
#define REPORT_LINES_MAX 64U
#define REPORT_VALUE_MAX 4095U /* bytes a value; more is cut by the writer */

struct report {
        char text[REPORT_SIZE_MAX + 1];
        size_t size;
        size_t n;
        struct {
                const char *key;
                const char *value;
        } lines[REPORT_LINES_MAX];
};

/* Writing: start with report_init(). The value's line breaks and control characters become '?'; a
 * line that does not fit any more is left out and told by -ENOBUFS. */
void report_init(struct report *report);
int report_add(struct report *report, const char *key, const char *format, ...) _printf_(3, 4);
/* Sends to the socket, MSG_NOSIGNAL. Negative errno. */
int report_send(const struct report *report, int fd);

/* Reading: takes one datagram without blocking. 1 if one was read, 0 at end of file, -EAGAIN,
 * -EBADMSG (too long, a line without '=', a key that is not [A-Z][A-Za-z0-9_.]*, a value that is
 * not clean text). */
int report_receive(struct report *report, int fd);
/* Of a report that was received: the first value with this key, or NULL. */
const char *report_get(const struct report *report, const char *key);
/* -ENOENT, -EINVAL, -ERANGE. */
int report_get_u64(const struct report *report, const char *key, uint64_t *ret);
