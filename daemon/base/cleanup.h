/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ownership told by the compiler: cleanup attributes for the types used everywhere, and TAKE_PTR /
 * TAKE_FD for the place where ownership moves. In every process. Types of libraries
 * (sd_bus_message, libusb handles …) get their attribute beside their users with DEFINE_CLEANUP. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_       __attribute__((unused))

#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))

/* Defines FUNC_p() for _cleanup_(FUNC_p), which calls FUNC on the pointer if it is not NULL. */
#define DEFINE_CLEANUP(type, func)                                                                 \
        static inline _unused_ void func##_p(type *p) {                                            \
                if (*p)                                                                            \
                        func(*p);                                                                  \
        }

static inline void free_p(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ _cleanup_(free_p)

/* Closes a descriptor, keeps errno, returns -EBADF so that callers can write `fd = fd_close(fd)`.
 */
static inline int fd_close(int fd) {
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void fd_close_p(int *fd) {
        (void) fd_close(*fd);
}
#define _cleanup_close_ _cleanup_(fd_close_p)

DEFINE_CLEANUP(FILE *, fclose)
#define _cleanup_fclose_ _cleanup_(fclose_p)
DEFINE_CLEANUP(DIR *, closedir)
#define _cleanup_closedir_ _cleanup_(closedir_p)

#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) *_p_ = &(p);                                                         \
                __typeof__(p) _v_ = *_p_;                                                          \
                *_p_ = NULL;                                                                       \
                _v_;                                                                               \
        })

static inline int take_fd(int *fd) {
        int r = *fd;
        *fd = -EBADF;
        return r;
}
#define TAKE_FD(fd) take_fd(&(fd))
