/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/sandbox.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "image/image.h"
#include "worker/landlock.h"
#include "worker/syscall-filter.h"

/* The largest file as text, mapped, its bytes in segments that grow by doubling, and the libraries.
 */
#define ADDRESS_SPACE_BYTES (8UL * IMAGE_SIZE_MAX)
#define OPEN_FILES_MAX      256U /* a bound on numbers: a caller may have left some open */

static int limit(__rlimit_resource_t resource, rlim_t value) {
        struct rlimit now;

        if (getrlimit(resource, &now) < 0)
                return -errno;
        if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
                value = now.rlim_max;
        return setrlimit(resource, &(struct rlimit){value, value}) < 0 ? -errno : 0;
}

int sandbox_enter(pid_t parent, bool follow_parent) {
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks traces the process itself */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
#endif
        if (follow_parent) {
                /* Nobody would hear how it ends, and another worker may be sent to the board. */
                if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
                        return -errno;
                /* It may have died before the kernel was asked to tell. */
                if (getppid() != parent)
                        return -ESRCH;
        }
        r = limit(RLIMIT_CORE, 0);
        if (r == 0)
                r = limit(RLIMIT_FSIZE, IMAGE_SIZE_MAX);
        if (r == 0)
                r = limit(RLIMIT_NOFILE, OPEN_FILES_MAX);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is terabytes of address space */
        if (r == 0)
                r = limit(RLIMIT_AS, ADDRESS_SPACE_BYTES);
#endif
        return r;
}

static int failed(int error, const char *what, struct fault *fault) {
        return fault_set(fault, FWD_FAILED, "The worker cannot be confined (%s): %s", what,
                         strerror(-error));
}

static int confine_files(const struct sandbox_needs *needs, const char *output_dir,
                         struct fault *fault) {
        struct landlock_grant grants[4] = {};
        size_t n = 0;
        int r;

        if (needs->tty)
                grants[n++] = (struct landlock_grant){needs->tty, LANDLOCK_USE_DEVICE};
        if (output_dir)
                grants[n++] = (struct landlock_grant){output_dir, LANDLOCK_REMOVE};
#ifdef __SANITIZE_ADDRESS__ /* whose search for leaks looks at the process's threads */
        grants[n++] = (struct landlock_grant){"/proc", LANDLOCK_READ_TREE};
#endif
        r = landlock_enter(grants);
        if (r == -EOPNOTSUPP)
                log_debug("This kernel has no landlock: files are kept shut by the filter alone.");
        else if (r < 0)
                return failed(r, "landlock", fault);
        else
                log_debug("Landlock is in force, ABI %d.", r);
        return 0;
}

static int confine_calls(int r, struct fault *fault) {
        if (r != -EOPNOTSUPP)
                return r < 0 ? failed(r, "seccomp", fault) : 0;
        log_debug("This kernel has no filter for system calls.");
        return 0;
}

int sandbox_confine(const struct sandbox_needs *needs, struct fault *fault) {
        _cleanup_free_ char *output = needs->output ? strdup(needs->output) : NULL;
        unsigned more = 0;
        int r;

        if (needs->output && !output)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        if (needs->tty)
                more |= SYSCALLS_OPEN;
        if (needs->output)
                more |= SYSCALLS_REMOVE;
        r = confine_files(needs, output ? dirname(output) : NULL, fault);
        return r < 0 ? r : confine_calls(syscall_filter_load(more), fault);
}

int sandbox_seal(struct fault *fault) {
        return confine_calls(syscall_filter_seal(), fault);
}
