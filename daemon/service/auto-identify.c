/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/text.h"
#include "service/device.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/worker.h"

static void on_retry(void *userdata) {
        struct device *device = userdata;

        auto_identify_consider(device);
        if (!device->identify) /* a job has the board now, or it is known by now */
                device->port_wait = port_wait_free(device->port_wait);
}

static void on_told(void *userdata) {
        struct device *device = userdata;
        _cleanup_free_ char *who = port_wait_who(device->port_wait), *hint = NULL;

        if (who)
                hint = text_format("%s. It is asked what it is when the port is free.", who);
        if (hint)
                device_set(device, DEVICE_HINT, hint);
        device_flush(device);
}

/* Whether the port is waited for. Nobody asked: ModemManager is not told to let go of it. */
static bool is_held(struct device *device, const struct worker_outcome *outcome) {
        static const struct port_wait_handlers handlers = {.retry = on_retry, .told = on_told};
        const struct port_wait_for what = {
                .port = device_get(device, DEVICE_PORT),
                .node = device->tty,
                .rule = device->modem_rule,
        };

        if (outcome->fault.error != FWD_PORT_HELD || !device->tty ||
            device->service->settings.port_wait_ms == 0 ||
            port_wait_again(device->service, &device->port_wait, &what, &handlers, device) < 0)
                return false;
        on_told(device);
        return true;
}

static void on_report(void *userdata, const struct report *report) {
        device_learn(userdata, report);
}

static void on_done(void *userdata, const struct worker_outcome *outcome) {
        struct device *device = userdata;
        const char *port = device_get(device, DEVICE_PORT);

        device->identify = worker_free(device->identify);
        if (outcome->fault.error == FWD_OK) {
                device->identified = true;
                identity_keep(device);
                device_hint_update(device);
                device->port_wait = port_wait_free(device->port_wait);
                journal_log(LOG_INFO, port, 0, "This is %s, %s %s", device_name(device),
                            device_get(device, DEVICE_VARIANT),
                            device_get(device, DEVICE_FIRMWARE_VERSION));
        } else if (!is_held(device, outcome)) {
                device->port_wait = port_wait_free(device->port_wait);
                /* Not again by itself: whatever holds the port or broke the firmware would make
                 * this a loop. */
                device->identify_failed = true;
                device_set(device, DEVICE_HINT, outcome->fault.message);
                journal_log(LOG_WARNING, port, 0, "Not identified: %s", outcome->fault.message);
        }
        device_flush(device);
        if (device->job)
                job_device_changed(device->job);
}

void auto_identify_consider(struct device *device) {
        static const struct worker_handlers handlers = {on_report, on_done};
        struct worker_request request = WORKER_REQUEST_INIT;
        int r;

        if (device->service->stopping || device->mode != MODE_FIRMWARE || !device->tty ||
            !device->profile || device->profile->identify != IDENTIFY_AUTO || device->identified ||
            device->identify_failed || device->identify || device->job)
                return;
        request.operation = "identify";
        request.tty = device->tty;
        request.port = device_get(device, DEVICE_PORT);
        request.board = device_get(device, DEVICE_BOARD);
        r = worker_start(device->service, &request, &handlers, device, &device->identify);
        if (r < 0) {
                device->identify_failed = true;
                journal_log(LOG_ERR, request.port, 0, "Not identified: no worker: %s",
                            strerror(-r));
        }
}
