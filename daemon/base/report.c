/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/report.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

void report_init(struct report *report) {
        report->size = 0;
        report->n = 0;
        report->text[0] = '\0';
}

int report_add(struct report *report, const char *key, const char *format, ...) {
        /* `value` is the roomier one, so that text_sanitize() does the cutting, between characters.
         */
        char value[2 * REPORT_VALUE_MAX], clean[REPORT_VALUE_MAX + 1];
        size_t room = REPORT_SIZE_MAX - report->size;
        va_list ap;
        int n;

        va_start(ap, format);
        (void) vsnprintf(value, sizeof(value), format, ap);
        va_end(ap);
        text_sanitize(clean, sizeof(clean), value);
        if (report->n >= REPORT_LINES_MAX || strlen(key) + strlen(clean) + 2 > room)
                return -ENOBUFS;
        n = snprintf(report->text + report->size, room + 1, "%s=%s\n", key, clean);
        report->size += (size_t) n;
        report->lines[report->n].key = report->lines[report->n].value = NULL;
        report->n++;
        return 0;
}

int report_send(const struct report *report, int fd) {
        ssize_t n = send(fd, report->text, report->size, MSG_NOSIGNAL);

        return n < 0 ? -errno : 0;
}

static bool key_is_valid(const char *key) {
        if (!isupper((unsigned char) key[0]))
                return false;
        for (; *key; key++)
                if (!isalnum((unsigned char) *key) && *key != '_' && *key != '.')
                        return false;
        return true;
}

static int report_parse(struct report *report) {
        char *line = report->text;

        /* A NUL inside would hide what follows it. */
        if (memchr(report->text, '\0', report->size))
                return -EBADMSG;
        while (*line) {
                char *end = strchr(line, '\n'), *equals;

                if (!end || report->n >= REPORT_LINES_MAX)
                        return -EBADMSG;
                *end = '\0';
                equals = strchr(line, '=');
                if (!equals)
                        return -EBADMSG;
                *equals = '\0';
                if (!key_is_valid(line) || !text_is_clean(equals + 1))
                        return -EBADMSG;
                report->lines[report->n].key = line;
                report->lines[report->n].value = equals + 1;
                report->n++;
                line = end + 1;
        }
        return report->n ? 1 : -EBADMSG;
}

int report_receive(struct report *report, int fd) {
        struct iovec iov = {report->text, REPORT_SIZE_MAX};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n;
        int r;

        report_init(report);
        n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return -errno;
        if (n == 0)
                return 0;
        if (msg.msg_flags & MSG_TRUNC)
                return -EBADMSG;
        report->size = (size_t) n;
        report->text[n] = '\0';
        r = report_parse(report);
        if (r < 0)
                report->n = 0;
        return r;
}

const char *report_get(const struct report *report, const char *key) {
        for (size_t i = 0; i < report->n; i++)
                if (report->lines[i].key && strcmp(report->lines[i].key, key) == 0)
                        return report->lines[i].value;
        return NULL;
}

int report_get_u64(const struct report *report, const char *key, uint64_t *ret) {
        const char *value = report_get(report, key);

        return value ? parse_u64(value, UINT64_MAX, ret) : -ENOENT;
}
