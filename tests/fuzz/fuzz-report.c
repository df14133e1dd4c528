/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram from a worker that is no longer ours. */

#include <string.h>
#include <sys/socket.h>

#include "base/report.h"
#include "base/text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static int fds[2] = {-EBADF, -EBADF};
        static struct report report;
        uint64_t number;
        int r;

        if (fds[0] < 0)
                check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
        /* An empty datagram looks like the end. */
        if (size == 0 || size > 2U * REPORT_SIZE_MAX)
                return 0;
        check(send(fds[0], data, size, 0) == (ssize_t) size);
        r = report_receive(&report, fds[1]);
        check(r == 1 || r == -EBADMSG);
        check((r == 1) == (report.n > 0));
        check(report.n <= REPORT_LINES_MAX);
        for (size_t i = 0; i < report.n; i++) {
                const char *key = report.lines[i].key, *value = report.lines[i].value;

                check(key[0] >= 'A' && key[0] <= 'Z');
                check(strlen(key) + strlen(value) + 2 <= REPORT_SIZE_MAX);
                check(text_is_clean(key) && text_is_clean(value));
                check(report_get(&report, key) != NULL);
                (void) report_get_u64(&report, key, &number);
        }
        return 0;
}
