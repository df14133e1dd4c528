/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/doctor/usb.h"

#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-hwdb.h>

#include "base/brltty.h"
#include "base/text.h"
#include "base/udev-each.h"

DEFINE_CLEANUP(sd_hwdb *, sd_hwdb_unref)

#define CLASS_HUB  0x09
#define DEVICE_MAX 512U

static void copy(char *to, size_t size, const char *from) {
        (void) snprintf(to, size, "%s", from ? from : "");
}

static void clean(char *to, struct udev_device *d, const char *attribute) {
        const char *text = udev_device_get_sysattr_value(d, attribute);

        text_sanitize(to, USB_TEXT_SIZE, text ? text : "");
}

static bool flag(struct udev_device *d, const char *property) {
        const char *text = udev_device_get_property_value(d, property);

        return text && parse_bool(text) > 0;
}

static void read_modem_flags(struct usb_device *device, struct udev_device *d) {
        device->modem_ignore = device->modem_ignore || flag(d, "ID_MM_DEVICE_IGNORE");
        device->modem_process = device->modem_process || flag(d, "ID_MM_DEVICE_PROCESS");
}

/* As udev's own hwdb builtin makes it of a USB device. */
static const char *hwdb_get(sd_hwdb *hwdb, const struct usb_device *device, const char *key) {
        char modalias[64 + USB_TEXT_SIZE];
        const char *value = NULL;

        (void) snprintf(modalias, sizeof(modalias), "usb:v%04Xp%04X:%s", device->vendor,
                        device->product, device->name);
        return hwdb && sd_hwdb_get(hwdb, modalias, key, &value) >= 0 ? value : NULL;
}

static void read_device(struct usb_device *device, struct udev_device *d, sd_hwdb *hwdb) {
        const char *authorized = udev_device_get_sysattr_value(d, "authorized");
        struct stat st;

        copy(device->port, sizeof(device->port), udev_device_get_sysname(d));
        copy(device->node, sizeof(device->node), udev_device_get_devnode(d));
        copy(device->syspath, sizeof(device->syspath), udev_device_get_syspath(d));
        copy(device->mode, sizeof(device->mode), udev_device_get_property_value(d, "FWD_MODE"));
        device->brltty = udev_device_get_property_value(d, BRLTTY_PROPERTY) != NULL;
        device->vendor = (uint16_t) udev_hex(d, "idVendor");
        device->product = (uint16_t) udev_hex(d, "idProduct");
        clean(device->manufacturer, d, "manufacturer");
        clean(device->name, d, "product");
        device->authorized = !authorized || strcmp(authorized, "0") != 0;
        read_modem_flags(device, d);
        if (*device->node && stat(device->node, &st) == 0) {
                device->group = st.st_gid;
                device->group_writes = st.st_mode & S_IWGRP;
        }
        copy(device->hwdb_mode, sizeof(device->hwdb_mode), hwdb_get(hwdb, device, "FWD_MODE"));
}

static void read_interface(struct usb_device *device, struct udev_device *d) {
        struct usb_interface *i = &device->interfaces[device->n_interfaces];

        if (device->n_interfaces == USB_INTERFACES_MAX)
                return;
        copy(i->name, sizeof(i->name), udev_device_get_sysname(d));
        copy(i->driver, sizeof(i->driver), udev_device_get_driver(d));
        i->class = (uint8_t) udev_hex(d, "bInterfaceClass");
        i->subclass = (uint8_t) udev_hex(d, "bInterfaceSubClass");
        i->protocol = (uint8_t) udev_hex(d, "bInterfaceProtocol");
        i->wants = serial_driver_for(device->vendor, device->product, i->class, i->subclass);
        device->n_interfaces++;
}

static void read_tty(struct usb_device *device, struct udev_device *d) {
        const char *node = udev_device_get_devnode(d);

        if (!node || device->n_ttys == USB_TTYS_MAX)
                return;
        copy(device->ttys[device->n_ttys++], sizeof(device->ttys[0]), node);
        read_modem_flags(device, d);
}

struct reading {
        struct usb_list *list;
        sd_hwdb *hwdb;
};

/* The interfaces and ports come after their device, for udev sorts by path. */
static void take(void *userdata, struct udev_device *d) {
        const struct reading *reading = userdata;
        const char *subsystem = udev_device_get_subsystem(d), *type = udev_device_get_devtype(d);
        struct usb_list *list = reading->list;
        struct udev_device *parent;

        if (!subsystem)
                return;
        if (strcmp(subsystem, "usb") == 0 && type && strcmp(type, "usb_device") == 0) {
                if (strncmp(udev_device_get_sysname(d), "usb", 3) == 0)
                        list->n_controllers++;
                else if (udev_hex(d, "bDeviceClass") != CLASS_HUB && list->n < DEVICE_MAX)
                        read_device(&list->devices[list->n++], d, reading->hwdb);
                return;
        }
        parent = udev_device_get_parent_with_subsystem_devtype(d, "usb", "usb_device");
        for (size_t i = 0; parent && i < list->n; i++) {
                if (strcmp(list->devices[i].port, udev_device_get_sysname(parent)) != 0)
                        continue;
                if (strcmp(subsystem, "tty") == 0)
                        read_tty(&list->devices[i], d);
                else
                        read_interface(&list->devices[i], d);
        }
}

int usb_list_read(struct usb_list *list) {
        static const struct usb_device stm32 = {.vendor = 0x0483, .product = 0xDF11};
        _cleanup_(udev_unref_p) struct udev *udev = udev_new();
        _cleanup_(sd_hwdb_unref_p) sd_hwdb *hwdb = NULL;
        struct reading reading = {.list = list};
        int r;

        *list = (struct usb_list){.devices = calloc(DEVICE_MAX, sizeof(*list->devices))};
        if (!udev || !list->devices)
                return -ENOMEM;
        list->hwdb = sd_hwdb_new(&hwdb) >= 0;
        reading.hwdb = hwdb;
        list->hwdb_knows = hwdb_get(hwdb, &stm32, "FWD_MODE");
        r = udev_each_of(udev, "usb", take, &reading);
        return r < 0 ? r : udev_each_of(udev, "tty", take, &reading);
}

void usb_list_clear(struct usb_list *list) {
        free(TAKE_PTR(list->devices));
        list->n = 0;
}

const struct usb_device *usb_list_find(const struct usb_list *list, const char *port) {
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->devices[i].port, port) == 0)
                        return &list->devices[i];
        return NULL;
}

char *usb_device_text(const struct usb_device *device) {
        const char *a = device->manufacturer, *b = device->name;

        /* Many repeat the one in the other. */
        if (strncmp(b, a, strlen(a)) == 0)
                a = "";
        return text_format("%04x:%04x%s%s%s%s", device->vendor, device->product,
                           *a || *b ? ", " : "", a, *a && *b ? " " : "", b);
}

bool usb_device_is_board(const struct usb_device *device) {
        static const char *const modes[] = {"firmware", "bootloader"};

        for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
                if (strcmp(device->mode, modes[i]) == 0 || strcmp(device->hwdb_mode, modes[i]) == 0)
                        return true;
        return false;
}

bool usb_device_is_ours(const struct usb_device *device) {
        return usb_device_is_board(device) || strcmp(device->hwdb_mode, "serial-bridge") == 0 ||
               strcmp(device->mode, "serial-bridge") == 0;
}

const struct usb_interface *usb_device_serial(const struct usb_device *device) {
        for (size_t i = 0; i < device->n_interfaces; i++)
                if (device->interfaces[i].wants)
                        return &device->interfaces[i];
        return NULL;
}

bool usb_interface_is_claimed(const struct usb_interface *interface) {
        return strcmp(interface->driver, USBFS_DRIVER) == 0;
}
