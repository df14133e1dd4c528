/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/device.h"
#include "service/steps.h"

/* Writing the board's own loader again: what every other job keeps off. A chip in its bootloader
 * may have to be asked first which board it is on. */

static bool has_loader(const struct device *device) {
        return device->profile && !range_is_empty(device->profile->recover);
}

static bool may_have_loader(const struct device *device) {
        return device->mode == MODE_BOOTLOADER && device->profile && device->profile->otp_boards;
}

int recover_check_board(const struct device *device, struct fault *fault) {
        if (has_loader(device) || may_have_loader(device))
                return 0;
        return fault_set(fault, FWD_NOT_SUPPORTED,
                         "Board %s (%s) is not known to have a loader of its own",
                         device_get(device, DEVICE_PORT), device_name(device));
}

/* Which board is it? */

static bool ask_needed(const struct job *job) {
        return !has_loader(job->device) && may_have_loader(job->device);
}

static int ask_start(struct job *job) {
        struct worker_request request = step_request(job, "identify");

        request.node = job->device->usb_node;
        request.vendor_id = job->device->vendor_id;
        request.product_id = job->device->product_id;
        request.serial = device_get(job->device, DEVICE_SERIAL);
        return step_start_worker(job, &request);
}

static const struct step step_ask_chip = {
        .phase = "identifying",
        .needed = ask_needed,
        .start = ask_start,
};

/* The file in full, before the board is touched */

static int inspect_start(struct job *job) {
        struct worker_request request = step_request(job, "inspect");

        if (!has_loader(job->device))
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 "Nothing on the chip says which board it is on, so it is not "
                                 "known where its loader belongs");
        request.recover = true;
        request.source_fd = job->source_fd;
        request.image_fd = job->image_fd;
        return step_start_worker(job, &request);
}

static const struct step step_inspect_loader = {
        .phase = "inspecting",
        .flags = STEP_ABOUT_IMAGE,
        .start = inspect_start,
        .finish = inspect_finish,
};

/* Recover */

static int recover_start(struct job *job) {
        struct worker_request request = step_request(job, "recover");
        const struct device *device = job->device;

        if (device->mode != MODE_BOOTLOADER)
                return job_fault(job, FWD_DEVICE_LOST, "The board is not in its bootloader");
        request.node = device->usb_node;
        request.vendor_id = device->vendor_id;
        request.product_id = device->product_id;
        request.serial = device_get(device, DEVICE_SERIAL);
        request.image_fd = job->image_fd;
        return step_start_worker(job, &request);
}

static int recover_finish(struct job *job, const struct worker_outcome *outcome) {
        const struct board_profile *profile = job->device->profile;
        int r = flash_finish(job, outcome);

        if (r < 0)
                return r;
        job_set_fact(job, "Return", "power-cycle");
        job_add_notice(job, profile && profile->hint_return ? profile->hint_return
                                                            : "Power-cycle the board.");
        return 0;
}

static const struct step step_recover = {
        .phase = "opening",
        .start = recover_start,
        .finish = recover_finish,
};

const struct step *const recover_plan_steps[] = {&step_settle, &step_ask_chip, &step_inspect_loader,
                                                 &step_plan, NULL};

const struct step *const recover_steps[] = {
        &step_settle,  &step_ask_chip, &step_inspect_loader, &step_port,       &step_modem,
        &step_inhibit, &step_reboot,   &step_departure,      &step_bootloader, &step_recover,
        NULL,
};
