/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One device of the mock /sys: its directory, its links, its node in /dev, its uevents. The layout
 * of the files is that of libumockdev-preload. What cannot be made ends the simulator. */

#include "sim/testbed.h"

struct sysfs_node {    /* one directory of /sys/devices */
        char *devpath; /* without /sys */
        const char *subsystem;
        bool is_class; /* a link in class/, not in bus/ */
        char *devnode; /* "/dev/…" or NULL */
        unsigned major, minor;
        GString *uevent;    /* KEY=value lines: the kernel's and udev's */
        const char *driver; /* of a serial port's interface: the kernel's; else NULL */
};

void sysfs_write_file(const char *path, const void *data, size_t size);
void sysfs_make_dirs(const char *path);
void sysfs_make_link(const char *target, const char *path);
/* "ROOT/sys/devices/…": free with g_free(). */
char *sysfs_path(const struct sim *sim, const char *sub, const char *path);

/* Added to `nodes`, which frees it with sysfs_node_free(). Takes `devpath`. A device for others
 * after sysfs_node_finish(). */
struct sysfs_node *sysfs_node_new(struct sim *sim, GPtrArray *nodes, char *devpath,
                                  const char *subsystem, bool is_class);
void sysfs_node_free(gpointer data);
void sysfs_node_set_devnode(struct sysfs_node *node, const char *devnode, unsigned major,
                            unsigned minor);
/* Links and the uevent file, which make the directory a device. */
void sysfs_node_finish(const struct sim *sim, const struct sysfs_node *node);
void sysfs_node_remove(const struct sim *sim, const struct sysfs_node *node);

void sysfs_attribute(const struct sim *sim, const struct sysfs_node *node, const char *name,
                     const char *format, ...) _printf_(4, 5);
/* A property of udev's: for hwdb_properties(), too. `userdata` is the node. */
void sysfs_property(void *userdata, const char *key, const char *value);
void sysfs_node_set_driver(struct sim *sim, const struct sysfs_node *node, enum sim_driver state);
void sysfs_node_emit(struct sim *sim, const struct sysfs_node *node, const char *action);
