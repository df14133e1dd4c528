/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/backup-file.h"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "service/backup-store.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int write_all(int fd, const char *text, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, text, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENOSPC;
                text += n;
                size -= (size_t) n;
        }
        return 0;
}

static int write_temporary(int dir_fd, const char *temporary, const char *text, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        /* Of a service that was killed in the midst of it. */
        (void) unlinkat(dir_fd, temporary, 0);
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, text, size);
        if (r < 0)
                return r;
        return fdatasync(fd) < 0 ? -errno : 0;
}

int backup_file_write(int dir_fd, const char *temporary, const char *name, const char *text,
                      size_t size) {
        int r = write_temporary(dir_fd, temporary, text, size);

        if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dir_fd, temporary, 0);
                return r;
        }
        return fsync(dir_fd) < 0 ? -errno : 0;
}

static int read_all(int fd, char *to, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = pread(fd, to + done, size - done, (off_t) done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                done += (size_t) n;
        }
        return 0;
}

static int read_fd(int fd, size_t max, char **ret_text, size_t *ret_size) {
        _cleanup_free_ char *text = NULL;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0)
                return -EBADMSG;
        if ((uint64_t) st.st_size > max)
                return -EFBIG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        r = read_all(fd, text, (size_t) st.st_size);
        if (r < 0)
                return r;
        text[st.st_size] = '\0';
        *ret_size = (size_t) st.st_size;
        *ret_text = TAKE_PTR(text);
        return 0;
}

int backup_file_read(int dir_fd, const char *name, size_t max, char **ret_text, size_t *ret_size) {
        /* Without blocking: a pipe in the place of a file is told by fstat(). */
        _cleanup_close_ int fd =
                openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        return fd < 0 ? -errno : read_fd(fd, max, ret_text, ret_size);
}

void backup_file_hash(const char *text, size_t size, char ret[65]) {
        uint8_t digest[SHA256_DIGEST_SIZE];
        struct sha256_ctx ctx;

        sha256_init(&ctx);
        sha256_update(&ctx, size, (const uint8_t *) text);
        sha256_digest(&ctx, sizeof(digest), digest);
        for (size_t i = 0; i < sizeof(digest); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

int backup_file_memfd(const char *text, size_t size) {
        _cleanup_close_ int fd = backup_fd_new();
        int r;

        if (fd < 0)
                return fd;
        r = write_all(fd, text, size);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Named for who is asked whether it may be written to a board (service/image-fd.c). */
int backup_fd_new(void) {
        int fd = memfd_create("kept backup", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        return fd < 0 ? -errno : fd;
}

int backup_fd_read(int memfd, char **ret_text, size_t *ret_size, struct fault *fault) {
        int seals = fcntl(memfd, F_GET_SEALS), r;

        if (seals < 0 || ((seals & ALL_SEALS) != ALL_SEALS && !(seals & F_SEAL_SEAL) &&
                          fcntl(memfd, F_ADD_SEALS, ALL_SEALS) < 0))
                return fault_set(fault, FWD_FAILED, "The configuration cannot be sealed: %s",
                                 strerror(errno));
        r = read_fd(memfd, BACKUP_SIZE_MAX, ret_text, ret_size);
        if (r == -EBADMSG)
                return fault_set(fault, FWD_FAILED, "The board gave an empty configuration");
        if (r == -EFBIG)
                return fault_set(fault, FWD_FAILED,
                                 "The board's configuration has more than %u bytes",
                                 BACKUP_SIZE_MAX);
        return r < 0 ? fault_set(fault, FWD_FAILED, "The configuration cannot be read: %s",
                                 strerror(-r))
                     : 0;
}
