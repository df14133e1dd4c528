/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model-board.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/report.h"
#include "worker/cancel.h"
#include "worker/worker.h"

/* Backup, restore and compare on simulated flight controllers, of each generation of their command
 * line and with everything that goes wrong with one. */

#define KEYS_MAX    64U
#define CONFIG_MAX  65536U
#define CONFIG_AREA 0x08004000U /* of an F405 */
#define CONFIG_SIZE (16U * 1024)

static struct {
        struct worker worker;
        int reports;
        struct {
                char key[64], value[1024];
        } heard[KEYS_MAX];
        size_t n_heard;
} run;

static char backup_text[CONFIG_MAX], other_text[CONFIG_MAX];

static uint64_t sim_now_us(void) {
        return sim.now_us;
}

static int sealed(const char *text) {
        int fd = memfd_create("config", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        assert_int_equal(
                fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                0);
        return fd;
}

static const char *heard(const char *key) {
        for (size_t i = 0; i < run.n_heard; i++)
                if (strcmp(run.heard[i].key, key) == 0)
                        return run.heard[i].value;
        return "";
}

static void remember(const char *key, const char *value) {
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
static enum fwd_error go(const struct operation *operation, int image_fd, int output_fd,
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

static enum fwd_error backup_into(char *text, const char *const *options) {
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

static enum fwd_error restore(const char *text, const char *const *options) {
        int fd = sealed(text);
        enum fwd_error error = go(&op_restore, fd, -EBADF, options);

        (void) close(fd);
        return error;
}

static enum fwd_error compare(const char *text) {
        int fd = sealed(text);
        enum fwd_error error = go(&op_compare, fd, -EBADF, NULL);

        (void) close(fd);
        return error;
}

static void expect(enum fwd_error got, enum fwd_error wanted, int line) {
        if (got != wanted)
                fail_msg("line %d: %s, not %s: %s", line, fwd_error_name(got),
                         fwd_error_name(wanted), heard("MESSAGE"));
}
#define expect_ok(call)           expect(call, FWD_OK, __LINE__)
#define expect_error(call, error) expect(call, error, __LINE__)

static void has(const char *text, const char *part) {
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in: %s", part, text);
}

static void has_not(const char *text, const char *part) {
        if (strstr(text, part))
                fail_msg("\"%s\" is in: %s", part, text);
}

/* Lets the board come back after a restart. */
static void settle(void) {
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

static _unused_ void set(const char *key, const char *value) {
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

static void plug(const struct generation *g, const char *more) {
        const char *const options[] = {g->variant, g->version, more, NULL};

        sim_plug("betaflight-f405", options);
}

/* Another board of the same kind, as new. */
static void replug(const struct generation *g) {
        sim_unplug();
        plug(g, NULL);
}

static const char *version_of(const struct generation *g) {
        return strchr(g->version, '=') + 1;
}

static bool has_serial_lines(const struct generation *g) {
        return strcmp(g->version, "version=2026.12.0") != 0;
}

/* Sets a board up, reads its configuration, gives it to a new one: equal before and after. */
static void test_round_trip(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(generations); i++) {
                const struct generation *g = &generations[i];
                char line[128];

                plug(g, NULL);
                expect_ok(restore(edited, (const char *const[]){"save-with-errors=yes", NULL}));
                assert_string_equal(heard("X.Saved"), "yes");
                assert_string_equal(heard("X.Rebooting"), "yes");
                assert_string_equal(heard("X.Method"), g->method);
                assert_string_equal(heard("X.Rejected"), "0");
                assert_string_equal(heard("X.Skipped"), has_serial_lines(g) ? "0" : "1");
                settle();

                expect_ok(backup_into(backup_text, NULL));
                assert_string_equal(heard("X.Rebooting"), g->rebooting);
                has(backup_text, "# fwd configuration backup\n# Board: SPEEDYBEEF405V4\n");
                has(backup_text, "\nset p_pitch = 61\n");
                has(backup_text, "\nfeature -AIRMODE\n");
                (void) snprintf(line, sizeof(line), "\n# FirmwareVersion: %s\n", version_of(g));
                has(backup_text, line);
                assert_string_equal(backup_text + strlen(backup_text) - 5, "\nsave");
                has_not(backup_text, "\r");
                settle();

                /* A second time it is the same, but for the date. */
                expect_ok(backup_into(other_text, NULL));
                assert_string_equal(strstr(backup_text, "# Sha256"),
                                    strstr(other_text, "# Sha256"));

                replug(g);
                expect_ok(compare(backup_text));
                assert_string_not_equal(heard("X.Missing"), "0");
                settle();
                expect_ok(restore(backup_text, NULL));
                assert_string_equal(heard("X.Rejected"), "0");
                settle();
                expect_ok(backup_into(other_text, NULL));
                assert_string_equal(strstr(backup_text, "# Sha256"),
                                    strstr(other_text, "# Sha256"));
                settle();
                expect_ok(compare(backup_text));
                assert_string_equal(heard("X.Missing"), "0");
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
