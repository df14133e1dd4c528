/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs about a configuration, on the bench: the board's is one value of the stub worker's
 * ("set stub = 7" in a file), and the backups are looked at on the disk. */

#include <stdio.h>
#include <unistd.h>

#include "jobs.h"

/* What the board has as its configuration: a value of the stub's. */
static inline void set_config(struct bench *bench, const char *value) {
        bench_script(bench, "config-" PORT, value);
}

static inline void config_is(struct bench *bench, const char *value) {
        _cleanup_fclose_ FILE *file = NULL;
        char path[128], line[64] = "";

        (void) snprintf(path, sizeof(path), "%s/config-" PORT, bench->dir);
        file = fopen(path, "re");
        assert_non_null(file);
        if (!fgets(line, sizeof(line), file))
                line[0] = '\0';
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, value);
}

static inline size_t n_backups(struct bench *bench, struct backup *ret_newest) {
        _cleanup_free_ struct backup *list = NULL;
        size_t n;

        assert_int_equal(backup_list(&bench->service.backups, NULL, &list, &n, NULL), 0);
        if (n > 0 && ret_newest)
                *ret_newest = list[0];
        return n;
}

/* The backup is on the disk, its text is the board's, and a bad end names it and the way back. */
static inline void backup_is_safe(struct bench *bench, const struct job *job, const char *value) {
        _cleanup_close_ int fd = -EBADF;
        char text[256] = "", line[64], command[64];
        struct backup backup;

        assert_int_equal(n_backups(bench, &backup), 1);
        assert_string_equal(job_fact(job, "Backup"), backup.id);
        assert_string_equal(backup.owner, UID_HEX);
        assert_string_equal(backup.board_name, "STUB405");
        assert_int_equal(backup_open(&bench->service.backups, backup.id, &fd, NULL, NULL), 0);
        assert_true(read(fd, text, sizeof(text) - 1) > 0);
        (void) snprintf(line, sizeof(line), "set stub = %s\n", value);
        assert_non_null(strstr(text, line));
        if (job->result == JOB_RUNNING || job->result == JOB_SUCCESS)
                return;
        (void) snprintf(command, sizeof(command), "fwctl restore " PORT " %s", backup.id);
        assert_non_null(strstr(job->message, command));
}

static inline void to_bootloader(struct bench *bench, struct job *job) {
        bench_until(bench, in_phase(job, "waiting-for-bootloader"));
        bench_unplug(bench, PORT);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
}

static inline void to_firmware(struct bench *bench, struct job *job) {
        bench_until(bench, in_phase(job, "waiting-for-firmware"));
        bench_unplug(bench, PORT);
        (void) bench_plug_firmware(bench, PORT);
}
