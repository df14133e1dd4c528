/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/holders.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>

#include "base/cleanup.h"
#include "base/text.h"

/* By the device's number: the node may have more than one name. -EACCES if we may not look. */
static int has_open(const char *pid, dev_t device) {
        _cleanup_free_ char *path = text_format("/proc/%s/fd", pid);
        _cleanup_closedir_ DIR *folder = path ? opendir(path) : NULL;
        struct dirent *entry;
        struct stat st;

        if (!folder)
                return path ? -errno : -ENOMEM;
        while ((entry = readdir(folder)))
                if (fstatat(dirfd(folder), entry->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
                    st.st_rdev == device)
                        return 1;
        return 0;
}

static void describe(struct holder *holder, pid_t pid) {
        _cleanup_free_ char *path = text_format("/proc/%d/comm", pid), *unit = NULL;
        _cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
        char name[sizeof(holder->name)] = "";

        *holder = (struct holder){.pid = pid};
        if (f && fgets(name, sizeof(name), f))
                name[strcspn(name, "\n")] = '\0';
        text_sanitize(holder->name, sizeof(holder->name), name);
        if (sd_pid_get_unit(pid, &unit) >= 0 && strstr(unit, ".service") &&
            strncmp(unit, "user@", 5) != 0)
                (void) snprintf(holder->unit, sizeof(holder->unit), "%s", unit);
}

int holder_find(const char *node, struct holder *ret, bool *ret_hidden) {
        _cleanup_closedir_ DIR *proc = opendir("/proc");
        struct dirent *entry;
        struct stat st;

        *ret_hidden = false;
        if (!proc || stat(node, &st) < 0)
                return -errno;
        while ((entry = readdir(proc))) {
                int r;

                if (!isdigit((unsigned char) entry->d_name[0]))
                        continue;
                r = has_open(entry->d_name, st.st_rdev);
                if (r > 0) {
                        describe(ret, (pid_t) strtol(entry->d_name, NULL, 10));
                        return 1;
                }
                if (r == -EACCES || r == -EPERM)
                        *ret_hidden = true;
        }
        return 0;
}

char *holder_end_command(const struct holder *holder) {
        return *holder->unit ? text_format("systemctl stop %s", holder->unit)
                             : text_format("kill %d", holder->pid);
}
