/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sim/testbed.h in the virtual machine: boards on vhci_hcd's ports. A port's name is the kernel's
 * bus path, so "1-3" here is 1-3 in sysfs; buses are those of the eight controllers.
 * Single-threaded. */

#include <stdio.h>
#include <string.h>

#include "sim/testbed.h"
#include "sim/usbip/vhci.h"

#define ATTACH_RETRY_US 10000U /* the kernel takes a moment to free a port that was just left */

static bool refresh(struct sim_port *port, bool *ret_retry) {
        struct model *model = port->model;
        bool changed = false;

        if (port->attached && (!model->on_bus || model->generation != port->generation)) {
                vhci_port_detach(port->vhci);
                port->attached = false;
                changed = true;
        }
        if (model->on_bus && !port->attached) {
                int r = vhci_port_attach(port->vhci);

                if (r == -EBUSY || r == -EINVAL) {
                        *ret_retry = true;
                        return changed;
                }
                if (r < 0)
                        g_error("Cannot attach to port %s: %s", port->name, g_strerror(-r));
                port->attached = true;
                port->generation = model->generation;
                port->counts.enumerations++;
                changed = true;
        }
        return changed;
}

void sim_settle(struct sim *sim) {
        uint64_t next = MODEL_NEVER;
        bool again = true, retry = false;

        while (again) {
                again = false;
                for (size_t i = 0; i < sim->n_ports; i++) {
                        struct sim_port *port = sim->ports[i];

                        /* What was answered reaches the host before the board leaves. */
                        bool answered = port->attached && vhci_port_answer(port->vhci, sim_now(sim),
                                                                           sim_port_is_mute(port));

                        port->counts.control += vhci_port_take_controls(port->vhci);
                        if (answered) {
                                again = true;
                                continue;
                        }
                        model_advance(port->model, sim_now(sim));
                        if (refresh(port, &retry))
                                again = true;
                }
        }
        for (size_t i = 0; i < sim->n_ports; i++) {
                struct sim_port *port = sim->ports[i];

                next = MIN(next, sim_host_time(sim, model_next_event(port->model)));
                next = MIN(next, sim_host_time(sim, vhci_port_next(port->vhci)));
        }
        if (retry)
                next = MIN(next, (uint64_t) g_get_monotonic_time() + ATTACH_RETRY_US);
        sim_timer_set(sim, next);
        if (sim->settled)
                sim->settled(sim);
}

static void on_input(void *userdata) {
        sim_settle(userdata);
}

struct sim *sim_new(double time_scale, const char *hwdb_path) {
        struct sim *sim = g_new0(struct sim, 1);

        g_rec_mutex_init(&sim->lock);
        sim->time_scale = time_scale;
        sim->epoch_us = (uint64_t) g_get_monotonic_time();
        sim_timer_start(sim);
        return sim;
}

void sim_end(struct sim *sim) {
        while (sim->n_ports > 0)
                sim_remove(sim->ports[sim->n_ports - 1]);
        sim_timer_stop(sim);
        g_rec_mutex_clear(&sim->lock);
        g_free(sim);
}

int sim_plug(struct sim *sim, const char *name, const char *kind, struct model *model) {
        unsigned bus = 0, hub_port = 0, controller = 0;
        char rest;

        if (sscanf(name, "%u-%u%c", &bus, &hub_port, &rest) != 2 || hub_port < 1 ||
            hub_port > VHCI_HUB_PORTS)
                return -EINVAL;
        while (controller < VHCI_CONTROLLERS && vhci_bus(controller) != (int) bus)
                controller++;
        if (controller == VHCI_CONTROLLERS)
                return -EINVAL;
        if (sim_find(sim, name))
                return -EEXIST;
        if (sim->n_ports == SIM_PORTS_MAX)
                return -ENOSPC;

        struct sim_port *port = g_new0(struct sim_port, 1);
        port->sim = sim;
        port->bus = bus;
        (void) g_strlcpy(port->name, name, sizeof(port->name));
        (void) g_strlcpy(port->kind, kind, sizeof(port->kind));
        port->model = model;
        port->counts.by_request = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        port->vhci = vhci_port_new(controller, hub_port - 1, model, on_input, sim);
        sim->ports[sim->n_ports++] = port;
        return 0;
}

void sim_remove(struct sim_port *port) {
        struct sim *sim = port->sim;

        vhci_port_free(port->vhci);
        for (size_t i = 0; i < sim->n_ports; i++)
                if (sim->ports[i] == port)
                        sim->ports[i] = sim->ports[--sim->n_ports];
        model_free(port->model);
        g_hash_table_destroy(port->counts.by_request);
        g_free(port);
}

int sim_port_set_driver(struct sim_port *port, const char *what) {
        return -EOPNOTSUPP;
}

/* The kernel's own names: read them from sysfs. */
const char *sim_port_tty(const struct sim_port *port) {
        return NULL;
}
