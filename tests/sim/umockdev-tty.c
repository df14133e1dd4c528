/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /dev/ttyACMn of a board: a pty whose slave programs open by the mock name. A pty has no modem
 * lines and no exclusive mode for root, so those ioctls are answered here; every other one the
 * client executes on its pty. Bytes go between the master and the model's serial port. */

#include <asm/termbits.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sim/descriptors.h"
#include "sim/testbed.h"

/* What the model said last can still be read for so long after it left the bus. On real hardware
 * some 100 ms lie between a board's last answer and its going; a time scale of 0 leaves none. */
#define HANGUP_DELAY_MS        20U
#define CHUNK                  512U

#define SET_CONTROL_LINE_STATE 0x22U /* CDC PSTN 1.2 §6.3.12 */
#define LINES_UP               3U    /* DTR and RTS */

struct sim_tty { /* in use by its port, then by its last client: the handler's data */
        struct sim *sim;
        struct sim_port *port;      /* NULL once the board is gone */
        UMockdevIoctlBase *handler; /* this is its data, and goes with it */
        char name[16], path[24], pts[64];
        int master;
        int slave; /* kept open, or the master would report a hangup while nobody else has it open
                    */
        guint source;
        GByteArray *unsent; /* to the pty, which was full */
        unsigned modem_lines;
        bool exclusive;
        unsigned n_clients;
};

static gboolean on_master(int fd, GIOCondition condition, gpointer userdata) {
        struct sim_tty *tty = userdata;
        uint8_t data[CHUNK];
        g_rec_mutex_lock(&tty->sim->lock);
        ssize_t n = read(fd, data, sizeof(data));
        if (n > 0 && tty->port)
                model_serial_write(tty->port->model, data, (size_t) n, sim_now(tty->sim));
        sim_settle(tty->sim);
        g_rec_mutex_unlock(&tty->sim->lock);
        return G_SOURCE_CONTINUE;
}

void sim_tty_pump(struct sim_tty *tty, uint64_t now_us) {
        uint8_t data[CHUNK];
        for (;;) {
                if (tty->unsent->len > 0) {
                        ssize_t n = write(tty->master, tty->unsent->data, tty->unsent->len);
                        if (n <= 0)
                                return; /* tried again at the next event */
                        g_byte_array_remove_range(tty->unsent, 0, (guint) n);
                        continue;
                }
                size_t size = model_serial_read(tty->port->model, data, sizeof(data), now_us);
                if (size == 0)
                        return;
                g_byte_array_append(tty->unsent, data, (guint) size);
        }
}

/* Positive errno, 0, or -1: not one of ours. */
static int modem_ioctl(struct sim_tty *tty, gulong request, UMockdevIoctlData *arg) {
        switch (request) {
        case TIOCEXCL:
                tty->exclusive = true;
                return 0;
        case TIOCNXCL:
                tty->exclusive = false;
                return 0;
        case TIOCMGET:
        case TIOCMSET:
        case TIOCMBIS:
        case TIOCMBIC:
        case TIOCGEXCL:
                break;
        default:
                return -1;
        }
        if (!tty->port)
                return EIO;
        g_autoptr(UMockdevIoctlData) data = umockdev_ioctl_data_resolve(arg, 0, sizeof(int), NULL);
        if (!data)
                return EFAULT;
        unsigned *value = (unsigned *) data->data;
        if (request == TIOCGEXCL)
                *value = tty->exclusive;
        else if (request == TIOCMGET)
                *value = tty->modem_lines;
        else if (request == TIOCMSET)
                tty->modem_lines = *value;
        else if (request == TIOCMBIS)
                tty->modem_lines |= *value;
        else
                tty->modem_lines &= ~*value;
        return 0;
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client,
                         gpointer userdata) {
        struct sim_tty *tty = userdata;
        gulong request = umockdev_ioctl_client_get_request(client);
        g_rec_mutex_lock(&tty->sim->lock);
        int error = modem_ioctl(tty, request, umockdev_ioctl_client_get_arg(client));
        g_rec_mutex_unlock(&tty->sim->lock);
        int result = error > 0 ? -1 : 0;
        if (error < 0) {
                error = 0;
                result = umockdev_ioctl_client_execute(client, &error, NULL);
        }
        umockdev_ioctl_client_complete(client, result, error);
        return TRUE;
}

/* The kernel's driver raises the lines when a tty is opened, and drops them when it is closed. */
static void set_lines(struct sim_tty *tty, unsigned lines) {
        static struct model_answer answer;
        struct model_setup setup = {
                .request_type = 0x21, .request = SET_CONTROL_LINE_STATE, .value = (uint16_t) lines};
        struct interface_walk walk;

        if (!tty->port || !tty->port->model->on_bus)
                return;
        walk = interface_walk(tty->port->model);
        while (interface_next(&walk))
                if (walk.class == USB_CLASS_COMM)
                        setup.index = walk.number;
        model_control(tty->port->model, &setup, NULL, sim_now(tty->sim), &answer);
}

static void detach(struct sim_tty *tty) {
        g_autoptr(GError) error = NULL;
        if (!umockdev_testbed_detach_ioctl(tty->sim->testbed, tty->path, &error))
                g_error("Cannot take back %s: %s", tty->path, error->message);
}

/* Of a board that is gone; false if it is not served any more. */
static bool detach_gone(struct sim *sim, struct sim_tty *tty) {
        if (!g_queue_remove(&sim->gone_ttys, tty))
                return false;
        detach(tty);
        return true;
}

static void detach_path(struct sim *sim, const char *path) {
        for (GList *i = sim->gone_ttys.head; i; i = i->next) {
                struct sim_tty *tty = i->data;
                if (strcmp(tty->path, path) == 0) {
                        (void) detach_gone(sim, tty);
                        return;
                }
        }
}

static gboolean on_unused(gpointer userdata) {
        UMockdevIoctlBase *handler = userdata;
        struct sim_tty *tty = g_object_get_data(G_OBJECT(handler), "sim-tty");
        struct sim *sim = tty->sim;
        g_rec_mutex_lock(&sim->lock);
        (void) detach_gone(sim, tty);
        g_rec_mutex_unlock(&sim->lock);
        return G_SOURCE_REMOVE;
}

static void client_gone(struct sim_tty *tty) {
        g_rec_mutex_lock(&tty->sim->lock);
        if (tty->n_clients == 1 && !tty->port) /* not from here: this is the path's own thread */
                (void) g_idle_add_full(G_PRIORITY_DEFAULT, on_unused, g_object_ref(tty->handler),
                                       g_object_unref);
        if (--tty->n_clients == 0) { /* the last close of a tty throws away what was not read */
                set_lines(tty, 0);
                tty->exclusive = false;
                if (tty->slave >= 0)
                        (void) ioctl(tty->slave, TCFLSH, TCIFLUSH);
        }
        g_rec_mutex_unlock(&tty->sim->lock);
}

static void on_client_finalized(gpointer userdata, GObject *object) {
        client_gone(userdata);
}

static void on_connected_changed(UMockdevIoctlClient *client, GParamSpec *spec, gpointer userdata) {
        if (umockdev_ioctl_client_get_connected(client) ||
            !g_object_steal_data(G_OBJECT(client), "counted"))
                return;
        g_object_weak_unref(G_OBJECT(client), on_client_finalized, userdata);
        client_gone(userdata);
}

static void on_client(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer userdata) {
        struct sim_tty *tty = userdata;
        g_rec_mutex_lock(&tty->sim->lock);
        if (tty->n_clients++ == 0)
                set_lines(tty, LINES_UP);
        g_rec_mutex_unlock(&tty->sim->lock);
        g_object_set_data(G_OBJECT(client), "counted", tty);
        g_object_weak_ref(G_OBJECT(client), on_client_finalized, tty);
        g_signal_connect(client, "notify::connected", G_CALLBACK(on_connected_changed), tty);
}

static void tty_data_free(gpointer data) {
        struct sim_tty *tty = data;
        g_byte_array_free(tty->unsent, TRUE);
        g_free(tty);
}

static void source_free(gpointer userdata) {
        struct sim_tty *tty = userdata;
        g_object_unref(tty->handler);
}

struct sim_tty *sim_tty_new(struct sim_port *port, const char *name) {
        struct sim_tty *tty = g_new0(struct sim_tty, 1);
        tty->sim = port->sim;
        tty->port = port;
        tty->unsent = g_byte_array_new();
        tty->modem_lines = TIOCM_CTS | TIOCM_DSR | TIOCM_CAR;
        (void) g_strlcpy(tty->name, name, sizeof(tty->name));
        (void) snprintf(tty->path, sizeof(tty->path), "/dev/%s", name);
        tty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (tty->master < 0 || grantpt(tty->master) < 0 || unlockpt(tty->master) < 0 ||
            ptsname_r(tty->master, tty->pts, sizeof(tty->pts)) != 0)
                g_error("Cannot make a pty: %s", g_strerror(errno));
        tty->slave = open(tty->pts, O_RDWR | O_NOCTTY | O_CLOEXEC);
        struct termios termios;
        if (tty->slave < 0 || ioctl(tty->slave, TCGETS, &termios) < 0)
                g_error("Cannot open %s: %s", tty->pts, g_strerror(errno));
        termios.c_iflag = 0;
        termios.c_oflag = 0;
        termios.c_lflag = 0;
        if (ioctl(tty->slave, TCSETS, &termios) < 0)
                g_error("Cannot set %s: %s", tty->pts, g_strerror(errno));

        detach_path(tty->sim, tty->path);
        g_autoptr(UMockdevIoctlBase) handler = umockdev_ioctl_base_new();
        g_object_set_data_full(G_OBJECT(handler), "sim-tty", tty, tty_data_free);
        g_signal_connect(handler, "client-connected", G_CALLBACK(on_client), tty);
        g_signal_connect(handler, "handle-ioctl", G_CALLBACK(on_ioctl), tty);
        g_autoptr(GError) error = NULL;
        if (!umockdev_testbed_attach_ioctl(tty->sim->testbed, tty->path, handler, &error))
                g_error("Cannot serve %s: %s", tty->path, error->message);
        tty->handler = g_object_ref(handler);
        tty->source = g_unix_fd_add_full(G_PRIORITY_DEFAULT, tty->master, G_IO_IN, on_master, tty,
                                         source_free);
        return tty;
}

struct hangup {
        int master, slave;
};

static gboolean on_hangup(gpointer userdata) {
        struct hangup *hangup = userdata;
        (void) close(hangup->slave);
        (void) close(hangup->master);
        g_free(hangup);
        return G_SOURCE_REMOVE;
}

void sim_tty_free(struct sim_tty *tty) {
        struct hangup *hangup = g_new(struct hangup, 1);
        *hangup = (struct hangup){.master = TAKE_FD(tty->master), .slave = TAKE_FD(tty->slave)};
        tty->port = NULL;
        (void) g_timeout_add(HANGUP_DELAY_MS, on_hangup, hangup);
        /* Who has it open and asks something of it in this moment is to have an error, as the
         * kernel gives it. The mock would end him if his connection broke off. */
        if (tty->n_clients > 0)
                g_queue_push_tail(&tty->sim->gone_ttys, tty);
        else
                detach(tty);
        g_source_remove(tty->source); /* may free `tty` */
}

const char *sim_tty_name(const struct sim_tty *tty) {
        return tty->name;
}

const char *sim_tty_pts(const struct sim_tty *tty) {
        return tty->pts;
}
