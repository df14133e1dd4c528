/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The mock /sys and /dev of a board, as the kernel and udev would show it.
 *
 * Written here and not by umockdev_testbed_add_device(), because that sends uevents of its own
 * (see umockdev-uevent.c). */

#include <string.h>

#include "base/serial-driver.h"
#include "sim/descriptors.h"
#include "sim/umockdev-sysfs-node.h"

/* The host controller that all buses hang on. */
#define CONTROLLER   "/devices/platform/fwd-sim"
#define USB_MAJOR    189U /* Linux, Documentation/admin-guide/devices.txt */
#define ACM_MAJOR    166U
#define HIDRAW_MAJOR 245U /* given at boot; any that is not another's */

struct sysfs_device {
        struct sim_port *port;
        GPtrArray *nodes; /* struct sysfs_node, parents first */
};

/* As udev's usb_id makes ID_MODEL and the like: blanks become '_', what is not plain goes. */
static char *usb_id_name(const char *text) {
        GString *name = g_string_new(NULL);
        for (const char *p = text; *p; p++) {
                bool blank = g_ascii_isspace(*p);
                if (blank && (name->len == 0 || name->str[name->len - 1] == '_'))
                        continue;
                g_string_append_c(name, blank                                           ? '_'
                                        : g_ascii_isalnum(*p) || strchr("#+-.:=@_", *p) ? *p
                                                                                        : '_');
        }
        return g_string_free(name, FALSE);
}

/* What udev's rules for USB add (50-udev-default, 60-serial: usb_id, hwdb): the same for the
 * device and for the tty behind it. */
static void udev_properties(struct sysfs_node *node, struct sim_port *port) {
        const struct model *model = port->model;
        g_autofree char *vendor = usb_id_name(model->manufacturer ?: "");
        g_autofree char *product = usb_id_name(model->product ?: "");
        g_autofree char *serial = usb_id_name(model->serial ?: "");
        g_string_append_printf(node->uevent,
                               "ID_BUS=usb\nID_VENDOR_ID=%04x\nID_MODEL_ID=%04x\n"
                               "ID_REVISION=%04x\nID_VENDOR=%s\nID_MODEL=%s\n",
                               DEVICE_VENDOR(model), DEVICE_PRODUCT(model), DEVICE_BCD(model),
                               vendor, product);
        g_string_append_printf(node->uevent, "ID_SERIAL=%s_%s%s%s\n", vendor, product,
                               *serial ? "_" : "", serial);
        if (*serial)
                sysfs_property(node, "ID_SERIAL_SHORT", serial);
        g_autoptr(GString) interfaces = g_string_new(":");
        struct interface_walk walk = interface_walk(model);
        while (interface_next(&walk)) {
                char triple[8];
                (void) snprintf(triple, sizeof(triple), "%02x%02x%02x:", walk.class, walk.subclass,
                                walk.protocol);
                if (!strstr(interfaces->str, triple))
                        g_string_append(interfaces, triple);
        }
        sysfs_property(node, "ID_USB_INTERFACES", interfaces->str);
        g_autofree char *modalias = g_strdup_printf("usb:v%04Xp%04X:%s", DEVICE_VENDOR(model),
                                                    DEVICE_PRODUCT(model), model->product ?: "");
        hwdb_properties(port->sim, modalias, sysfs_property, node);
}

static void usb_device_attributes(const struct sim *sim, const struct sysfs_node *node,
                                  const struct sim_port *port) {
        const struct model *model = port->model;
        const uint8_t *d = model->device_descriptor, *c = model->config_descriptor;
        sysfs_attribute(sim, node, "busnum", "%u", port->bus);
        sysfs_attribute(sim, node, "devnum", "%u", port->devnum);
        const char *dash = strchr(port->name, '-');
        sysfs_attribute(sim, node, "devpath", "%s", dash ? dash + 1 : "0");
        sysfs_attribute(sim, node, "speed", "12");
        sysfs_attribute(sim, node, "maxchild", "0");
        sysfs_attribute(sim, node, "version", "%2x.%02x", d[3], d[2]);
        sysfs_attribute(sim, node, "bcdDevice", "%04x", DEVICE_BCD(model));
        sysfs_attribute(sim, node, "idVendor", "%04x", DEVICE_VENDOR(model));
        sysfs_attribute(sim, node, "idProduct", "%04x", DEVICE_PRODUCT(model));
        sysfs_attribute(sim, node, "bDeviceClass", "%02x", d[4]);
        sysfs_attribute(sim, node, "bDeviceSubClass", "%02x", d[5]);
        sysfs_attribute(sim, node, "bDeviceProtocol", "%02x", d[6]);
        sysfs_attribute(sim, node, "bMaxPacketSize0", "%u", d[7]);
        sysfs_attribute(sim, node, "bNumConfigurations", "%u", d[17]);
        sysfs_attribute(sim, node, "bConfigurationValue", "%u", c[5]);
        sysfs_attribute(sim, node, "bNumInterfaces", "%2u", c[4]);
        sysfs_attribute(sim, node, "bmAttributes", "%02x", c[7]);
        sysfs_attribute(sim, node, "bMaxPower", "%umA", c[8] * 2U);
        if (model->manufacturer)
                sysfs_attribute(sim, node, "manufacturer", "%s", model->manufacturer);
        if (model->product)
                sysfs_attribute(sim, node, "product", "%s", model->product);
        if (model->serial)
                sysfs_attribute(sim, node, "serial", "%s", model->serial);
}

void sysfs_device_set_driver(struct sysfs_device *device) {
        for (guint i = 0; i < device->nodes->len; i++) {
                const struct sysfs_node *node = g_ptr_array_index(device->nodes, i);
                if (node->driver)
                        sysfs_node_set_driver(device->port->sim, node, device->port->driver);
        }
}

/* The driver that makes a serial port of an interface, or NULL. */
static const char *serial_driver(const struct model *model, const struct interface_walk *walk) {
        const struct usb_driver *driver = serial_driver_for(
                DEVICE_VENDOR(model), DEVICE_PRODUCT(model), walk->class, walk->subclass);
        if (model->has_serial_port && walk->class == USB_CLASS_CDC_DATA)
                driver = &serial_driver_acm;
        return driver ? driver->module : NULL;
}

static void add_interfaces(struct sysfs_device *device, const char *parent) {
        struct sim_port *port = device->port;
        struct sim *sim = port->sim;
        const struct model *model = port->model;
        struct interface_walk walk = interface_walk(model);
        while (interface_next(&walk)) {
                if (walk.alt != 0)
                        continue;
                struct sysfs_node *node =
                        sysfs_node_new(sim, device->nodes,
                                       g_strdup_printf("%s/%s:%u.%u", parent, port->name,
                                                       model->config_descriptor[5], walk.number),
                                       "usb", false);
                g_string_append_printf(node->uevent,
                                       "DEVTYPE=usb_interface\nPRODUCT=%x/%x/%x\nTYPE=%u/%u/%u\n"
                                       "INTERFACE=%u/%u/%u\n"
                                       "MODALIAS=usb:v%04Xp%04Xd%04Xdc%02Xdsc%02Xdp%02Xic%02Xisc%"
                                       "02Xip%02Xin%02X\n",
                                       DEVICE_VENDOR(model), DEVICE_PRODUCT(model),
                                       DEVICE_BCD(model), model->device_descriptor[4],
                                       model->device_descriptor[5], model->device_descriptor[6],
                                       walk.class, walk.subclass, walk.protocol,
                                       DEVICE_VENDOR(model), DEVICE_PRODUCT(model),
                                       DEVICE_BCD(model), model->device_descriptor[4],
                                       model->device_descriptor[5], model->device_descriptor[6],
                                       walk.class, walk.subclass, walk.protocol, walk.number);
                sysfs_attribute(sim, node, "bInterfaceNumber", "%02x", walk.number);
                sysfs_attribute(sim, node, "bAlternateSetting", "%2u", walk.alt);
                sysfs_attribute(sim, node, "bInterfaceClass", "%02x", walk.class);
                sysfs_attribute(sim, node, "bInterfaceSubClass", "%02x", walk.subclass);
                sysfs_attribute(sim, node, "bInterfaceProtocol", "%02x", walk.protocol);
                sysfs_attribute(sim, node, "bNumEndpoints", "%02x", walk.n_endpoints);
                node->driver = serial_driver(model, &walk);
                sysfs_node_finish(sim, node);
        }
        sysfs_device_set_driver(device);
}

static bool is_root_hub(const struct sim_port *port) {
        return g_str_has_prefix(port->name, "usb");
}

/* /devices/…/usb1/1-2/1-2.3 for "1-2.3" */
static char *port_devpath(const struct sim_port *port) {
        GString *path = g_string_new(NULL);
        g_string_append_printf(path, CONTROLLER "/usb%u", port->bus);
        if (!is_root_hub(port)) {
                for (const char *p = port->name; *p; p++)
                        if (*p == '.')
                                g_string_append_printf(path, "/%.*s", (int) (p - port->name),
                                                       port->name);
                g_string_append_printf(path, "/%s", port->name);
        }
        return g_string_free(path, FALSE);
}

struct sysfs_device *sysfs_device_add(struct sim_port *port) {
        struct sim *sim = port->sim;
        const struct model *model = port->model;
        struct sysfs_device *device = g_new0(struct sysfs_device, 1);
        device->port = port;
        device->nodes = g_ptr_array_new_with_free_func(sysfs_node_free);

        struct sysfs_node *node =
                sysfs_node_new(sim, device->nodes, port_devpath(port), "usb", false);
        char devnode[64];
        (void) snprintf(devnode, sizeof(devnode), "/dev/bus/usb/%03u/%03u", port->bus,
                        port->devnum);
        sysfs_node_set_devnode(node, devnode, USB_MAJOR, (port->bus - 1) * 128 + port->devnum - 1);
        g_string_append_printf(node->uevent,
                               "DEVTYPE=usb_device\nDRIVER=usb\nPRODUCT=%x/%x/%x\n"
                               "TYPE=%u/%u/%u\nBUSNUM=%03u\nDEVNUM=%03u\n",
                               DEVICE_VENDOR(model), DEVICE_PRODUCT(model), DEVICE_BCD(model),
                               model->device_descriptor[4], model->device_descriptor[5],
                               model->device_descriptor[6], port->bus, port->devnum);
        udev_properties(node, port);
        usb_device_attributes(sim, node, port);

        /* What a read of the node and the attribute both give: libusb takes them from either. */
        g_autoptr(GByteArray) descriptors = g_byte_array_new();
        g_byte_array_append(descriptors, model->device_descriptor, 18);
        g_byte_array_append(descriptors, model->config_descriptor, (guint) model->config_size);
        g_autofree char *attr = g_strconcat(sim->root, "/sys", node->devpath, "/descriptors", NULL);
        sysfs_write_file(attr, descriptors->data, descriptors->len);
        g_autofree char *file = sysfs_path(sim, "", devnode);
        g_autofree char *dir = g_path_get_dirname(file);
        sysfs_make_dirs(dir);
        sysfs_write_file(file, descriptors->data, descriptors->len);
        sysfs_node_finish(sim, node);
        add_interfaces(device, node->devpath);
        return device;
}

void sysfs_device_add_tty(struct sysfs_device *device, const char *name, const char *pts) {
        struct sim *sim = device->port->sim;
        const struct sysfs_node *interface = g_ptr_array_index(device->nodes, 1);
        struct sysfs_node *node =
                sysfs_node_new(sim, device->nodes,
                               g_strdup_printf("%s/tty/%s", interface->devpath, name), "tty", true);
        g_autofree char *devnode = g_strconcat("/dev/", name, NULL);
        sysfs_node_set_devnode(node, devnode, ACM_MAJOR,
                               (unsigned) strtoul(name + strlen("ttyACM"), NULL, 10));
        udev_properties(node, device->port);
        sysfs_property(node, "ID_USB_INTERFACE_NUM", "00");
        sysfs_property(node, "ID_USB_DRIVER", "cdc_acm");
        g_autofree char *interface_name = g_path_get_basename(interface->devpath);
        g_autofree char *target = g_strconcat("../../../", interface_name, NULL);
        g_autofree char *link = g_strconcat(sim->root, "/sys", node->devpath, "/device", NULL);
        sysfs_make_link(target, link);
        g_autofree char *file = sysfs_path(sim, "", devnode);
        sysfs_make_link(pts, file);
        sysfs_node_finish(sim, node);
}

void sysfs_device_remove_tty(struct sysfs_device *device) {
        for (guint i = device->nodes->len; i > 0; i--) {
                struct sysfs_node *node = g_ptr_array_index(device->nodes, i - 1);
                if (strcmp(node->subsystem, "tty") != 0)
                        continue;
                sysfs_node_remove(device->port->sim, node);
                sysfs_node_emit(device->port->sim, node, "remove");
                g_ptr_array_remove_index(device->nodes, i - 1);
        }
}

void sysfs_device_announce_driver(struct sysfs_device *device, const char *action) {
        for (guint i = 0; i < device->nodes->len; i++) {
                const struct sysfs_node *node = g_ptr_array_index(device->nodes, i);
                /* As the kernel does: the port first, then that its driver is bound. */
                if (strcmp(action, "bind") == 0 && strcmp(node->subsystem, "tty") == 0)
                        sysfs_node_emit(device->port->sim, node, "add");
        }
        for (guint i = 0; i < device->nodes->len; i++) {
                const struct sysfs_node *node = g_ptr_array_index(device->nodes, i);
                if (node->driver)
                        sysfs_node_emit(device->port->sim, node, action);
        }
}

static const struct sysfs_node *interface_node(const struct sysfs_device *device, uint8_t number) {
        g_autofree char *end =
                g_strdup_printf(":%u.%u", device->port->model->config_descriptor[5], number);
        for (guint i = 1; i < device->nodes->len; i++) {
                const struct sysfs_node *node = g_ptr_array_index(device->nodes, i);
                if (g_str_has_suffix(node->devpath, end))
                        return node;
        }
        g_error("%s has no interface %u", device->port->name, number);
}

void sysfs_device_add_hidraw(struct sysfs_device *device, const char *name, uint8_t interface) {
        static unsigned instance;
        struct sim *sim = device->port->sim;
        const struct model *model = device->port->model;
        const struct sysfs_node *parent = interface_node(device, interface);
        struct sysfs_node *hid = sysfs_node_new(
                sim, device->nodes,
                g_strdup_printf("%s/0003:%04X:%04X.%04X", parent->devpath, DEVICE_VENDOR(model),
                                DEVICE_PRODUCT(model), ++instance),
                "hid", false);
        g_string_append_printf(hid->uevent, "DRIVER=hid-generic\nHID_ID=0003:%08X:%08X\n",
                               DEVICE_VENDOR(model), DEVICE_PRODUCT(model));
        sysfs_node_finish(sim, hid);
        struct sysfs_node *node =
                sysfs_node_new(sim, device->nodes,
                               g_strdup_printf("%s/hidraw/%s", hid->devpath, name), "hidraw", true);
        g_autofree char *devnode = g_strconcat("/dev/", name, NULL);
        sysfs_node_set_devnode(node, devnode, HIDRAW_MAJOR,
                               (unsigned) strtoul(name + strlen("hidraw"), NULL, 10));
        udev_properties(node, device->port);
        g_autofree char *file = sysfs_path(sim, "", devnode);
        sysfs_write_file(file, "", 0);
        sysfs_node_finish(sim, node);
}

void sysfs_device_announce(struct sysfs_device *device) {
        for (guint i = 0; i < device->nodes->len; i++)
                sysfs_node_emit(device->port->sim, g_ptr_array_index(device->nodes, i), "add");
}

void sysfs_device_remove(struct sysfs_device *device) {
        struct sim *sim = device->port->sim;
        for (guint i = device->nodes->len; i > 0; i--)
                sysfs_node_remove(sim, g_ptr_array_index(device->nodes, i - 1));
        for (guint i = device->nodes->len; i > 0; i--)
                sysfs_node_emit(sim, g_ptr_array_index(device->nodes, i - 1), "remove");
        g_ptr_array_free(device->nodes, TRUE);
        g_free(device);
}

static void add_hub(struct sim *sim, const char *name, unsigned bus, unsigned devnum) {
        /* USB 2.0 §9.6.1, §11.23: a hub of which nothing is read but its ids */
        static const uint8_t device_descriptor[18] = {18,   1, 0, 2, 9, 0, 1, 64, 0x6B,
                                                      0x1D, 2, 0, 0, 6, 3, 2, 1,  1};
        static const uint8_t config_descriptor[25] = {9, 2, 25, 0, 1, 1, 0, 0xE0, 0, 9, 4, 0, 0,
                                                      1, 9, 0,  0, 0, 7, 5, 0x81, 3, 4, 0, 12};
        struct model hub = {.device_descriptor = device_descriptor,
                            .config_descriptor = config_descriptor,
                            .config_size = sizeof(config_descriptor),
                            .manufacturer = "fwd-sim",
                            .product = "Simulated hub"};
        struct sim_port port = {.sim = sim, .bus = bus, .devnum = devnum, .model = &hub};
        (void) g_strlcpy(port.name, name, sizeof(port.name));
        struct sysfs_device *device = sysfs_device_add(&port);
        sysfs_device_announce(device);
        g_ptr_array_free(device->nodes, TRUE); /* it stays, and is not needed any more */
        g_free(device);
}

void sysfs_add_hubs(struct sim *sim, const char *name, unsigned bus) {
        g_autofree char *root = g_strdup_printf("usb%u", bus);
        if (g_hash_table_add(sim->hubs, g_strdup(root)))
                add_hub(sim, root, bus, 1);
        for (const char *p = name; *p; p++) {
                if (*p != '.')
                        continue;
                g_autofree char *hub = g_strndup(name, (gsize) (p - name));
                if (g_hash_table_add(sim->hubs, g_strdup(hub)))
                        add_hub(sim, hub, bus, sim_next_devnum(sim, bus));
        }
}
