/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rules and the hwdb: there, not replaced by others of the same name, and known to udev. */

#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"
#include "config.h"

/* A file of the same name in one of these goes before the package's (udev(7), hwdb(7)). */
static const char *const before_ours[] = {"/etc/udev", "/run/udev", "/usr/local/lib/udev"};

struct udev_file {
        const char *folder, *name;
        const char *missing_id, *masked_id, *replaced_id, *what;
};

static const struct udev_file files[] = {
        {"rules.d", "70-fwd.rules", "rules-missing", "rules-masked", "rules-replaced",
         "the service gets no access to boards"},
        {"hwdb.d", "70-fwd.hwdb", "hwdb-missing", "hwdb-masked", "hwdb-replaced",
         "udev does not know which USB ids are boards"},
};

static bool is_masked(const struct doctor *d, const char *path) {
        _cleanup_free_ char *full = doctor_path(d, path);
        struct stat st;

        /* An empty file masks like a link to /dev/null. */
        return full && stat(full, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0);
}

static bool is_same(const struct doctor *d, const char *a, const char *b) {
        _cleanup_free_ char *one = doctor_read(d, a), *other = doctor_read(d, b);

        return one && other && strcmp(one, other) == 0;
}

static void add_other(struct doctor *d, const struct udev_file *file, const char *other,
                      const char *ours) {
        bool masked = is_masked(d, other), hwdb = strcmp(file->folder, "hwdb.d") == 0;
        _cleanup_free_ char *message = text_format(masked ? "%s switches fwd's %s off."
                                                          : "%s stands in the place of fwd's %s.",
                                                   other, ours);
        _cleanup_free_ char *meaning =
                masked ? text_format("As long as it is there %s.", file->what)
                       : text_format("What is plugged in is set up as that file says; where it "
                                     "says less than fwd's, %s.",
                                     file->what);
        _cleanup_free_ char *away =
                masked ? text_format("rm %s", other) : text_format("mv %s %s.off", other, other);
        _cleanup_free_ char *command = !away  ? NULL
                                       : hwdb ? mend_hwdb(d, away)
                                              : mend_udev(d, away);

        doctor_add(d, &(struct finding){.level = masked || d->boards_not_set ? FINDING_PROBLEM
                                                                             : FINDING_NOTE,
                                        .id = masked ? file->masked_id : file->replaced_id,
                                        .message = message,
                                        .meaning = meaning,
                                        .command = command});
}

/* True if udev would read ours. */
static bool check_file(struct doctor *d, const struct udev_file *file) {
        _cleanup_free_ char *ours = text_format("%s/%s/%s", FWD_UDEVDIR, file->folder, file->name);

        for (size_t i = 0; ours && i < ARRAY_SIZE(before_ours); i++) {
                _cleanup_free_ char *other =
                        text_format("%s/%s/%s", before_ours[i], file->folder, file->name);

                if (!other || !doctor_exists(d, other) || strcmp(other, ours) == 0 ||
                    is_same(d, other, ours))
                        continue;
                add_other(d, file, other, ours);
                return false;
        }
        if (!ours || !doctor_exists(d, ours)) {
                _cleanup_free_ char *message = ours ? text_format("%s is not there.", ours) : NULL;
                _cleanup_free_ char *meaning = text_format("Without it %s.", file->what);

                doctor_add_reinstall(d, file->missing_id, message, meaning);
                return false;
        }
        return true;
}

static void check_hwdb(struct doctor *d) {
        _cleanup_free_ char *command = mend_hwdb(d, NULL);

        if (d->usb.hwdb_knows)
                return;
        doctor_add(d,
                   &(struct finding){
                           .level = FINDING_PROBLEM,
                           .id = "hwdb-not-built",
                           .message = "The hwdb that udev reads does not have fwd's boards.",
                           .meaning = "70-fwd.hwdb is there, but was not compiled into hwdb.bin; "
                                      "no board is recognised.",
                           .command = command,
                   });
}

void doctor_udev_files(struct doctor *d) {
        bool good = true;

        if (d->container)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                bool ours = check_file(d, &files[i]);

                if (ours && strcmp(files[i].folder, "hwdb.d") == 0)
                        check_hwdb(d);
                good = good && ours;
        }
        if (good && d->usb.hwdb_knows)
                doctor_ok(d, "udev", "udev has fwd's rules and knows the ids of the boards.");
}
