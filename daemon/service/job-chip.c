/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs about the chip under the firmware: reading its flash, erasing it, taking its read protection
 * off, and the plans of those that change something (dry-run), for which no board leaves its
 * firmware. */

#include <string.h>

#include "service/device.h"
#include "service/steps.h"

static bool in_bootloader(const struct job *job) {
        return job->device->mode == MODE_BOOTLOADER;
}

/* A worker on the board in its bootloader. */
static struct worker_request chip_request(const struct job *job, const char *operation) {
        struct worker_request request = step_request(job, operation);
        const struct device *device = job->device;

        request.node = device->usb_node;
        request.vendor_id = device->vendor_id;
        request.product_id = device->product_id;
        request.serial = device_get(device, DEVICE_SERIAL);
        request.options = &job->options;
        return request;
}

static int start_on_chip(struct job *job, const char *operation) {
        struct worker_request request;

        if (!in_bootloader(job))
                return job_fault(job, FWD_DEVICE_LOST, "The board is not in its bootloader");
        request = chip_request(job, operation);
        request.output_fd = job->output_fd;
        return step_start_worker(job, &request);
}

/* Read */

static int read_start(struct job *job) {
        return start_on_chip(job, "read");
}

static const struct step step_read = {.phase = "opening", .start = read_start};

/* Erase */

static int erase_start(struct job *job) {
        return start_on_chip(job, "erase");
}

static int erase_finish(struct job *job, const struct worker_outcome *outcome) {
        if (outcome->fault.error != FWD_OK) {
                job->fault = outcome->fault;
                return -EIO;
        }
        if (outcome->state != BOARD_ERASED)
                return job_fault(job, FWD_ERASE_FAILED,
                                 "The worker reported success without having erased the board");
        return 0;
}

static const struct step step_erase = {
        .phase = "opening", .start = erase_start, .finish = erase_finish};

/* Unprotect: the chip resets itself in the end, and is asked again when it is back. */

static int unprotect_start(struct job *job) {
        return start_on_chip(job, "unprotect");
}

static const struct step step_unprotect = {
        .phase = "opening",
        .flags = STEP_MAY_VANISH,
        .start = unprotect_start,
};

/* Not of a chip that was open before, or is still there and open. */
static bool was_reset(const struct job *job) {
        const char *is_protected = job_fact(job, "ReadProtected");

        return job->state >= BOARD_ERASED && (!is_protected || strcmp(is_protected, "no") != 0);
}

static int reset_check(struct job *job) {
        struct device *device = job->device;

        if (*device->stranger)
                return job_fault(job, FWD_WRONG_BOARD,
                                 "%s came to the port of the board that was unprotected",
                                 device->stranger);
        if (device->mode != MODE_BOOTLOADER || device->generation == job->generation)
                return 0;
        job->generation = device->generation;
        job_clear_notice(job);
        return 1;
}

static int reset_first(struct job *job) {
        const struct board_profile *profile = job->device->profile;

        job_add_notice(job, "The chip has no firmware any more and does not come back into its "
                            "bootloader by itself.");
        job_add_notice(job, profile && profile->hint_bootloader
                                    ? profile->hint_bootloader
                                    : "Hold the board's BOOT button while you plug it in again.");
        return 0;
}

static int reset_second(struct job *job) {
        return job_fault(job, FWD_NEEDS_USER_ACTION,
                         "The chip was erased to take its read protection off, but has not come "
                         "back to show that it is open; fwctl identify tells when it has");
}

static const struct await reset_await = {
        .check = reset_check, .first = reset_first, .second = reset_second};

static int reset_start(struct job *job) {
        return step_start_await(job, &reset_await);
}

static const struct step step_reset = {
        .phase = "waiting-for-bootloader",
        .flags = STEP_MAY_VANISH,
        .needed = was_reset,
        .start = reset_start,
};

static int proof_start(struct job *job) {
        struct worker_request request = chip_request(job, "identify");

        request.options = NULL;
        return step_start_worker(job, &request);
}

static int proof_finish(struct job *job, const struct worker_outcome *outcome) {
        const char *is_protected = job_fact(job, "ReadProtected");

        if (outcome->fault.error != FWD_OK) {
                job->fault = outcome->fault;
                return -EIO;
        }
        if (!is_protected || strcmp(is_protected, "no") != 0)
                return job_fault(job, FWD_READ_PROTECTED,
                                 "The chip was reset, but is read protected as before");
        return 0;
}

static const struct step step_proof = {
        .phase = "identifying", .needed = was_reset, .start = proof_start, .finish = proof_finish};

/* Back to the firmware, if it came from there and still has one. */

bool chip_goes_back(const struct job *job) {
        return job->went_firmware && job->options.leave && job->state == BOARD_UNTOUCHED &&
               !job->options.dry_run;
}

static bool leave_needed(const struct job *job) {
        return in_bootloader(job) && chip_goes_back(job);
}

static int leave_start(struct job *job) {
        struct worker_request request = chip_request(job, "leave");

        request.options = NULL;
        return step_start_worker(job, &request);
}

static const struct step step_go_back = {
        .phase = "leaving",
        .flags = STEP_MAY_VANISH,
        .needed = leave_needed,
        .start = leave_start,
};

/* Plans */

static int plan_start(struct job *job) {
        const char *operation = job->kind == JOB_RECOVER ? "recover" : job_kind_name(job->kind);
        struct worker_request request;

        if (in_bootloader(job))
                request = chip_request(job, operation);
        else {
                request = step_request(job, operation);
                request.options = &job->options;
                request.map = device_get(job->device, DEVICE_MEMORY_MAP);
                request.mcu = device_get(job->device, DEVICE_MCU);
                if (!*request.mcu && job->device->profile)
                        request.mcu = job->device->profile->mcu;
        }
        request.image_fd = job->image_fd;
        return step_start_worker(job, &request);
}

const struct step step_plan = {.phase = "planning", .start = plan_start};

const struct step *const chip_plan_steps[] = {&step_settle, &step_ask, &step_plan, NULL};

/* As far as the bootloader, each job is the same. */
#define TO_BOOTLOADER                                                                              \
        &step_settle, &step_port, &step_modem, &step_inhibit, &step_reboot, &step_departure,       \
                &step_bootloader

const struct step *const read_steps[] = {TO_BOOTLOADER, &step_read, &step_go_back, &step_return,
                                         NULL};
const struct step *const erase_steps[] = {TO_BOOTLOADER, &step_erase, NULL};
const struct step *const unprotect_steps[] = {TO_BOOTLOADER, &step_unprotect, &step_reset,
                                              &step_proof,   &step_go_back,   &step_return,
                                              NULL};
