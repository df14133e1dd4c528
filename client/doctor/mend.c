/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/mend.h"

#include <glob.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "config.h"

#define UDEV_RELOAD "udevadm control --reload"
#define UDEV_TRIGGER                                                                               \
        "udevadm trigger --settle --action=add --subsystem-match=usb --subsystem-match=tty "       \
        "--subsystem-match=hidraw"

static const char *sudo(const struct doctor *d) {
        return d->uid == 0 ? "" : "sudo ";
}

char *mend_as_root(const struct doctor *d, const char *first, ...) {
        char *all = text_format("%s%s", sudo(d), first);
        const char *next;
        va_list ap;

        va_start(ap, first);
        while (all && (next = va_arg(ap, const char *))) {
                char *more = text_format("%s && %s%s", all, sudo(d), next);

                free(all);
                all = more;
        }
        va_end(ap);
        return all;
}

char *mend_write(const struct doctor *d, const char *value, const char *path) {
        return text_format("echo %s | %stee %s", value, sudo(d), path);
}

char *mend_give_back(const struct doctor *d, const char *before, const char *interface) {
        _cleanup_free_ char *probe = mend_write(d, interface, USB_DRIVERS_PROBE),
                            *first = before ? mend_as_root(d, before, NULL) : NULL;

        if (!probe || (before && !first))
                return NULL;
        return first ? text_format("%s && %s", first, probe) : TAKE_PTR(probe);
}

char *mend_udev(const struct doctor *d, const char *before) {
        return before ? mend_as_root(d, before, UDEV_RELOAD, UDEV_TRIGGER, NULL)
                      : mend_as_root(d, UDEV_RELOAD, UDEV_TRIGGER, NULL);
}

char *mend_hwdb(const struct doctor *d, const char *before) {
        /* The first of these that there is is read; Debian makes the last but one alone. */
        bool etc = doctor_exists(d, "/etc/systemd/hwdb/hwdb.bin") ||
                   doctor_exists(d, "/etc/udev/hwdb.bin") ||
                   !(doctor_exists(d, "/usr/lib/udev/hwdb.bin") ||
                     doctor_exists(d, "/lib/udev/hwdb.bin"));
        const char *update = etc ? "systemd-hwdb update" : "systemd-hwdb --usr update";

        return before ? mend_as_root(d, before, update, UDEV_RELOAD, UDEV_TRIGGER, NULL)
                      : mend_as_root(d, update, UDEV_RELOAD, UDEV_TRIGGER, NULL);
}

enum manager { MANAGER_NONE, MANAGER_APT, MANAGER_DNF, MANAGER_PACMAN };

static enum manager package_manager(const struct doctor *d) {
        static const struct {
                const char *program;
                enum manager manager;
        } programs[] = {
                {"/usr/bin/apt-get", MANAGER_APT},
                {"/usr/bin/dnf", MANAGER_DNF},
                {"/usr/bin/pacman", MANAGER_PACMAN},
        };

        for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
                if (doctor_exists(d, programs[i].program))
                        return programs[i].manager;
        return MANAGER_NONE;
}

static bool is_packaged(const struct doctor *d, enum manager manager) {
        glob_t found = {};
        _cleanup_free_ char *pattern = doctor_path(d, "/var/lib/pacman/local/fwd-[0-9]*");
        bool yes;

        if (manager == MANAGER_APT)
                return doctor_exists(d, "/var/lib/dpkg/info/fwd.list");
        if (manager ==
            MANAGER_DNF) /* its database is no file to look into; a local build has /usr/local */
                return strncmp(FWD_DATADIR, "/usr/share", strlen("/usr/share")) == 0;
        yes = manager == MANAGER_PACMAN && pattern && glob(pattern, 0, NULL, &found) == 0;
        globfree(&found);
        return yes;
}

bool mend_reinstall(const struct doctor *d, char **ret) {
        enum manager manager = package_manager(d);

        if (!is_packaged(d, manager)) {
                *ret = strdup("Install fwd again, the way it was installed (for example: sudo "
                              "meson install -C BUILD-DIRECTORY).");
                return false;
        }
        *ret = mend_as_root(d,
                            manager == MANAGER_APT   ? "apt-get install --reinstall fwd"
                            : manager == MANAGER_DNF ? "dnf reinstall fwd"
                                                     : "pacman -S fwd",
                            NULL);
        return true;
}

bool mend_install(const struct doctor *d, const char *debian, const char *fedora, const char *arch,
                  char **ret) {
        enum manager manager = package_manager(d);
        _cleanup_free_ char *command = NULL;

        if (manager == MANAGER_NONE) {
                *ret = text_format("Install %s from your distribution.", fedora);
                return false;
        }
        command = manager == MANAGER_APT   ? text_format("apt-get install --reinstall %s", debian)
                  : manager == MANAGER_DNF ? text_format("dnf install %s", fedora)
                                           : text_format("pacman -S %s", arch);
        *ret = command ? mend_as_root(d, command, NULL) : NULL;
        return true;
}

void doctor_add_reinstall(struct doctor *d, const char *id, const char *message,
                          const char *meaning) {
        _cleanup_free_ char *mend = NULL;
        bool is_command = mend_reinstall(d, &mend);

        doctor_add(d, &(struct finding){.level = FINDING_PROBLEM,
                                        .id = id,
                                        .message = message,
                                        .meaning = meaning,
                                        .command = is_command ? mend : NULL,
                                        .action = is_command ? NULL : mend});
}
