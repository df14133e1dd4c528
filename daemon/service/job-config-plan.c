/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Of a flash, before the board is touched: is the configuration to be kept, and what does the new
 * firmware do to it? Told now, not when it is gone. */

#include <string.h>

#include "base/fc-firmware.h"
#include "base/text.h"
#include "service/device.h"
#include "service/steps.h"

/* What is known of a board that cannot be asked any more. */
static void tell_last_backup(struct job *job) {
        _cleanup_free_ struct backup *list = NULL;
        _cleanup_free_ char *notice = NULL;
        char owner[BACKUP_OWNER_SIZE];
        const char *uid = device_get(job->device, DEVICE_UNIQUE_ID);
        size_t n = 0;

        if (*uid && backup_owner(uid, job->port, owner) == 0)
                (void) backup_list(&job->service->backups, owner, &list, &n, NULL);
        notice = text_format("The board is in its bootloader: its configuration %s be backed "
                             "up.%s%s%s",
                             job->options.dry_run ? "cannot" : "could not",
                             n > 0 ? " Its last backup is " : "", n > 0 ? list[0].id : "",
                             n > 0 ? "." : "");
        if (notice)
                job_set_standing_notice(job, notice);
}

bool config_is_to_be_kept(const struct job *job) {
        const struct board_profile *profile = job->device->profile;

        return job->options.keep_config == KEEP_YES ||
               (job->options.keep_config != KEEP_NO && profile && profile->keep_config);
}

static int plan_start(struct job *job) {
        bool asked = job->options.keep_config == KEEP_YES;
        struct fault fault = FAULT_INIT;

        if (!config_is_to_be_kept(job))
                return STEP_DONE;
        if (config_check_board(job->device, &fault) == 0) {
                job->keep_config = true;
                return STEP_DONE;
        }
        if (asked) {
                job->fault = fault;
                return -EOPNOTSUPP;
        }
        if (job->device->mode == MODE_BOOTLOADER)
                tell_last_backup(job);
        return STEP_DONE;
}

const struct step step_config_plan = {.start = plan_start};

/* The settings' format changes with each release line (EEPROM_CONF_VERSION in Betaflight's
 * config_eeprom.h), and firmware of another one starts from its defaults: 4.4 to 4.5, 4.5 to
 * 2025.12. The third number is a release within the line. */
static bool same_line(const char *a, const char *b) {
        size_t n = strcspn(a, ".");

        if (!a[n])
                return true; /* not a version: nothing is known */
        n += 1 + strspn(a + n + 1, "0123456789");
        return !strchr(b, '.') || (strncmp(a, b, n) == 0 && !(b[n] >= '0' && b[n] <= '9'));
}

/* What the new firmware does not take over; of some it is not known. */
static void warn_start_over(struct job *job, const char *new_name, const char *old_name) {
        const char *now = device_get(job->device, DEVICE_FIRMWARE_VERSION);
        const char *next = job_fact(job, "TargetVersion");
        const bool other = strcmp(new_name, old_name) != 0;
        _cleanup_free_ char *notice = NULL;

        if (!other && (strcmp(new_name, "Betaflight") != 0 || !next || same_line(now, next)))
                return;
        notice = text_format("The new firmware (%s%s%s) does not take over the configuration of "
                             "the present one (%s%s%s): %s.",
                             other ? new_name : "", other && next ? " " : "", next ? next : "",
                             other ? old_name : "", other && *now ? " " : "", now,
                             !job->keep_config ? "what is set on the board will be lost"
                             : other || job->options.custom_defaults
                                     ? "it is read before the flash and kept as a backup"
                                     : "it is read before the flash and put back after it, as far "
                                       "as the new firmware knows its settings");
        if (notice)
                job_add_standing_notice(job, notice);
}

static int warn_start(struct job *job) {
        const char *old_name = fc_firmware_name(device_get(job->device, DEVICE_VARIANT));
        const char *new_name = job_fact(job, "TargetFirmware");

        if (job->options.dry_run)
                job_set_fact(job, "BackupPlanned", job->keep_config ? "yes" : "no");
        if (old_name && new_name)
                warn_start_over(job, new_name, old_name);
        return STEP_DONE;
}

const struct step step_config_warn = {.start = warn_start};
