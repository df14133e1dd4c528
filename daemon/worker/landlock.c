/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Rights that came after ABI 2, which is what Debian 12's headers have (landlock(7)). */
#define FS_TRUNCATE  (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_TCP      (1ULL << 0 | 1ULL << 1) /* bind, connect */
#define SCOPED       (1ULL << 0 | 1ULL << 1) /* abstract AF_UNIX sockets, signals */

#define FS_ABI_1     ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* its last one, and those before */

/* struct landlock_ruleset_attr as it is since ABI 6; an older kernel is told a smaller size. */
struct ruleset {
        uint64_t fs, net, scoped;
};

static struct ruleset all_rights(int abi, size_t *ret_size) {
        struct ruleset all = {.fs = FS_ABI_1};

        *ret_size = abi >= 6   ? sizeof(all)
                    : abi >= 4 ? offsetof(struct ruleset, scoped)
                               : offsetof(struct ruleset, net);
        if (abi >= 2)
                all.fs |= LANDLOCK_ACCESS_FS_REFER;
        if (abi >= 3)
                all.fs |= FS_TRUNCATE;
        if (abi >= 4)
                all.net = NET_TCP;
        if (abi >= 5)
                all.fs |= FS_IOCTL_DEV;
        if (abi >= 6)
                all.scoped = SCOPED;
        return all;
}

static uint64_t rights_of(enum landlock_right right) {
        switch (right) {
        case LANDLOCK_USE_DEVICE:
                return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE |
                       FS_IOCTL_DEV;
        case LANDLOCK_READ_TREE:
                return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
        case LANDLOCK_REMOVE:
                return LANDLOCK_ACCESS_FS_REMOVE_FILE;
        }
        return 0;
}

static int add(int ruleset, const struct landlock_grant *grant, uint64_t known) {
        struct landlock_path_beneath_attr rule = {.allowed_access =
                                                          rights_of(grant->right) & known};
        _cleanup_close_ int fd = open(grant->path, O_PATH | O_CLOEXEC);

        if (fd < 0)
                return 0;
        rule.parent_fd = fd;
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
                       ? -errno
                       : 0;
}

int landlock_enter(const struct landlock_grant *grants) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        _cleanup_close_ int fd = -EBADF;
        struct ruleset all;
        size_t size;

        /* ENOSYS: too old; EOPNOTSUPP: not switched on; EPERM: an older filter around us. */
        if (abi < 0)
                return errno == ENOSYS || errno == EPERM ? -EOPNOTSUPP : -errno;
        all = all_rights((int) abi, &size);
        fd = (int) syscall(SYS_landlock_create_ruleset, &all, size, 0);
        if (fd < 0)
                return -errno;
        for (; grants->path; grants++) {
                int r = add(fd, grants, all.fs);

                if (r < 0)
                        return r;
        }
        return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : (int) abi;
}
