/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What udev made of the boards that are plugged in: recognised, and given to the service. */

#include <grp.h>
#include <string.h>

#include "base/text.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"

#define SERVICE_GROUP "fwd"

/* One finding for each board: the mend is the same, but each has its port. */
static void add(struct doctor *d, const struct usb_device *device, const char *id, const char *how,
                const char *meaning) {
        _cleanup_free_ char *what = usb_device_text(device), *message = NULL;

        if (what)
                message = text_format("The board at %s (%s) %s.", device->port, what, how);
        d->boards_not_set = true;
        doctor_problem(d, id, device->port, message, meaning, mend_udev(d, NULL));
}

void doctor_boards_set(struct doctor *d) {
        const struct group *group = getgrnam(SERVICE_GROUP);

        if (d->container)
                return;
        for (size_t i = 0; i < d->usb.n; i++) {
                const struct usb_device *device = &d->usb.devices[i];

                if (!usb_device_is_board(device) || !*device->node)
                        continue;
                if (!*device->mode)
                        add(d, device, "board-not-looked-up", "is not marked as one by udev",
                            "It was plugged in before udev knew of fwd, or udev still has the "
                            "old rules; the service does not see it.");
                else if (group && (device->group != group->gr_gid || !device->group_writes))
                        add(d, device, "board-not-given", "does not belong to the service's group",
                            "The rules of fwd were not in force when it came, or others undo "
                            "them; a flash ends with \"permission denied\".");
        }
}
