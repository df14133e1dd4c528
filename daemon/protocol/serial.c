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

int serial_wait(struct serial_port *port, unsigned ms) {
        uint64_t deadline_ms = port->ops->now_ms(port) + ms;

        for (;;) {
                char ignored[256];
                int n = serial_read_until(port, ignored, sizeof(ignored), deadline_ms);

                if (n <= 0)
                        return n;
        }
}
