/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/device.h"
#include "service/match.h"
#include "service/steps.h"

/* Before the board is touched: is the file for it? A board that nobody has asked yet is asked now;
 * one that does not answer is not kept from new firmware, which may be what it needs. */

static bool ask_needed(const struct job *job) {
        const struct device *device = job->device;

        return device->mode == MODE_FIRMWARE && !device->identified && !device->identify_failed &&
               device->tty && device->profile && device->profile->identify == IDENTIFY_ASKED &&
               board_reboot_opens_port(device->profile->reboot) && !job_is_forced(job);
}

static int ask_start(struct job *job) {
        struct worker_request request = step_request(job, "identify");

        request.tty = job->device->tty;
        return step_start_worker(job, &request);
}

static int ask_finish(struct job *job, const struct worker_outcome *outcome) {
        if (outcome->fault.error == FWD_CANCELLED || outcome->fault.error == FWD_DEVICE_LOST ||
            outcome->fault.error == FWD_PORT_HELD) {
                job->fault = outcome->fault;
                return -EIO;
        }
        job->device->identified = outcome->fault.error == FWD_OK;
        if (job->device->identified)
                identity_keep(job->device);
        return 0;
}

const struct step step_ask = {
        .phase = "identifying",
        .needed = ask_needed,
        .start = ask_start,
        .finish = ask_finish,
};

static bool match_needed(const struct job *job) {
        return !job_is_forced(job);
}

static int match_start(struct job *job) {
        const struct device *device = job->device;
        const struct match_board board = {
                .port = job->port,
                .variant = device_get(device, DEVICE_VARIANT),
                .board = device_get(device, DEVICE_BOARD_NAME),
                .mcu = device_get(device, DEVICE_MCU),
        };
        const struct match_image image = {
                .firmware = job_fact(job, "TargetFirmware"),
                .mcu = job_fact(job, "TargetMcu"),
                .board = job_fact(job, "TargetBoard"),
                .stack = job_fact(job, "Stack"),
                .segments = job_fact(job, "Segments"),
        };
        int r = match_check(&board, &image, &job->fault);

        return r < 0 ? r : STEP_DONE;
}

const struct step step_match = {.needed = match_needed, .start = match_start};
