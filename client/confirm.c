/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/confirm.h"

#include <stdio.h>
#include <string.h>

#include "client/question.h"
#include "client/screen.h"

bool confirm_parse(const char *line) {
        size_t n = strcspn(line, "\r\n");

        return n == strlen("yes") && strncmp(line, "yes", n) == 0;
}

int confirm(const struct client *c, const char *loss, struct problem *p) {
        _cleanup_free_ char *clean = NULL;
        char line[16] = "";

        if (c->options.yes || c->options.dry_run)
                return 0;
        if (!question_is_possible()) {
                (void) problem_set(p, FWD_INVALID_ARGUMENT, "%s", loss);
                return problem_advise(p, "Say so with --yes, or run it on a terminal to be asked.");
        }
        clean = screen_clean(loss);
        fprintf(stderr, "%s\nType yes to go on: ", clean ? clean : "");
        (void) fflush(stderr);
        if (fgets(line, sizeof(line), stdin) && confirm_parse(line))
                return 0;
        (void) problem_set(p, FWD_CANCELLED, "Nothing was changed.");
        return problem_advise(p, "Type the whole word if you mean it.");
}
