/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Custom defaults, as steps. Betaflight 4.1 to 4.4 is built for a chip, and the board's own
 * defaults are a text beside it: without them the pins are those of no board, so that a board which
 * has lost its configuration is dead until they are applied. What the board had is backed up first.
 */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "service/device.h"
#include "service/steps.h"

static bool defaults_needed(const struct job *job) {
        return job->kind == JOB_DEFAULTS || job->options.custom_defaults;
}

static bool is_available(const struct device *device) {
        return strcmp(device_get(device, DEVICE_CUSTOM_DEFAULTS), "available") == 0;
}

/* Plan: what is certain not to come to anything is refused before the board is touched. */

static bool knows_custom_defaults(const char *version) {
        unsigned major, minor;

        return sscanf(version, "%4u.%4u", &major, &minor) != 2 || (major == 4 && minor <= 4);
}

static int plan_image(struct job *job) {
        const char *firmware = job_fact(job, "TargetFirmware");
        const char *version = job_fact(job, "TargetVersion");
        const char *included = job_fact(job, "TargetCustomDefaults");
        const struct device *device = job->device;

        if (device->profile && device->profile->identify == IDENTIFY_NEVER)
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 "This kind of board has no custom defaults");
        if (firmware && strcmp(firmware, "Betaflight") != 0)
                return job_fault(job, FWD_NOT_SUPPORTED, "%s has no custom defaults", firmware);
        if (version && !knows_custom_defaults(version))
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 "Betaflight %s has no custom defaults to apply: from 4.5 on they "
                                 "are built in",
                                 version);
        if (!included || strcmp(included, "none") != 0)
                return STEP_DONE;
        /* The board may have some of its own, where the file writes nothing. */
        if (!job->options.erase_full && (is_available(device) || !device->identified))
                return STEP_DONE;
        return job_fault(job, FWD_NOT_SUPPORTED,
                         "The firmware file has no custom defaults in it, and %s: flash a file "
                         "that was made for this board",
                         job->options.erase_full ? "those of the board will be erased"
                                                 : "the board has none");
}

static int plan_start(struct job *job) {
        if (job->kind == JOB_FLASH)
                return plan_image(job);
        if (!is_available(job->device))
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 strcmp(device_get(job->device, DEVICE_CUSTOM_DEFAULTS), "none") ==
                                                 0
                                         ? "The firmware of this board has no custom defaults "
                                           "with it: flash a file that was made for this board"
                                         : "The firmware of this board does not know custom "
                                           "defaults; Betaflight 4.1 to 4.4 does");
        /* What is at its defaults has nothing to lose. */
        job->keep_config = strcmp(device_get(job->device, DEVICE_CONFIG_STATE), "configured") == 0;
        return STEP_DONE;
}

const struct step step_defaults_plan = {.needed = defaults_needed, .start = plan_start};

/* After a flash: the work is done, but not all that was asked. */

static bool after_needed(const struct job *job) {
        return job->kind == JOB_FLASH && job->options.custom_defaults;
}

static int after_start(struct job *job) {
        const struct device *device = job->device;
        const char *uid = device_get(device, DEVICE_UNIQUE_ID);

        if (device->mode != MODE_FIRMWARE || *device->stranger)
                return job_fault(job, FWD_TIMEOUT,
                                 "The firmware is written and verified, but the board has not come "
                                 "back with it, so its custom defaults were not applied");
        if (*job->unique_id && *uid && strcmp(job->unique_id, uid) != 0)
                return job_fault(job, FWD_WRONG_BOARD,
                                 "Another board is on the port now than the one that was flashed; "
                                 "it was left alone");
        if (device->identify_failed)
                return job_fault(job, FWD_TIMEOUT,
                                 "The firmware is written and verified, but does not say what it "
                                 "is, so its custom defaults were not applied");
        if (!is_available(device))
                return job_fault(job, FWD_NOT_SUPPORTED,
                                 "The firmware is written and verified, and has no custom defaults "
                                 "with it");
        return STEP_DONE;
}

const struct step step_defaults_after = {
        .flags = STEP_MAY_VANISH,
        .needed = after_needed,
        .start = after_start,
};

static int apply_start(struct job *job) {
        struct worker_request request;
        int r = config_prepare(job, "defaults", &request);

        return r < 0 ? r : step_start_worker(job, &request);
}

const struct step step_defaults = {
        .phase = "applying-defaults",
        .flags = STEP_MAY_VANISH,
        .needed = defaults_needed,
        .start = apply_start,
};

static int seen_finish(struct job *job, const struct worker_outcome *outcome) {
        const char *state = device_get(job->device, DEVICE_CONFIG_STATE);
        _cleanup_free_ char *notice = NULL;
        int r = step_identify_finish(job, outcome);

        if (r < 0)
                return r;
        if (strcmp(state, "custom-defaults") != 0)
                return job_fault(job, FWD_CONFIG_REJECTED,
                                 "The board was told to apply its custom defaults, and has not "
                                 "done it: its configuration is %s",
                                 *state ? state : "of an unknown state");
        job_set_fact(job, "Config", "custom-defaults");
        job_set_standing_notice(job, NULL);
        if (!*job->backup.id)
                return 0;
        notice = text_format("What was set on the board before is in backup %s.", job->backup.id);
        if (notice)
                job_add_notice(job, notice);
        return 0;
}

const struct step step_defaults_seen = {
        .phase = "identifying",
        .flags = STEP_MAY_VANISH | STEP_NO_CANCEL,
        .needed = defaults_needed,
        .start = step_identify_start,
        .finish = seen_finish,
};

/* Nobody asked for them, and without them the board does not know its own pins. */

static bool hint_needed(const struct job *job) {
        return job->kind == JOB_FLASH && !job->options.custom_defaults &&
               is_available(job->device) &&
               strcmp(device_get(job->device, DEVICE_CONFIG_STATE), "bare") == 0;
}

static int hint_start(struct job *job) {
        job_add_notice(job, "The board is not configured, and has custom defaults that are not "
                            "applied: fwctl restore --custom-defaults does it.");
        return STEP_DONE;
}

const struct step step_defaults_hint = {
        .flags = STEP_MAY_VANISH | STEP_NO_CANCEL,
        .needed = hint_needed,
        .start = hint_start,
};

/* A dry run: what they are, and what of the board's they would take the place of. */

static int show_start(struct job *job) {
        struct worker_request request;
        int r = config_prepare(job, "defaults", &request);

        if (r < 0)
                return r;
        request.options = &job->options;
        return step_start_worker(job, &request);
}

static int show_finish(struct job *job, const struct worker_outcome *outcome) {
        if (outcome->fault.error != FWD_OK) {
                job->fault = outcome->fault;
                return -EIO;
        }
        job_set_fact(job, "Config", "planned");
        job_set_fact(job, "BackupPlanned", job->keep_config ? "yes" : "no");
        return 0;
}

static const struct step step_defaults_show = {
        .phase = "planning",
        .flags = STEP_MAY_VANISH,
        .fact_prefix = "Config",
        .start = show_start,
        .finish = show_finish,
};

const struct step *const defaults_steps[] = {
        &step_settle,        &step_port,        &step_modem,         &step_config_identify,
        &step_defaults_plan, &step_inhibit,     &step_backup,        &step_config_back,
        &step_defaults,      &step_config_back, &step_defaults_seen, NULL,
};

const struct step *const defaults_plan_steps[] = {
        &step_settle,        &step_port,          &step_modem,       &step_config_identify,
        &step_defaults_plan, &step_defaults_show, &step_config_back, NULL,
};
