/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happened to which board, for the operator: to the journal with the fields FWD_PORT= and
 * FWD_JOB= when the service runs under systemd, else a plain line on standard error. */

#include "base/cleanup.h"
#include "base/log.h"

/* `port` may be NULL, `job` 0. */
void journal_log(int priority, const char *port, unsigned job, const char *format, ...)
        _printf_(4, 5);
