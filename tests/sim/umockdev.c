/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/testbed.h"

#include <ctype.h>
#include <string.h>

#include "sim/descriptors.h"

/* A listener whose socket queue is full gets its uevents again after this. */
#define UEVENT_RETRY_US 2000U

#define DEVNUM_MAX      127U /* USB 2.0 §9.4.6: seven bits of address */

static uint64_t host_now(void) {
        return (uint64_t) g_get_monotonic_time();
}

static void arm(struct sim *sim) {
        uint64_t next = MODEL_NEVER;
        for (size_t i = 0; i < sim->n_ports; i++) {
                struct sim_port *port = sim->ports[i];
                next = MIN(next, sim_host_time(sim, model_next_event(port->model)));
                if (port->node)
                        next = MIN(next, usb_node_next(port->node));
        }
        if (!g_queue_is_empty(&sim->uevents))
                next = MIN(next, host_now() + UEVENT_RETRY_US);
        sim_timer_set(sim, next);
}

static bool devnum_is_used(const struct sim *sim, unsigned bus, unsigned devnum) {
        g_autofree char *node = g_strdup_printf("%s/dev/bus/usb/%03u/%03u", sim->root, bus, devnum);
        return g_file_test(node, G_FILE_TEST_EXISTS);
}

unsigned sim_next_devnum(struct sim *sim, unsigned bus) {
        unsigned *last = &sim->last_devnum[bus];
        do {
                *last = *last < DEVNUM_MAX ? MAX(*last + 1, 2U) : 2; /* 1 is the root hub */
        } while (devnum_is_used(sim, bus, *last));
        return *last;
}

static bool hidraw_is_used(const struct sim *sim, const char *name) {
        for (size_t i = 0; i < sim->n_ports; i++)
                for (size_t k = 0; k < sim->ports[i]->n_hidraws; k++)
                        if (strcmp(sim_hidraw_name(sim->ports[i]->hidraws[k]), name) == 0)
                                return true;
        return false;
}

static void attach_hidraws(struct sim_port *port) {
        struct interface_walk walk = interface_walk(port->model);
        while (interface_next(&walk) && port->n_hidraws < SIM_HIDRAW_MAX) {
                char name[SIM_NAME_MAX];
                if (walk.class != USB_CLASS_HID)
                        continue;
                for (unsigned n = 0;; n++) {
                        (void) snprintf(name, sizeof(name), "hidraw%u", n);
                        if (!hidraw_is_used(port->sim, name))
                                break;
                }
                port->hidraws[port->n_hidraws++] = sim_hidraw_new(port, name, walk.number);
                sysfs_device_add_hidraw(port->device, name, walk.number);
        }
}

static void attach_tty(struct sim_port *port) {
        struct sim *sim = port->sim;
        char name[16];
        bool used = true;
        if (!port->model->has_serial_port || port->driver != SIM_DRIVER_BOUND)
                return;
        for (unsigned n = 0; used; n++) {
                (void) snprintf(name, sizeof(name), "ttyACM%u", n);
                used = false;
                for (size_t i = 0; i < sim->n_ports; i++)
                        used = used || (sim->ports[i]->tty &&
                                        strcmp(sim_tty_name(sim->ports[i]->tty), name) == 0);
        }
        port->tty = sim_tty_new(port, name);
        sysfs_device_add_tty(port->device, name, sim_tty_pts(port->tty));
}

static void attach(struct sim_port *port) {
        struct sim *sim = port->sim;
        port->devnum = sim_next_devnum(sim, port->bus);
        port->generation = port->model->generation;
        port->attached = true;
        port->counts.enumerations++;

        char node[64];
        (void) snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", port->bus, port->devnum);
        port->node = usb_node_new(port, node);
        port->device = sysfs_device_add(port);
        attach_tty(port);
        attach_hidraws(port);
        port->attached_us = host_now();
        sysfs_device_announce(port->device);
}

static void detach(struct sim_port *port) {
        if (!port->attached)
                return;
        port->attached = false;
        port->devnum = 0;
        sysfs_device_remove(TAKE_PTR(port->device));
        usb_node_gone(TAKE_PTR(port->node));
        while (port->n_hidraws > 0)
                sim_hidraw_gone(port->hidraws[--port->n_hidraws]);
        if (port->tty)
                sim_tty_free(TAKE_PTR(port->tty));
}

int sim_port_set_driver(struct sim_port *port, const char *what) {
        static const char *const names[] = {
                [SIM_DRIVER_BOUND] = "bound",
                [SIM_DRIVER_NONE] = "none",
                [SIM_DRIVER_USBFS] = "usbfs",
                [SIM_DRIVER_MISSING] = "missing",
        };
        enum sim_driver before = port->driver, now = SIM_DRIVER_BOUND;
        while (now < ARRAY_SIZE(names) && strcmp(names[now], what) != 0)
                now++;
        if (now == ARRAY_SIZE(names))
                return -EINVAL;
        port->driver = now;
        if (!port->attached || before == now)
                return 0;
        if (port->tty) {
                sysfs_device_remove_tty(port->device);
                sim_tty_free(TAKE_PTR(port->tty));
        }
        attach_tty(port);
        sysfs_device_set_driver(port->device);
        /* Of claims over usbfs the kernel tells nothing. */
        if (before == SIM_DRIVER_BOUND)
                sysfs_device_announce_driver(port->device, "unbind");
        else if (now == SIM_DRIVER_BOUND)
                sysfs_device_announce_driver(port->device, "bind");
        return 0;
}

/* Brings a port to what its model is now. True if something changed. */
static bool refresh(struct sim_port *port) {
        struct model *model = port->model;
        bool changed = false;
        if (port->attached && (!model->on_bus || model->generation != port->generation)) {
                detach(port);
                changed = true;
        }
        /* A kernel makes no device of what does not answer. */
        if (model->on_bus && !port->attached && !sim_port_is_mute(port)) {
                attach(port);
                changed = true;
        }
        return changed;
}

void sim_settle(struct sim *sim) {
        bool again = true;
        while (again) {
                again = false;
                uint64_t now = sim_now(sim);
                for (size_t i = 0; i < sim->n_ports; i++) {
                        struct sim_port *port = sim->ports[i];
                        model_advance(port->model, now);
                        if (port->node)
                                usb_node_advance(port->node, now, host_now());
                        if (port->tty)
                                sim_tty_pump(port->tty, now);
                        if (refresh(port))
                                again = true;
                }
        }
        (void) uevents_flush(sim);
        arm(sim);
        if (sim->settled)
                sim->settled(sim);

        GQueue completed = sim->completed;
        g_queue_init(&sim->completed);
        UMockdevIoctlClient *client;
        while ((client = g_queue_pop_head(&completed)))
                g_object_unref(client);
}

struct sim *sim_new(double time_scale, const char *hwdb_path) {
        /* One a process, as UMOCKDEV_DIR is; it stays, for the testbed's thread may still look at
         * the lock when the process ends. */
        static struct sim the_sim;
        struct sim *sim = &the_sim;
        g_rec_mutex_init(&sim->lock);
        sim->time_scale = time_scale;
        sim->epoch_us = host_now();
        sim->testbed = umockdev_testbed_new();
        sim->root = umockdev_testbed_get_root_dir(sim->testbed);
        if (hwdb_path) {
                int r = sd_hwdb_new_from_path(hwdb_path, &sim->hwdb);
                if (r < 0)
                        g_error("Cannot read hwdb %s: %s", hwdb_path, g_strerror(-r));
        }
        sim_timer_start(sim);
        sim->hubs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_queue_init(&sim->completed);
        g_queue_init(&sim->uevents);
        g_queue_init(&sim->gone_ttys);
        return sim;
}

void sim_end(struct sim *sim) {
        g_rec_mutex_lock(&sim->lock);
        sim->settled = NULL;
        while (sim->n_ports > 0)
                sim_remove(sim->ports[sim->n_ports - 1]);
        g_queue_clear_full(&sim->uevents, g_free);
        g_queue_clear(&sim->gone_ttys); /* the testbed has them */
        sim_timer_stop(sim);
        g_rec_mutex_unlock(&sim->lock);
        g_hash_table_destroy(sim->hubs);
        g_object_unref(sim->testbed); /* removes its directory */
        sd_hwdb_unref(sim->hwdb);
}

/* "1-2.3": a bus, then port numbers (Linux, Documentation/ABI/stable/sysfs-bus-usb). */
static int parse_port(const char *name, unsigned *ret_bus) {
        if (strlen(name) >= SIM_NAME_MAX || name[0] < '1' || name[0] > '0' + (char) SIM_BUS_MAX ||
            name[1] != '-')
                return -EINVAL;
        for (const char *p = name + 2;; p++) {
                if (!isdigit((unsigned char) *p) || *p == '0')
                        return -EINVAL;
                while (isdigit((unsigned char) *p))
                        p++;
                if (*p == 0)
                        break;
                if (*p != '.')
                        return -EINVAL;
        }
        *ret_bus = (unsigned) (name[0] - '0');
        return 0;
}

int sim_plug(struct sim *sim, const char *name, const char *kind, struct model *model) {
        unsigned bus = 0;
        if (parse_port(name, &bus) < 0)
                return -EINVAL;
        if (sim_find(sim, name) || g_hash_table_contains(sim->hubs, name))
                return -EEXIST;
        for (size_t i = 0; i < sim->n_ports; i++) {
                const char *other = sim->ports[i]->name;
                if (g_str_has_prefix(name, other) && name[strlen(other)] == '.')
                        return -EEXIST;
        }
        if (sim->n_ports == SIM_PORTS_MAX)
                return -ENOSPC;
        struct sim_port *port = g_new0(struct sim_port, 1);
        port->sim = sim;
        port->bus = bus;
        (void) g_strlcpy(port->name, name, sizeof(port->name));
        (void) g_strlcpy(port->kind, kind, sizeof(port->kind));
        port->model = model;
        port->counts.by_request = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        sysfs_add_hubs(sim, name, bus);
        sim->ports[sim->n_ports++] = port;
        return 0;
}

void sim_remove(struct sim_port *port) {
        struct sim *sim = port->sim;
        detach(port);
        for (size_t i = 0; i < sim->n_ports; i++)
                if (sim->ports[i] == port)
                        sim->ports[i] = sim->ports[--sim->n_ports];
        model_free(port->model);
        g_hash_table_destroy(port->counts.by_request);
        g_free(port);
}

const char *sim_port_tty(const struct sim_port *port) {
        return port->tty ? sim_tty_name(port->tty) : NULL;
}
