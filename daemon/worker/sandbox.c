/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image.h"

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
