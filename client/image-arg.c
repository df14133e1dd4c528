/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/image-arg.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define IMAGE_SIZE_MAX (64ULL << 20) /* what the service takes */

static const char *kind_of(mode_t mode) {
        if (S_ISDIR(mode))
                return "a directory";
        if (S_ISFIFO(mode))
                return "a pipe";
        if (S_ISSOCK(mode))
                return "a socket";
        return "a device";
}

int image_open(const char *path, int *ret_fd, struct problem *p) {
        /* O_NONBLOCK so that a pipe is told instead of waited for; it means nothing to a file. */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                (void) problem_set(p, FWD_INVALID_IMAGE, "%s cannot be read: %s.", path,
                                   strerror(errno));
                return problem_advise(p, "Check the name of the file and who may read it.");
        }
        if (!S_ISREG(st.st_mode)) {
                (void) problem_set(p, FWD_INVALID_IMAGE, "%s is %s, not a firmware file.", path,
                                   kind_of(st.st_mode));
                return problem_advise(p, "Name the firmware file itself.");
        }
        if (st.st_size == 0)
                return problem_set(p, FWD_INVALID_IMAGE, "%s is empty.", path);
        if ((unsigned long long) st.st_size > IMAGE_SIZE_MAX)
                return problem_set(p, FWD_IMAGE_TOO_LARGE,
                                   "%s has %lld bytes; 64 MiB is the largest that is taken.", path,
                                   (long long) st.st_size);
        if (fcntl(fd, F_SETFL, O_RDONLY) < 0)
                return problem_set(p, FWD_FAILED, "%s cannot be prepared: %s.", path,
                                   strerror(errno));
        *ret_fd = TAKE_FD(fd);
        return 0;
}
