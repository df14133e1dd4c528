/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What ModemManager has to do with a serial port, asked over the bus, never waited for; it is not
 * started for the question. It names a device only once it has made a modem of it: while it probes
 * a port it says nothing. InhibitDevice() makes it let go of such a modem until it is released, or
 * until we leave the bus. Questions and inhibitions are owned by who made them. In the service. */

#include "service/service.h"

enum modem_presence {
        MODEM_MANAGER_ABSENT,
        MODEM_MANAGER_RUNS,   /* and says nothing of the port */
        MODEM_MANAGER_BESIDE, /* another port of the board is a modem's */
        MODEM_MANAGER_OWNS,   /* the port is a modem's */
};

struct modem_question;
struct modem_inhibition;

/* `device` names the modem's device for modem_inhibit(); "" if it is none. */
typedef void (*modem_answer_t)(void *userdata, enum modem_presence presence, const char *device);
/* 0, or negative: it was refused. */
typedef void (*modem_inhibited_t)(void *userdata, int r);

/* Listens for its going: then ports that are waited for are tried at once (port-wait.h). */
int modem_manager_start(struct service *service);

/* One answer, unless the question is freed before. `tty` is "/dev/ttyACM0", `port` the board's. A
 * modem has those ports of a board alone that answer as a modem's do. Negative errno. */
int modem_ask(struct service *service, const char *tty, const char *port, modem_answer_t answer,
              void *userdata, struct modem_question **ret);
struct modem_question *modem_question_free(struct modem_question *question);

int modem_inhibit(struct service *service, const char *device, modem_inhibited_t done,
                  void *userdata, struct modem_inhibition **ret);
/* Releases it, also if ModemManager has not even answered yet. */
struct modem_inhibition *modem_inhibition_free(struct modem_inhibition *inhibition);
