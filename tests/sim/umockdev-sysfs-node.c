/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/umockdev-sysfs-node.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

void sysfs_write_file(const char *path, const void *data, size_t size) {
        g_autoptr(GError) error = NULL;
        if (!g_file_set_contents_full(path, data, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0644,
                                      &error))
                g_error("%s", error->message);
}

void sysfs_make_dirs(const char *path) {
        if (g_mkdir_with_parents(path, 0755) < 0)
                g_error("Cannot make %s: %s", path, g_strerror(errno));
}

void sysfs_make_link(const char *target, const char *path) {
        g_autofree char *dir = g_path_get_dirname(path);
        sysfs_make_dirs(dir);
        if (symlink(target, path) < 0 && errno != EEXIST)
                g_error("Cannot link %s: %s", path, g_strerror(errno));
}

char *sysfs_path(const struct sim *sim, const char *sub, const char *path) {
        return g_strconcat(sim->root, sub, path, NULL);
}

void sysfs_attribute(const struct sim *sim, const struct sysfs_node *node, const char *name,
                     const char *format, ...) {
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        g_autofree char *line = g_strconcat(text, "\n", NULL);
        g_autofree char *path = g_strconcat(sim->root, "/sys", node->devpath, "/", name, NULL);
        sysfs_write_file(path, line, strlen(line));
}

void sysfs_property(void *userdata, const char *key, const char *value) {
        struct sysfs_node *node = userdata;
        g_string_append_printf(node->uevent, "%s=%s\n", key, value);
}

struct sysfs_node *sysfs_node_new(struct sim *sim, GPtrArray *nodes, char *devpath,
                                  const char *subsystem, bool is_class) {
        struct sysfs_node *node = g_new0(struct sysfs_node, 1);
        node->devpath = devpath;
        node->subsystem = subsystem;
        node->is_class = is_class;
        node->uevent = g_string_new(NULL);
        g_autofree char *dir = sysfs_path(sim, "/sys", devpath);
        sysfs_make_dirs(dir);
        g_ptr_array_add(nodes, node);
        return node;
}

void sysfs_node_free(gpointer data) {
        struct sysfs_node *node = data;
        g_string_free(node->uevent, TRUE);
        g_free(node->devpath);
        g_free(node->devnode);
        g_free(node);
}

/* "../../.." from a directory of /sys up to /sys */
static char *up(const char *devpath) {
        GString *dots = g_string_new(NULL);
        for (const char *p = devpath; *p; p++)
                if (*p == '/')
                        g_string_append(dots, dots->len ? "/.." : "..");
        return g_string_free(dots, FALSE);
}

static char *node_index_link(const struct sim *sim, const struct sysfs_node *node) {
        g_autofree char *name = g_path_get_basename(node->devpath);
        return node->is_class
                       ? g_strdup_printf("%s/sys/class/%s/%s", sim->root, node->subsystem, name)
                       : g_strdup_printf("%s/sys/bus/%s/devices/%s", sim->root, node->subsystem,
                                         name);
}

static char *node_dev_link(const struct sim *sim, const struct sysfs_node *node) {
        return g_strdup_printf("%s/sys/dev/char/%u:%u", sim->root, node->major, node->minor);
}

/* Where libumockdev-preload looks up what stat() says of a device node. */
static char *node_rdev_link(const struct sim *sim, const struct sysfs_node *node) {
        g_autofree char *flat = g_strdup(node->devnode + strlen("/dev/"));
        return g_strdup_printf("%s/dev/.node/%s", sim->root, g_strdelimit(flat, "/", '_'));
}

void sysfs_node_set_devnode(struct sysfs_node *node, const char *devnode, unsigned major,
                            unsigned minor) {
        node->devnode = g_strdup(devnode);
        node->major = major;
        node->minor = minor;
        g_string_append_printf(node->uevent, "DEVNAME=%s\nMAJOR=%u\nMINOR=%u\n",
                               devnode + strlen("/dev/"), major, minor);
}

void sysfs_node_finish(const struct sim *sim, const struct sysfs_node *node) {
        g_autofree char *dots = up(node->devpath);
        g_autofree char *to_subsystem = g_strdup_printf(
                "%s/%s/%s", dots, node->is_class ? "class" : "bus", node->subsystem);
        g_autofree char *subsystem =
                g_strconcat(sim->root, "/sys", node->devpath, "/subsystem", NULL);
        sysfs_make_link(to_subsystem, subsystem);
        g_autofree char *index = node_index_link(sim, node);
        g_autofree char *to_device =
                g_strconcat(node->is_class ? "../.." : "../../..", node->devpath, NULL);
        sysfs_make_link(to_device, index);
        if (node->devnode) {
                sysfs_attribute(sim, node, "dev", "%u:%u", node->major, node->minor);
                g_autofree char *dev = node_dev_link(sim, node);
                g_autofree char *to_dev = g_strconcat("../..", node->devpath, NULL);
                sysfs_make_link(to_dev, dev);
                g_autofree char *rdev = node_rdev_link(sim, node);
                g_autofree char *numbers = g_strdup_printf("%u:%u", node->major, node->minor);
                sysfs_make_link(numbers, rdev);
        }
        g_autofree char *uevent = g_strconcat(sim->root, "/sys", node->devpath, "/uevent", NULL);
        sysfs_write_file(uevent, node->uevent->str, node->uevent->len);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
        return remove(path);
}

void sysfs_node_remove(const struct sim *sim, const struct sysfs_node *node) {
        g_autofree char *index = node_index_link(sim, node);
        (void) unlink(index);
        if (node->devnode) {
                g_autofree char *file = sysfs_path(sim, "", node->devnode);
                g_autofree char *dev = node_dev_link(sim, node);
                g_autofree char *rdev = node_rdev_link(sim, node);
                (void) unlink(file);
                (void) unlink(dev);
                (void) unlink(rdev);
        }
        g_autofree char *dir = sysfs_path(sim, "/sys", node->devpath);
        (void) nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void sysfs_node_set_driver(struct sim *sim, const struct sysfs_node *node, enum sim_driver state) {
        g_autofree char *link = g_strconcat(sim->root, "/sys", node->devpath, "/driver", NULL);
        g_autofree char *folder = sysfs_path(sim, "/sys/bus/usb/drivers/", node->driver);
        g_autofree char *dots = up(node->devpath);
        g_autofree char *target = g_strdup_printf(
                "%s/bus/usb/drivers/%s", dots, state == SIM_DRIVER_USBFS ? "usbfs" : node->driver);
        (void) unlink(link);
        if (state == SIM_DRIVER_MISSING)
                (void) rmdir(folder);
        else
                sysfs_make_dirs(folder);
        if (state == SIM_DRIVER_BOUND || state == SIM_DRIVER_USBFS)
                sysfs_make_link(target, link);
}

void sysfs_node_emit(struct sim *sim, const struct sysfs_node *node, const char *action) {
        uevent_emit(sim,
                    &(struct uevent_device){.devpath = node->devpath,
                                            .subsystem = node->subsystem,
                                            .devnode = node->devnode,
                                            .properties = node->uevent->str},
                    action);
}
