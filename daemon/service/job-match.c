/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"
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

/* A board that was never seen with its firmware: the chip is looked at, and its name cannot be. */
static void tell_unchecked(struct job *job, const struct match_image *image) {
        _cleanup_free_ char *notice = NULL;

        if (job->device->mode != MODE_BOOTLOADER || !image->board ||
            *device_get(job->device, DEVICE_BOARD_NAME))
                return;
        notice = text_format("The firmware is for a board called %s. Whether this is one could not "
                             "be checked: it is in its bootloader, and was never seen with its "
                             "firmware.",
                             image->board);
        if (notice)
                job_add_standing_notice(job, notice);
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

        if (r < 0)
                return r;
        tell_unchecked(job, &image);
        return STEP_DONE;
}

const struct step step_match = {.needed = match_needed, .start = match_start};
