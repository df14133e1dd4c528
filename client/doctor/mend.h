/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands that mend, as they can be pasted into a shell: with sudo, unless root asks. All are
 * new strings, or NULL when memory is out. */

#include "client/doctor/doctor.h"

/* `a && b && …`, each of them with root's rights; ends with NULL. */
char *mend_as_root(const struct doctor *d, const char *first, ...) __attribute__((sentinel));
/* Something in a file of sysfs. */
char *mend_write(const struct doctor *d, const char *value, const char *path);
/* An interface back to the kernel's driver: after `before`, if it is not NULL. */
char *mend_give_back(const struct doctor *d, const char *before, const char *interface);
/* `before`, if it is not NULL, and then udev reads everything again and looks at what is plugged
 * in. */
char *mend_udev(const struct doctor *d, const char *before);
/* The same, with the hwdb compiled anew before. */
char *mend_hwdb(const struct doctor *d, const char *before);
/* fwd again, by the package manager that it came from; false if it came from none, and *ret is what
 * a person does. */
bool mend_reinstall(const struct doctor *d, char **ret);
/* A package, by its names in Debian, Fedora and Arch; the same of *ret. */
bool mend_install(const struct doctor *d, const char *debian, const char *fedora, const char *arch,
                  char **ret);
/* Adds a problem whose mend is to install fwd, or a package, again. */
void doctor_add_reinstall(struct doctor *d, const char *id, const char *message,
                          const char *meaning);
