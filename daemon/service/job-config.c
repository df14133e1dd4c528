/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration of a board, as steps: reading it until it is safe on the disk, putting one on
 * the board, and both around a flash. What a flash relies on: nothing that could cost the
 * configuration is asked of the board before the backup is written and synchronised, and from then
 * on every bad end names it. */

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "service/device.h"
#include "service/journal.h"
#include "service/steps.h"

int config_check_board(const struct device *device, struct fault *fault) {
        if (device->mode != MODE_FIRMWARE)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The board is in its bootloader, which knows nothing of its "
                                 "configuration; start its firmware first (fwctl leave)");
        if (!device->profile || device->profile->identify == IDENTIFY_NEVER)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This kind of board has no configuration that can be read over "
                                 "its serial port");
        return 0;
}

static bool is_config_job(const struct job *job) {
        return job->kind == JOB_BACKUP || job->kind == JOB_RESTORE || job->kind == JOB_DEFAULTS;
}

/* Reading */

static bool backup_needed(const struct job *job) {
        return job->kind == JOB_BACKUP || job->keep_config;
}

int config_prepare(struct job *job, const char *operation, struct worker_request *ret) {
        if (config_check_board(job->device, &job->fault) < 0)
                return -EOPNOTSUPP;
        if (!job->device->tty)
                return step_port_gone(job);
        job->resets = false;
        *ret = step_request(job, operation);
        ret->tty = job->device->tty;
        return 0;
}

static int backup_start(struct job *job) {
        struct worker_request request;
        int r = config_prepare(job, "backup", &request);

        if (r < 0)
                return r;
        job->config_fd = backup_fd_new();
        if (job->config_fd < 0)
                return job_fault(job, FWD_FAILED, "No room for the configuration: %s",
                                 strerror(-job->config_fd));
        request.output_fd = job->config_fd;
        if (job->kind == JOB_BACKUP)
                request.options = &job->options;
        return step_start_worker(job, &request);
}

/* A flash can do without, if somebody says so. */
static int no_backup(struct job *job, const struct fault *fault) {
        const char *so = job->kind == JOB_FLASH
                                 ? "so nothing was flashed (--no-keep-config flashes without)"
                         : job->kind == JOB_RESTORE && job->keep_config ? "so it was given none"
                                                                        : NULL;

        job->fault = *fault;
        if (so && fault->error != FWD_CANCELLED)
                (void) snprintf(job->fault.message, sizeof(job->fault.message),
                                "The configuration could not be backed up, %s: %.200s", so,
                                fault->message);
        return -EIO;
}

static bool identify_needed(const struct job *job) {
        return (job->keep_config || is_config_job(job)) && !job->device->identified &&
               job->device->mode == MODE_FIRMWARE;
}

static int identify_finish(struct job *job, const struct worker_outcome *outcome) {
        return outcome->fault.error == FWD_OK ? step_identify_finish(job, outcome)
                                              : no_backup(job, &outcome->fault);
}

const struct step step_config_identify = {
        .phase = "identifying",
        .needed = identify_needed,
        .start = step_identify_start,
        .finish = identify_finish,
};

static int backup_finish(struct job *job, const struct worker_outcome *outcome) {
        struct fault fault = FAULT_INIT;

        if (outcome->fault.error != FWD_OK)
                return no_backup(job, &outcome->fault);
        if (backup_save(&job->service->backups, device_get(job->device, DEVICE_UNIQUE_ID),
                        job->port, job->config_fd, realtime_us(), &job->backup, &fault) < 0)
                return no_backup(job, &fault);
        (void) snprintf(job->variant, sizeof(job->variant), "%s",
                        device_get(job->device, DEVICE_VARIANT));
        job_set_fact(job, "Backup", job->backup.id);
        journal_log(LOG_INFO, job->port, job->id, "Job %" PRIu32 ": configuration kept as %s/%s",
                    job->id, job->backup.owner, job->backup.id);
        return 0;
}

const struct step step_backup = {
        .phase = "reading-config",
        .flags = STEP_MAY_VANISH,
        .fact_prefix = "Config",
        .needed = backup_needed,
        .start = backup_start,
        .finish = backup_finish,
};

/* Back: some firmware leaves its command line by a reset alone, and every one does after it saved.
 */

static bool back_needed(const struct job *job) {
        return job->resets;
}

static int back_check(struct job *job) {
        struct device *device = job->device;

        if (device->mode == MODE_BOOTLOADER || *device->stranger)
                return job_fault(job, FWD_DEVICE_LOST,
                                 "The board was to start its firmware again, and came back as "
                                 "something else");
        if (device->mode != MODE_FIRMWARE || device->generation == job->generation || !device->tty)
                return 0;
        job->generation = device->generation;
        job->resets = false;
        job_clear_notice(job);
        /* Who asks for a plan expects nothing to happen. */
        if (job->options.dry_run)
                job_set_standing_notice(job, "The board restarted: its command line is left in no "
                                             "other way. What it has saved is as it was.");
        return 1;
}

static int back_first(struct job *job) {
        const struct board_profile *profile = job->device->profile;

        job_add_notice(job, profile && profile->hint_return
                                    ? profile->hint_return
                                    : "The board has not come back: power-cycle it.");
        return 0;
}

static int back_second(struct job *job) {
        return job_fault(
                job, FWD_TIMEOUT,
                "The board started again and did not come back within %" PRIu64 " s",
                (job->service->settings.await_first_ms + job->service->settings.await_second_ms) /
                        1000);
}

static const struct await back_await = {
        .check = back_check,
        .first = back_first,
        .second = back_second,
};

static int back_start(struct job *job) {
        return step_start_await(job, &back_await);
}

const struct step step_config_back = {
        .phase = "waiting-for-firmware",
        .flags = STEP_MAY_VANISH,
        .needed = back_needed,
        .start = back_start,
};

/* After a flash */

static bool after_needed(const struct job *job) {
        return job->kind == JOB_FLASH && job->keep_config && *job->backup.id &&
               !job->options.custom_defaults;
}

/* What was flashed is not what the configuration is of, or shall not run yet: kept, and told. */
static int leave_it(struct job *job, const char *why) {
        _cleanup_free_ char *notice = text_format(
                "%s The configuration was not put back; it is in backup %s.", why, job->backup.id);

        job->keep_config = false;
        job_set_fact(job, "Config", "not-restored");
        job_set_standing_notice(job, NULL);
        if (notice)
                job_add_notice(job, notice);
        return STEP_DONE;
}

static int after_start(struct job *job) {
        const struct device *device = job->device;
        const char *uid = device_get(device, DEVICE_UNIQUE_ID);
        const char *variant = device_get(device, DEVICE_VARIANT);
        char why[64];

        if (!job->options.leave)
                return leave_it(job, "The board stays in its bootloader.");
        if (*device->stranger) {
                (void) snprintf(why, sizeof(why), "The board came back as %s.", device->stranger);
                return leave_it(job, why);
        }
        if (device->mode != MODE_FIRMWARE)
                return job_fault(job, FWD_TIMEOUT,
                                 "The firmware is written and verified, but the board has not come "
                                 "back, so its configuration was not put back");
        if (*job->unique_id && *uid && strcmp(job->unique_id, uid) != 0)
                return job_fault(job, FWD_WRONG_BOARD,
                                 "Another board is on the port now than the one that was flashed; "
                                 "it was left alone");
        if (config_check_board(device, NULL) < 0 ||
            (*variant && *job->variant && strcmp(variant, job->variant) != 0))
                return leave_it(job, "The board has another kind of firmware now.");
        if (device->identify_failed)
                return job_fault(job, FWD_TIMEOUT,
                                 "The firmware is written and verified, but does not say what it "
                                 "is, so the configuration was not put back");
        return STEP_DONE;
}

const struct step step_config_after = {
        .flags = STEP_MAY_VANISH,
        .needed = after_needed,
        .start = after_start,
};

static int look_start(struct job *job) {
        struct worker_request request;
        struct options options = OPTIONS_INIT;
        int r = config_prepare(job, "compare", &request);

        if (r < 0)
                return r;
        job_clear_fact(job, "ConfigMissing");
        job_clear_fact(job, "ConfigMissingLines");
        (void) strcpy(options.only, job->options.only);
        request.options = &options;
        request.image_fd = job->kind == JOB_RESTORE ? job->image_fd : job->config_fd;
        return step_start_worker(job, &request);
}

/* How many settings the board does not have; negative: job->fault. */
static int look_judge(struct job *job, const struct worker_outcome *outcome, uint64_t *ret) {
        const char *missing = job_fact(job, "ConfigMissing");

        if (outcome->fault.error != FWD_OK) {
                job->fault = outcome->fault;
                return -EIO;
        }
        if (!missing || parse_u64(missing, UINT32_MAX, ret) < 0)
                return job_fault(job, FWD_FAILED,
                                 "The worker compared the configuration and did not say how");
        return 0;
}

static int look_finish(struct job *job, const struct worker_outcome *outcome) {
        uint64_t missing;
        int r = look_judge(job, outcome, &missing);

        if (r < 0)
                return r;
        job->config_same = missing == 0;
        if (job->config_same) {
                job_set_fact(job, "Config", "kept");
                job_set_standing_notice(job, NULL);
        }
        return 0;
}

const struct step step_config_look = {
        .phase = "comparing-config",
        .flags = STEP_MAY_VANISH | STEP_OWN_PHASE,
        .fact_prefix = "Config",
        .needed = after_needed,
        .start = look_start,
        .finish = look_finish,
};

/* Writing */

static bool restore_needed(const struct job *job) {
        return job->kind == JOB_RESTORE || (after_needed(job) && !job->config_same);
}

static int restore_start(struct job *job) {
        struct worker_request request;
        int r = config_prepare(job, "restore", &request);

        if (r < 0)
                return r;
        if (job->kind == JOB_RESTORE) {
                request.source_fd = job->source_fd;
                request.image_fd = job->image_fd;
                request.options = &job->options;
        } else
                request.image_fd = job->config_fd;
        return step_start_worker(job, &request);
}

static int restore_finish(struct job *job, const struct worker_outcome *outcome) {
        job->source_fd = fd_close(job->source_fd);
        if (outcome->fault.error == FWD_OK)
                return 0;
        job->fault = outcome->fault;
        return -EIO;
}

/* INAV stores its defaults before it is given the lines: what it had would be gone if it were lost
 * in between. A part goes over what is there. */
static bool restore_costs(const struct job *job) {
        return strcmp(device_get(job->device, DEVICE_VARIANT), "INAV") == 0 &&
               !job->options.only[0];
}

static int restore_plan_start(struct job *job) {
        job->keep_config = restore_costs(job);
        return STEP_DONE;
}

static const struct step step_config_restore_backup = {.start = restore_plan_start};

const struct step step_config_restore = {
        .phase = "restoring",
        .flags = STEP_MAY_VANISH,
        .fact_prefix = "Config",
        .needed = restore_needed,
        .start = restore_start,
        .finish = restore_finish,
};

static int look_again_finish(struct job *job, const struct worker_outcome *outcome) {
        const bool kept = job->kind == JOB_FLASH && *job->backup.id;
        const char *lines;
        char notice[1400];
        uint64_t missing;
        int r = look_judge(job, outcome, &missing);

        if (r < 0)
                return r;
        job_set_fact(job, "Config", missing == 0 ? "restored" : "partly-restored");
        if (missing == 0) {
                job_set_standing_notice(job, NULL);
                return 0;
        }
        lines = job_fact(job, "ConfigMissingLines");
        (void) snprintf(notice, sizeof(notice),
                        "%" PRIu64 " setting%s of the configuration did not come back%s%s: %s",
                        missing, missing == 1 ? "" : "s", kept ? "; all are in backup " : "",
                        kept ? job->backup.id : "", lines ? lines : "");
        /* It stands: the board may have to restart once more. */
        job_set_standing_notice(job, notice);
        return 0;
}

const struct step step_config_look_again = {
        .phase = "comparing-config",
        .flags = STEP_MAY_VANISH | STEP_NO_CANCEL | STEP_OWN_PHASE,
        .fact_prefix = "Config",
        .needed = restore_needed,
        .start = look_start,
        .finish = look_again_finish,
};

/* Of a dry run: what the board does not have of the file, now. */
static int look_plan_finish(struct job *job, const struct worker_outcome *outcome) {
        uint64_t missing;
        int r = look_judge(job, outcome, &missing);

        if (r < 0)
                return r;
        job_set_fact(job, "Config", "planned");
        job_set_fact(job, "BackupPlanned", job->keep_config ? "yes" : "no");
        return 0;
}

static const struct step step_config_restore_plan = {
        .phase = "planning",
        .flags = STEP_MAY_VANISH,
        .fact_prefix = "Config",
        .start = restore_start,
        .finish = restore_finish,
};

static const struct step step_config_look_plan = {
        .phase = "comparing-config",
        .flags = STEP_MAY_VANISH | STEP_OWN_PHASE,
        .fact_prefix = "Config",
        .start = look_start,
        .finish = look_plan_finish,
};

const struct step *const backup_steps[] = {
        &step_settle, &step_port,        &step_modem, &step_config_identify,
        &step_backup, &step_config_back, NULL,
};

const struct step *const restore_config_steps[] = {
        &step_settle,
        &step_port,
        &step_modem,
        &step_config_identify,
        &step_inhibit,
        &step_config_restore_backup,
        &step_backup,
        &step_config_back,
        &step_config_restore,
        &step_config_back,
        &step_config_look_again,
        &step_config_back,
        NULL,
};

const struct step *const restore_config_plan_steps[] = {
        &step_settle,
        &step_port,
        &step_modem,
        &step_config_identify,
        &step_config_restore_backup,
        &step_config_restore_plan,
        &step_config_back,
        &step_config_look_plan,
        &step_config_back,
        NULL,
};
