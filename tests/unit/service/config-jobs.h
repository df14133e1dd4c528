/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs about a configuration, on the bench: the board's is one value of the stub worker's
 * ("set stub = 7" in a file), and the backups are looked at on the disk. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static inline int try_begin(struct bench *bench, enum job_kind kind, const struct options *options,
                            struct job **ret, struct fault *fault) {
        static const struct options none = OPTIONS_INIT;
        bool has_file = kind == JOB_FLASH || kind == JOB_RESTORE;

        return job_new(&bench->service, bench->service.devices, kind, options ? options : &none,
                       1000, has_file ? bench_image(bench, "set stub = 7\nsave\n") : -EBADF, ret,
                       fault);
}

static inline struct job *begin(struct bench *bench, enum job_kind kind,
                                const struct options *options) {
        struct fault fault = FAULT_INIT;
        struct job *job = NULL;

        assert_int_equal(try_begin(bench, kind, options, &job, &fault), 0);
        return job;
}

static inline bool in_phase(const struct job *job, const char *phase) {
        return strcmp(job->phase, phase) == 0;
}

static inline void succeeded(struct bench *bench, struct job *job) {
        bench_until(bench, job->result != JOB_RUNNING);
        if (job->result != JOB_SUCCESS)
                fail_msg("%s", job->message);
}

static inline void failed(struct bench *bench, struct job *job, enum fwd_error error,
                          enum board_state state, const char *sentence) {
        bench_until(bench, job->result != JOB_RUNNING);
        assert_int_equal(job->result, error == FWD_CANCELLED ? JOB_CANCELLED : JOB_FAILED);
        if (job->fault.error != error || !strstr(job->message, sentence))
                fail_msg("expected %s with \"%s\", got %s: %s", fwd_error_name(error), sentence,
                         fwd_error_name(job->fault.error), job->message);
        assert_int_equal(job->state, state);
}

static inline void called(struct bench *bench, const char *operations) {
        _cleanup_free_ char *calls = bench_calls(bench);

        assert_string_equal(calls, operations);
}

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
