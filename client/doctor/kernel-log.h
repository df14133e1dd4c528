/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the kernel says of a port whose device gets no address, from the lines of its log. Pure:
 * lines in, the last trouble of each port out; a device that comes to a port ends its trouble. */

#include <stddef.h>
#include <stdint.h>

enum port_trouble {
        PORT_FINE,
        PORT_NO_ANSWER,    /* something pulls the line up, and does not answer */
        PORT_NO_LINK,      /* it cannot even be enabled */
        PORT_OVER_CURRENT, /* it takes more than the port gives */
        PORT_NO_CONFIG,    /* it answered, and then could not be set up */
        PORT_NO_POWER,     /* it wants more than a hub has */
};

struct port_log {
        char port[32];
        enum port_trouble trouble;
        int error;                /* the kernel's, as it stands in the line; 0: none */
        uint64_t when_us;         /* of the last line about the trouble */
        uint16_t vendor, product; /* what was there before, 0: nothing */
};

#define KERNEL_LOG_PORTS_MAX 64U

struct kernel_log {
        struct port_log ports[KERNEL_LOG_PORTS_MAX];
        size_t n;
};

/* A line without its time: "usb 1-1: device descriptor read/64, error -71". */
void kernel_log_line(struct kernel_log *log, uint64_t when_us, const char *line);
