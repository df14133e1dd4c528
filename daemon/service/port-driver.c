/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/port-driver.h"

#include <string.h>
#include <unistd.h>

#include "base/brltty.h"
#include "base/config-files.h"
#include "base/text.h"
#include "service/brltty.h"
#include "service/device.h"

static const struct usb_driver *driver_of(struct udev_device *interface) {
        struct udev_device *usb =
                udev_device_get_parent_with_subsystem_devtype(interface, "usb", "usb_device");

        return usb ? serial_driver_for((uint16_t) udev_hex(usb, "idVendor"),
                                       (uint16_t) udev_hex(usb, "idProduct"),
                                       (uint8_t) udev_hex(interface, "bInterfaceClass"),
                                       (uint8_t) udev_hex(interface, "bInterfaceSubClass"))
                   : NULL;
}

static void take_first(void *userdata, struct udev_device *d) {
        struct udev_device **first = userdata;

        if (!udev_device_get_sysattr_value(d, "bInterfaceNumber") || !driver_of(d) ||
            (*first && udev_hex(*first, "bInterfaceNumber") <= udev_hex(d, "bInterfaceNumber")))
                return;
        udev_device_unref(*first);
        *first = udev_device_ref(d);
}

struct udev_device *port_driver_interface(struct udev_device *usb) {
        _cleanup_(udev_enumerate_unref_p) struct udev_enumerate *interfaces =
                udev_enumerate_new(udev_device_get_udev(usb));
        _cleanup_(udev_device_unref_p) struct udev_device *first = NULL;

        if (!interfaces || udev_enumerate_add_match_parent(interfaces, usb) < 0 ||
            udev_enumerate_add_match_subsystem(interfaces, "usb") < 0 ||
            udev_each(interfaces, take_first, &first) < 0)
                return NULL;
        return TAKE_PTR(first);
}

static bool is_loaded(const struct usb_driver *driver) {
        _cleanup_free_ char *path = text_format("/sys/bus/usb/drivers/%s", driver->module);

        return !path || access(path, F_OK) == 0;
}

void port_driver_read(struct udev_device *usb, struct port_driver *ret) {
        _cleanup_(udev_device_unref_p) struct udev_device *interface = port_driver_interface(usb);
        const struct usb_driver *wanted = interface ? driver_of(interface) : NULL;
        const char *bound = interface ? udev_device_get_driver(interface) : NULL;

        *ret = (struct port_driver){};
        if (!wanted || (bound && strcmp(bound, USBFS_DRIVER) != 0))
                return;
        ret->state = bound               ? PORT_DRIVER_CLAIMED
                     : is_loaded(wanted) ? PORT_DRIVER_OFF
                                         : PORT_DRIVER_MISSING;
        ret->driver = wanted;
        ret->braille = udev_device_get_property_value(usb, BRLTTY_PROPERTY) != NULL;
        (void) snprintf(ret->interface, sizeof(ret->interface), "%s",
                        udev_device_get_sysname(interface));
}

bool port_driver_equal(const struct port_driver *a, const struct port_driver *b) {
        return a->state == b->state && a->driver == b->driver && a->braille == b->braille &&
               strcmp(a->interface, b->interface) == 0;
}

bool port_driver_may_be_brltty(const struct port_driver *driver) {
        return (driver->state == PORT_DRIVER_OFF || driver->state == PORT_DRIVER_CLAIMED) &&
               (driver->braille || driver->driver->braille);
}

static bool is_brltty(const struct device *device) {
        return port_driver_may_be_brltty(&device->port_driver) &&
               (device->port_driver.braille || brltty_unit(device->service));
}

bool port_driver_is_held(const struct device *device) {
        return device->port_driver.state == PORT_DRIVER_CLAIMED || is_brltty(device);
}

/* brltty claims what may be a display for a moment each time it looks, and never gives the kernel's
 * driver back: which of the two is to be seen is chance. */
static char *brltty_text(const struct device *device) {
        const struct port_driver *driver = &device->port_driver;
        const char *unit = brltty_unit(device->service);
        _cleanup_free_ char *file = driver->braille ? udev_rules_find("", BRLTTY_PROPERTY) : NULL,
                            *end = brltty_end_command(file, unit);

        if (!end)
                return text_format("brltty takes the board for a braille display, and its serial "
                                   "port away. End brltty, then plug the board in again.");
        if (file)
                return text_format("brltty takes the board for a braille display, and its serial "
                                   "port away. \"sudo %s && sudo udevadm control --reload\" ends "
                                   "that; then plug the board in again.",
                                   end);
        return text_format("brltty takes the board for a braille display, and its serial port "
                           "away. \"sudo %s && echo %s | sudo tee " USB_DRIVERS_PROBE
                           "\" ends that, and gives the port back.",
                           end, driver->interface);
}

char *port_driver_text(const struct device *device) {
        const struct port_driver *driver = &device->port_driver;

        if (is_brltty(device))
                return brltty_text(device);
        switch (driver->state) {
        case PORT_DRIVER_MISSING:
                return text_format("The board has no serial port: the kernel's driver for it, %s, "
                                   "is not loaded. \"sudo modprobe %s\" loads it; if it does not, "
                                   "\"fwctl doctor\" tells what forbids it or which package has "
                                   "it.",
                                   driver->driver->module, driver->driver->module);
        case PORT_DRIVER_OFF:
                return text_format("The board has no serial port: the kernel's driver for it, %s, "
                                   "was taken off it. \"echo %s | sudo tee " USB_DRIVERS_PROBE
                                   "\" gives it back, as plugging the board in again does.",
                                   driver->driver->module, driver->interface);
        case PORT_DRIVER_CLAIMED:
                return text_format("Another program has claimed the board's USB interface, and "
                                   "taken its serial port away; \"sudo fuser -v %s\" tells which. "
                                   "When it has ended, \"echo %s | sudo tee " USB_DRIVERS_PROBE
                                   "\" gives the port back.",
                                   device->usb_node ? device->usb_node : "/dev/bus/usb/…",
                                   driver->interface);
        default:
                return NULL;
        }
}
