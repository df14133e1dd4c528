/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An operation on the configuration of a simulated flight controller, and what the service would
 * have heard of it; boards of each generation of the command line. One at a time, as there is one
 * board (model-board.h). */

#include "run-operation.h"

#define CONFIG_MAX  65536U
#define CONFIG_AREA 0x08004000U /* of an F405 */
#define CONFIG_SIZE (16U * 1024)

/* What was backed up; a file may need but one of them. */
static _unused_ char backup_text[CONFIG_MAX];
static char other_text[CONFIG_MAX];

/* What the service heard, or "". */
static inline const char *told(const char *key) {
        const char *value = heard(key);

        return value ? value : "";
}

/* Runs an operation with "key=value" options; its error. The image is closed. */
static inline enum fwd_error perform(const struct operation *operation, int image_fd, int output_fd,
                                     const char *const *options) {
        struct fault fault = FAULT_INIT;
        int status;

        prepare_operation(operation);
        run.worker.tty = MODEL_TTY;
        run.worker.image_fd = image_fd;
        run.worker.output_fd = output_fd;
        for (; options && *options; options++)
                assert_int_equal(
                        options_take(&run.worker.options, operation->options, *options, &fault), 0);
        status = go();
        assert_int_equal(status, fwd_error_exit_code(fwd_error_from_name(told("ERROR"))));
        return fwd_error_from_name(told("ERROR"));
}

static inline enum fwd_error backup_into(char *text, const char *const *options) {
        int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        enum fwd_error error = perform(&op_backup, -EBADF, fd, options);
        ssize_t n = pread(fd, text, CONFIG_MAX - 1, 0);

        assert_true(n >= 0);
        text[n] = '\0';
        if (error == FWD_OK)
                assert_true(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE);
        (void) close(fd);
        return error;
}

static inline enum fwd_error restore(const char *text, const char *const *options) {
        return perform(&op_restore, sealed(text, strlen(text)), -EBADF, options);
}

static inline enum fwd_error compare(const char *text) {
        return perform(&op_compare, sealed(text, strlen(text)), -EBADF, NULL);
}

static inline void expect(enum fwd_error got, enum fwd_error wanted, int line) {
        if (got != wanted)
                fail_msg("line %d: %s, not %s: %s", line, fwd_error_name(got),
                         fwd_error_name(wanted), told("MESSAGE"));
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
        expect_ok(perform(&op_identify, -EBADF, -EBADF, NULL));
        expect_ok(backup_into(other_text, NULL));
        settle();
}

static inline void set_up(const struct generation *g) {
        plug(g, NULL);
        expect_ok(restore(edited, NULL));
        settle();
        remember_config();
}
