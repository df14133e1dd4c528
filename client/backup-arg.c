/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/backup-arg.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "client/agent.h"

#define DAY_LENGTH      8U            /* of an id: "20251121" */
#define CONFIG_SIZE_MAX (512LL << 10) /* what the service keeps */

bool backup_is_id(const char *text) {
        for (size_t i = 0; i < DAY_LENGTH; i++)
                if (!isdigit((unsigned char) text[i]))
                        return false;
        return text[DAY_LENGTH] == 'T' && text[strspn(text, "0123456789abcdefTZ-")] == '\0';
}

int backup_get(struct client *c, const char *id, int *ret_fd, struct problem *p) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_agent_ struct agent agent = {};
        int r, fd;

        r = bus_new_call(c, FWD_ROOT_PATH, FWD_MANAGER_INTERFACE, "GetBackup", &call, p);
        if (r != 0)
                return r;
        r = sd_bus_message_append(call, "sa{sv}", id, 0);
        if (r < 0)
                return bus_fail(p, r);
        agent_start(c, &agent);
        r = bus_call(c, call, BUS_NO_TIMEOUT, &reply, p);
        if (r != 0)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return bus_fail(p, r);
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message's own goes with it */
        if (fd < 0)
                return bus_fail(p, -errno);
        *ret_fd = fd;
        return 0;
}

static int open_file(const char *path, int *ret_fd, struct problem *p) {
        /* O_NONBLOCK so that a pipe is told instead of waited for. */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                (void) problem_set(p, FWD_NOT_FOUND, "%s cannot be read: %s.", path,
                                   strerror(errno));
                return problem_advise(p, "Name a file, or a backup that fwctl backups lists.");
        }
        if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > CONFIG_SIZE_MAX) {
                (void) problem_set(p, FWD_INVALID_IMAGE, "%s %s.", path,
                                   !S_ISREG(st.st_mode) ? "is not a file"
                                   : st.st_size == 0    ? "is empty"
                                                        : "is too large for a configuration");
                return problem_advise(p, "Name a file that fwctl backup made.");
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int backup_open(struct client *c, const char *what, int *ret_fd, struct problem *p) {
        if (backup_is_id(what) && access(what, F_OK) < 0)
                return backup_get(c, what, ret_fd, p);
        return open_file(what, ret_fd, p);
}

int backup_check_target(const char *file, struct problem *p) {
        if (strcmp(file, "-") == 0 || access(file, F_OK) < 0)
                return 0;
        (void) problem_set(p, FWD_INVALID_ARGUMENT, "%s is there already.", file);
        return problem_advise(p, "Name a new file; what there is might be the only good backup.");
}

static int copy(int from, int to) {
        char buffer[16384];
        ssize_t n;

        for (off_t at = 0; (n = pread(from, buffer, sizeof(buffer), at)) != 0; at += n) {
                if (n < 0)
                        return -errno;
                for (ssize_t done = 0, w; done < n; done += w) {
                        w = write(to, buffer + done, (size_t) (n - done));
                        if (w < 0)
                                return -errno;
                }
        }
        return 0;
}

int backup_copy(int fd, const char *file, struct problem *p) {
        bool to_stdout = strcmp(file, "-") == 0;
        _cleanup_close_ int target = -EBADF;
        int r;

        (void) fflush(stdout);
        if (!to_stdout) {
                target = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
                if (target < 0) {
                        (void) problem_set(p, FWD_FAILED, "%s cannot be written: %s.", file,
                                           strerror(errno));
                        return problem_advise(p, "The backup is kept; fwctl backups lists it.");
                }
        }
        r = copy(fd, to_stdout ? STDOUT_FILENO : target);
        if (r == 0 && !to_stdout && fsync(target) < 0)
                r = -errno;
        if (r == 0)
                return 0;
        if (!to_stdout)
                (void) unlink(file);
        (void) problem_set(p, FWD_FAILED, "%s cannot be written: %s.",
                           to_stdout ? "Standard output" : file, strerror(-r));
        return problem_advise(p, "The backup is kept; fwctl backups lists it.");
}
