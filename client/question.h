/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ctrl-C on a terminal: asks whether the job shall be cancelled or left running, while the job goes
 * on and is listened to. */

#include <stdbool.h>

#include <systemd/sd-event.h>

enum answer {
        ANSWER_CONTINUE, /* Enter, end of file, and whatever is no answer */
        ANSWER_CANCEL,
        ANSWER_LEAVE,
};

struct question {
        sd_event_source *source;
        void (*answered)(enum answer answer, void *userdata);
        void *userdata;
};

/* A person sits there, and this process may read what is typed. */
bool question_is_possible(void);
/* Prints the question and returns; `answered` is called from the event loop. */
int question_ask(struct question *q, sd_event *event, const char *job_id);
bool question_is_open(const struct question *q);
void question_close(struct question *q);
#define _cleanup_question_ _cleanup_(question_close)

enum answer question_parse(const char *line);
