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

#define MEMFD_PREFIX "memfd:"
#define MEMFD_SUFFIX " (deleted)"

/* "memfd:NAME (deleted)", the kernel's words for what never was a file: NAME. */
static char *undecorated(char *name) {
        size_t n = strlen(name), suffix = strlen(MEMFD_SUFFIX);

        if (strncmp(name, MEMFD_PREFIX, strlen(MEMFD_PREFIX)) != 0)
                return name;
        if (n >= suffix && strcmp(name + n - suffix, MEMFD_SUFFIX) == 0)
                name[n - suffix] = '\0';
        return name + strlen(MEMFD_PREFIX);
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
        text_sanitize(ret, size, undecorated(slash ? slash + 1 : path));
}

/* Without synchronizing: a FUSE file system whose server hangs must not hang the service. */
static int get_kind(int fd, mode_t *ret) {
        struct statx st;

        if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
                return -errno;
        *ret = st.stx_mode;
        return 0;
}

int image_fd_check(int fd, char ret_name[IMAGE_NAME_SIZE], struct fault *fault) {
        mode_t kind;
        int flags, r;

        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image's descriptor cannot be used: %s", strerror(errno));
        if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image was not opened for reading");
        r = get_kind(fd, &kind);
        if (r < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image's descriptor cannot be looked at: %s", strerror(-r));
        if (!S_ISREG(kind))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The image is %s; save the firmware in a file first",
                                 kind_name(kind));
        read_name(fd, ret_name, IMAGE_NAME_SIZE);
        return 0;
}

int output_fd_check(int fd, char ret_name[IMAGE_NAME_SIZE], struct fault *fault) {
        int flags = fcntl(fd, F_GETFL), r;
        mode_t kind;

        if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The file to be filled was not opened for writing");
        r = get_kind(fd, &kind);
        if (r < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The file to be filled cannot be looked at: %s", strerror(-r));
        if (!S_ISREG(kind))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "What is to be filled is %s, not a file", kind_name(kind));
        read_name(fd, ret_name, IMAGE_NAME_SIZE);
        return 0;
}

int image_fd_new(void) {
        int fd = memfd_create("fwd-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        return fd < 0 ? -errno : fd;
}
