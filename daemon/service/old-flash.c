/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/old-flash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "service/backup-store.h"
#include "service/device.h"

#define NAME_SIZE 64U

bool old_flash_wanted(const struct job *job) {
        const struct board_profile *profile = job->device->profile;

        return job->kind == JOB_FLASH && job->options.erase_full && job->output_fd < 0 && profile &&
               !profile->keep_config &&
               (profile->n_keep > 0 || profile->settings_anywhere || profile->otp_boards);
}

static int make_dir(const char *path) {
        return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static char *dir_of(const struct job *job) {
        char owner[BACKUP_OWNER_SIZE];

        if (backup_owner(device_get(job->device, DEVICE_UNIQUE_ID), job->port, owner) < 0)
                return NULL;
        return text_format("%s/old-flash/%s", job->service->settings.state_dir, owner);
}

int old_flash_open(struct job *job, int *ret_fd, char **ret_path, struct fault *fault) {
        _cleanup_free_ char *top = text_format("%s/old-flash", job->service->settings.state_dir);
        _cleanup_free_ char *dir = dir_of(job), *path = NULL;
        time_t now = time(NULL);
        char name[NAME_SIZE];
        struct tm tm;
        int r, fd;

        if (!top || !dir || !gmtime_r(&now, &tm) ||
            strftime(name, sizeof(name), "%Y%m%dT%H%M%SZ", &tm) == 0)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        path = text_format("%s/%s-%u.bin", dir, name, (unsigned) job->id);
        if (!path)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        r = make_dir(top);
        if (r == 0)
                r = make_dir(dir);
        fd = r < 0 ? r : open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return fault_set(fault, FWD_STORAGE_FAILED,
                                 "The settings of the board would be erased, and there is no place "
                                 "for them in %s: %s",
                                 dir, strerror(r < 0 ? -r : errno));
        *ret_fd = fd;
        *ret_path = TAKE_PTR(path);
        return 0;
}

static int is_old_flash(const struct dirent *entry) {
        const size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > 4 && strcmp(entry->d_name + n - 4, ".bin") == 0;
}

/* Their names begin with the time. */
static void prune(const struct job *job) {
        _cleanup_free_ char *dir = dir_of(job);
        struct dirent **entries = NULL;
        int n = dir ? scandir(dir, &entries, is_old_flash, alphasort) : -1;

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = text_format("%s/%s", dir, entries[i]->d_name);

                if (path && (unsigned) (n - i) > OLD_FLASH_PER_BOARD)
                        (void) unlink(path);
                free(entries[i]);
        }
        free(entries);
}

void old_flash_settle(struct job *job) {
        _cleanup_free_ char *notice = NULL;

        if (!job->old_flash)
                return;
        job->output_fd = fd_close(job->output_fd);
        if (!job_fact(job, "Saved")) {
                (void) unlink(job->old_flash);
        } else {
                job_set_fact(job, "OldFlash", job->old_flash);
                notice = text_format("The old flash, with its settings, is kept in %s.",
                                     job->old_flash);
                if (notice)
                        job_add_notice(job, notice);
                prune(job);
        }
        free(job->old_flash);
        job->old_flash = NULL;
}
