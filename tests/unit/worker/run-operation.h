/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A whole operation on a simulated board, and what the service would have heard of it. One at a
 * time, as there is one board (model-board.h). */

#include "model-board.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/report.h"
#include "worker/cancel.h"
#include "worker/worker.h"

#define KEYS_MAX 64U

static struct {
        struct worker worker;
        int reports;
        char phases[256]; /* "opening erasing …", as they came */
        char phase[32];   /* the last of them */
        struct {
                char key[64], value[REPORT_VALUE_MAX + 1];
        } heard[KEYS_MAX];
        size_t n_heard;
        char states[128];
} run;

static inline int sealed(const void *data, size_t size) {
        int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), (ssize_t) size);
        assert_int_equal(
                fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                0);
        return fd;
}

static inline uint64_t sim_now_us(void) {
        return sim.now_us;
}

static inline void prepare_operation(const struct operation *operation) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        memset(&run, 0, sizeof(run));
        run.reports = fds[0];
        run.worker = (struct worker){
                .operation = operation,
                .image_fd = -EBADF,
                .source_fd = -EBADF,
                .output_fd = -EBADF,
                .options = OPTIONS_INIT,
                .open_usb = sim_open_usb,
                .open_serial = sim_open_tty,
        };
        reporter_init(&run.worker.reporter, fds[1], NULL);
        run.worker.reporter.now_us = sim_now_us;
        cancel_flag = 0;
}

static inline const char *heard(const char *key) {
        for (size_t i = 0; i < run.n_heard; i++)
                if (strcmp(run.heard[i].key, key) == 0)
                        return run.heard[i].value;
        return NULL;
}

static inline void remember(const char *key, const char *value) {
        size_t i;

        if (strcmp(key, "PHASE") == 0 && strcmp(run.phase, value) != 0) {
                assert_true(strlen(run.phases) + 1 + strlen(value) < sizeof(run.phases));
                strcat(run.phases, *run.phases ? " " : "");
                strcat(run.phases, value);
                (void) snprintf(run.phase, sizeof(run.phase), "%s", value);
        }
        for (i = 0; i < run.n_heard; i++)
                if (strcmp(run.heard[i].key, key) == 0)
                        break;
        assert_true(i < KEYS_MAX);
        (void) snprintf(run.heard[i].key, sizeof(run.heard[i].key), "%s", key);
        (void) snprintf(run.heard[i].value, sizeof(run.heard[i].value), "%s", value);
        if (i == run.n_heard)
                run.n_heard++;
}

static inline int go(void) {
        struct report report;
        int status = worker_run(&run.worker);

        while (report_receive(&report, run.reports) == 1) {
                if (report_get(&report, "STATE") && !report_get(&report, "RESULT")) {
                        strcat(run.states, *run.states ? " " : "");
                        strcat(run.states, report_get(&report, "STATE"));
                }
                for (size_t i = 0; i < report.n; i++)
                        remember(report.lines[i].key, report.lines[i].value);
        }
        (void) close(run.reports);
        (void) close(run.worker.reporter.fd);
        run.worker.image_fd = fd_close(run.worker.image_fd);
        return status;
}

static inline void check_result(int status, enum fwd_error error, const char *state) {
        if (error == FWD_OK && strcmp(heard("RESULT"), "success") != 0)
                fail_msg("%s: %s", heard("ERROR"), heard("MESSAGE"));
        assert_int_equal(status, fwd_error_exit_code(error));
        assert_string_equal(heard("STATE"), state);
        if (error == FWD_OK) {
                assert_null(heard("ERROR"));
                return;
        }
        assert_string_equal(heard("RESULT"), error == FWD_CANCELLED ? "cancelled" : "failed");
        assert_string_equal(heard("ERROR"), fwd_error_name(error));
        assert_true(strlen(heard("MESSAGE")) > 10);
        assert_int_equal(heard("MESSAGE")[strlen(heard("MESSAGE")) - 1], '.');
}

static inline bool flash_is(uint32_t address, const void *data, size_t size) {
        _cleanup_free_ uint8_t *got = malloc(size);

        assert_non_null(got);
        assert_int_equal(model_dump(sim.model, address, got, size), 0);
        return memcmp(got, data, size) == 0;
}
