/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the ports of a simulation have in common, whoever serves them. */

#include <string.h>

#include "sim/descriptors.h"
#include "sim/testbed.h"

uint64_t sim_now(const struct sim *sim) {
        return (uint64_t) ((double) ((uint64_t) g_get_monotonic_time() - sim->epoch_us) /
                           sim->time_scale);
}

uint64_t sim_host_time(const struct sim *sim, uint64_t model_us) {
        if (model_us == MODEL_NEVER)
                return MODEL_NEVER;
        /* one more µs, so that the models' clock has passed the moment when the timer fires */
        return sim->epoch_us + (uint64_t) ((double) model_us * sim->time_scale) + 1;
}

struct sim_port *sim_find(struct sim *sim, const char *name) {
        for (size_t i = 0; i < sim->n_ports; i++)
                if (strcmp(sim->ports[i]->name, name) == 0)
                        return sim->ports[i];
        return NULL;
}

const char *sim_port_mode(const struct sim_port *port) {
        if (!port->attached)
                return "gone";
        struct interface_walk walk = interface_walk(port->model);
        while (interface_next(&walk))
                if (walk.class == USB_CLASS_APPLICATION && walk.subclass == USB_SUBCLASS_DFU &&
                    walk.protocol == USB_PROTOCOL_DFU_MODE)
                        return "bootloader";
        return "firmware";
}
