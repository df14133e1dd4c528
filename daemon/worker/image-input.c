/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/image-input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "image/image.h"

#define SEALS       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define CHUNK_BYTES (64U << 10)

static int file_fault(struct fault *fault, const char *what) {
        return fault_set(fault, FWD_INVALID_IMAGE, "The file %s", what);
}

static int changed(struct fault *fault) {
        return file_fault(fault, "changed while it was read");
}

int image_input_begin(struct image_input *input, int source_fd, int memfd, struct fault *fault) {
        int flags = fcntl(source_fd, F_GETFL);
        struct stat st;

        if (flags < 0 || fstat(source_fd, &st) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "No file was handed over: %s",
                                 strerror(errno));
        if (S_ISDIR(st.st_mode))
                return file_fault(fault, "is a directory");
        if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
                return file_fault(fault, "is a pipe or socket, not a file");
        if (!S_ISREG(st.st_mode))
                return file_fault(fault, "is no regular file");
        if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
                return file_fault(fault, "is not open for reading");
        if (st.st_size == 0)
                return file_fault(fault, "is empty");
        if (st.st_size > (off_t) IMAGE_SIZE_MAX)
                return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                 "The file is %lld bytes long, %u are the most",
                                 (long long) st.st_size, IMAGE_SIZE_MAX);
        if (ftruncate(memfd, 0) < 0)
                return fault_set(fault, FWD_FAILED, "The memory for the file: %s", strerror(errno));
        *input = (struct image_input){source_fd, memfd, st};
        return 0;
}

/* Reads until the buffer is full or the file ends. Never at the descriptor's own offset, which the
 * caller shares. */
static int read_chunk(int fd, off_t offset, uint8_t *to, size_t size, size_t *ret,
                      struct fault *fault) {
        size_t n = 0;

        while (n < size) {
                ssize_t r = pread(fd, to + n, size - n, offset + (off_t) n);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return fault_set(fault, FWD_INVALID_IMAGE, "The file cannot be read: %s",
                                         strerror(errno));
                if (r == 0)
                        break;
                n += (size_t) r;
        }
        *ret = n;
        return 0;
}

static int write_chunk(int fd, off_t offset, const uint8_t *data, size_t size,
                       struct fault *fault) {
        while (size > 0) {
                ssize_t r = pwrite(fd, data, size, offset);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return fault_set(fault, FWD_FAILED, "The memory for the file: %s",
                                         strerror(r < 0 ? errno : ENOSPC));
                data += r;
                size -= (size_t) r;
                offset += r;
        }
        return 0;
}

int image_input_copy(struct image_input *input, struct fault *fault) {
        uint8_t chunk[CHUNK_BYTES];
        off_t offset = 0;

        while (offset < input->before.st_size) {
                size_t wanted = sizeof(chunk), n = 0;
                int r;

                if (input->before.st_size - offset < (off_t) wanted)
                        wanted = (size_t) (input->before.st_size - offset);
                r = read_chunk(input->source_fd, offset, chunk, wanted, &n, fault);
                if (r < 0)
                        return r;
                if (n < wanted)
                        return changed(fault);
                r = write_chunk(input->memfd, offset, chunk, n, fault);
                if (r < 0)
                        return r;
                offset += (off_t) n;
        }
        return 0;
}

static bool same_time(struct timespec a, struct timespec b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The times of a file have the coarse resolution of the kernel's tick, and a write through a
 * mapping moves them late: so the bytes are compared as well. */
static int compare(const struct image_input *input, struct fault *fault) {
        uint8_t a[CHUNK_BYTES / 2], b[CHUNK_BYTES / 2];
        off_t offset = 0;

        for (;;) {
                size_t n_a = 0, n_b = 0;
                int r;

                r = read_chunk(input->source_fd, offset, a, sizeof(a), &n_a, fault);
                if (r == 0)
                        r = read_chunk(input->memfd, offset, b, sizeof(b), &n_b, fault);
                if (r < 0)
                        return r;
                if (n_a != n_b || memcmp(a, b, n_a) != 0)
                        return changed(fault);
                if (n_a == 0)
                        return 0;
                offset += (off_t) n_a;
        }
}

int image_input_finish(struct image_input *input, struct fault *fault) {
        struct stat after;
        int r;

        r = compare(input, fault);
        if (r < 0)
                return r;
        if (fstat(input->source_fd, &after) < 0)
                return changed(fault);
        if (after.st_size != input->before.st_size ||
            !same_time(after.st_mtim, input->before.st_mtim))
                return changed(fault);
        if (fcntl(input->memfd, F_ADD_SEALS, SEALS) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The memory for the file cannot be sealed: %s", strerror(errno));
        return 0;
}

int image_input_take(int source_fd, int memfd, struct fault *fault) {
        struct image_input input;
        int r;

        r = image_input_begin(&input, source_fd, memfd, fault);
        if (r == 0)
                r = image_input_copy(&input, fault);
        if (r == 0)
                r = image_input_finish(&input, fault);
        return r;
}

int image_bytes_map(int memfd, struct image_bytes *ret, struct fault *fault) {
        int seals = fcntl(memfd, F_GET_SEALS);
        struct stat st;
        void *data;

        if (seals < 0 || (seals & (SEALS & ~F_SEAL_SEAL)) != (SEALS & ~F_SEAL_SEAL))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The file was not handed over as a sealed memfd");
        if (fstat(memfd, &st) < 0)
                return fault_set(fault, FWD_FAILED, "The file: %s", strerror(errno));
        if (st.st_size == 0)
                return file_fault(fault, "is empty");
        if (st.st_size > (off_t) IMAGE_SIZE_MAX)
                return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                 "The file is %lld bytes long, %u are the most",
                                 (long long) st.st_size, IMAGE_SIZE_MAX);
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, memfd, 0);
        if (data == MAP_FAILED)
                return fault_set(fault, FWD_FAILED, "The file cannot be mapped: %s",
                                 strerror(errno));
        *ret = (struct image_bytes){data, (size_t) st.st_size};
        return 0;
}

void image_bytes_unmap(struct image_bytes *bytes) {
        if (bytes->data)
                (void) munmap((void *) bytes->data, bytes->size);
        *bytes = (struct image_bytes){};
}
