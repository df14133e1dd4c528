/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/state-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FILE_NAME "lock"

static int open_file(const char *dir) {
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        struct stat st;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST && errno != EROFS)
                return -errno;
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0 || fstat(dir_fd, &st) < 0)
                return -errno;
        /* One that is there can be locked on a file system that cannot be written. */
        fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
                return -errno;
        if (fd < 0)
                fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EROFS)
                return -errno;
        return TAKE_FD(fd);
}

int state_lock(const char *dir, bool wait) {
        _cleanup_close_ int fd = open_file(dir);
        int r;

        if (fd < 0)
                return TAKE_FD(fd);
        do
                r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : TAKE_FD(fd);
}
