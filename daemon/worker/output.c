/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_check(int fd, struct fault *fault) {
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        if (flags < 0 || fstat(fd, &st) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "The output cannot be used: %s",
                                 strerror(errno));
        if (!S_ISREG(st.st_mode) || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The output is no file that was opened for writing");
        return 0;
}

static int fail(const char *doing, struct fault *fault) {
        return fault_set(fault, FWD_FAILED, "The file cannot be %s: %s", doing, strerror(errno));
}

/* Room for all of it, or the file as it was. */
static int make_room(int fd, size_t size, struct fault *fault) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail("looked at", fault);
        if (fallocate(fd, 0, 0, (off_t) size) == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
                return 0;
        (void) fail("given room", fault);
        return ftruncate(fd, st.st_size) < 0 ? -errno : -ENOSPC;
}

int output_write(int fd, const void *data, size_t size, struct fault *fault) {
        int seals = fcntl(fd, F_GET_SEALS);
        int r;

        r = make_room(fd, size, fault);
        if (r < 0)
                return r;
        for (size_t done = 0; done < size;) {
                ssize_t n = pwrite(fd, (const char *) data + done, size - done, (off_t) done);

                if (n < 0 && errno != EINTR)
                        return fail("written", fault);
                if (n > 0)
                        done += (size_t) n;
        }
        if (ftruncate(fd, (off_t) size) < 0)
                return fail("cut", fault);
        /* Only a memfd can be sealed: the service's, which nobody else is to change. */
        if (seals >= 0 && !(seals & F_SEAL_SEAL))
                return fcntl(fd, F_ADD_SEALS,
                             F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0
                               ? fail("sealed", fault)
                               : 0;
        return fsync(fd) < 0 && errno != EINVAL ? fail("written to the disk", fault) : 0;
}
