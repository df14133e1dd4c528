/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the ports of a simulation have in common, whoever serves them. */

#include <glib-unix.h>
#include <string.h>
#include <sys/timerfd.h>

#include "sim/descriptors.h"
#include "sim/testbed.h"

#define USEC_PER_SEC 1000000ULL

static gboolean on_timer(int fd, GIOCondition condition, gpointer userdata) {
        struct sim *sim = userdata;
        uint64_t expirations;
        (void) !read(fd, &expirations, sizeof(expirations));
        g_rec_mutex_lock(&sim->lock);
        sim_settle(sim);
        g_rec_mutex_unlock(&sim->lock);
        return G_SOURCE_CONTINUE;
}

static void timer_attach(struct sim *sim, GMainContext *context) {
        sim->timer = g_unix_fd_source_new(sim->timer_fd, G_IO_IN);
        g_source_set_callback(sim->timer, G_SOURCE_FUNC(on_timer), sim, NULL);
        (void) g_source_attach(sim->timer, context);
}

static void timer_detach(struct sim *sim) {
        g_source_destroy(sim->timer);
        g_source_unref(TAKE_PTR(sim->timer));
}

void sim_timer_start(struct sim *sim) {
        sim->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (sim->timer_fd < 0)
                g_error("timerfd_create: %s", g_strerror(errno));
        timer_attach(sim, NULL);
}

void sim_timer_move(struct sim *sim) {
        if (sim->timer_moved)
                return;
        sim->timer_moved = true;
        timer_detach(sim);
        timer_attach(sim, g_main_context_get_thread_default());
}

void sim_timer_set(struct sim *sim, uint64_t host_us) {
        struct itimerspec when = {};
        if (host_us != MODEL_NEVER) {
                when.it_value.tv_sec = (time_t) (host_us / USEC_PER_SEC);
                when.it_value.tv_nsec = (long) (host_us % USEC_PER_SEC) * 1000 + 1;
        }
        if (timerfd_settime(sim->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
                g_error("timerfd_settime: %s", g_strerror(errno));
}

void sim_timer_stop(struct sim *sim) {
        timer_detach(sim);
        (void) close(sim->timer_fd);
}

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

static bool in_bootloader(const struct model *model) {
        struct interface_walk walk = interface_walk(model);
        while (interface_next(&walk))
                if (walk.class == USB_CLASS_APPLICATION && walk.subclass == USB_SUBCLASS_DFU &&
                    walk.protocol == USB_PROTOCOL_DFU_MODE)
                        return true;
        return false;
}

const char *sim_port_mode(const struct sim_port *port) {
        if (!port->attached)
                return "gone";
        return in_bootloader(port->model) ? "bootloader" : "firmware";
}

bool sim_port_is_mute(const struct sim_port *port) {
        const struct model *model = port->model;
        return model->on_bus && (model->mute == MODEL_MUTE ||
                                 (model->mute == MODEL_MUTE_BOOTLOADER && in_bootloader(model)));
}
