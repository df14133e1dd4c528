/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asks before something is lost for good: a whole word has to be typed. Off a terminal nobody can
 * be asked, and --yes has to say it. */

#include "client/problem.h"

/* `loss` is a sentence. 0, or the exit code with the problem. */
int confirm(const struct client *c, const char *loss, struct problem *p);
/* Whether the line says yes. */
bool confirm_parse(const char *line);
