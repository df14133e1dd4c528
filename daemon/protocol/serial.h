/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A serial port of a board behind a table of functions: libserialport on a tty in the worker
 * (serial-tty.c), a board model with a virtual clock in unit tests. Worker only; one port, opened
 * by its node, for one operation. Bytes only: framing is msp.h's. */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fault.h"

struct serial_port;

struct serial_ops {
        /* At least one byte and at most `size`; 0 if none came within `timeout_ms`. -ENODEV (the
         * board is gone), -EINTR (a signal came: look at the cancel flag), -EIO. */
        int (*read)(struct serial_port *port, void *to, size_t size, unsigned timeout_ms);
        /* All of it, or -ENODEV, -ETIMEDOUT, -EIO. */
        int (*write)(struct serial_port *port, const void *data, size_t size, unsigned timeout_ms);
        void (*discard_input)(struct serial_port *port);
        /* A clock for deadlines, monotonic; in tests the model's. */
        uint64_t (*now_ms)(struct serial_port *port);
        void (*close)(struct serial_port *port);
        /* See serial_is_shared(). NULL: it never is. */
        bool (*is_shared)(struct serial_port *port);
};

struct serial_port {
        const struct serial_ops *ops;
        char name[64]; /* for sentences: "/dev/ttyACM0" */
        /* Set by a signal handler: waits end with -ECANCELED. NULL: never. */
        const volatile sig_atomic_t *cancel;
};

/* Opens the tty at 115200 8N1 with DTR asserted, for us alone, without a hang-up at close.
 * FWD_PORT_HELD, FWD_DEVICE_LOST, FWD_NOT_AUTHORIZED, FWD_NOT_SUPPORTED (not a serial port). */
int serial_open_tty(const char *node, struct serial_port **ret, struct fault *fault);
struct serial_port *serial_close(struct serial_port *port);
DEFINE_CLEANUP(struct serial_port *, serial_close)
#define _cleanup_serial_ _cleanup_(serial_close_p)

/* Reads until the deadline (of now_ms()). Bytes, 0 if the time is over, -ENODEV, -ECANCELED, -EIO.
 */
int serial_read_until(struct serial_port *port, void *to, size_t size, uint64_t deadline_ms);
int serial_write(struct serial_port *port, const void *data, size_t size);
/* Has somebody else opened the port since, and set it up for himself? Who may do anything (root,
 * and so ModemManager) can, although it is ours alone. He reads what was meant for us: an answer
 * may be without its middle and look whole. */
bool serial_is_shared(struct serial_port *port);
/* FWD_PORT_HELD, which tells of that, in the place of what is in `fault`. */
int serial_shared_fault(const struct serial_port *port, struct fault *fault);
/* `r`, which is negative, or that, if an answer that did not come, or was none, may be with him. */
int serial_blame(struct serial_port *port, int r, struct fault *fault);
/* Waits and takes no notice of what arrives. 0, -ENODEV as soon as the board is gone, -ECANCELED.
 */
int serial_wait(struct serial_port *port, unsigned ms);
