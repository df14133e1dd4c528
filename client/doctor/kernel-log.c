/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/kernel-log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* drivers/usb/core/hub.c, message.c and config.c say these; they have not changed since Linux 3.x.
 */
static const struct {
        const char *part;
        enum port_trouble trouble;
} troubles[] = {
        {"device descriptor read/", PORT_NO_ANSWER},
        {"device not accepting address", PORT_NO_ANSWER},
        {"Device not responding to setup address", PORT_NO_ANSWER},
        {"unable to enumerate USB device", PORT_NO_ANSWER},
        {"Cannot enable. Maybe the USB cable is bad?", PORT_NO_LINK},
        {"over-current condition", PORT_OVER_CURRENT},
        {"can't read configurations", PORT_NO_CONFIG},
        {"can't set config", PORT_NO_CONFIG},
        {"insufficient available bus power", PORT_NO_POWER},
};

static struct port_log *port_of(struct kernel_log *log, const char *port) {
        for (size_t i = 0; i < log->n; i++)
                if (strcmp(log->ports[i].port, port) == 0)
                        return &log->ports[i];
        if (log->n == KERNEL_LOG_PORTS_MAX)
                return NULL;
        (void) snprintf(log->ports[log->n].port, sizeof(log->ports[0].port), "%s", port);
        return &log->ports[log->n++];
}

/* "usb 1-2.3: …", "usb usb1-port2: …" (of a root hub), "usb 1-2-port3: …" (of another). */
static bool split(const char *line, char *port, size_t size, const char **ret_text) {
        const char *end, *hub_port;

        if (strncmp(line, "usb ", 4) != 0)
                return false;
        line += 4;
        end = strchr(line, ':');
        if (!end || end[1] != ' ' || (size_t) (end - line) >= size - 1)
                return false;
        hub_port = strstr(line, "-port");
        if (!hub_port || hub_port > end)
                (void) snprintf(port, size, "%.*s", (int) (end - line), line);
        else {
                bool root = strncmp(line, "usb", 3) == 0;
                const char *hub = root ? line + 3 : line, *number = hub_port + strlen("-port");

                (void) snprintf(port, size, "%.*s%s%.*s", (int) (hub_port - hub), hub,
                                root ? "-" : ".", (int) (end - number), number);
        }
        *ret_text = end + 2;
        return true;
}

static unsigned id_after(const char *text, const char *key) {
        const char *at = strstr(text, key);

        return at ? (unsigned) strtoul(at + strlen(key), NULL, 16) : 0;
}

void kernel_log_line(struct kernel_log *log, uint64_t when_us, const char *line) {
        char port[sizeof(log->ports[0].port)];
        struct port_log *p;
        const char *text, *error;

        if (!split(line, port, sizeof(port), &text))
                return;
        if (strncmp(text, "New USB device found", strlen("New USB device found")) == 0) {
                p = port_of(log, port);
                if (!p)
                        return;
                p->trouble = PORT_FINE;
                p->error = 0;
                p->vendor = (uint16_t) id_after(text, "idVendor=");
                p->product = (uint16_t) id_after(text, "idProduct=");
                return;
        }
        if (strncmp(text, "USB disconnect", strlen("USB disconnect")) == 0) {
                p = port_of(log, port);
                /* It was there; what it could not do went with it. */
                if (p && (p->trouble == PORT_NO_CONFIG || p->trouble == PORT_NO_POWER))
                        p->trouble = PORT_FINE;
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
                if (!strstr(text, troubles[i].part))
                        continue;
                p = port_of(log, port);
                if (!p)
                        return;
                /* That the kernel gave up says less than why. */
                if (p->trouble == PORT_FINE || troubles[i].trouble != PORT_NO_ANSWER)
                        p->trouble = troubles[i].trouble;
                p->when_us = when_us;
                error = strstr(text, "error ");
                if (error)
                        p->error = (int) strtol(error + strlen("error "), NULL, 10);
                return;
        }
}
