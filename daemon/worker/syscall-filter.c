/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/syscall-filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"

#define REFUSE SCMP_ACT_ERRNO(EPERM)

DEFINE_CLEANUP(scmp_filter_ctx, seccomp_release)
#define _cleanup_filter_ _cleanup_(seccomp_release_p)

/* With their forms for 64-bit times and offsets, which some architectures have in their place. */
#define C(name) SCMP_SYS(name)
/* clang-format off */
static const int basic[] = {
        /* memory; mmap and mprotect are below */
        C(brk), C(madvise), C(memfd_create), C(mremap), C(munmap),
        /* descriptors that are there */
        C(_llseek), C(close), C(dup), C(dup2), C(dup3), C(fallocate), C(fcntl), C(fcntl64),
        C(fdatasync), C(flock), C(fstat), C(fstat64), C(fstatfs), C(fstatfs64), C(fsync),
        C(ftruncate), C(ftruncate64), C(lseek), C(pread64), C(pwrite64), C(read), C(readv),
        C(write), C(writev),
        /* whether a file is there; the C library's fstat() is one of them */
        C(access), C(faccessat), C(faccessat2), C(fstatat64), C(lstat), C(lstat64), C(newfstatat),
        C(readlink), C(readlinkat), C(stat), C(stat64), C(statfs), C(statfs64), C(statx),
        /* waiting; libusb has an eventfd and a timerfd for its transfers */
        C(_newselect), C(clock_getres), C(clock_gettime), C(clock_gettime64), C(clock_nanosleep),
        C(clock_nanosleep_time64), C(gettimeofday), C(nanosleep), C(poll), C(ppoll),
        C(ppoll_time64), C(pselect6), C(pselect6_time64), C(select), C(time), C(timerfd_gettime),
        C(timerfd_gettime64), C(timerfd_settime), C(timerfd_settime64),
        /* sockets that are there: the reports */
        C(getsockopt), C(recv), C(recvfrom), C(recvmsg), C(send), C(sendmsg), C(sendto),
        /* the process itself */
        C(exit), C(exit_group), C(futex), C(futex_time64), C(getpid), C(getppid), C(getrandom),
        C(gettid), C(restart_syscall), C(rt_sigaction), C(rt_sigprocmask), C(rt_sigreturn),
        C(sched_yield), C(sigaltstack), C(sigreturn), C(uname),
};
/* clang-format on */

static const int removing[] = {C(unlink), C(unlinkat)};

/* What a port's library and we ask of a tty. TIOCSTI is not among them: a worker that is run by
 * hand has its user's terminal. The forms with a baud rate of its own (TCGETS2 …) are in a header
 * that goes with no other; direction and size are not looked at, so the number is enough. */
static const uint32_t tty_requests[] = {
        FIONREAD,        TCFLSH,          TCGETS,          TCSBRK,          TCSETS,
        TCSETSF,         TCSETSW,         TIOCEXCL,        TIOCGEXCL,       TIOCMBIC,
        TIOCMBIS,        TIOCMGET,        TIOCMSET,        TIOCNXCL,        TIOCOUTQ,
#ifdef TCGETX
        TCGETX,          TCSETX,          TCSETXF,         TCSETXW,
#endif
        'T' << 8 | 0x2a, 'T' << 8 | 0x2b, 'T' << 8 | 0x2c, 'T' << 8 | 0x2d,
};

#define MAKES_FILE        (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define IOCTL_TYPE_MASK   (_IOC_TYPEMASK << _IOC_TYPESHIFT)
#define IOCTL_NUMBER_MASK (IOCTL_TYPE_MASK | _IOC_NRMASK << _IOC_NRSHIFT)
#define IOCTL_USBFS       ((uint32_t) 'U' << _IOC_TYPESHIFT)
#define IOCTL_HIDRAW      ((uint32_t) 'H' << _IOC_TYPESHIFT)

static int allow(scmp_filter_ctx filter, const int *calls, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
        return r;
}

/* `value` under `mask` in the argument `arg` of the call. */
static int allow_if(scmp_filter_ctx filter, int call, unsigned arg, uint64_t mask, uint64_t value) {
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static int allow_memory(scmp_filter_ctx filter) {
        int r = allow_if(filter, C(mmap), 2, PROT_EXEC, 0);

        if (r == 0)
                r = allow_if(filter, C(mmap2), 2, PROT_EXEC, 0);
        if (r == 0)
                r = allow_if(filter, C(mprotect), 2, PROT_EXEC, 0);
        return r;
}

static int allow_devices(scmp_filter_ctx filter) {
        int r = allow_if(filter, C(ioctl), 1, IOCTL_TYPE_MASK, IOCTL_USBFS);

        if (r == 0)
                r = allow_if(filter, C(ioctl), 1, IOCTL_TYPE_MASK, IOCTL_HIDRAW);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tty_requests); i++)
                r = allow_if(filter, C(ioctl), 1, IOCTL_NUMBER_MASK,
                             tty_requests[i] & IOCTL_NUMBER_MASK);
        return r;
}

/* abort(), which the stack protector and assertions end in. */
static int allow_own_end(scmp_filter_ctx filter) {
        return allow_if(filter, C(tgkill), 0, UINT32_MAX, (uint32_t) getpid());
}

/* Opening by flags: `value` under `mask`. */
static int rule_for_open(scmp_filter_ctx filter, uint32_t action, unsigned mask, unsigned value) {
        int r = seccomp_rule_add(filter, action, C(open), 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, mask, value));

        return r < 0 ? r
                     : seccomp_rule_add(filter, action, C(openat), 1,
                                        SCMP_A2(SCMP_CMP_MASKED_EQ, mask, value));
}

/* Nothing is made by opening it. Whoever is loaded into the process to record or replay a device
 * speaks over a local socket, which it connects when the device is opened. */
static int allow_opening(scmp_filter_ctx filter) {
        int r = rule_for_open(filter, SCMP_ACT_ALLOW, MAKES_FILE, 0);

        if (r == 0)
                r = allow_if(filter, C(socket), 0, UINT32_MAX, AF_UNIX);
        if (r == 0)
                r = allow(filter, (const int[]){C(connect), C(seccomp)}, 2);
        /* The seal is a filter as well, set by the one call or the other. */
        return r < 0 ? r : allow_if(filter, C(prctl), 0, UINT32_MAX, PR_SET_SECCOMP);
}

#ifdef __SANITIZE_ADDRESS__
/* The search for leaks stops the process from a thread of its own, and reads /proc. So reading is
 * not sealed either; the files that may be read are landlock's to say. */
static int allow_sanitizer(scmp_filter_ctx filter) {
        static const int calls[] = {C(clone), C(getdents), C(getdents64),
                                    C(prctl), C(ptrace),   C(wait4)};
        int r = rule_for_open(filter, SCMP_ACT_ALLOW, MAKES_FILE | O_ACCMODE, O_RDONLY);

        return r < 0 ? r : allow(filter, calls, ARRAY_SIZE(calls));
}
#define SEALED_FLAGS O_ACCMODE, O_RDWR
#else
static int allow_sanitizer(scmp_filter_ctx filter) {
        return 0;
}
#define SEALED_FLAGS 0, 0
#endif

static int load(scmp_filter_ctx filter) {
        /* no_new_privs is set already, and prctl(2) may be closed by now. */
        int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);

        /* A kernel without says EINVAL to all of it: prctl(2). */
        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0 && errno == EINVAL)
                return -EOPNOTSUPP;
        return r < 0 ? r : seccomp_load(filter);
}

int syscall_filter_load(unsigned more) {
        _cleanup_filter_ scmp_filter_ctx filter = seccomp_init(REFUSE);
        int r;

        if (!filter)
                return -ENOMEM;
        r = allow(filter, basic, ARRAY_SIZE(basic));
        if (r == 0)
                r = allow_memory(filter);
        if (r == 0)
                r = allow_devices(filter);
        if (r == 0)
                r = allow_own_end(filter);
        if (r == 0)
                r = allow_sanitizer(filter);
        if (r == 0 && more & SYSCALLS_OPEN)
                r = allow_opening(filter);
        if (r == 0 && more & SYSCALLS_REMOVE)
                r = allow(filter, removing, ARRAY_SIZE(removing));
        return r < 0 ? r : load(filter);
}

int syscall_filter_seal(void) {
        static const int opening[] = {C(socket), C(connect)};
        _cleanup_filter_ scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int r = filter ? rule_for_open(filter, REFUSE, SEALED_FLAGS) : -ENOMEM;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(opening); i++)
                r = seccomp_rule_add(filter, REFUSE, opening[i], 0);
        return r < 0 ? r : load(filter);
}
