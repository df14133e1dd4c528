/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/udev-each.h"

int udev_each(struct udev_enumerate *matches,
              void (*take)(void *userdata, struct udev_device *device), void *userdata) {
        struct udev *udev = udev_enumerate_get_udev(matches);
        struct udev_list_entry *entry;
        int r = udev_enumerate_scan_devices(matches);

        if (r < 0)
                return r;
        udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(matches)) {
                _cleanup_(udev_device_unref_p) struct udev_device *device =
                        udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));

                if (device)
                        take(userdata, device);
        }
        return 0;
}

int udev_each_of(struct udev *udev, const char *subsystem,
                 void (*take)(void *userdata, struct udev_device *device), void *userdata) {
        _cleanup_(udev_enumerate_unref_p) struct udev_enumerate *all = udev_enumerate_new(udev);

        if (!all || udev_enumerate_add_match_subsystem(all, subsystem) < 0)
                return -ENOMEM;
        return udev_each(all, take, userdata);
}

unsigned udev_hex(struct udev_device *device, const char *attribute) {
        const char *text = udev_device_get_sysattr_value(device, attribute);

        return text ? (unsigned) strtoul(text, NULL, 16) : 0;
}
