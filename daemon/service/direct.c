/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/direct.h"

#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log.h"
#include "service/device.h"

/* The identity over MSP takes a tenth of a second; a board that is hung is not waited for. */
#define SETTLE_LIMIT_MS 5000U

static int check_peer(int fd) {
        socklen_t size = sizeof(struct ucred);
        struct ucred peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        return peer.uid == getuid() ? 0 : -EPERM;
}

static int make_server(sd_bus *bus, int fd) {
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0)
                return r;
        r = sd_bus_set_server(bus, true, id);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(bus, true);
        if (r < 0)
                return r;
        /* So that what listens for signals of the service on the bus hears them here too. */
        r = sd_bus_set_sender(bus, SERVICE_NAME);
        if (r < 0)
                return r;
        return sd_bus_start(bus);
}

int direct_connect(struct service *service, int fd) {
        int r;

        r = check_peer(fd);
        if (r < 0)
                return r;
        r = sd_bus_new(&service->bus);
        if (r < 0)
                return r;
        r = make_server(service->bus, fd);
        if (r < 0)
                return r;
        /* ModemManager and logind may be there, or not. */
        if (sd_bus_open_system_with_description(&service->machine_bus, "machine") < 0)
                return 0;
        return sd_bus_attach_event(service->machine_bus, service->event, SD_EVENT_PRIORITY_NORMAL);
}

void direct_own_files(const struct service *service) {
        struct stat st;

        if (geteuid() != 0 || stat(service->settings.state_dir, &st) < 0 || st.st_uid == 0)
                return;
        (void) setfsgid(st.st_gid);
        (void) setfsuid(st.st_uid);
}

static bool is_asking(const struct service *service) {
        for (const struct device *device = service->devices; device; device = device->next)
                if (device->identify)
                        return true;
        return false;
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        bool *late = userdata;

        *late = true;
        return 0;
}

int direct_settle(struct service *service) {
        _cleanup_(sd_event_source_unref_p) sd_event_source *limit = NULL;
        bool late = false;
        int r;

        r = sd_event_add_time_relative(service->event, &limit, CLOCK_MONOTONIC,
                                       SETTLE_LIMIT_MS * 1000, 0, on_limit, &late);
        while (r >= 0 && is_asking(service) && !late)
                r = sd_event_run(service->event, UINT64_MAX);
        return r < 0 ? r : 0;
}
