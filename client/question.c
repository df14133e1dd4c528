/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/question.h"

#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"

bool question_is_possible(void) {
        return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
               tcgetpgrp(STDIN_FILENO) == getpgrp();
}

enum answer question_parse(const char *line) {
        while (*line == ' ')
                line++;
        if (strncasecmp(line, "c", 1) == 0)
                return ANSWER_CANCEL;
        return strncasecmp(line, "l", 1) == 0 ? ANSWER_LEAVE : ANSWER_CONTINUE;
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct question *q = userdata;
        char line[64];
        ssize_t n = read(fd, line, sizeof(line) - 1);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        line[n > 0 ? n : 0] = '\0';
        question_close(q);
        q->answered(question_parse(line), q->userdata);
        return 0;
}

int question_ask(struct question *q, sd_event *event, const char *job_id) {
        int r = sd_event_add_io(event, &q->source, STDIN_FILENO, EPOLLIN, on_input, q);

        if (r < 0)
                return r;
        fprintf(stderr, "\rJob %s is running. [c]ancel it, [l]eave it running, Enter to watch on: ",
                job_id);
        (void) fflush(stderr);
        return 0;
}

bool question_is_open(const struct question *q) {
        return q->source;
}

void question_close(struct question *q) {
        q->source = sd_event_source_disable_unref(q->source);
}
