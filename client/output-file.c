/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/output-file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *path, struct problem *p) {
        const bool exists = errno == EEXIST;

        if (exists)
                (void) problem_set(p, FWD_INVALID_ARGUMENT, "%s is there already.", path);
        else
                (void) problem_set(p, FWD_INVALID_ARGUMENT, "%s cannot be written: %s.", path,
                                   strerror(errno));
        return problem_advise(p, exists ? "Name another file, or move it away; fwctl read --force "
                                          "overwrites it."
                                        : "Check the name of the file and who may write there.");
}

int output_file_open(const char *path, bool overwrite, struct output_file *ret, struct problem *p) {
        struct output_file file = {
                .fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666),
                .path = path,
                .created = true,
        };
        struct stat st;

        if (file.fd < 0 && errno == EEXIST && overwrite) {
                /* O_NONBLOCK so that a pipe is told instead of waited for. */
                file.fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                file.created = false;
        }
        if (file.fd < 0)
                return refuse(path, p);
        if (fstat(file.fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                (void) close(file.fd);
                return problem_set(p, FWD_INVALID_ARGUMENT, "%s is no regular file.", path);
        }
        *ret = file;
        return 0;
}

void output_file_close(struct output_file *file, bool filled) {
        if (file->fd < 0)
                return;
        if (file->created && !filled)
                (void) unlink(file->path);
        file->fd = fd_close(file->fd);
}
