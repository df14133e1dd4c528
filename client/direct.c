/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/direct.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/state-lock.h"
#include "base/text.h"
#include "client/bus.h"
#include "config.h"

#define SERVICE_FD 3 /* in the child; its log goes to standard error */

/* Where it keeps what it keeps: the service's own directory for root, one of their own for others.
 * NULL: there is no home. */
static char *state_dir(void) {
        const char *fixed = getenv("FWD_STATE_DIR"), *base = getenv("XDG_STATE_HOME");
        const char *home = getenv("HOME");

        if (fixed && *fixed)
                return strdup(fixed);
        if (geteuid() == 0)
                return strdup(FWD_STATEDIR);
        if (base && *base == '/')
                return text_format("%s/fwd", base);
        return home && *home == '/' ? text_format("%s/.local/state/fwd", home) : NULL;
}

/* The directories above the last. What cannot be made shows when the last one is. */
static void make_parents(char *path) {
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                (void) mkdir(path, 0700);
                *slash = '/';
        }
}

static int check_service(struct problem *p) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        sd_bus *bus = NULL;
        int owned = 0;

        if (sd_bus_open_system(&bus) < 0)
                return 0; /* no bus, no service */
        if (sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                               FWD_BUS_NAME) >= 0)
                (void) sd_bus_message_read(reply, "b", &owned);
        sd_bus_close_unref(bus);
        if (!owned)
                return 0;
        (void) problem_set(p, FWD_BUSY,
                           "The service fwd runs on this machine, and has the boards.");
        return problem_advise(p, "Leave --direct out; or stop the service before: systemctl stop "
                                 "fwd.");
}

static int lock(struct client *c, char *dir, int *ret, struct problem *p) {
        int r;

        make_parents(dir);
        r = state_lock(dir, false);
        if (r == -EWOULDBLOCK) {
                (void) problem_set(p, FWD_BUSY,
                                   "Another fwctl --direct, or the service, has the boards (%s is "
                                   "locked).",
                                   dir);
                return problem_advise(p, "Wait for its end: a board that is being changed is "
                                         "brought to the end first.");
        }
        if (r < 0 && !c->options.quiet)
                fprintf(stderr,
                        "fwctl: %s cannot be used (%s): no configuration can be kept, and a second "
                        "fwctl --direct is not kept away.\n",
                        dir, strerror(-r));
        *ret = r;
        return 0;
}

static void set_environment(const char *dir) {
        (void) setenv("FWD_STATE_DIR", dir, true);
        /* It is no unit of systemd's, whatever fwctl is part of. */
        (void) unsetenv("NOTIFY_SOCKET");
        (void) unsetenv("WATCHDOG_USEC");
        (void) unsetenv("STATE_DIRECTORY");
}

static _Noreturn void child(const char *program, const char *dir, int socket_fd, int lock_fd,
                            int log_fd) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        char argument[32];

        /* Ctrl-C is fwctl's to handle: a job is not to hear of it. */
        (void) setsid();
        set_environment(dir);
        (void) snprintf(argument, sizeof(argument), "--direct=%d", SERVICE_FD);
        /* The lock first, out of the way of what comes to fixed places. */
        if (lock_fd >= 0 && fcntl(lock_fd, F_DUPFD, SERVICE_FD + 1) < 0)
                _exit(EXIT_FAILURE);
        if (socket_fd == SERVICE_FD && fcntl(socket_fd, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
            (log_fd >= 0 && dup2(log_fd, STDERR_FILENO) < 0) || dup2(socket_fd, SERVICE_FD) < 0)
                _exit(EXIT_FAILURE);
        (void) execl(program, program, argument, NULL);
        (void) dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
        _exit(EXIT_FAILURE);
}

/* The end of its log; what a job has to say comes over the socket. */
static int tell_failure(int log_fd, const char *program, struct problem *p) {
        char text[512] = "", *last;
        off_t size = log_fd >= 0 ? lseek(log_fd, 0, SEEK_END) : 0;
        off_t from = size > (off_t) sizeof(text) - 1 ? size - (off_t) sizeof(text) + 1 : 0;

        if (size > 0 && pread(log_fd, text, sizeof(text) - 1, from) < 0)
                text[0] = '\0';
        last = text + strlen(text);
        while (last > text && last[-1] == '\n')
                *--last = '\0';
        last = strrchr(text, '\n');
        last = last ? last + 1 : text;
        (void) problem_unavailable(p, "%s could not be started for this command%s%s.", program,
                                   *last ? ": " : "", last);
        return problem_advise(p,
                              "FWD_LOG_LEVEL=debug shows its log; FWD_SERVICE names the program, "
                              "where it is not installed.");
}

static int start_bus(struct client *c, int fd) {
        int r;

        r = sd_bus_new(&c->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(c->bus, fd, fd);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(c->bus, true);
        if (r < 0)
                return r;
        r = sd_bus_start(c->bus);
        if (r < 0)
                return r;
        /* Answered when the service has looked at all boards. */
        return sd_bus_call_method(c->bus, FWD_BUS_NAME, FWD_ROOT_PATH, "org.freedesktop.DBus.Peer",
                                  "Ping", NULL, NULL, NULL);
}

static int start(struct client *c, const char *dir, int lock_fd, struct problem *p) {
        const char *program = getenv("FWD_SERVICE");
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF, log_fd = -EBADF;
        int pair[2], r;

        if (!program)
                program = FWD_SERVICE;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return bus_fail(p, -errno);
        ours = pair[0];
        theirs = pair[1];
        /* Its log is for who asks for it. */
        if (!getenv("FWD_LOG_LEVEL"))
                log_fd = memfd_create("fwd.log", MFD_CLOEXEC);
        c->direct_pid = fork();
        if (c->direct_pid < 0)
                return bus_fail(p, -errno);
        if (c->direct_pid == 0)
                child(program, dir, theirs, lock_fd, log_fd);
        fd_close(TAKE_FD(theirs));
        r = start_bus(c, TAKE_FD(ours));
        if (r >= 0)
                return 0;
        direct_close(c);
        return tell_failure(log_fd, program, p);
}

int direct_open(struct client *c, struct problem *p) {
        _cleanup_free_ char *dir = state_dir();
        _cleanup_close_ int lock_fd = -EBADF;
        int r;

        if (!dir)
                return problem_set(p, FWD_FAILED,
                                   "There is no place to keep things: HOME is not set.");
        r = check_service(p);
        if (r == 0)
                r = lock(c, dir, &lock_fd, p);
        return r != 0 ? r : start(c, dir, lock_fd, p);
}

void direct_close(struct client *c) {
        c->bus = sd_bus_close_unref(c->bus);
        if (c->direct_pid <= 0 || c->raise_signal != 0)
                return;
        while (waitpid(c->direct_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        c->direct_pid = 0;
}
