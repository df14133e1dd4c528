/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/control.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

#define WAIT_DEFAULT_S 10U
#define WAIT_MAX_S     600U

struct waiter { /* a client that asked for `wait` */
        struct control *control;
        int fd;
        char port[SIM_NAME_MAX], what[32];
        bool for_transfers; /* until there were `transfers` on EP0, else until the mode is `what` */
        uint64_t transfers;
        guint timeout;
};

struct control {
        struct sim *sim;
        GMainLoop *loop;
        char *path;
        int fd;
        guint source;
        GList *waiters;
};

/* The one of this process: struct sim's callback has no userdata. */
static struct control *the_control;

static void reply(int fd, bool good, const char *text) {
        g_autofree char *message = g_strconcat(good ? "0" : "1", text, NULL);
        (void) send(fd, message, strlen(message), MSG_NOSIGNAL);
}

static void waiter_end(struct waiter *w, bool good, const char *text) {
        reply(w->fd, good, text);
        (void) close(w->fd);
        w->control->waiters = g_list_remove(w->control->waiters, w);
        g_source_remove(w->timeout);
        g_free(w);
}

static bool is_reached(const struct waiter *w) {
        const struct sim_port *port = sim_find(w->control->sim, w->port);
        if (w->for_transfers)
                return port && port->counts.control >= w->transfers;
        return strcmp(port ? sim_port_mode(port) : "gone", w->what) == 0;
}

static void on_settled(struct sim *sim) {
        for (GList *l = the_control->waiters; l;) {
                struct waiter *w = l->data;
                l = l->next;
                if (is_reached(w))
                        waiter_end(w, true, "");
        }
}

static gboolean on_wait_timeout(gpointer userdata) {
        struct waiter *w = userdata;
        struct sim *sim = w->control->sim;
        g_rec_mutex_lock(&sim->lock);
        /* Unless another thread ended it while this one waited for the lock. */
        if (!g_source_is_destroyed(g_main_current_source())) {
                const struct sim_port *port = sim_find(sim, w->port);
                g_autofree char *text = g_strdup_printf(
                        "The board on port %s did not come to %s: it is %s after %" G_GUINT64_FORMAT
                        " transfers.",
                        w->port, w->what, port ? sim_port_mode(port) : "gone",
                        port ? port->counts.control : 0);
                waiter_end(w, false, text);
        }
        g_rec_mutex_unlock(&sim->lock);
        return G_SOURCE_REMOVE;
}

static void begin_wait(struct control *control, int fd, const char *const *words, size_t n) {
        uint64_t seconds = WAIT_DEFAULT_S, transfers = 0;
        bool for_transfers =
                g_str_has_prefix(words[2], "transfers=") &&
                parse_u64(words[2] + strlen("transfers="), UINT32_MAX, &transfers) >= 0;
        if (!for_transfers && strcmp(words[2], "firmware") != 0 &&
            strcmp(words[2], "bootloader") != 0 && strcmp(words[2], "gone") != 0) {
                reply(fd, false, "Wait for firmware, bootloader, gone or transfers=N.");
                (void) close(fd);
                return;
        }
        if (n > 3 && parse_u64(words[3], WAIT_MAX_S, &seconds) < 0) {
                reply(fd, false, "The time to wait is a number of seconds up to 600.");
                (void) close(fd);
                return;
        }
        struct waiter *w = g_new0(struct waiter, 1);
        w->control = control;
        w->fd = fd;
        (void) g_strlcpy(w->port, words[1], sizeof(w->port));
        (void) g_strlcpy(w->what, words[2], sizeof(w->what));
        w->for_transfers = for_transfers;
        w->transfers = transfers;
        w->timeout = g_timeout_add_seconds((guint) seconds, on_wait_timeout, w);
        control->waiters = g_list_append(control->waiters, w);
        on_settled(control->sim);
}

static void handle(struct control *control, int fd) {
        char request[CONTROL_REQUEST_MAX + 1];
        ssize_t size = recv(fd, request, CONTROL_REQUEST_MAX, 0);
        if (size <= 0 || request[size - 1] != 0) {
                (void) close(fd);
                return;
        }
        const char *words[CONTROL_WORDS_MAX + 1] = {};
        size_t n = 0;
        for (const char *p = request; p < request + size && n < CONTROL_WORDS_MAX;
             p += strlen(p) + 1)
                words[n++] = p;

        g_autoptr(GString) out = g_string_new(NULL);
        g_rec_mutex_lock(&control->sim->lock);
        int r = control_verb(control->sim, words, n, out);
        sim_settle(control->sim);
        if (r == CONTROL_WAITS) {
                begin_wait(control, fd, words, n);
        } else {
                reply(fd, r >= 0, out->str);
                (void) close(fd);
        }
        g_rec_mutex_unlock(&control->sim->lock);
        if (r == CONTROL_QUIT)
                g_main_loop_quit(control->loop);
}

static gboolean on_connection(int fd, GIOCondition condition, gpointer userdata) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) /* a client sends its one request before anything else */
                handle(userdata, client);
        return G_SOURCE_CONTINUE;
}

struct control *control_new(struct sim *sim, const char *path, GMainLoop *loop) {
        struct control *control = g_new0(struct control, 1);
        control->sim = sim;
        control->loop = loop;
        control->path = g_strdup(path);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof(address.sun_path))
                g_error("The control socket's path is too long: %s", path);
        (void) g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        (void) unlink(path);
        control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (control->fd < 0 ||
            bind(control->fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            listen(control->fd, 16) < 0)
                g_error("Cannot listen on %s: %s", path, g_strerror(errno));
        control->source = g_unix_fd_add(control->fd, G_IO_IN, on_connection, control);
        the_control = control;
        sim->settled = on_settled;
        return control;
}

void control_free(struct control *control) {
        control->sim->settled = NULL;
        while (control->waiters)
                waiter_end(control->waiters->data, false, "fwd-sim ends.");
        g_source_remove(control->source);
        (void) close(control->fd);
        (void) unlink(control->path);
        g_free(control->path);
        g_free(control);
        the_control = NULL;
}
