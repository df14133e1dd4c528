/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Board models served to unmodified programs by umockdev: a mock /sys and /dev in a temporary
 * directory, which LD_PRELOAD=libumockdev-preload.so.0 puts in place of the real ones.
 *
 *   ports.c           what the virtual machine's server (usbip/) needs too
 *   umockdev.c        ports, clock and timers; attaching and detaching what a model is on the bus
 *   umockdev-usb.c    a device node's clients and transfers, which end at the model's time
 *   umockdev-usbfs.c  its ioctls: claims, URBs
 *   umockdev-tty.c    the ttyACM of a board: a pty, the ioctls that a pty lacks
 *   umockdev-hidraw.c the hidraw nodes of a HID device
 *   umockdev-sysfs.c  the files of a device
 *   umockdev-uevent.c its uevents
 *   umockdev-hwdb.c   udev properties, from the hwdb that is shipped
 *
 * Two threads: libumockdev calls the ioctl handlers in its own, where the timer goes too; all else
 * runs in main()'s. `lock` covers everything below; each entry from outside takes it (handlers,
 * timers, control socket). */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-hwdb.h>
#include <umockdev.h>

#include "base/cleanup.h"
#include "sim/model.h"

#define SIM_PORTS_MAX  64U
#define SIM_BUS_MAX    8U
#define SIM_NAME_MAX   32U
#define SIM_HIDRAW_MAX 4U /* of a board */

struct usb_node;
struct sim_hidraw;
struct sim_tty;
struct sysfs_device;

struct sim {
        GRecMutex lock;
        UMockdevTestbed *testbed;
        const char *root;  /* $UMOCKDEV_DIR */
        sd_hwdb *hwdb;     /* NULL: no properties */
        double time_scale; /* seconds of host time for a second of the chip's; never 0 here */
        uint64_t epoch_us; /* host time at the start */
        int timer_fd;
        GSource *timer; /* in main()'s context, from the first client on in the handlers' */
        bool timer_moved;
        struct sim_port *ports[SIM_PORTS_MAX];
        size_t n_ports;
        unsigned last_devnum[SIM_BUS_MAX + 1];
        GHashTable *hubs; /* names: "usb1", "1-2"; a hub stays */
        GQueue completed; /* UMockdevIoctlClient, whose reference is to be dropped */
        GQueue uevents;   /* struct uevent *, not delivered yet */
        GQueue gone_ttys; /* struct sim_tty *: the board is gone, somebody has it open */
        void (*settled)(struct sim *sim); /* told after each change; for the waiters of control.c */
};

enum sim_driver { /* what the kernel's driver does to a board's serial port */
                  SIM_DRIVER_BOUND,
                  SIM_DRIVER_NONE,    /* was taken off it */
                  SIM_DRIVER_USBFS,   /* and a program has claimed the interface */
                  SIM_DRIVER_MISSING, /* is not loaded */
};

struct sim_port { /* a socket and the board that is plugged into it */
        struct sim *sim;
        char name[SIM_NAME_MAX]; /* "1-2.3" */
        unsigned bus;
        char kind[SIM_NAME_MAX];
        struct model *model;
        bool attached;
        unsigned generation; /* the model's, of what is attached */
        unsigned devnum;
        uint64_t attached_us; /* host time (CLOCK_MONOTONIC) before its first uevent */
        struct sysfs_device *device;
        struct usb_node *node;
        struct sim_tty *tty;
        enum sim_driver driver; /* stays when the board is unplugged */
        struct sim_hidraw *hidraws[SIM_HIDRAW_MAX];
        size_t n_hidraws;
        struct vhci_port *vhci; /* instead of the three, in the virtual machine */
        struct sim_counts {
                uint64_t control;       /* URBs on EP0 */
                GHashTable *by_request; /* "21/01" → count */
                uint64_t reaps_empty;   /* REAPURBNDELAY answered with EAGAIN */
                uint64_t late_us;       /* host time by which answers came too late, summed */
                unsigned enumerations;
        } counts;
};

/* umockdev.c */
struct sim *sim_new(double time_scale, const char *hwdb_path);
void sim_end(struct sim *sim);
/* The models' clock now, µs. */
uint64_t sim_now(const struct sim *sim);
/* Host time (CLOCK_MONOTONIC, µs) at which the models' clock says `model_us`. */
uint64_t sim_host_time(const struct sim *sim, uint64_t model_us);
/* The timer settles; it is set to a host time, or MODEL_NEVER. */
void sim_timer_start(struct sim *sim);
void sim_timer_set(struct sim *sim, uint64_t host_us);
void sim_timer_stop(struct sim *sim);
/* Called in the thread of the handlers: what is due is ended there too from now on, which saves a
 * change of threads for each transfer that the chip holds. */
void sim_timer_move(struct sim *sim);
/* Sees what the models did: attaches, detaches, moves serial bytes, arms the timer. Call after
 * every call into a model, at the end. */
void sim_settle(struct sim *sim);
/* The address of the next device on a bus. */
unsigned sim_next_devnum(struct sim *sim, unsigned bus);
struct sim_port *sim_find(struct sim *sim, const char *port);
/* Takes over `model`. -EINVAL (not a port's name), -EEXIST (a board or a hub is there, or a board
 * where a hub must be), -ENOSPC: then the caller still owns it.
 */
int sim_plug(struct sim *sim, const char *port, const char *kind, struct model *model);
/* The board is thrown away. */
void sim_remove(struct sim_port *port);
/* "firmware", "bootloader" (it has a DFU interface in DFU mode) or "gone". */
const char *sim_port_mode(const struct sim_port *port);
/* On the bus, and the kernel will never get an answer out of it. */
bool sim_port_is_mute(const struct sim_port *port);
/* "bound", "none", "usbfs" or "missing", which is so for all boards. -EINVAL; -EOPNOTSUPP if a real
 * kernel has the board. */
int sim_port_set_driver(struct sim_port *port, const char *what);
/* "ttyACM0", or NULL if the server knows of none. */
const char *sim_port_tty(const struct sim_port *port);

/* umockdev-usb.c. The node lives as long as a client has it open. */
struct usb_node *usb_node_new(struct sim_port *port, const char *path);
/* The device has left: URBs end with -ENODEV, from here on everything is ENODEV. */
void usb_node_gone(struct usb_node *node);
/* Ends what is due at `now_us` (models' clock) and `host_us`. */
void usb_node_advance(struct usb_node *node, uint64_t now_us, uint64_t host_us);
/* Host time of what is due next. */
uint64_t usb_node_next(const struct usb_node *node);

/* umockdev-tty.c */
struct sim_tty *sim_tty_new(struct sim_port *port, const char *name);
void sim_tty_free(struct sim_tty *tty);
/* Moves what the model has to say into the pty. */
void sim_tty_pump(struct sim_tty *tty, uint64_t now_us);
const char *sim_tty_name(const struct sim_tty *tty);
/* The pty's slave, for the symlink in the mock /dev. */
const char *sim_tty_pts(const struct sim_tty *tty);

/* umockdev-hidraw.c. Freed with its last client, after it is gone. */
struct sim_hidraw *sim_hidraw_new(struct sim_port *port, const char *name, uint8_t interface);
void sim_hidraw_gone(struct sim_hidraw *hid);
const char *sim_hidraw_name(const struct sim_hidraw *hid);

/* umockdev-sysfs.c */
struct sysfs_device *sysfs_device_add(struct sim_port *port);
/* Adds the tty below the first interface. */
void sysfs_device_add_tty(struct sysfs_device *device, const char *name, const char *pts);
void sysfs_device_remove_tty(struct sysfs_device *device);
/* Makes the drivers' links of its interfaces what port->driver says. */
void sysfs_device_set_driver(struct sysfs_device *device);
/* Tells of it, as the kernel does. */
void sysfs_device_announce_driver(struct sysfs_device *device, const char *action);
/* Adds a hidraw device below an interface. */
void sysfs_device_add_hidraw(struct sysfs_device *device, const char *name, uint8_t interface);
void sysfs_device_announce(struct sysfs_device *device);
void sysfs_device_remove(struct sysfs_device *device);
/* The root hub of the bus and the hubs before a port, those that are not there yet. */
void sysfs_add_hubs(struct sim *sim, const char *port, unsigned bus);

/* umockdev-uevent.c */
struct uevent_device {
        const char *devpath; /* without /sys */
        const char *subsystem;
        const char *devnode;    /* "/dev/…" or NULL */
        const char *properties; /* KEY=value lines; DEVNAME in them is replaced by devnode */
};
void uevent_emit(struct sim *sim, const struct uevent_device *device, const char *action);
/* Tries again what a listener's full queue refused; true if something is left. */
bool uevents_flush(struct sim *sim);

/* umockdev-hwdb.c: calls `add` for each property of the modalias. */
void hwdb_properties(struct sim *sim, const char *modalias,
                     void (*add)(void *userdata, const char *key, const char *value),
                     void *userdata);
