/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A board that goes while its job waits for the serial port has been unplugged, or was started into
 * its bootloader by who has the port: ModemManager's first words to a port that it does not know
 * may hold a lone R (fwd(8)). Then the job goes on from there. What it needs of the firmware it
 * gets from the firmware, which is started again for it. */

#include <string.h>

#include "service/device.h"
#include "service/journal.h"
#include "service/steps.h"

/* In the manner of DfuSe ROMs, which are back on the bus 1 to 2 s after the firmware has gone. */
#define COMEBACK_MS 5000U
/* ModemManager speaks to a port some seconds after it came, and a job that begins at once is
 * through with it by then. Before the flash, and again after it. */
#define RETURNS_MAX 3U

/* The step that the job waited in. */
static const struct step *waited_step(const struct job *job) {
        return job->detour_from[job->detour_step];
}

/* The work is done, and the board only looked at: whatever comes now, that is no failure. */
static bool is_only_looking(const struct job *job) {
        return waited_step(job)->flags & STEP_NO_CANCEL;
}

static bool waits_for_tty(const struct job *job) {
        const struct step *step = job->steps[job->step];

        if (job_is_held(job))
                return job->worker_has_tty;
        return (step == &step_settle || step == &step_port) && job->went_firmware &&
               job->device->profile && job->device->profile->identify != IDENTIFY_NEVER;
}

static bool needs_firmware(const struct job *job) {
        switch (job->kind) {
        case JOB_IDENTIFY:
        case JOB_BACKUP:
        case JOB_RESTORE:
        case JOB_DEFAULTS:
                return true;
        case JOB_FLASH:
                if (job->state == BOARD_VERIFIED)
                        return true;
                return !job->options.dry_run && !*job->backup.id && config_is_to_be_kept(job);
        default:
                return false;
        }
}

/* Comeback: as its bootloader, or not at all. */

static void tell_comeback(struct job *job) {
        static const char text[] =
                "While another program had its serial port, the board went into its bootloader; "
                "the job went on from there.";

        journal_log(LOG_NOTICE, job->port, job->id, "%s", text);
        if (!job->standing_notice)
                job_set_standing_notice(job, text);
}

static int comeback_check(struct job *job) {
        struct device *device = job->device;

        if (!*device->stranger &&
            (device->mode == MODE_AWAY || device->generation == job->generation))
                return 0;
        if (!*device->stranger && (device->mode == MODE_BOOTLOADER || is_only_looking(job)))
                job->generation = device->generation;
        if (device->mode == MODE_BOOTLOADER) {
                device->by_software = true;
                tell_comeback(job);
                return 1;
        }
        /* Who knows whether it is the same board. */
        return is_only_looking(job) ? 1
                                    : job_fault(job, FWD_DEVICE_LOST, "The board was unplugged");
}

static int comeback_first(struct job *job) {
        if (is_only_looking(job))
                return 1;
        return job_fault(job, FWD_DEVICE_LOST,
                         job->device->mode == MODE_AWAY ? "The board was unplugged"
                                                        : "The board's serial port went away");
}

static const struct await comeback_await = {
        .check = comeback_check,
        .first_ms = COMEBACK_MS,
        .first = comeback_first,
};

static int comeback_start(struct job *job) {
        return step_start_await(job, &comeback_await);
}

static const struct step step_comeback = {
        .phase = "waiting-for-bootloader",
        .flags = STEP_MAY_VANISH,
        .start = comeback_start,
};

/* Back: the firmware is started again. */

static bool leave_needed(const struct job *job) {
        return job->device->mode == MODE_BOOTLOADER && needs_firmware(job);
}

/* The board stays in its bootloader: the end, or told if the work is done. */
static int stays(struct job *job, const struct fault *fault) {
        if (!is_only_looking(job)) {
                job->fault = *fault;
                return -EIO;
        }
        job->n_followed = RETURNS_MAX + 1;
        job_set_fact(job, "Return", "power-cycle");
        job_add_notice(job, fault->message);
        job_add_notice(job, "The board is in its bootloader; fwctl leave starts its firmware.");
        return 0;
}

static int leave_start(struct job *job) {
        struct fault fault = FAULT_INIT;

        if (job->n_followed <= RETURNS_MAX)
                return step_leave.start(job);
        fault_set(&fault, FWD_PORT_HELD,
                  "While another program has the board's serial port, the board goes into its "
                  "bootloader again and again (sudo fwctl doctor tells which)");
        return stays(job, &fault) < 0 ? -EIO : STEP_DONE;
}

static int leave_finish(struct job *job, const struct worker_outcome *outcome) {
        return outcome->fault.error == FWD_OK ? 0 : stays(job, &outcome->fault);
}

static const struct step step_leave_again = {
        .phase = "leaving",
        .flags = STEP_MAY_VANISH,
        .needed = leave_needed,
        .start = leave_start,
        .finish = leave_finish,
};

static bool firmware_needed(const struct job *job) {
        return needs_firmware(job) && job->device->mode != MODE_FIRMWARE &&
               job->n_followed <= RETURNS_MAX;
}

static int firmware_check(struct job *job) {
        const struct device *device = job->device;

        if (*device->stranger)
                return is_only_looking(job)
                               ? 1
                               : job_fault(job, FWD_DEVICE_LOST,
                                           "The board was to start its firmware again, and came "
                                           "back as %s",
                                           device->stranger);
        if (device->mode != MODE_FIRMWARE || !device->tty)
                return 0;
        job->generation = device->generation;
        job_clear_notice(job);
        return 1;
}

static int firmware_first(struct job *job) {
        const struct board_profile *profile = job->device->profile;

        job_add_notice(job, profile && profile->hint_return
                                    ? profile->hint_return
                                    : "The board has not come back: power-cycle it.");
        return 0;
}

static int firmware_second(struct job *job) {
        struct fault fault = FAULT_INIT;

        fault_set(&fault, FWD_TIMEOUT,
                  "While another program had its serial port, the board went into its bootloader, "
                  "and did not come back with its firmware");
        return stays(job, &fault) < 0 ? -EIO : 1;
}

static const struct await firmware_await = {
        .check = firmware_check,
        .first = firmware_first,
        .second = firmware_second,
};

static int firmware_start(struct job *job) {
        return step_start_await(job, &firmware_await);
}

static const struct step step_firmware_again = {
        .phase = "waiting-for-firmware",
        .flags = STEP_MAY_VANISH,
        .needed = firmware_needed,
        .start = firmware_start,
};

static const struct step *const follow_steps[] = {
        &step_comeback,
        &step_leave_again,
        &step_firmware_again,
        NULL,
};

bool job_follow(struct job *job) {
        if (job->restoring || job->cancelling || !waits_for_tty(job))
                return false;
        job_held_end(job);
        if (job->steps[job->step] == &step_port)
                job_notice_restore(job);
        job->lost = false;
        job->fault = (struct fault) FAULT_INIT;
        job->n_followed++;
        job->await = NULL;
        job->await_timer = sd_event_source_unref(job->await_timer);
        job_detour(job, follow_steps);
        return true;
}
