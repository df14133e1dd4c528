/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The socket by which a test plugs boards into fwd-sim: SOCK_SEQPACKET, a request is the words of
 * simctl's command line, each with its NUL; the answer is '0' and the output, or '1' and a
 * sentence. control.c has the socket and the waiters, control-verbs.c the verbs. */

#include "sim/testbed.h"

#define CONTROL_WORDS_MAX   32U
#define CONTROL_REQUEST_MAX 4096U
#define CONTROL_ENV         "FWD_SIM_CONTROL" /* the socket's path, for simctl */

struct control;

/* A verb's outcome: 0 and `out`, negative and a sentence in `out`, CONTROL_WAITS or CONTROL_QUIT.
 */
enum {
        CONTROL_WAITS = 1, /* answered when the port has come to what words[2] says */
        CONTROL_QUIT = 2,
};
int control_verb(struct sim *sim, const char *const *words, size_t n_words, GString *out);

struct control *control_new(struct sim *sim, const char *path, GMainLoop *loop);
void control_free(struct control *control);
