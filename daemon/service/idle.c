/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/idle.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "service/farewell.h"
#include "service/job.h"
#include "service/storage.h"
#include "service/udev.h"

/* It may come this share late, so that the machine wakes up for several things at once. */
#define TIMER_SHARE 10U

/* How long systemd may take to read a message. It does not matter to the second. */
#define BARRIER_LIMIT_US (5ULL * 1000 * 1000)

enum idle_state {
        IDLE_NOT,     /* somebody needs the service */
        IDLE_WAITING, /* nobody; the timer runs */
        IDLE_LEAVING, /* until the name is given back */
        IDLE_LEFT,    /* calls that are left are answered */
        IDLE_PARTING, /* until the bus has read the answers */
};

struct idle {
        enum idle_state state;
        sd_event_source *post, *timer;
        sd_event_source *barrier; /* systemd closes the other end when it has come to it */
        int barrier_fd;
};

static bool is_needed(const struct service *service) {
        return service->devices || service->jobs || service->authorizations ||
               service->inspections || service->clients;
}

static int on_released(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct service *service = userdata;

        /* What came before systemd knew that we go was no start for it: it is there by now. */
        udev_drain(service);
        service->idle->state = IDLE_LEFT;
        return 0;
}

static void release_name(struct service *service) {
        struct idle *idle = service->idle;

        idle->timer = sd_event_source_unref(idle->timer);
        idle->barrier = sd_event_source_unref(idle->barrier);
        if (sd_bus_release_name_async(service->bus, &service->release, SERVICE_NAME, on_released,
                                      service) < 0)
                idle->state = IDLE_LEFT;
}

static int on_barrier(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        release_name(userdata);
        return 0;
}

static int on_barrier_late(sd_event_source *source, uint64_t usec, void *userdata) {
        release_name(userdata);
        return 0;
}

/* What sd_notify_barrier() does, without waiting for it. */
static int add_barrier(struct service *service) {
        struct idle *idle = service->idle;
        _cleanup_close_ int theirs = -EBADF;
        int pair[2], r;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        idle->barrier_fd = pair[0];
        theirs = pair[1];
        r = sd_pid_notify_with_fds(0, false, "BARRIER=1", &theirs, 1);
        if (r <= 0)
                return r < 0 ? r : -ENOTCONN; /* nobody started us who would listen */
        r = sd_event_add_io(service->event, &idle->barrier, idle->barrier_fd, 0, on_barrier,
                            service);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(service->event, &idle->timer, CLOCK_MONOTONIC,
                                          BARRIER_LIMIT_US, 0, on_barrier_late, service);
}

static void begin_to_leave(struct service *service, const char *status) {
        struct idle *idle = service->idle;

        idle->timer = sd_event_source_unref(idle->timer);
        service->stopping = true; /* no new jobs */
        idle->state = IDLE_LEAVING;
        (void) sd_notifyf(false, "STOPPING=1\nSTATUS=%s", status);
        if (add_barrier(service) < 0)
                release_name(service);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        log_info("No board, no job and no client: leaving until there is one");
        begin_to_leave(userdata, "Nothing to do");
        return 0;
}

static void wait_for_it(struct service *service) {
        struct idle *idle = service->idle;

        if (service->settings.idle_exit_ms == 0 ||
            sd_event_add_time_relative(service->event, &idle->timer, CLOCK_MONOTONIC,
                                       service->settings.idle_exit_ms * 1000,
                                       service->settings.idle_exit_ms * 1000 / TIMER_SHARE, on_idle,
                                       service) < 0)
                return; /* tried again after the next event */
        idle->state = IDLE_WAITING;
}

static bool has_to_answer(const struct service *service) {
        return service->inspections || service->authorizations || jobs_running(service) > 0;
}

static void on_farewell(struct service *service) {
        if (has_to_answer(service))
                service->idle->state = IDLE_LEFT;
        else
                (void) sd_event_exit(service->event, service->devices ? EXIT_START_AGAIN : 0);
}

static void leave(struct service *service) {
        if (has_to_answer(service))
                return;
        service->idle->state = IDLE_PARTING;
        farewell(service, on_farewell);
}

/* After everything that happened, whatever it was; it wakes nobody by itself. */
static int on_post(sd_event_source *source, void *userdata) {
        struct service *service = userdata;
        struct idle *idle = service->idle;

        if (!service->stopping && !has_to_answer(service) && storage_wants_restart(service)) {
                begin_to_leave(service, "Starting again");
                return 0;
        }
        switch (idle->state) {
        case IDLE_NOT:
                if (!service->stopping && !is_needed(service))
                        wait_for_it(service);
                break;
        case IDLE_WAITING:
                if (service->stopping || is_needed(service)) {
                        idle->timer = sd_event_source_unref(idle->timer);
                        idle->state = IDLE_NOT;
                }
                break;
        case IDLE_LEAVING:
        case IDLE_PARTING:
                break;
        case IDLE_LEFT:
                leave(service);
                break;
        }
        return 0;
}

int idle_start(struct service *service) {
        struct idle *idle;

        idle = calloc(1, sizeof(*idle));
        if (!idle)
                return -ENOMEM;
        idle->barrier_fd = -EBADF;
        service->idle = idle;
        return sd_event_add_post(service->event, &idle->post, on_post, service);
}

void idle_stop(struct service *service) {
        struct idle *idle = service->idle;

        if (!idle)
                return;
        sd_event_source_unref(idle->post);
        sd_event_source_unref(idle->timer);
        sd_event_source_unref(idle->barrier);
        fd_close(idle->barrier_fd);
        free(idle);
        service->idle = NULL;
}
