/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/cancel.h"

#include <stddef.h>

volatile sig_atomic_t cancel_flag;

static void on_signal(int number) {
        (void) number;
        cancel_flag = 1;
}

void cancel_setup(void) {
        /* Without SA_RESTART: a wait for the board ends, and looks at the flag. */
        struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

        (void) sigaction(SIGTERM, &action, NULL);
        (void) sigaction(SIGINT, &action, NULL);
        /* A write over RLIMIT_FSIZE, a report to nobody: errors, not the end. */
        (void) sigaction(SIGXFSZ, &ignore, NULL);
        (void) sigaction(SIGPIPE, &ignore, NULL);
}

bool cancel_requested(void) {
        return cancel_flag != 0;
}
