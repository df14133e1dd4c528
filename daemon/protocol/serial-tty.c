/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

#include "base/text.h"
#include "protocol/serial.h"

/* libserialport opens and configures. Waiting is poll(2)'s: sp_blocking_read() goes round and round
 * on a port that was hung up, until its time is over, and then says that nothing came. */

#define BAUD_RATE                                                                                  \
        115200 /* of every flight controller's MSP port; USB CDC takes no notice of it             \
                */

struct serial_tty {
        struct serial_port port;
        struct sp_port *sp;
        int fd; /* the library's, not ours to close */
        struct termios settings;
};

static int lost_or_errno(int error) {
        switch (error) {
        case EIO: /* what a tty answers whose USB device is gone */
        case ENODEV:
        case ENXIO:
        case ENOENT:
                return -ENODEV;
        default:
                return error ? -error : -EIO;
        }
}

static int tty_read(struct serial_port *port, void *to, size_t size, unsigned timeout_ms) {
        struct serial_tty *tty = (struct serial_tty *) port;
        struct pollfd p = {.fd = tty->fd, .events = POLLIN};
        int n;

        n = poll(&p, 1, timeout_ms > INT32_MAX ? INT32_MAX : (int) timeout_ms);
        if (n <= 0)
                return n < 0 ? -errno : 0;
        if (!(p.revents & POLLIN))
                return -ENODEV;
        errno = 0;
        n = sp_nonblocking_read(tty->sp, to, size);
        if (n < 0)
                return lost_or_errno(errno);
        return n == 0 ? -ENODEV : n; /* readable and at its end: hung up */
}

static int tty_write(struct serial_port *port, const void *data, size_t size, unsigned timeout_ms) {
        struct serial_tty *tty = (struct serial_tty *) port;
        int n;

        errno = 0;
        n = sp_blocking_write(tty->sp, data, size, timeout_ms);
        if (n < 0)
                return lost_or_errno(errno);
        return (size_t) n == size ? 0 : -ETIMEDOUT;
}

static void tty_discard_input(struct serial_port *port) {
        (void) sp_flush(((struct serial_tty *) port)->sp, SP_BUF_INPUT);
}

static uint64_t tty_now_ms(struct serial_port *port) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static void tty_close(struct serial_port *port) {
        struct serial_tty *tty = (struct serial_tty *) port;

        /* With unsent bytes close(2) waits up to 30 s for a board that does not take them. */
        (void) sp_flush(tty->sp, SP_BUF_OUTPUT);
        (void) sp_close(tty->sp);
        sp_free_port(tty->sp);
        free(tty);
}

/* Whoever opens it sets his own speed and modes: ModemManager 57600. They are the port's, not the
 * opener's. */
static bool tty_is_shared(struct serial_port *port) {
        const struct serial_tty *tty = (struct serial_tty *) port;
        struct termios now;

        return tcgetattr(tty->fd, &now) == 0 &&
               (now.c_cflag != tty->settings.c_cflag || now.c_iflag != tty->settings.c_iflag ||
                now.c_oflag != tty->settings.c_oflag || now.c_lflag != tty->settings.c_lflag);
}

static const struct serial_ops tty_ops = {
        .read = tty_read,
        .write = tty_write,
        .discard_input = tty_discard_input,
        .now_ms = tty_now_ms,
        .close = tty_close,
        .is_shared = tty_is_shared,
};

static int open_fault(const char *node, int error, struct fault *fault) {
        switch (error) {
        case EBUSY:
                return fault_set(fault, FWD_PORT_HELD, "Another program has %s open", node);
        case EACCES:
        case EPERM:
                return fault_set(fault, FWD_NOT_AUTHORIZED, "No permission to open %s", node);
        case ENOENT:
        case ENODEV:
        case ENXIO:
        case EIO:
                return fault_set(fault, FWD_DEVICE_LOST, "%s is gone", node);
        case ENOTTY:
        case EINVAL:
                /* So answers a port that was hung up while it was opened, too. */
                if (access(node, F_OK) < 0)
                        return fault_set(fault, FWD_DEVICE_LOST, "%s is gone", node);
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "%s is not a serial port with modem lines", node);
        default:
                return fault_set(fault, FWD_FAILED, "%s cannot be opened: %s", node,
                                 strerror(error));
        }
}

/* Opens the node as the library will, to look before anything is changed. TIOCEXCL does not stop
 * who may do anything (CAP_SYS_ADMIN), us as root included: so whoever set it before us is asked
 * for, and the port's settings stay as that program made them. The descriptor is kept until the
 * library has its own: a last close in between would drop DTR. */
static int look(const char *node) {
        _cleanup_close_ int fd = open(node, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        int exclusive = 0;

        if (fd < 0)
                return -errno;
        if (ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive)
                return -EBUSY;
        return TAKE_FD(fd);
}

static int configure(struct serial_tty *tty) {
        struct termios settings;

        errno = 0;
        if (sp_set_baudrate(tty->sp, BAUD_RATE) != SP_OK || sp_set_bits(tty->sp, 8) != SP_OK ||
            sp_set_parity(tty->sp, SP_PARITY_NONE) != SP_OK ||
            sp_set_stopbits(tty->sp, 1) != SP_OK ||
            sp_set_flowcontrol(tty->sp, SP_FLOWCONTROL_NONE) != SP_OK)
                return errno ? -errno : -EIO;
        /* The CDC ports of RP2350 boards are silent without DTR. */
        if (sp_set_dtr(tty->sp, SP_DTR_ON) != SP_OK)
                return errno ? -errno : -EIO;
        /* libserialport turns HUPCL on: DTR would fall at close, which resets some boards. */
        if (tcgetattr(tty->fd, &settings) < 0)
                return -errno;
        settings.c_cflag &= ~(tcflag_t) HUPCL;
        if (tcsetattr(tty->fd, TCSANOW, &settings) < 0 ||
            tcgetattr(tty->fd, &tty->settings) < 0) /* as the driver took them */
                return -errno;
        return 0;
}

int serial_open_tty(const char *node, struct serial_port **ret, struct fault *fault) {
        _cleanup_close_ int first = look(node);
        struct serial_tty *tty;
        int r;

        if (first < 0)
                return open_fault(node, -first, fault);
        tty = calloc(1, sizeof(*tty));
        if (!tty)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        tty->port.ops = &tty_ops;
        text_sanitize(tty->port.name, sizeof(tty->port.name), node);
        if (sp_get_port_by_name(node, &tty->sp) != SP_OK) {
                free(tty);
                return open_fault(node, ENOTTY, fault);
        }
        errno = 0;
        if (sp_open(tty->sp, SP_MODE_READ_WRITE) != SP_OK) {
                r = errno;
                sp_free_port(tty->sp);
                free(tty);
                return open_fault(node, r, fault);
        }
        /* The library opens without O_CLOEXEC. */
        if (sp_get_port_handle(tty->sp, &tty->fd) != SP_OK ||
            fcntl(tty->fd, F_SETFD, FD_CLOEXEC) < 0 || ioctl(tty->fd, TIOCEXCL) < 0)
                r = errno ? -errno : -EIO;
        else
                r = configure(tty);
        if (r < 0) {
                tty_close(&tty->port);
                return open_fault(node, -r, fault);
        }
        *ret = &tty->port;
        return 0;
}
