/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of one board for backup, restore and compare: opened after the board was asked
 * who it is and whether it is armed, left in every case, and the fact Rebooting told as soon as
 * that makes the board restart. Worker only. */

#include "protocol/betaflight-cli.h"
#include "protocol/betaflight-config.h"
#include "worker/worker.h"

struct config_session {
        struct worker *worker;
        struct serial_port *port;
        struct fc_identity identity;
        struct fc_cli cli;
        bool open;
        bool changed; /* something was set and not saved */
};

/* Asks the board who it is, and no more; the command line is entered by itself. FWD_ARMED. */
int config_session_identify(struct config_session *ret, struct worker *worker, struct fault *fault);
int config_session_enter(struct config_session *session, struct fault *fault);
/* Both. FWD_ARMED, and what opening, identifying and the command line have. */
int config_session_open(struct config_session *ret, struct worker *worker, struct fault *fault);
/* The board's configuration, parsed. `cli.reply` has it as it came. */
int config_session_read(struct config_session *session, enum fc_cli_config what,
                        struct fc_config **ret, struct fault *fault);
/* Saves what was set. 1: saved, and the board restarts. 0: refused, `cli.reply` says why. */
int config_session_save(struct config_session *session, struct fault *fault);
/* What was not saved is forgotten by the board. */
void config_session_close(struct config_session *session);
#define _cleanup_config_session_ _cleanup_(config_session_close)

/* The configuration that was handed over. FWD_INVALID_CONFIG. */
int config_load(struct worker *worker, struct fc_config **ret, struct fault *fault);
/* The parts of --option=only=, as bits; all of them if it is not given. FWD_INVALID_ARGUMENT. */
int config_sections(const struct worker *worker, unsigned *ret, struct fault *fault);

/* A count and some of the lines, for a fact each: "set a = 1 (why); …; and 12 more". What is an
 * aside to something else is short; a plan has as much as a report takes. */
#define CONFIG_LIST_SHORT 900U
#define CONFIG_LIST_LONG  4000U

struct config_list {
        size_t n, shown;
        size_t room; /* bytes of `text`; 0: CONFIG_LIST_SHORT */
        char text[CONFIG_LIST_LONG];
};

void config_list_add(struct config_list *list, const char *format, ...) _printf_(2, 3);
/* Tells KEY (how many) and, if there are any, KEYLines. */
void config_list_report(const struct config_list *list, struct reporter *reporter, const char *key);
