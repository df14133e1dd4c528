/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/udev.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/udev-each.h"
#include "service/device.h"
#include "service/hwdb.h"
#include "service/port-driver.h"

/* A hub full of boards says a lot at once. */
#define RECEIVE_BUFFER_BYTES (1 << 20)

struct udev_intake {
        struct udev *udev;
        struct udev_monitor *monitor;
        sd_event_source *source;
        struct hwdb *hwdb; /* NULL: udev knows what is to be known */
};

static void read_string(struct udev_device *d, const char *attribute, char *to) {
        const char *text = udev_device_get_sysattr_value(d, attribute);

        text_sanitize(to, DEVICE_TEXT_SIZE, text ? text : "");
}

static enum device_mode mode_of(const char *mode) {
        if (mode && strcmp(mode, "firmware") == 0)
                return MODE_FIRMWARE;
        if (mode && strcmp(mode, "bootloader") == 0)
                return MODE_BOOTLOADER;
        return MODE_AWAY;
}

/* ModemManager looks at the USB device first, then at the port; what forces it wins. */
static enum modem_rule read_modem_rule(struct udev_device *d) {
        const char *process = udev_device_get_property_value(d, "ID_MM_DEVICE_PROCESS");
        const char *ignore = udev_device_get_property_value(d, "ID_MM_DEVICE_IGNORE");

        if (process && parse_bool(process) > 0)
                return MODEM_RULE_PROCESS;
        return ignore && parse_bool(ignore) > 0 ? MODEM_RULE_IGNORE : MODEM_RULE_NONE;
}

/* As udev does it, with the product string as the device tells it. */
static const char *look_up(struct service *service, struct udev_device *d,
                           const struct device_usb *usb, const char *key) {
        const char *product = udev_device_get_sysattr_value(d, "product");

        return service->intake->hwdb ? hwdb_get(service->intake->hwdb, usb->vendor_id,
                                                usb->product_id, product ? product : "", key)
                                     : NULL;
}

static void usb_added(struct service *service, struct udev_device *d) {
        struct device_usb usb = {
                .port = udev_device_get_sysname(d),
                .node = udev_device_get_devnode(d),
                .mode = mode_of(udev_device_get_property_value(d, "FWD_MODE")),
                .vendor_id = (uint16_t) udev_hex(d, "idVendor"),
                .product_id = (uint16_t) udev_hex(d, "idProduct"),
                .modem_rule = read_modem_rule(d),
        };

        /* Gone between the event and now: its removal is told next. */
        if (!udev_device_get_sysattr_value(d, "idVendor"))
                return;
        if (usb.mode == MODE_AWAY)
                usb.mode = mode_of(look_up(service, d, &usb, "FWD_MODE"));
        usb.candidates = udev_device_get_property_value(d, "FWD_BOARD");
        if (!usb.candidates)
                usb.candidates = look_up(service, d, &usb, "FWD_BOARD");
        /* Most of what is on a bus is none of ours. */
        if (!usb.port || !text_is_clean(usb.port) ||
            (usb.mode == MODE_AWAY && !device_find_port(service, usb.port)))
                return;
        read_string(d, "manufacturer", usb.manufacturer);
        read_string(d, "product", usb.product);
        read_string(d, "serial", usb.serial);
        devices_usb_added(service, &usb);
}

/* A composite board with several ports is talked to on its first. udev tells of them in any order.
 */
static bool is_first_port(struct udev_device *usb, struct udev_device *tty) {
        struct udev_device *own =
                udev_device_get_parent_with_subsystem_devtype(tty, "usb", "usb_interface");
        _cleanup_(udev_device_unref_p) struct udev_device *first = port_driver_interface(usb);

        return !own || !first ||
               udev_hex(first, "bInterfaceNumber") >= udev_hex(own, "bInterfaceNumber");
}

static void tty_added(struct service *service, struct udev_device *d) {
        const char *node = udev_device_get_devnode(d);
        struct udev_device *usb =
                udev_device_get_parent_with_subsystem_devtype(d, "usb", "usb_device");

        if (!usb || !node || !device_find_port(service, udev_device_get_sysname(usb)) ||
            !is_first_port(usb, d))
                return;
        devices_tty_rule(service, udev_device_get_sysname(usb), read_modem_rule(d));
        devices_tty_added(service, udev_device_get_sysname(usb), node);
}

/* A driver came to an interface of a board, or left it. While it comes to the bus, only that there
 * is no driver at all is worth a word: one that is there follows. */
static void interface_changed(struct service *service, struct udev_device *d, bool comes) {
        struct udev_device *usb =
                udev_device_get_parent_with_subsystem_devtype(d, "usb", "usb_device");
        const char *port = usb ? udev_device_get_sysname(usb) : NULL;
        struct port_driver driver;

        if (!port || !device_find_port(service, port))
                return;
        port_driver_read(usb, &driver);
        if (!comes || driver.state == PORT_DRIVER_MISSING)
                devices_port_driver(service, port, &driver);
}

void udev_look_at_driver(struct service *service, const char *port) {
        _cleanup_(udev_device_unref_p) struct udev_device *usb =
                service->intake && device_find_port(service, port)
                        ? udev_device_new_from_subsystem_sysname(service->intake->udev, "usb", port)
                        : NULL;
        struct port_driver driver;

        if (!usb)
                return;
        port_driver_read(usb, &driver);
        device_set_port_driver(device_find_port(service, port), &driver);
}

/* What a HID device takes commands on is its interface 0; the others are joysticks and the like. */
static void hidraw_added(struct service *service, struct udev_device *d) {
        const char *node = udev_device_get_devnode(d);
        struct udev_device *interface =
                udev_device_get_parent_with_subsystem_devtype(d, "usb", "usb_interface");
        struct udev_device *usb =
                udev_device_get_parent_with_subsystem_devtype(d, "usb", "usb_device");
        const char *number =
                interface ? udev_device_get_sysattr_value(interface, "bInterfaceNumber") : NULL;

        if (usb && node && number && strcmp(number, "00") == 0)
                devices_hidraw_added(service, udev_device_get_sysname(usb), node);
}

static void take(struct service *service, struct udev_device *d) {
        const char *action = udev_device_get_action(d); /* NULL: found by enumeration */
        const char *subsystem = udev_device_get_subsystem(d);
        const char *type = udev_device_get_devtype(d);
        bool removed = action && strcmp(action, "remove") == 0;

        if (subsystem && strcmp(subsystem, "usb") == 0 && type &&
            strcmp(type, "usb_interface") == 0) {
                if (!removed)
                        interface_changed(service, d, action && strcmp(action, "add") == 0);
                return;
        }
        if (action && !removed && strcmp(action, "add") != 0 && strcmp(action, "change") != 0)
                return;
        if (!subsystem)
                return;
        if (strcmp(subsystem, "tty") == 0) {
                if (!removed)
                        tty_added(service, d);
                else if (udev_device_get_devnode(d))
                        devices_tty_removed(service, udev_device_get_devnode(d));
        } else if (strcmp(subsystem, "hidraw") == 0) {
                if (!removed)
                        hidraw_added(service, d);
                else if (udev_device_get_devnode(d))
                        devices_hidraw_removed(service, udev_device_get_devnode(d));
        } else if (strcmp(subsystem, "usb") == 0 && type && strcmp(type, "usb_device") == 0) {
                if (!removed)
                        usb_added(service, d);
                else if (udev_device_get_sysname(d))
                        devices_usb_removed(service, udev_device_get_sysname(d));
        }
}

void udev_drain(struct service *service) {
        for (;;) {
                _cleanup_(udev_device_unref_p) struct udev_device *d =
                        udev_monitor_receive_device(service->intake->monitor);

                if (!d)
                        return;
                take(service, d);
        }
}

static int on_event(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        udev_drain(userdata);
        return 0;
}

/* What libudev looks at, too. */
static bool udev_runs(void) {
        return access("/run/udev/control", F_OK) == 0;
}

static int start_monitor(struct service *service) {
        struct udev_intake *intake = service->intake;
        int r;

        intake->monitor = udev_monitor_new_from_netlink(
                intake->udev, service->direct && !udev_runs() ? "kernel" : "udev");
        if (!intake->monitor)
                return -errno;
        (void) udev_monitor_set_receive_buffer_size(intake->monitor, RECEIVE_BUFFER_BYTES);
        r = udev_monitor_filter_add_match_subsystem_devtype(intake->monitor, "usb", "usb_device");
        if (r < 0)
                return r;
        r = udev_monitor_filter_add_match_subsystem_devtype(intake->monitor, "usb",
                                                            "usb_interface");
        if (r < 0)
                return r;
        r = udev_monitor_filter_add_match_subsystem_devtype(intake->monitor, "tty", NULL);
        if (r < 0)
                return r;
        r = udev_monitor_filter_add_match_subsystem_devtype(intake->monitor, "hidraw", NULL);
        if (r < 0)
                return r;
        r = udev_monitor_enable_receiving(intake->monitor);
        if (r < 0)
                return r;
        return sd_event_add_io(service->event, &intake->source,
                               udev_monitor_get_fd(intake->monitor), EPOLLIN, on_event, service);
}

static void take_found(void *userdata, struct udev_device *d) {
        take(userdata, d);
}

/* Only what udev has finished with; the rest comes by the monitor. */
static int enumerate(struct service *service, const char *subsystem) {
        return udev_each_of(service->intake->udev, subsystem, take_found, service);
}

int udev_start(struct service *service) {
        struct udev_intake *intake = calloc(1, sizeof(*intake));
        int r;

        if (!intake)
                return -ENOMEM;
        service->intake = intake;
        intake->udev = udev_new();
        if (!intake->udev)
                return -errno;
        if (service->direct) {
                intake->hwdb = hwdb_new();
                if (!intake->hwdb)
                        return -ENOMEM;
        }
        r = start_monitor(service);
        if (r < 0)
                return r;
        r = enumerate(service, "usb");
        if (r < 0)
                return r;
        r = enumerate(service, "tty");
        if (r < 0)
                return r;
        return enumerate(service, "hidraw");
}

void udev_stop(struct service *service) {
        struct udev_intake *intake = service->intake;

        if (!intake)
                return;
        sd_event_source_unref(intake->source);
        udev_monitor_unref(intake->monitor);
        udev_unref(intake->udev);
        hwdb_free(intake->hwdb);
        free(intake);
        service->intake = NULL;
}
