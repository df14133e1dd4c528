/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "service/device.h"
#include "service/journal.h"
#include "service/steps.h"

static bool began_in_firmware(const struct job *job) {
        return job->went_firmware;
}

static enum board_reboot reboot_way(const struct job *job) {
        return job->device->profile ? job->device->profile->reboot : REBOOT_NONE;
}

/* Ask the firmware. The worker asks it first who it is; what it says is the identity that the board
 * keeps in its bootloader. */

static bool reboot_needed(const struct job *job) {
        return job->device->mode == MODE_FIRMWARE && reboot_way(job) != REBOOT_NONE;
}

static int reboot_start(struct job *job) {
        struct worker_request request = step_request(job, "reboot");

        job_clear_notice(job);
        if (board_reboot_opens_hid(reboot_way(job))) {
                if (!job->device->hidraw)
                        return job_fault(job, FWD_DEVICE_LOST, "The board's HID node went away");
                request.hidraw = job->device->hidraw;
                request.vendor_id = job->device->vendor_id;
                request.product_id = job->device->product_id;
                return step_start_worker(job, &request);
        }
        if (!board_reboot_opens_port(reboot_way(job))) {
                request.node = job->device->usb_node;
                request.vendor_id = job->device->vendor_id;
                request.product_id = job->device->product_id;
                request.serial = device_get(job->device, DEVICE_SERIAL);
                return step_start_worker(job, &request);
        }
        if (!job->device->tty)
                return step_port_gone(job);
        request.tty = job->device->tty;
        request.after = job->reboot_after;
        return step_start_worker(job, &request);
}

/* Its firmware does not do it: the board's Hint says how a person does. */
static void ask_for_hand(struct job *job) {
        job->device->asked_by_hand = true;
        device_hint_update(job->device);
        device_flush(job->device);
}

/* A board may vanish in the middle of its answer: whether it obeyed, udev tells. */
static int reboot_finish(struct job *job, const struct worker_outcome *outcome) {
        const char *method = job_fact(job, "Method");

        job->deaf = method && strcmp(method, "by-hand") == 0;
        if (outcome->fault.error == FWD_OK ||
            (outcome->fault.error == FWD_DEVICE_LOST && !job->never_open))
                return 0;
        if (outcome->fault.error == FWD_NOT_SUPPORTED)
                ask_for_hand(job);
        job->fault = outcome->fault;
        return -EIO;
}

const struct step step_reboot = {
        .phase = "rebooting",
        .flags = STEP_MAY_VANISH,
        .needed = reboot_needed,
        .start = reboot_start,
        .finish = reboot_finish,
};

static void tell_how(struct job *job) {
        const struct board_profile *profile = job->device->profile;

        job_clear_notice(job);
        if (job->deaf)
                job_add_notice(job, "The firmware on the board does not know how to start the "
                                    "bootloader. Do it by hand:");
        job_add_notice(job, profile && profile->hint_bootloader
                                    ? profile->hint_bootloader
                                    : "Hold the board's BOOT button while you plug it in again.");
        ask_for_hand(job);
}

/* Departure: a request over USB has no answer. A board that obeys is gone in milliseconds; one that
 * is still there after this time does not know the request. */

#define DEPARTURE_MS 2000U

static bool departure_needed(const struct job *job) {
        return reboot_needed(job) && !board_reboot_opens_port(reboot_way(job)) && !job->deaf;
}

static int departure_check(struct job *job) {
        return job->device->mode != MODE_FIRMWARE || job->device->generation != job->generation;
}

static int departure_first(struct job *job) {
        job->deaf = true;
        return 1;
}

static const struct await departure_await = {
        .check = departure_check,
        .first_ms = DEPARTURE_MS,
        .first = departure_first,
};

static int departure_start(struct job *job) {
        return step_start_await(job, &departure_await);
}

const struct step step_departure = {
        .phase = "waiting-for-bootloader",
        .flags = STEP_MAY_VANISH,
        .needed = departure_needed,
        .start = departure_start,
};

/* Wait for the bootloader */

/* A person is to bring it there, or is at it. */
static bool by_hand(const struct job *job) {
        return job->hinted || job->deaf || reboot_way(job) == REBOOT_NONE;
}

/* The way that was taken starts this firmware again: there may be another. */
static bool has_more_ways(const struct job *job) {
        return job->more_ways && job_fact(job, "Method") && !by_hand(job);
}

static int try_next_way(struct job *job) {
        if (!job->device->tty)
                return 0;
        (void) snprintf(job->reboot_after, sizeof(job->reboot_after), "%s",
                        job_fact(job, "Method"));
        journal_log(LOG_NOTICE, job->port, job->id,
                    "The board started its firmware again (%s); it is asked for its bootloader in "
                    "another way",
                    job->reboot_after);
        job->more_ways = false;
        job->generation = job->device->generation;
        job_go_back(job, &step_reboot);
        return 1;
}

static int bootloader_check(struct job *job) {
        struct device *device = job->device;

        if (*device->stranger)
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 "The board came back as %s, which is not known as a bootloader",
                                 device->stranger);
        if (device->mode == MODE_BOOTLOADER) {
                job->generation = device->generation;
                device->by_software = !by_hand(job);
                device->asked_by_hand = false;
                job_clear_notice(job);
                return 1;
        }
        if (device->mode == MODE_FIRMWARE && device->generation != job->generation) {
                if (has_more_ways(job))
                        return try_next_way(job);
                /* Once a person was asked to act, the firmware may come back in between. */
                if (!by_hand(job)) {
                        ask_for_hand(job);
                        return job_fault(job, FWD_NOT_SUPPORTED,
                                         "The board was asked for its bootloader, but started its "
                                         "firmware again; bring it into its bootloader by hand");
                }
                job->generation = device->generation;
        }
        return 0;
}

static int bootloader_first(struct job *job) {
        tell_how(job);
        return 0;
}

static int bootloader_second(struct job *job) {
        const struct settings *settings = &job->service->settings;

        return job_fault(job, FWD_NEEDS_USER_ACTION,
                         "The board did not come as its bootloader within %" PRIu64 " s",
                         (settings->await_first_ms + settings->await_second_ms) / 1000);
}

static const struct await bootloader_await = {
        .check = bootloader_check,
        .first = bootloader_first,
        .second = bootloader_second,
};

static int bootloader_start(struct job *job) {
        if (reboot_way(job) == REBOOT_NONE || job->deaf)
                tell_how(job);
        return step_start_await(job, &bootloader_await);
}

const struct step step_bootloader = {
        .phase = "waiting-for-bootloader",
        .flags = STEP_MAY_VANISH,
        .needed = began_in_firmware,
        .start = bootloader_start,
};

const struct step *const reboot_steps[] = {
        &step_settle,    &step_port,       &step_modem, &step_reboot,
        &step_departure, &step_bootloader, NULL,
};
