/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/serial.h"

#include <errno.h>

/* A board that takes no byte for this long has its port stuck; MSP requests are 200 bytes at most.
 */
#define WRITE_TIMEOUT_MS 1000U

struct serial_port *serial_close(struct serial_port *port) {
        if (port)
                port->ops->close(port);
        return NULL;
}

int serial_read_until(struct serial_port *port, void *to, size_t size, uint64_t deadline_ms) {
        for (;;) {
                uint64_t now_ms = port->ops->now_ms(port);
                int n;

                if (port->cancel && *port->cancel)
                        return -ECANCELED;
                if (now_ms >= deadline_ms)
                        return 0;
                n = port->ops->read(port, to, size, (unsigned) (deadline_ms - now_ms));
                if (n != 0 && n != -EINTR)
                        return n;
        }
}

int serial_write(struct serial_port *port, const void *data, size_t size) {
        return port->ops->write(port, data, size, WRITE_TIMEOUT_MS);
}

bool serial_is_shared(struct serial_port *port) {
        return port->ops->is_shared && port->ops->is_shared(port);
}

int serial_shared_fault(const struct serial_port *port, struct fault *fault) {
        *fault = (struct fault) FAULT_INIT;
        return fault_set(fault, FWD_PORT_HELD, "Another program has opened %s meanwhile",
                         port->name);
}

int serial_blame(struct serial_port *port, int r, struct fault *fault) {
        if ((fault->error == FWD_TIMEOUT || fault->error == FWD_BAD_ANSWER) &&
            serial_is_shared(port))
                return serial_shared_fault(port, fault);
        return r;
}

int serial_wait(struct serial_port *port, unsigned ms) {
        uint64_t deadline_ms = port->ops->now_ms(port) + ms;

        for (;;) {
                char ignored[256];
                int n = serial_read_until(port, ignored, sizeof(ignored), deadline_ms);

                if (n <= 0)
                        return n;
        }
}
