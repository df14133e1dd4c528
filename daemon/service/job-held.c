/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "service/device.h"
#include "service/journal.h"
#include "service/port-wait.h"
#include "service/steps.h"

/* A step whose worker found the board's serial port, or its bootloader, held by another program is
 * begun again until it is free. */

static void on_retry(void *userdata) {
        job_run(userdata);
}

static void tell(struct job *job) {
        _cleanup_free_ char *who = port_wait_who(job->port_wait), *notice = NULL;

        if (who)
                notice = text_format("%s. The job goes on when it is free; it waits for %" PRIu64
                                     " s at most.",
                                     who, job->service->settings.port_wait_ms / 1000);
        if (notice)
                job_set_fact(job, "Notice", notice);
}

static void on_told(void *userdata) {
        tell(userdata);
}

static void on_settled(void *userdata) {
        job_device_changed(userdata);
}

static const struct port_wait_handlers handlers = {
        .retry = on_retry,
        .told = on_told,
        .settled = on_settled,
        .may_inhibit = true,
};

static struct port_wait_for serial_port(const struct job *job) {
        return (struct port_wait_for){
                .port = job->port,
                .node = job->device->tty,
                .rule = job->device->modem_rule,
        };
}

static void begin(struct job *job) {
        _cleanup_free_ char *who = port_wait_who(job->port_wait);

        job->held_step = job->step;
        job_notice_save(job);
        journal_log(LOG_NOTICE, job->port, job->id, "%s, waiting for it",
                    who ? who : "The port is held");
        job_set_phase(job, "waiting-for-port");
        tell(job);
}

void job_held_end(struct job *job) {
        char text[32];
        uint64_t ms;

        if (!job_is_held(job))
                return;
        ms = port_wait_elapsed_ms(job->port_wait);
        (void) snprintf(text, sizeof(text), "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
        job_set_fact(job, "PortWaitSeconds", text);
        port_wait_end(job->port_wait);
        job_notice_restore(job);
}

bool job_is_held(const struct job *job) {
        return port_wait_is_active(job->port_wait);
}

static void give_up(struct job *job, struct fault *fault) {
        _cleanup_free_ char *who = port_wait_who(job->port_wait);

        if (!who)
                return;
        *fault = (struct fault) FAULT_INIT;
        fault_set(fault, FWD_PORT_HELD, "%s, for more than %" PRIu64 " s%s", who,
                  job->service->settings.port_wait_ms / 1000,
                  strstr(who, "ModemManager")
                          ? " (systemctl stop ModemManager stops it; fwd's udev rules keep it off)"
                  : strstr(who, "fwupd") ? " (systemctl stop fwupd stops it)"
                                         : " (sudo fwctl doctor tells which)");
}

bool job_held_again(struct job *job, struct worker_outcome *outcome) {
        const struct port_wait_for bootloader = {
                .port = job->port,
                .node = job->device->usb_node,
                .is_usb = true,
        };
        const struct port_wait_for what = job->worker_has_tty ? serial_port(job) : bootloader;
        bool first = !job_is_held(job);
        int r;

        if (outcome->fault.error != FWD_PORT_HELD)
                return false;
        if (job->device->mode == MODE_BOOTLOADER)
                job->bootloader_was_held = true;
        if (job->service->settings.port_wait_ms == 0 || !what.node || job->worker_has_hidraw)
                return false;
        if (job->cancelling) {
                job_run(job); /* which sees that it is cancelled */
                return true;
        }
        r = port_wait_again(job->service, &job->port_wait, &what, &handlers, job);
        if (r < 0) {
                if (job_is_held(job))
                        give_up(job, &outcome->fault);
                return false;
        }
        if (first)
                begin(job);
        return true;
}

/* Whom no rule keeps off a board may have made a modem of it: ModemManager is told to let go before
 * the port is opened, so that it does not look at the board again each time it comes back. */

static bool modem_needed(const struct job *job) {
        return job->service->machine_bus && job->device->mode == MODE_FIRMWARE &&
               job->device->tty && job->device->modem_rule != MODEM_RULE_IGNORE;
}

static int modem_check(struct job *job) {
        return !port_wait_is_asking(job->port_wait);
}

static const struct await modem_await = {.check = modem_check, .timeless = true};

static int modem_start(struct job *job) {
        const struct port_wait_for what = serial_port(job);

        (void) port_wait_ask(job->service, &job->port_wait, &what, &handlers, job);
        return step_start_await(job, &modem_await);
}

const struct step step_modem = {.needed = modem_needed, .start = modem_start};
