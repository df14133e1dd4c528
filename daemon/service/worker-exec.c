/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/worker.h"

enum { /* the worker's descriptors, after standard input, output and error */
       WORKER_REPORT_FD = 3,
       WORKER_IMAGE_FD,
       WORKER_SOURCE_FD,
       WORKER_OUTPUT_FD,
       WORKER_FD_MAX, /* first one that must be closed */
};

#define EXEC_FAILED 203 /* exit status; systemd.exec(5) calls it EXEC */

#define ARGS_MAX    24U

struct args {
        char *items[ARGS_MAX + 1];
        size_t n;
        bool failed;
};

static void args_add(struct args *args, const char *format, ...) _printf_(2, 3);

static void args_add(struct args *args, const char *format, ...) {
        va_list ap;
        int r;

        if (args->n >= ARGS_MAX) {
                args->failed = true;
                return;
        }
        va_start(ap, format);
        r = vasprintf(&args->items[args->n], format, ap);
        va_end(ap);
        if (r < 0) {
                args->items[args->n] = NULL;
                args->failed = true;
                return;
        }
        args->n++;
}

static void args_clear(struct args *args) {
        for (size_t i = 0; i < args->n; i++)
                free(args->items[i]);
}

static void args_fill(struct args *args, const char *program, const struct worker_request *r) {
        args_add(args, "%s", program);
        args_add(args, "%s", r->operation);
        args_add(args, "--report-fd=%d", WORKER_REPORT_FD);
        if (r->node)
                args_add(args, "--node=%s", r->node);
        if (r->tty)
                args_add(args, "--tty=%s", r->tty);
        if (r->hidraw)
                args_add(args, "--hidraw=%s", r->hidraw);
        if (r->image_name && *r->image_name)
                args_add(args, "--image-name=%s", r->image_name);
        if (r->port)
                args_add(args, "--port=%s", r->port);
        if (r->vendor_id || r->product_id)
                args_add(args, "--expect-id=%04x:%04x", r->vendor_id, r->product_id);
        if (r->serial && *r->serial)
                args_add(args, "--expect-serial=%s", r->serial);
        if (r->board && *r->board)
                args_add(args, "--board=%s", r->board);
        if (r->image_fd >= 0)
                args_add(args, "--image-fd=%d", WORKER_IMAGE_FD);
        if (r->source_fd >= 0)
                args_add(args, "--source-fd=%d", WORKER_SOURCE_FD);
        if (r->output_fd >= 0)
                args_add(args, "--output-fd=%d", WORKER_OUTPUT_FD);
        if (r->recover)
                args_add(args, "--option=recover=yes");
        if (r->map && *r->map)
                args_add(args, "--map=%s", r->map);
        if (r->mcu && *r->mcu)
                args_add(args, "--mcu=%s", r->mcu);
        if (r->after && *r->after)
                args_add(args, "--option=after=%s", r->after);
        if (!r->options)
                return;
        if (r->options->has_address)
                args_add(args, "--option=address=0x%08" PRIx64, r->options->address);
        if (r->options->force)
                args_add(args, "--option=force=yes");
        if (r->options->erase_full)
                args_add(args, "--option=erase=full");
        if (!r->options->leave)
                args_add(args, "--option=leave=no");
        if (!range_is_empty(r->options->range))
                args_add(args, "--option=range=0x%08" PRIx64 "-0x%08" PRIx64,
                         r->options->range.start, r->options->range.end);
        if (r->options->dry_run)
                args_add(args, "--option=dry-run=yes");
        if (r->options->dump)
                args_add(args, "--option=dump=yes");
        if (*r->options->only)
                args_add(args, "--option=only=%s", r->options->only);
        if (r->options->save_with_errors)
                args_add(args, "--option=save-with-errors=yes");
        if (r->save_if_lost)
                args_add(args, "--option=save-if-lost=yes");
}

/* Only what the worker reads, the loader's, and what a sanitizer or a simulated bus needs. */
static bool is_passed(const char *entry) {
        static const char *const prefixes[] = {
                "FWD_",      "PATH=",         "LD_PRELOAD=",    "LD_LIBRARY_PATH=",
                "UMOCKDEV_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=",
        };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
                        return true;
        return false;
}

static char **environment_make(void) {
        char **env;
        size_t n = 0;

        while (environ && environ[n])
                n++;
        env = calloc(n + 1, sizeof(*env));
        n = 0;
        for (char **e = environ; env && e && *e; e++)
                if (is_passed(*e))
                        env[n++] = *e;
        return env;
}

static int place_fds(const struct worker_request *request, int report_fd, int log_fd) {
        int from[WORKER_FD_MAX];

        from[STDIN_FILENO] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        from[STDOUT_FILENO] = log_fd;
        from[STDERR_FILENO] = log_fd;
        from[WORKER_REPORT_FD] = report_fd;
        from[WORKER_IMAGE_FD] = request->image_fd;
        from[WORKER_SOURCE_FD] = request->source_fd;
        from[WORKER_OUTPUT_FD] = request->output_fd;
        /* Out of the way first, so that no target overwrites a source. */
        for (int i = 0; i < WORKER_FD_MAX; i++)
                if (from[i] >= 0) {
                        from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, WORKER_FD_MAX);
                        if (from[i] < 0)
                                return -errno;
                }
        for (int i = 0; i < WORKER_FD_MAX; i++)
                if (from[i] < 0)
                        (void) close(i);
                else if (dup2(from[i], i) < 0)
                        return -errno;
        return close_range(WORKER_FD_MAX, ~0U, 0) < 0 ? -errno : 0;
}

static _Noreturn void child(const char *program, const struct worker_request *request, char **argv,
                            char **env, int report_fd, int log_fd, pid_t parent) {
        sigset_t none;
        int r;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        /* If the service dies, the worker stops at its next safe point: nobody would hear it. */
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(EXEC_FAILED);
        (void) setsid(); /* Ctrl-C on the service's terminal is the service's to handle */
        r = place_fds(request, report_fd, log_fd);
        if (r >= 0) {
                (void) execve(program, argv, env);
                r = -errno;
        }
        (void) dprintf(STDERR_FILENO, "Cannot run %s: %s\n", program, strerror(-r));
        _exit(EXEC_FAILED);
}

int worker_exec(const char *program, const struct worker_request *request, pid_t *ret_pid,
                int *ret_report_fd, int *ret_log_fd) {
        _cleanup_close_ int report_ours = -EBADF, report_theirs = -EBADF;
        _cleanup_close_ int log_ours = -EBADF, log_theirs = -EBADF;
        _cleanup_(args_clear) struct args args = {};
        _cleanup_free_ char **env = environment_make();
        pid_t parent = getpid(), pid;
        int pair[2];

        args_fill(&args, program, request);
        if (!env || args.failed)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        report_ours = pair[0];
        report_theirs = pair[1];
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        log_ours = pair[0];
        log_theirs = pair[1];
        if (fcntl(log_ours, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child(program, request, args.items, env, report_theirs, log_theirs, parent);
        *ret_pid = pid;
        *ret_report_fd = TAKE_FD(report_ours);
        *ret_log_fd = TAKE_FD(log_ours);
        return 0;
}
