/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An operation on the configuration of a simulated flight controller, and what the service would
 * have heard of it; boards of each generation of the command line. One at a time, as there is one
 * board (model-board.h). */

#include "model-board.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/report.h"
#include "worker/cancel.h"
#include "worker/worker.h"

#define KEYS_MAX    64U
#define CONFIG_MAX  65536U
#define CONFIG_AREA 0x08004000U /* of an F405 */
#define CONFIG_SIZE (16U * 1024)

static struct {
        struct worker worker;
        int reports;
        struct {
                char key[64], value[REPORT_VALUE_MAX + 1];
        } heard[KEYS_MAX];
        size_t n_heard;
} run;

/* What was backed up; a file may need but one of them. */
static _unused_ char backup_text[CONFIG_MAX];
static char other_text[CONFIG_MAX];

static inline uint64_t sim_now_us(void) {
        return sim.now_us;
}

static inline int sealed(const char *text) {
        int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        assert_int_equal(
                fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                0);
        return fd;
}

static inline const char *heard(const char *key) {
        for (size_t i = 0; i < run.n_heard; i++)
                if (strcmp(run.heard[i].key, key) == 0)
                        return run.heard[i].value;
        return "";
}

static inline void remember(const char *key, const char *value) {
        size_t i;

        for (i = 0; i < run.n_heard; i++)
                if (strcmp(run.heard[i].key, key) == 0)
                        break;
        assert_true(i < KEYS_MAX);
        (void) snprintf(run.heard[i].key, sizeof(run.heard[i].key), "%s", key);
        (void) snprintf(run.heard[i].value, sizeof(run.heard[i].value), "%s", value);
        if (i == run.n_heard)
                run.n_heard++;
}

/* Runs an operation with "key=value" options; its error. */
static inline enum fwd_error go(const struct operation *operation, int image_fd, int output_fd,
                                const char *const *options) {
        struct fault fault = FAULT_INIT;
        struct report report;
        int fds[2], status;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        memset(&run, 0, sizeof(run));
        run.reports = fds[0];
        run.worker = (struct worker){
                .operation = operation,
                .tty = MODEL_TTY,
                .image_fd = image_fd,
                .source_fd = -EBADF,
                .output_fd = output_fd,
                .options = OPTIONS_INIT,
                .open_usb = sim_open_usb,
                .open_serial = sim_open_tty,
        };
        reporter_init(&run.worker.reporter, fds[1], NULL);
        run.worker.reporter.now_us = sim_now_us;
        cancel_flag = 0;
        for (; options && *options; options++)
                assert_int_equal(
                        options_take(&run.worker.options, operation->options, *options, &fault), 0);
        status = worker_run(&run.worker);
        /* A progress report is one of ten a second; the socket holds all of them. */
        while (report_receive(&report, run.reports) == 1)
                for (size_t i = 0; i < report.n; i++)
                        remember(report.lines[i].key, report.lines[i].value);
        (void) close(run.reports);
        (void) close(run.worker.reporter.fd);
        assert_int_equal(status, fwd_error_exit_code(fwd_error_from_name(heard("ERROR"))));
        return fwd_error_from_name(heard("ERROR"));
}

static inline enum fwd_error backup_into(char *text, const char *const *options) {
        int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        enum fwd_error error = go(&op_backup, -EBADF, fd, options);
        ssize_t n = pread(fd, text, CONFIG_MAX - 1, 0);

        assert_true(n >= 0);
        text[n] = '\0';
        if (error == FWD_OK)
                assert_true(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE);
        (void) close(fd);
        return error;
}

static inline enum fwd_error restore(const char *text, const char *const *options) {
        int fd = sealed(text);
        enum fwd_error error = go(&op_restore, fd, -EBADF, options);

        (void) close(fd);
        return error;
}

static inline enum fwd_error compare(const char *text) {
        int fd = sealed(text);
        enum fwd_error error = go(&op_compare, fd, -EBADF, NULL);

        (void) close(fd);
        return error;
}

static inline void expect(enum fwd_error got, enum fwd_error wanted, int line) {
        if (got != wanted)
                fail_msg("line %d: %s, not %s: %s", line, fwd_error_name(got),
                         fwd_error_name(wanted), heard("MESSAGE"));
}
#define expect_ok(call)           expect(call, FWD_OK, __LINE__)
#define expect_error(call, error) expect(call, error, __LINE__)

static inline void has(const char *text, const char *part) {
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in: %s", part, text);
}

static inline void has_not(const char *text, const char *part) {
        if (strstr(text, part))
                fail_msg("\"%s\" is in: %s", part, text);
}

/* Lets the board come back after a restart. */
static inline void settle(void) {
        unsigned generation = sim.model->generation;

        for (;;) {
                uint64_t next_us = model_next_event(sim.model);

                if (next_us == MODEL_NEVER)
                        break;
                if (next_us > sim.now_us)
                        sim.now_us = next_us;
                model_advance(sim.model, sim.now_us);
                if (!sim.model->on_bus || sim.model->generation != generation) {
                        generation = sim.model->generation;
                        continue;
                }
                {
                        uint8_t ignored[256];

                        while (model_serial_read(sim.model, ignored, sizeof(ignored), sim.now_us))
                                ;
                }
        }
        assert_true(sim.model->on_bus);
}

static inline void set(const char *key, const char *value) {
        assert_int_equal(model_set(sim.model, key, value, sim.now_us), 0);
}

static const char edited[] = "batch start\n"
                             "serial 1 64 115200 57600 0 115200\n"
                             "map TAER1234\n"
                             "aux 0 0 0 1700 2100 0 0\n"
                             "feature GPS\n"
                             "feature -AIRMODE\n"
                             "set small_angle = 180\n"
                             "set osd_vbat_pos = 2433\n"
                             "set serialrx_provider = SBUS\n"
                             "profile 1\n"
                             "set p_pitch = 61\n"
                             "rateprofile 2\n"
                             "set thr_mid = 33\n"
                             "profile 1\n"
                             "rateprofile 0\n"
                             "save\n";

struct generation {
        const char *variant, *version;
        const char *method;
        const char *rebooting; /* after a backup */
};

static const struct generation generations[] = {
        {"variant=BTFL", "version=4.2.9", "interactive-cli", "yes"},
        {"variant=BTFL", "version=4.4.2", "interactive-cli", "yes"},
        {"variant=BTFL", "version=4.5.3", "interactive-cli", "yes"},
        {"variant=BTFL", "version=4.5.4", "framed-cli", ""},
        {"variant=BTFL", "version=2025.12.1", "framed-cli", ""},
        {"variant=BTFL", "version=2025.12.2", "framed-cli", ""},
        {"variant=BTFL", "version=2026.12.0", "framed-cli", ""},
        {"variant=INAV", "version=7.1.2", "interactive-cli", "yes"},
        {"variant=EMUF", "version=0.4.1", "interactive-cli", "yes"},
};

static inline void plug(const struct generation *g, const char *more) {
        const char *const options[] = {g->variant, g->version, more, NULL};

        sim_plug("betaflight-f405", options);
}

/* Another board of the same kind, as new. */
static inline void replug(const struct generation *g) {
        sim_unplug();
        plug(g, NULL);
}

static inline const char *version_of(const struct generation *g) {
        return strchr(g->version, '=') + 1;
}

static const struct generation interactive = {"variant=BTFL", "version=4.4.2", "interactive-cli",
                                              "yes"};
static const struct generation framed = {"variant=BTFL", "version=4.5.4", "framed-cli", ""};

static uint8_t config_before[CONFIG_SIZE], config_after[CONFIG_SIZE];

static inline void remember_config(void) {
        assert_int_equal(model_dump(sim.model, CONFIG_AREA, config_before, sizeof(config_before)),
                         0);
}

static inline void config_is_as_it_was(void) {
        assert_int_equal(model_dump(sim.model, CONFIG_AREA, config_after, sizeof(config_after)), 0);
        assert_memory_equal(config_before, config_after, sizeof(config_before));
}

/* It answers as if nothing had been. */
static inline void works(void) {
        settle();
        set("cli-fault", "none");
        expect_ok(go(&op_identify, -EBADF, -EBADF, NULL));
        expect_ok(backup_into(other_text, NULL));
        settle();
}

static inline void set_up(const struct generation *g) {
        plug(g, NULL);
        expect_ok(restore(edited, NULL));
        settle();
        remember_config();
}
