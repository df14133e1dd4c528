/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The service as a whole: what every module of it shares. One thread, one sd_event loop, nothing in
 * it blocks: no device is opened here, no firmware file is read, no bus call is waited for. Made
 * and torn down by main.c; the lists are owned by the module named beside them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "service/backup-store.h"
#include "service/history.h"
#include "service/identity-store.h"

#define SERVICE_NAME            "org.fwctl1"
#define SERVICE_PATH            "/org/fwctl1"
#define MANAGER_INTERFACE       "org.fwctl1.Manager"
#define DEVICE_INTERFACE        "org.fwctl1.Device"
#define JOB_INTERFACE           "org.fwctl1.Job"

#define SERVICE_JOBS_MAX        64U /* running at one time, all boards together */
#define SERVICE_INSPECTIONS_MAX 8U  /* Manager.Inspect() calls at one time */

/* Exit status: not asked to end, and wanted again at once (EX_TEMPFAIL; systemd/fwd.service). */
#define EXIT_START_AGAIN 75

DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
DEFINE_CLEANUP(sd_event_source *, sd_event_source_unref)
DEFINE_CLEANUP(sd_event *, sd_event_unref)
DEFINE_CLEANUP(sd_bus *, sd_bus_flush_close_unref)

struct authorization;
struct client;
struct device;
struct idle;
struct inspection;
struct job;
struct udev_intake;

struct settings { /* from the environment, docs/architecture.md */
        const char *worker;
        const char *state_dir;
        uint64_t await_first_ms, await_second_ms;
        uint64_t worker_timeout_ms; /* of silence */
        uint64_t cancel_grace_ms;
        uint64_t idle_exit_ms; /* without anything to do; 0: never */
        uint64_t port_wait_ms; /* for a serial port that another program has; 0: not */
};

struct alias {
        char *name, *port;
};

struct service {
        sd_event *event;
        sd_bus *bus; /* NULL in unit tests: nothing is emitted then */
        /* Where ModemManager and logind are: `bus`, or (direct.h) another; NULL: they are not. */
        sd_bus *machine_bus;
        bool direct;  /* for one command, without a bus */
        int state_fd; /* locked (base/state-lock.h); 0 or negative: it is not */
        struct {      /* storage.c */
                sd_bus_slot *match;
                bool frozen; /* read-only when the service started */
                bool thawed; /* for all others */
        } storage;
        struct settings settings;
        struct alias *aliases; /* alias.c */
        size_t n_aliases;
        struct device *devices;    /* device.c, by port */
        struct departed *departed; /* identity.c */
        struct job *jobs;          /* job.c, oldest first */
        uint32_t last_job_id;
        struct authorization *authorizations; /* polkit.c */
        struct inspection *inspections;       /* inspect.c */
        struct port_wait *port_waits;         /* port-wait.c; each is its job's or device's */
        struct udev_intake *intake;           /* udev.c */
        struct backup_store backups;
        struct history history;
        struct identity_store known; /* boards, over restarts */
        struct client *clients;      /* clients.c */
        uint64_t n_calls;            /* that ever came */
        struct idle *idle;           /* idle.c */
        char *brltty_unit;           /* brltty.c */
        sd_bus_slot *brltty_question;
        bool stopping; /* no new jobs */
        bool signalled;
        bool ending;          /* leaves when the last job has ended (stop.h) */
        int exit_status;      /* then */
        sd_bus_slot *release; /* of the name, under way */
        struct {              /* farewell.c */
                sd_bus_slot *question;
                uint64_t n_calls; /* when it was asked */
                void (*then)(struct service *service);
        } farewell;
};

/* Reads the settings from the environment; what cannot be read is told and left at its default. */
void settings_load(struct settings *ret);
/* What the service keeps on the disk, by its settings. -ENOMEM. */
int service_open_state(struct service *service);
/* CLOCK_REALTIME. */
uint64_t realtime_us(void);
/* Frees all jobs, devices and calls; workers that still run are killed. Leaves bus and event alone.
 */
void service_clear(struct service *service);
