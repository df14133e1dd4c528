/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/device.h"
#include "service/old-flash.h"
#include "service/steps.h"

int flash_check_board(const struct device *device, struct fault *fault) {
        if (!device->profile)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "No board profile tells where the firmware of board %s belongs",
                                 device_get(device, DEVICE_PORT));
        if (!device->profile->flashable)
                return fault_set(
                        fault, FWD_NOT_SUPPORTED, "Board %s (%s) cannot be flashed here. %s",
                        device_get(device, DEVICE_PORT), device_name(device),
                        device->profile->hint_bootloader ? device->profile->hint_bootloader : "");
        return 0;
}

/* Inspect: the file in full, before the board is touched */

static int inspect_start(struct job *job) {
        struct worker_request request = step_request(job, "inspect");

        if (flash_check_board(job->device, &job->fault) < 0)
                return -EOPNOTSUPP;
        request.options = &job->options;
        request.source_fd = job->source_fd;
        request.image_fd = job->image_fd;
        return step_start_worker(job, &request);
}

int inspect_finish(struct job *job, const struct worker_outcome *outcome) {
        job->source_fd = fd_close(job->source_fd);
        if (outcome->fault.error == FWD_OK)
                return 0;
        job->fault = outcome->fault;
        return -EIO;
}

static const struct step step_inspect = {
        .phase = "inspecting",
        .flags = STEP_ABOUT_IMAGE,
        .start = inspect_start,
        .finish = inspect_finish,
};

/* Flash */

static int flash_start(struct job *job) {
        struct worker_request request = step_request(job, "flash");
        const struct device *device = job->device;

        const char *hash = job_fact(job, "Sha256");

        if (device->mode != MODE_BOOTLOADER)
                return job_fault(job, FWD_DEVICE_LOST, "The board is not in its bootloader");
        if (device->returned_with && hash && strcmp(device->returned_with, hash) == 0 &&
            !job->options.force)
                return job_fault(job, FWD_NEEDS_USER_ACTION,
                                 "This very firmware was written to the board, which came back in "
                                 "its bootloader: its switch, jumper or button still says so");
        (void) snprintf(job->unique_id, sizeof(job->unique_id), "%s",
                        device_get(device, DEVICE_UNIQUE_ID));
        if (old_flash_wanted(job)) {
                int r = old_flash_open(job, &job->output_fd, &job->old_flash, &job->fault);

                if (r < 0)
                        return r;
        }
        request.node = device->usb_node;
        request.vendor_id = device->vendor_id;
        request.product_id = device->product_id;
        request.serial = device_get(device, DEVICE_SERIAL);
        request.options = &job->options;
        request.image_fd = job->image_fd;
        request.output_fd = job->output_fd;
        request.save_if_lost = job->old_flash != NULL;
        request.image_name = job->image_name;
        return step_start_worker(job, &request);
}

int flash_finish(struct job *job, const struct worker_outcome *outcome) {
        old_flash_settle(job);
        /* A board that goes while it is sent off has done what was asked. */
        if (outcome->fault.error == FWD_DEVICE_LOST && outcome->state == BOARD_VERIFIED &&
            strcmp(job->phase, "leaving") == 0)
                return 0;
        if (outcome->fault.error != FWD_OK) {
                job->fault = outcome->fault;
                return -EIO;
        }
        /* Success is what was checked, not what was said. */
        if (outcome->state != BOARD_VERIFIED)
                return job_fault(job, FWD_VERIFY_FAILED,
                                 "The worker reported success without having verified the board");
        job->n_followed = 0;
        return 0;
}

static const struct step step_flash = {
        .phase = "opening",
        .start = flash_start,
        .finish = flash_finish,
};

/* Return: whatever comes. What was flashed may have another USB id than what was there before, or
 * none at all. */

static bool return_needed(const struct job *job) {
        switch (job->kind) {
        case JOB_FLASH:
                return job->options.leave;
        case JOB_READ:
        case JOB_ERASE:
        case JOB_UNPROTECT:
                return job->restoring || chip_goes_back(job);
        default:
                return !job->went_firmware;
        }
}

static int return_check(struct job *job) {
        const struct device *device = job->device;
        char notice[128];

        if (*device->stranger) {
                (void) snprintf(notice, sizeof(notice),
                                "The board came back as %s, which is not a known board.",
                                device->stranger);
                job_add_notice(job, notice);
                job_set_fact(job, "Return", "unknown");
                return 1;
        }
        if (device->mode != MODE_FIRMWARE)
                return 0;
        job_set_fact(job, "Return", "firmware");
        job->generation = device->generation;
        /* Its serial port is told a little later; only needed if it is to be asked. */
        return !device->profile || device->profile->identify == IDENTIFY_NEVER || device->tty;
}

/* Some bootloaders cannot start the firmware when a person entered them. */
static bool hangs(const struct job *job) {
        const struct device *device = job->device;

        return device->profile && device->profile->hangs_after_hand_entry && !device->by_software;
}

/* Its new firmware started it, and it went into its bootloader again: what holds it there is still
 * set. It is not to be flashed once more with the same. */
static void note_returned(struct job *job) {
        struct device *device = job->device;
        const char *hash = job_fact(job, "Sha256");

        free(device->returned_with);
        device->returned_with = hash ? strdup(hash) : NULL;
        device_hint_update(device);
        device_flush(device);
}

static int return_first(struct job *job) {
        const struct board_profile *profile = job->device->profile;
        const char *hint =
                profile && profile->hint_return ? profile->hint_return : "Power-cycle the board.";
        const char *what = "The board has not come back by itself.";
        bool unseen = false;
        char notice[800];

        if (job->device->mode == MODE_FIRMWARE)
                return 1;
        if (job->device->mode == MODE_BOOTLOADER && job->device->generation != job->generation) {
                what = "The board has come back in its bootloader: its switch, jumper or button "
                       "still says so.";
                if (job->kind == JOB_FLASH)
                        note_returned(job);
        } else if (job->device->mode == MODE_BOOTLOADER)
                what = "The board is still in its bootloader.";
        else if (!job->went_firmware && !hangs(job)) {
                what = "The board has left its bootloader; its firmware does not show on USB. If "
                       "it should:";
                unseen = true;
        }
        job_set_fact(job, "Return", unseen ? "unseen" : "power-cycle");
        (void) snprintf(notice, sizeof(notice), "%s %s", what, hint);
        job_add_notice(job, notice);
        return 1;
}

static const struct await return_await = {.check = return_check, .first = return_first};

/* A board that comes although its kind does not is back in less than this. */
#define HANGING_MS 3000U

static const struct await hanging_await = {
        .check = return_check, .first_ms = HANGING_MS, .first = return_first};

static int return_start(struct job *job) {
        return step_start_await(job, hangs(job) ? &hanging_await : &return_await);
}

const struct step step_return = {
        .phase = "waiting-for-firmware",
        .flags = STEP_MAY_VANISH | STEP_NO_CANCEL,
        .needed = return_needed,
        .start = return_start,
};

const struct step *const flash_steps[] = {
        &step_inspect,
        &step_settle,
        &step_port,
        &step_modem,
        &step_config_plan,
        &step_config_identify,
        &step_ask,
        &step_match,
        &step_defaults_plan,
        &step_config_warn,
        &step_inhibit,
        &step_backup,
        &step_config_back,
        &step_reboot,
        &step_departure,
        &step_bootloader,
        &step_flash,
        &step_return,
        &step_identify_returned,
        &step_defaults_after,
        &step_defaults,
        &step_config_back,
        &step_defaults_seen,
        &step_config_after,
        &step_config_look,
        &step_config_back,
        &step_config_restore,
        &step_config_back,
        &step_config_look_again,
        &step_config_back,
        &step_defaults_hint,
        NULL,
};

const struct step *const flash_plan_steps[] = {
        &step_inspect,       &step_settle,      &step_config_plan, &step_ask, &step_match,
        &step_defaults_plan, &step_config_warn, &step_plan,        NULL,
};

/* Leave */

static bool leave_needed(const struct job *job) {
        return job->device->mode == MODE_BOOTLOADER;
}

static int leave_start(struct job *job) {
        struct worker_request request = step_request(job, "leave");

        request.node = job->device->usb_node;
        request.vendor_id = job->device->vendor_id;
        request.product_id = job->device->product_id;
        request.serial = device_get(job->device, DEVICE_SERIAL);
        return step_start_worker(job, &request);
}

const struct step step_leave = {
        .phase = "leaving",
        .flags = STEP_MAY_VANISH,
        .needed = leave_needed,
        .start = leave_start,
};

const struct step *const leave_steps[] = {&step_settle, &step_leave, &step_return,
                                          &step_identify_returned, NULL};

static const struct step step_restore = {
        .phase = "leaving",
        .flags = STEP_MAY_VANISH | STEP_NO_CANCEL,
        .needed = leave_needed,
        .start = leave_start,
};

const struct step *const restore_steps[] = {&step_restore, &step_return, NULL};
