/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/image-fd.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/text.h"

static const char *kind_name(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return "a directory";
        case S_IFIFO:
                return "a pipe";
        case S_IFSOCK:
                return "a socket";
        case S_IFCHR:
        case S_IFBLK:
                return "a device";
        default:
                return "not a regular file";
        }
}

static void read_name(int fd, char *ret, size_t size) {
        char link[32], path[PATH_MAX], *slash;
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                n = 0;
        path[n] = '\0';
        slash = strrchr(path, '/');
        text_sanitize(ret, size, slash ? slash + 1 : path);
}

int image_fd_check(int fd, char ret_name[IMAGE_NAME_SIZE], struct fault *fault) {
        struct statx st;
        int flags;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image's descriptor cannot be used: %s", strerror(errno));
        if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image was not opened for reading");
        /* Without synchronizing: a FUSE file system whose server hangs must not hang the service.
         */
        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image's descriptor cannot be looked at: %s", strerror(errno));
        if (!S_ISREG(st.stx_mode))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image is %s; save the firmware in a file first",
                                 kind_name(st.stx_mode));
        read_name(fd, ret_name, IMAGE_NAME_SIZE);
        return 0;
}

int image_fd_new(void) {
        int fd = memfd_create("fwd-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        return fd < 0 ? -errno : fd;
}
