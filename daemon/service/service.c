/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/service.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "service/alias.h"
#include "service/brltty.h"
#include "service/clients.h"
#include "service/device.h"
#include "service/idle.h"
#include "service/inspect.h"
#include "service/job.h"
#include "service/polkit.h"
#include "service/udev.h"

/* fwupd waits as long for a board to come back by itself, and for one that a person must help. */
#define AWAIT_FIRST_MS  10000U
#define AWAIT_SECOND_MS 30000U

/* The longest silence of a healthy worker is a mass erase, 70 s on the slowest chips (an STM32F7
 * of 2 MiB at x8): above it, with room. */
#define WORKER_TIMEOUT_MS 120000U

/* A transfer that must not be cut short takes a few seconds at most: the erase of one sector. */
#define CANCEL_GRACE_MS 10000U

/* ModemManager probes a port that does not answer it with "AT" six times and with QCDM twice, 3 s
 * each, by a timer of whole seconds: 1.20.4 had ports for 26 s and 29 s. Above it, with room. */
#define PORT_WAIT_MS 40000U

/* Long enough that a script of a few calls is served by one start. */
#define IDLE_EXIT_MS   60000U

#define SETTING_MAX_MS (3600U * 1000)

static void read_ms(const char *name, uint64_t *ret) {
        const char *text = getenv(name);

        if (text && parse_u64(text, SETTING_MAX_MS, ret) < 0)
                log_warning("%s=%s is not a number of milliseconds, ignored", name, text);
}

static void read_await(struct settings *settings) {
        const char *text = getenv("FWD_AWAIT_MS"), *comma = text ? strchr(text, ',') : NULL;
        char first[16] = "";
        uint64_t a, b;

        if (!text)
                return;
        if (comma && (size_t) (comma - text) < sizeof(first))
                memcpy(first, text, (size_t) (comma - text));
        if (!comma || parse_u64(first, SETTING_MAX_MS, &a) < 0 ||
            parse_u64(comma + 1, SETTING_MAX_MS, &b) < 0) {
                log_warning("FWD_AWAIT_MS=%s is not two numbers of milliseconds, ignored", text);
                return;
        }
        settings->await_first_ms = a;
        settings->await_second_ms = b;
}

/* STATE_DIRECTORY is systemd's word for StateDirectory=; several would have colons between. */
static const char *state_dir(void) {
        const char *ours = getenv("FWD_STATE_DIR"), *units = getenv("STATE_DIRECTORY");

        if (ours && *ours)
                return ours;
        return units && *units && !strchr(units, ':') ? units : FWD_STATEDIR;
}

int service_open_state(struct service *service) {
        int r = backup_store_init(&service->backups, service->settings.state_dir);

        if (r == 0)
                r = history_init(&service->history, service->settings.state_dir);
        return r < 0 ? r : identity_store_init(&service->known, service->settings.state_dir);
}

void settings_load(struct settings *ret) {
        const char *worker = getenv("FWD_WORKER");

        *ret = (struct settings){
                .worker = worker ? worker : FWD_WORKER,
                .state_dir = state_dir(),
                .await_first_ms = AWAIT_FIRST_MS,
                .await_second_ms = AWAIT_SECOND_MS,
                .worker_timeout_ms = WORKER_TIMEOUT_MS,
                .cancel_grace_ms = CANCEL_GRACE_MS,
                .idle_exit_ms = IDLE_EXIT_MS,
                .port_wait_ms = PORT_WAIT_MS,
        };
        read_await(ret);
        read_ms("FWD_WORKER_TIMEOUT_MS", &ret->worker_timeout_ms);
        read_ms("FWD_CANCEL_GRACE_MS", &ret->cancel_grace_ms);
        read_ms("FWD_IDLE_EXIT_MS", &ret->idle_exit_ms);
        read_ms("FWD_PORT_WAIT_MS", &ret->port_wait_ms);
}

uint64_t realtime_us(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

void service_clear(struct service *service) {
        service->release = sd_bus_slot_unref(service->release);
        service->farewell.question = sd_bus_slot_unref(service->farewell.question);
        service->storage.match = sd_bus_slot_unref(service->storage.match);
        idle_stop(service);
        udev_stop(service);
        brltty_clear(service);
        inspections_clear(service);
        authorizations_clear(service);
        clients_clear(service);
        jobs_clear(service);
        devices_clear(service);
        identities_clear(service);
        aliases_clear(service);
        backup_store_clear(&service->backups);
        history_clear(&service->history);
        identity_store_clear(&service->known);
        if (service->state_fd > 0)
                (void) close(service->state_fd);
}
