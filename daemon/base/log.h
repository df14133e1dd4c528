/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines for the operator, on standard error. Under systemd (JOURNAL_STREAM) and for a worker's pipe
 * the line begins with the <N> priority of sd-daemon(3); on a terminal it is plain. Fields such as
 * FWD_PORT= are the service's business (service/journal.h); a worker's lines get them there. */

#include <syslog.h>

#include "base/cleanup.h"

/* Reads FWD_LOG_LEVEL (debug, info, notice, warning, err); default info. Call once in main(). */
void log_setup(void);
/* Whether lines carry the <N> prefix. log_setup() guesses by JOURNAL_STREAM; a worker under the
 * service sets it. */
void log_set_prefix(int on);
int log_max_level(void);
void log_line(int priority, const char *format, ...) _printf_(2, 3);

#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
