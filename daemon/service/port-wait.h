/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A serial port, or the USB node of a bootloader, that another program has open is waited for:
 * tried again after 0.25 s, 0.5 s, 1 s and then every 2 s, and a serial port at once when
 * ModemManager goes, for settings.port_wait_ms in all. Who has it is asked from ModemManager; where
 * a job wants the port and ModemManager has made a modem of it, it is told to let go until the wait
 * is freed. Of a bootloader fwupd is suspected, while it is at work, and left in peace. Owned by
 * the job, or by the device for an identification without a job. In the service. */

#include <stdbool.h>

#include "service/service.h"

enum modem_rule {                     /* what udev's properties tell ModemManager of a device */
                  MODEM_RULE_NONE,    /* may look at it */
                  MODEM_RULE_IGNORE,  /* ID_MM_DEVICE_IGNORE: shall not */
                  MODEM_RULE_PROCESS, /* ID_MM_DEVICE_PROCESS: shall, whatever else is said */
};

struct port_wait;

struct port_wait_handlers {
        void (*retry)(void *userdata);   /* the port is to be tried again now */
        void (*told)(void *userdata);    /* more is known of who has it */
        void (*settled)(void *userdata); /* port_wait_ask() */
        bool may_inhibit;
};

struct port_wait_for {
        const char *port; /* the board's */
        const char *node; /* "/dev/ttyACM0", "/dev/bus/usb/001/004" */
        bool is_usb;
        enum modem_rule rule;
};

/* The port was found held: waits for the next try. Makes *wait if there is none yet. -ETIMEDOUT if
 * it was waited for long enough, or another negative errno: then port_wait_end() is the caller's.
 */
int port_wait_again(struct service *service, struct port_wait **wait,
                    const struct port_wait_for *what, const struct port_wait_handlers *handlers,
                    void *userdata);
/* Before a serial port is opened: has ModemManager made a modem of it? Then it is told to let go,
 * as above. `settled` comes when that is done, or cannot be; never from in here. Negative errno. */
int port_wait_ask(struct service *service, struct port_wait **wait,
                  const struct port_wait_for *what, const struct port_wait_handlers *handlers,
                  void *userdata);
bool port_wait_is_asking(const struct port_wait *wait);
/* It could be opened, or nobody wants it any more. What ModemManager was told stays. */
void port_wait_end(struct port_wait *wait);
struct port_wait *port_wait_free(struct port_wait *wait);

/* Between the first try and port_wait_end(). NULL: no. */
bool port_wait_is_active(const struct port_wait *wait);
/* How a sentence begins: "ModemManager has /dev/ttyACM0 open". */
char *port_wait_who(const struct port_wait *wait);
/* Since the first try. */
uint64_t port_wait_elapsed_ms(const struct port_wait *wait);

/* Tries all ports that are waited for now. */
void port_waits_retry(struct service *service);
