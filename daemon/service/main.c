/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "service/alias.h"
#include "service/clients.h"
#include "service/device.h"
#include "service/direct.h"
#include "service/idle.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/modem-manager.h"
#include "service/service.h"
#include "service/stop.h"
#include "service/storage.h"
#include "service/udev.h"

DEFINE_CLEANUP(struct service *, service_clear)

static int add_objects(struct service *service) {
        int r;

        r = manager_bus_add(service);
        if (r < 0)
                return r;
        r = devices_bus_add(service);
        if (r < 0)
                return r;
        return jobs_bus_add(service);
}

static int failed(int r, const char *what) {
        log_error("%s: %s", what, strerror(-r));
        return r;
}

static int connect_bus(struct service *service, int direct_fd) {
        int r;

        if (service->direct) {
                r = direct_connect(service, direct_fd);
                if (r < 0)
                        return failed(r, "Cannot serve on the descriptor");
        } else {
                r = sd_bus_open_system_with_description(&service->bus, "fwd");
                if (r < 0)
                        return failed(r, "Cannot connect to the system bus");
                service->machine_bus = sd_bus_ref(service->bus);
                r = clients_start(service);
                if (r < 0)
                        return failed(r, "Cannot watch for clients");
        }
        r = stop_on_bus_loss(service);
        return r < 0 ? failed(r, "Cannot watch the bus connection") : 0;
}

/* From here on somebody can call. */
static int open_doors(struct service *service) {
        int r;

        if (service->direct) {
                r = direct_settle(service);
                return r < 0 ? failed(r, "The event loop failed") : 0;
        }
        r = sd_bus_request_name(service->bus, SERVICE_NAME, 0);
        if (r < 0)
                return failed(r, "Cannot get the name " SERVICE_NAME);
        r = idle_start(service);
        if (r < 0)
                return failed(r, "Cannot watch for idleness");
        (void) sd_notify(false, "READY=1\nSTATUS=Watching for boards");
        return 0;
}

/* Everything that is there is on its object before the name is: who can find the service finds all
 * of it. */
static int start(struct service *service, int direct_fd) {
        int r;

        r = sd_event_set_watchdog(service->event, true);
        if (r < 0)
                return failed(r, "Cannot set up the watchdog");
        r = connect_bus(service, direct_fd);
        if (r < 0)
                return r;
        r = storage_lock(service);
        if (r < 0)
                return failed(r, "Cannot get the name " SERVICE_NAME);
        storage_watch(service);
        r = stop_on_signals(service);
        if (r < 0)
                return failed(r, "Cannot set up signals");
        r = service_open_state(service);
        if (r < 0)
                return failed(r, "Cannot remember the state directory");
        r = add_objects(service);
        if (r < 0)
                return failed(r, "Cannot put the objects on the bus");
        r = modem_manager_start(service);
        if (r < 0)
                return failed(r, "Cannot watch for ModemManager");
        r = udev_start(service);
        if (r < 0)
                return failed(r, "Cannot listen to udev");
        r = open_doors(service);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(service->bus, service->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? failed(r, "Cannot attach the bus") : 0;
}

static int run(int direct_fd) {
        _cleanup_(sd_event_unref_p) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unref_p) sd_bus *bus = NULL, *machine_bus = NULL;
        struct service service = {.direct = direct_fd >= 0};
        _cleanup_(service_clear_p) _unused_ struct service *clear = &service;
        int r;

        log_setup();
        (void) umask(0077);
        r = sd_event_default(&event);
        if (r < 0)
                return failed(r, "Cannot make the event loop");
        service.event = event;
        settings_load(&service.settings);
        aliases_load(&service);
        if (service.direct)
                direct_own_files(&service);
        r = start(&service, direct_fd);
        bus = service.bus;
        machine_bus = service.machine_bus;
        if (r < 0)
                return r;
        r = sd_event_loop(event);
        return r < 0 ? failed(r, "The event loop failed") : r; /* the exit status */
}

static int usage(FILE *to) {
        (void) fputs("Usage: fwd [--help] [--version]\n\n"
                     "The firmware flashing service; started by systemd or by D-Bus. See fwd(8).\n",
                     to);
        return to == stderr ? 2 : 0;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'V'},
                {"direct", required_argument, NULL, 'd'}, /* for fwctl alone: direct.h */
                {},
        };
        uint64_t direct_fd = 0;
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        return usage(stdout);
                case 'V':
                        (void) puts("fwd " FWD_VERSION);
                        return 0;
                case 'd':
                        if (parse_u64(optarg, INT_MAX, &direct_fd) == 0 &&
                            direct_fd > STDERR_FILENO)
                                break;
                        return usage(stderr);
                default:
                        return usage(stderr);
                }
        if (optind < argc)
                return usage(stderr);
        c = run(direct_fd > 0 ? (int) direct_fd : -1);
        return c < 0 ? EXIT_FAILURE : c;
}
