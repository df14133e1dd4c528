/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/stop.h"

#include <signal.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "service/farewell.h"
#include "service/inspect.h"
#include "service/job.h"
#include "service/polkit.h"

static void on_farewell(struct service *service) {
        (void) sd_event_exit(service->event, service->exit_status);
}

static int on_released(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        farewell(userdata, on_farewell);
        return 0;
}

/* Calls that were sent to the name while it was ours come before the bus's answer: they get theirs.
 */
void service_consider_exit(struct service *service) {
        if (!service->ending || service->release || jobs_running(service) > 0)
                return;
        if (!service->bus || sd_bus_is_open(service->bus) <= 0 ||
            sd_bus_release_name_async(service->bus, &service->release, SERVICE_NAME, on_released,
                                      service) < 0)
                (void) sd_event_exit(service->event, service->exit_status);
}

void service_stop(struct service *service, int status) {
        service->stopping = true;
        service->ending = true;
        service->exit_status = status;
        (void) sd_notify(false, "STOPPING=1");
        jobs_stop(service);
        service_consider_exit(service);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        struct service *service = userdata;

        if (service->signalled)
                return sd_event_exit(service->event, EXIT_SUCCESS);
        service->signalled = true;
        /* It may be going already, by itself or because its bus has gone: systemd, which sees that
         * it has no name any more, says so too. */
        if (!service->stopping)
                service_stop(service, EXIT_SUCCESS);
        return 0;
}

int stop_on_signals(struct service *service) {
        sigset_t blocked;
        int r;

        if (sigemptyset(&blocked) < 0 || sigaddset(&blocked, SIGCHLD) < 0 ||
            sigaddset(&blocked, SIGTERM) < 0 || sigaddset(&blocked, SIGINT) < 0 ||
            sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(service->event, NULL, SIGTERM, on_signal, service);
        if (r < 0)
                return r;
        return sd_event_add_signal(service->event, NULL, SIGINT, on_signal, service);
}

/* Nobody hears of the jobs any more but the journal. The next service finds the boards as they are
 * then; it is started again by systemd, when there is a bus. */
static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct service *service = userdata;
        size_t n = jobs_running(service);

        if (service->ending)
                return 0;
        if (!service->direct) /* there, the caller has gone: what it is for is done */
                log_error("The connection to the bus was lost.%s",
                          n > 0 ? " Boards that are being changed are brought to the end first."
                                : "");
        inspections_clear(service);
        authorizations_clear(service);
        service_stop(service, service->direct ? EXIT_SUCCESS : EXIT_START_AGAIN);
        return 0;
}

int stop_on_bus_loss(struct service *service) {
        return sd_bus_match_signal(service->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                   "org.freedesktop.DBus.Local", "Disconnected", on_bus_lost,
                                   service);
}
