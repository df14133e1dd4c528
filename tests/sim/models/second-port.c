/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/second-port.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/* 3GPP TS 27.007 and V.250: just what a generic modem must say to be one. What is not here is
 * ERROR, which is a modem's right. */
static const struct {
        const char *command, *answer; /* NULL: OK alone */
} commands[] = {
        {"AT", NULL},
        {"ATE0", NULL},
        {"ATZ", NULL},
        {"ATV1", NULL},
        {"ATX4", NULL},
        {"AT&C1", NULL},
        {"ATH", NULL},
        {"ATI", "Simulated modem"},
        {"AT+CMEE=1", NULL},
        {"AT+GMI", "fwd"},
        {"AT+CGMI", "fwd"},
        {"AT+GMM", "Simulated modem"},
        {"AT+CGMM", "Simulated modem"},
        {"AT+GMR", "1.0"},
        {"AT+CGMR", "1.0"},
        {"AT+GSN", "490154203237518"},
        {"AT+CGSN", "490154203237518"},
        {"AT+GCAP", "+GCAP: +CGSM"},
        {"AT+CPIN?", "+CPIN: READY"},
        {"AT+CIMI", "001010123456789"},
        {"AT+CFUN?", "+CFUN: 1"},
        {"AT+CFUN=1", NULL},
        {"AT+CFUN=4", NULL},
        {"AT+CSCS=?", "+CSCS: (\"IRA\",\"GSM\")"},
        {"AT+CSCS=\"IRA\"", NULL},
        {"AT+CSCS?", "+CSCS: \"IRA\""},
        {"AT+CREG?", "+CREG: 0,0"},
        {"AT+CGREG?", "+CGREG: 0,0"},
        {"AT+CSQ", "+CSQ: 20,99"},
};

/* More is lost, as at a modem whose host does not read. */
static void say(struct second_port *port, const char *text) {
        size_t size = strlen(text);

        if (size > sizeof(port->out) - port->out_size)
                return;
        memcpy(port->out + port->out_size, text, size);
        port->out_size += size;
}

static void obey(struct second_port *port) {
        port->line[port->line_size] = '\0';
        port->line_size = 0;
        if (!port->line[0])
                return;
        if (strcasecmp(port->line, "ATE0") == 0)
                port->echo = false;
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcasecmp(port->line, commands[i].command) == 0) {
                        if (commands[i].answer) {
                                say(port, "\r\n");
                                say(port, commands[i].answer);
                                say(port, "\r\n");
                        }
                        say(port, "\r\nOK\r\n");
                        return;
                }
        say(port, "\r\nERROR\r\n");
}

void second_port_start(struct second_port *port) {
        *port = (struct second_port){.kind = port->kind, .echo = true};
}

int second_port_out(struct second_port *port, uint8_t endpoint, const uint8_t *data, size_t size) {
        if (port->kind == SECOND_PORT_NONE || endpoint != CDC_SECOND_PORT)
                return -ENOENT;
        for (size_t i = 0; i < size && port->kind == SECOND_PORT_MODEM; i++) {
                char byte[] = {(char) data[i], '\0'};

                if (port->echo)
                        say(port, byte);
                if (byte[0] == '\r')
                        obey(port);
                else if (byte[0] != '\n' && port->line_size < sizeof(port->line) - 1)
                        port->line[port->line_size++] = byte[0];
        }
        return (int) size;
}

int second_port_in(struct second_port *port, uint8_t endpoint, uint8_t *to, size_t size) {
        if (port->kind == SECOND_PORT_NONE || endpoint != (0x80U | CDC_SECOND_PORT))
                return -ENOENT;
        if (port->out_size == 0)
                return -EAGAIN;
        if (size > port->out_size)
                size = port->out_size;
        memcpy(to, port->out, size);
        port->out_size -= size;
        memmove(port->out, port->out + size, port->out_size);
        return (int) size;
}

int second_port_set(struct second_port *port, const char *value) {
        static const char *const names[] = {"none", "silent", "modem"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(value, names[i]) == 0) {
                        port->kind = (enum second_port_kind) i;
                        return 0;
                }
        return -EINVAL;
}
