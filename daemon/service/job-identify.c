/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "service/device.h"
#include "service/steps.h"
#include "service/udev.h"

static bool is_firmware(const struct job *job) {
        return job->device->mode == MODE_FIRMWARE;
}

static bool may_identify(const struct job *job) {
        return job->device->profile && job->device->profile->identify != IDENTIFY_NEVER;
}

/* Settle: an identification that the service began by itself is waited for, not fought with. */

static int settle_check(struct job *job) {
        return job->device->identify == NULL;
}

static const struct await settle_await = {.check = settle_check, .timeless = true};

static int settle_start(struct job *job) {
        return step_start_await(job, &settle_await);
}

const struct step step_settle = {.start = settle_start};

/* The serial port, or the HID node: udev tells it after the USB device. */

static bool wants_hidraw(const struct job *job) {
        return job->kind != JOB_IDENTIFY && job->device->profile &&
               board_reboot_opens_hid(job->device->profile->reboot);
}

static bool port_needed(const struct job *job) {
        if (!is_firmware(job) || !job->device->profile)
                return false;
        if (wants_hidraw(job))
                return !job->device->hidraw;
        return !job->device->tty &&
               (job->kind == JOB_IDENTIFY || job->kind == JOB_BACKUP || job->kind == JOB_RESTORE ||
                job->kind == JOB_DEFAULTS || board_reboot_opens_port(job->device->profile->reboot));
}

/* Who or what took the serial port away is told at once, and again when that changes. */
static void port_tell(struct job *job) {
        _cleanup_free_ char *text = port_driver_text(job->device), *notice = NULL;
        const struct settings *settings = &job->service->settings;
        const char *before = job_fact(job, "Notice");

        if (text)
                notice = text_format("%s The job goes on when the port is there; it waits for "
                                     "%" PRIu64 " s at most.",
                                     text,
                                     (settings->await_first_ms + settings->await_second_ms) / 1000);
        if (notice && (!before || strcmp(before, notice) != 0))
                job_set_fact(job, "Notice", notice);
}

static void port_look(struct job *job) {
        if (!wants_hidraw(job))
                udev_look_at_driver(job->service, job->port);
}

static int port_check(struct job *job) {
        if (wants_hidraw(job))
                return job->device->hidraw != NULL;
        if (job->device->tty) {
                job_notice_restore(job);
                return 1;
        }
        port_tell(job);
        return 0;
}

static int port_first(struct job *job) {
        port_look(job);
        if (!wants_hidraw(job) && job->device->port_driver.state != PORT_DRIVER_FINE)
                port_tell(job);
        else
                job_add_notice(job, wants_hidraw(job) ? "The board has no HID node yet."
                                                      : "The board has no serial port yet.");
        return 0;
}

static int port_second(struct job *job) {
        _cleanup_free_ char *text = NULL;

        port_look(job);
        text = wants_hidraw(job) ? NULL : port_driver_text(job->device);
        if (text)
                return job_fault(job,
                                 port_driver_is_held(job->device) ? FWD_PORT_HELD : FWD_TIMEOUT,
                                 "%s", text);
        if (wants_hidraw(job))
                return job_fault(job, FWD_TIMEOUT,
                                 "The board's HID node did not appear; is the kernel's driver for "
                                 "it there (usbhid, hidraw)?");
        return job_fault(job, FWD_TIMEOUT,
                         "The board's serial port did not appear; is the kernel's driver for it "
                         "there (cdc_acm)?");
}

static const struct await port_await = {
        .check = port_check,
        .first = port_first,
        .second = port_second,
};

static int port_start(struct job *job) {
        job_notice_save(job);
        port_look(job);
        return step_start_await(job, &port_await);
}

const struct step step_port = {
        .phase = "waiting-for-port",
        .needed = port_needed,
        .start = port_start,
};

/* Identify */

int step_identify_start(struct job *job) {
        struct worker_request request = step_request(job, "identify");
        struct device *device = job->device;

        if (is_firmware(job) && !may_identify(job))
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 "What is known of this board forbids to open its serial port");
        if (is_firmware(job))
                request.tty = device->tty;
        else {
                request.node = device->usb_node;
                request.vendor_id = device->vendor_id;
                request.product_id = device->product_id;
                request.serial = device_get(device, DEVICE_SERIAL);
        }
        return step_start_worker(job, &request);
}

int step_identify_finish(struct job *job, const struct worker_outcome *outcome) {
        if (outcome->fault.error != FWD_OK) {
                job->fault = outcome->fault;
                return -EIO;
        }
        job->device->identified = true;
        if (is_firmware(job))
                identity_keep(job->device);
        device_hint_update(job->device);
        device_flush(job->device);
        return 0;
}

const struct step step_identify = {
        .phase = "identifying",
        .start = step_identify_start,
        .finish = step_identify_finish,
};

/* After a flash or a leave: the work is proven already. */

static bool identify_returned_needed(const struct job *job) {
        return (job->kind == JOB_FLASH || !job->went_firmware) && is_firmware(job) &&
               may_identify(job) && job->device->tty;
}

static int identify_returned_finish(struct job *job, const struct worker_outcome *outcome) {
        const char *now = device_get(job->device, DEVICE_UNIQUE_ID);
        char notice[400];

        if (outcome->fault.error != FWD_OK) {
                job->device->identify_failed = true;
                (void) snprintf(notice, sizeof(notice), "The firmware did not say what it is: %s",
                                outcome->fault.message);
                job_add_notice(job, notice);
                return 0;
        }
        if (*job->unique_id && *now && strcmp(job->unique_id, now) != 0)
                job_add_notice(job,
                               "Another board is on the port now than the one that was flashed.");
        return step_identify_finish(job, outcome);
}

const struct step step_identify_returned = {
        .phase = "identifying",
        .flags = STEP_MAY_VANISH | STEP_NO_CANCEL,
        .needed = identify_returned_needed,
        .start = step_identify_start,
        .finish = identify_returned_finish,
};

const struct step *const identify_steps[] = {&step_settle, &step_port, &step_modem, &step_identify,
                                             NULL};
