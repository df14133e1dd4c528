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

static void set(const char *key, const char *value) {
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
                assert_string_equal(heard("X.Skipped"), "0");
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
                /* Only told: the board is as it was. */
                expect_ok(restore(backup_text, (const char *const[]){"dry-run=yes", NULL}));
                assert_string_not_equal(heard("X.Applied"), "0");
                assert_string_equal(heard("X.Skipped"), "0");
                settle();
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

static const struct generation interactive = {"variant=BTFL", "version=4.4.2", "interactive-cli",
                                              "yes"};
static const struct generation framed = {"variant=BTFL", "version=4.5.4", "framed-cli", ""};

static uint8_t config_before[CONFIG_SIZE], config_after[CONFIG_SIZE];

static void remember_config(void) {
        assert_int_equal(model_dump(sim.model, CONFIG_AREA, config_before, sizeof(config_before)),
                         0);
}

static void config_is_as_it_was(void) {
        assert_int_equal(model_dump(sim.model, CONFIG_AREA, config_after, sizeof(config_after)), 0);
        assert_memory_equal(config_before, config_after, sizeof(config_before));
}

/* It answers as if nothing had been. */
static void works(void) {
        settle();
        set("cli-fault", "none");
        expect_ok(go(&op_identify, -EBADF, -EBADF, NULL));
        expect_ok(backup_into(other_text, NULL));
        settle();
}

static void set_up(const struct generation *g) {
        plug(g, NULL);
        expect_ok(restore(edited, NULL));
        settle();
        remember_config();
}

/* Each way for a command line to go wrong has its error, and leaves no half of a backup. */
static void test_backup_faults(void **state) {
        static const struct {
                const char *fault;
                enum fwd_error interactive, framed;
                const char *says;
        } rows[] = {
                {"garbage", FWD_BAD_ANSWER, FWD_BAD_ANSWER, "no text"},
                {"half", FWD_TIMEOUT, FWD_TIMEOUT, "stopped in the middle"},
                {"no-save", FWD_TIMEOUT, FWD_BAD_ANSWER, ""},
                {"no-prompt", FWD_TIMEOUT, FWD_TIMEOUT, ""},
                {"other-echo", FWD_BAD_ANSWER, FWD_OK, "was asked"},
                {"drop", FWD_DEVICE_LOST, FWD_DEVICE_LOST, "went away"},
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
                const struct generation *g = i % 2 ? &framed : &interactive;
                enum fwd_error wanted = i % 2 ? rows[i / 2].framed : rows[i / 2].interactive;

                set_up(g);
                set("cli-fault", rows[i / 2].fault);
                expect_error(backup_into(backup_text, NULL), wanted);
                if (wanted != FWD_OK) {
                        assert_string_equal(backup_text, "");
                        has(heard("MESSAGE"), rows[i / 2].says);
                }
                config_is_as_it_was();
                works();
                sim_unplug();
        }
}

/* A slow board is no broken one. */
static void test_slow(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                expect_ok(backup_into(other_text, NULL));
                settle();
                set("cli-slow-ms", "100");
                expect_ok(backup_into(backup_text, NULL));
                assert_string_equal(strstr(backup_text, "# Sha256"),
                                    strstr(other_text, "# Sha256"));
                sim_unplug();
        }
}

static void test_armed(void **state) {
        int fd;

        plug(&framed, "armed=1");
        remember_config();
        expect_error(backup_into(backup_text, NULL), FWD_ARMED);
        expect_error(restore(edited, NULL), FWD_ARMED);
        assert_string_equal(heard("X.Rebooting"), "");
        fd = sealed(edited);
        expect_error(go(&op_compare, fd, -EBADF, NULL), FWD_ARMED);
        (void) close(fd);
        config_is_as_it_was();
        sim_unplug();
}

static void test_unknown_command_line(void **state) {
        static const char *const options[] = {"variant=CLFL", "version=2.5.0", NULL};

        sim_plug("betaflight-f405", options);
        expect_error(backup_into(backup_text, NULL), FWD_NOT_SUPPORTED);
        has(heard("MESSAGE"), "Cleanflight 2.5.0");
        sim_unplug();
}

static void test_dump(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                expect_ok(backup_into(backup_text, (const char *const[]){"dump=yes", NULL}));
                has(backup_text, "\nset dyn_notch_min_hz = 100\n");
                has(backup_text, "\nset p_pitch = 61\n");
                has_not(backup_text, "defaults nosave");
                settle();
                /* All of it goes back as well. */
                replug(i ? &framed : &interactive);
                expect_ok(restore(backup_text, NULL));
                settle();
                expect_ok(compare(backup_text));
                assert_string_equal(heard("X.Missing"), "0");
                sim_unplug();
        }
}

static const char with_errors[] = "# fwd test\n"
                                  "set small_angle = 90\n"
                                  "set small_angel = 90\n"
                                  "set osd_vbat_pos = 70000\n"
                                  "frobnicate all\n"
                                  "set vtx_band = 5\n"
                                  "vtxtable bands 5\n"
                                  "map RTAE1234\n"
                                  "save\n";

/* One line that is refused, and nothing is saved; the others are, if told so. */
static void test_rejected_lines(void **state) {
        static const struct generation all[] = {
                {"variant=BTFL", "version=4.2.9", NULL, NULL},
                {"variant=BTFL", "version=4.4.2", NULL, NULL},
                {"variant=BTFL", "version=4.5.4", NULL, NULL},
                {"variant=BTFL", "version=2026.12.0", NULL, NULL},
                {"variant=INAV", "version=7.1.2", NULL, NULL},
                {"variant=EMUF", "version=0.4.1", NULL, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                plug(&all[i], "without=VTX");
                expect_ok(restore("set small_angle = 45\nsave\n", NULL));
                settle();
                remember_config();
                expect_error(restore(with_errors, NULL), FWD_CONFIG_REJECTED);
                assert_string_equal(heard("X.Saved"), "no");
                assert_string_equal(heard("X.Rejected"), "5");
                assert_string_equal(heard("X.Rebooting"), "yes");
                has(heard("X.RejectedLines"), "set small_angel = 90 (");
                has(heard("X.RejectedLines"), "frobnicate all (");
                has(heard("X.RejectedLines"), "vtxtable bands 5 (");
                has(heard("MESSAGE"), "nothing was saved");
                config_is_as_it_was();
                settle();
                config_is_as_it_was();
                expect_ok(backup_into(backup_text, NULL));
                has(backup_text, "\nset small_angle = 45\n");
                has_not(backup_text, "RTAE");
                settle();

                expect_ok(
                        restore(with_errors, (const char *const[]){"save-with-errors=yes", NULL}));
                assert_string_equal(heard("X.Saved"), "yes");
                assert_string_equal(heard("X.Applied"), "2");
                assert_string_equal(heard("X.Rejected"), "5");
                settle();
                expect_ok(backup_into(backup_text, NULL));
                has(backup_text, "\nset small_angle = 90\n");
                has(backup_text, "\nmap RTAE1234\n");
                sim_unplug();
        }
}

static void test_save_refused(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                set("cli-fault", "refuse-save");
                expect_error(restore("set small_angle = 90\nsave\n", NULL), FWD_CONFIG_REJECTED);
                has(heard("MESSAGE"), "NO SPACE");
                assert_string_equal(heard("X.Saved"), "no");
                assert_string_equal(heard("X.Rebooting"), "yes");
                config_is_as_it_was();
                works();
                assert_null(strstr(other_text, "small_angle = 90"));
                sim_unplug();
        }
}

/* What another program left in its command line is no reason to refuse ours. */
static void test_left_over_batch(void **state) {
        static const uint8_t batch[] = "\x02"
                                       "batch start\n\x03\x02set nonsense = 1\n\x03";

        set_up(&framed);
        model_serial_write(sim.model, batch, sizeof(batch) - 1, sim.now_us);
        expect_ok(restore("set small_angle = 90\nsave\n", NULL));
        sim_unplug();
}

/* The board took a line, and has lost it when it comes back. */
static void test_compare_tells_what_is_lost(void **state) {
        plug(&framed, "forget=p_pitch");
        expect_ok(restore(edited, NULL));
        settle();
        expect_ok(compare(edited));
        assert_string_equal(heard("X.Missing"), "1");
        assert_string_equal(heard("X.MissingLines"), "set p_pitch = 61 (is: set p_pitch = 47)");
        expect_ok(compare("set dyn_notch_min_hz = 100\nset nonsense = 1\nsave\n"));
        /* A default is there, though a diff would not have it. */
        assert_string_equal(heard("X.MissingLines"), "set nonsense = 1");
        sim_unplug();
}

static void test_parts(void **state) {
        static const struct {
                const char *only;
                const char *lines[4];
        } rows[] = {
                {"only=serial", {"serial 1 64"}},
                {"only=receiver", {"map TAER1234", "set serialrx_provider = SBUS"}},
                {"only=modes", {"aux 0 0 0 1700"}},
                {"only=osd", {"set osd_vbat_pos = 2433"}},
                {"only=pids", {"set p_pitch = 61", "\nprofile 1\n\nrateprofile"}},
                {"only=rates", {"set thr_mid = 33"}},
                {"only=serial,modes", {"serial 1 64", "aux 0 0 0 1700"}},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                plug(&interactive, NULL);
                expect_ok(restore("set small_angle = 45\nset rssi_channel = 7\nsave\n", NULL));
                settle();
                expect_ok(restore(edited, (const char *const[]){rows[i].only, NULL}));
                settle();
                expect_ok(backup_into(backup_text, NULL));
                /* What is not of the part stays as it is. */
                has(backup_text, "\nset small_angle = 45\n");
                has(backup_text, "\nset rssi_channel = 7\n");
                for (size_t j = 0; j < ARRAY_SIZE(rows); j++)
                        for (size_t k = 0; k < 4 && rows[j].lines[k]; k++)
                                if (i == j)
                                        has(backup_text, rows[j].lines[k]);
                                else if (!strstr(rows[i].only, rows[j].only + strlen("only=")) &&
                                         !strstr(rows[j].only, ","))
                                        has_not(backup_text, rows[j].lines[k]);
                sim_unplug();
        }
        plug(&framed, NULL);
        expect_error(restore(edited, (const char *const[]){"only=nonsense", NULL}),
                     FWD_INVALID_ARGUMENT);
        expect_error(restore(edited, (const char *const[]){"only=led", NULL}), FWD_INVALID_CONFIG);
        assert_int_equal(sim.opened, 0);
        sim_unplug();
}

static void test_other_board(void **state) {
        char *at;

        set_up(&framed);
        expect_ok(backup_into(backup_text, NULL));
        sim_unplug();

        sim_plug("betaflight-f722", (const char *const[]){"version=4.5.4", NULL});
        expect_error(restore(backup_text, NULL), FWD_WRONG_BOARD);
        has(heard("MESSAGE"), "SPEEDYBEEF405V4");
        has(heard("MESSAGE"), "MATEKF722SE");
        assert_string_equal(heard("X.Rebooting"), "");
        expect_ok(restore(backup_text, (const char *const[]){"force=yes", NULL}));
        assert_string_equal(heard("X.Rejected"), "0");
        sim_unplug();

        /* Without our head, by the words of the firmware. */
        at = strstr(backup_text, "\n# version");
        assert_non_null(at);
        sim_plug("betaflight-f722", (const char *const[]){"version=4.5.4", NULL});
        expect_error(restore(at, NULL), FWD_WRONG_BOARD);
        sim_unplug();
        sim_plug("betaflight-f405", (const char *const[]){"variant=INAV", "version=7.1.2", NULL});
        expect_error(restore(at, NULL), FWD_WRONG_BOARD);
        has(heard("MESSAGE"), "INAV");
        sim_unplug();
}

static void test_bad_files(void **state) {
        static char text[CONFIG_MAX];

        set_up(&framed);
        expect_ok(backup_into(backup_text, NULL));
        sim.opened = 0;

        strcpy(text, backup_text);
        text[strlen(text) - 40] = '\0';
        expect_error(restore(text, NULL), FWD_INVALID_CONFIG);
        has(heard("MESSAGE"), "hash");
        strcpy(text, backup_text);
        strstr(text, "small_angle = 180")[14] = '9';
        expect_error(restore(text, NULL), FWD_INVALID_CONFIG);
        /* Somebody else's file, without its end. */
        strcpy(text, strstr(backup_text, "\n# version"));
        *strstr(text, "\n# save configuration") = '\0';
        expect_error(restore(text, NULL), FWD_INVALID_CONFIG);
        has(heard("MESSAGE"), "cut short");
        expect_error(restore("\x7f"
                             "ELF\x01\x02",
                             NULL),
                     FWD_INVALID_CONFIG);
        expect_error(restore("set a = 1\nbl\nsave\n", NULL), FWD_INVALID_CONFIG);
        expect_error(restore("\n# nothing\n", NULL), FWD_INVALID_CONFIG);
        assert_int_equal(sim.opened, 0);
        config_is_as_it_was();
        sim_unplug();
}

/* Lines of one release on another. */
static void test_translation(void **state) {
        static const struct generation old = {"variant=BTFL", "version=4.3.1", NULL, NULL};
        static const struct generation before = {"variant=BTFL", "version=2025.12.2", NULL, NULL};
        static const struct generation after = {"variant=BTFL", "version=2026.12.0", NULL, NULL};

        plug(&old, NULL);
        expect_ok(restore("serial UART2 64 115200 57600 0 115200\nset craft_name = moth\nsave\n",
                          NULL));
        assert_string_equal(heard("X.Translated"), "2");
        has(heard("X.TranslatedLines"), "(set name = moth)");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nserial 1 64 115200 57600 0 115200\n");
        has(backup_text, "\nset name = moth\n");
        sim_unplug();

        /* Up: numbers are still taken, names are new. */
        plug(&before, NULL);
        expect_ok(restore(backup_text, NULL));
        assert_string_equal(heard("X.Translated"), "1");
        settle();
        expect_ok(compare(backup_text));
        assert_string_equal(heard("X.Missing"), "0");
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nserial UART2 64 115200 57600 0 115200\n");
        has(backup_text, "\nset craft_name = moth\n");
        sim_unplug();

        /* And from where ports are no longer set by serial lines. */
        plug(&after, NULL);
        expect_ok(restore(backup_text, NULL));
        assert_string_equal(heard("X.Skipped"), "0");
        has(heard("X.TranslatedLines"),
            "serial UART2 64 115200 57600 0 115200 (set rx_uart = UART2)");
        settle();
        expect_ok(compare(backup_text));
        assert_string_equal(heard("X.Missing"), "0");
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset rx_uart = UART2\n");
        has_not(backup_text, "\nserial ");
        sim_unplug();

        /* And down: what is told by function is not told to firmware that has no such setting. */
        plug(&before, NULL);
        expect_ok(restore(backup_text, NULL));
        assert_string_equal(heard("X.Skipped"), "1");
        has(heard("X.SkippedLines"), "set rx_uart = UART2 (this firmware has serial lines");
        settle();
        expect_ok(compare(backup_text));
        has(heard("X.MissingLines"), "set rx_uart = UART2");
        sim_unplug();
}

/* Several functions in one line, a port that gets another one, and what a build does not have. */
static void test_ports(void **state) {
        static const struct generation after = {"variant=BTFL", "version=2026.12.0", NULL, NULL};
        static const char *const only[] = {"only=serial", NULL};

        plug(&after, "without=GPS");
        expect_ok(restore("serial 20 1 115200 57600 0 115200\n"
                          "serial UART1 513 230400 57600 57600 115200\n"
                          "serial 5 2 115200 57600 0 115200\n"
                          "serial 2 2048 115200 57600 0 115200\n",
                          only));
        has(heard("X.TranslatedLines"),
            "(set msp_uart_2 = UART1, set msp_baud_2 = 230400, set telemetry_1_protocol = MAVLINK, "
            "set telemetry_1_uart = UART1, set telemetry_1_baud = 57600)");
        assert_string_equal(heard("X.Skipped"), "2");
        has(heard("X.SkippedLines"), "serial 5 2 115200 57600 0 115200 (this firmware is built "
                                     "without GPS)");
        has(heard("X.SkippedLines"), "which kind of VTX");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset vtx_uart = UART3\n");

        /* The port gets something else to do: what it did ends. */
        expect_ok(restore("serial UART1 64 115200 57600 0 115200\n", only));
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset rx_uart = UART1\n");
        has_not(backup_text, "msp_uart_2");
        has_not(backup_text, "telemetry_1_uart");
        /* Part by part, as people do across versions. */
        expect_ok(restore("set rx_uart = UART2\nset small_angle = 10\n", only));
        assert_string_equal(heard("X.Applied"), "1");
        sim_unplug();
}

/* The defaults of the board, where the firmware is one for all boards of its chip. */
static void test_custom_defaults(void **state) {
        static const struct generation before = {"variant=BTFL", "version=4.4.2", NULL, NULL};
        static const struct generation after = {"variant=BTFL", "version=4.5.1", NULL, NULL};
        static const struct generation inav = {"variant=INAV", "version=7.1.2", NULL, NULL};
        static const struct {
                const char *fault;
                enum fwd_error error;
        } faults[] = {{"refused", FWD_CONFIG_REJECTED}, {"silent", FWD_TIMEOUT}};

        plug(&before, "custom-defaults=1");
        expect_ok(go(&op_identify, -EBADF, -EBADF, NULL));
        assert_string_equal(heard("X.CustomDefaults"), "available");
        assert_string_equal(heard("X.ConfigState"), "bare");
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                set("reset-fault", faults[i].fault);
                expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), faults[i].error);
                assert_string_equal(heard("X.Rebooting"), "");
        }
        set("reset-fault", "none");
        set("armed", "1");
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_ARMED);
        set("armed", "0");
        expect_ok(go(&op_defaults, -EBADF, -EBADF, NULL));
        assert_string_equal(heard("X.Rebooting"), "yes");
        settle();
        expect_ok(backup_into(backup_text, (const char *const[]){"dump=yes", NULL}));
        assert_string_equal(heard("X.ConfigState"), "custom-defaults");
        has(backup_text, "\nset small_angle = 100\n");
        has(backup_text, "\nresource MOTOR 1 A08\n");
        /* A configuration is what differs from them, and is given back over them. */
        settle();
        expect_ok(restore("set small_angle = 180\nsave\n", NULL));
        settle();
        expect_ok(backup_into(backup_text, NULL));
        assert_string_equal(heard("X.ConfigState"), "configured");
        has(backup_text, "\nset small_angle = 180\n");
        has_not(backup_text, "resource MOTOR");
        sim_unplug();

        plug(&before, NULL);
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        assert_string_equal(heard("X.CustomDefaults"), "none");
        sim_unplug();
        plug(&after, NULL);
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        assert_string_equal(heard("X.CustomDefaults"), "");
        assert_string_equal(heard("X.ConfigState"), "");
        sim_unplug();
        plug(&inav, NULL);
        expect_error(go(&op_defaults, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        sim_unplug();
}

/* What cannot be typed is not sent as something else. */
static void test_untypable(void **state) {
        static const char text[] = "set craft_name = a?b\nset pilot_name = #1\n"
                                   "set small_angle = 90\nsave\n";

        plug(&interactive, NULL);
        expect_ok(restore(text, NULL));
        assert_string_equal(heard("X.Skipped"), "2");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has_not(backup_text, "_name =");
        sim_unplug();
        plug(&framed, NULL);
        expect_ok(restore(text, NULL));
        assert_string_equal(heard("X.Skipped"), "1");
        settle();
        expect_ok(backup_into(backup_text, NULL));
        has(backup_text, "\nset craft_name = a?b\n");
        sim_unplug();
}

/* Firmware for any board of a chip forgets which one it is on when its configuration goes. */
static void test_board_name_is_given_back(void **state) {
        plug(&interactive, NULL);
        expect_ok(backup_into(backup_text, NULL));
        sim_unplug();
        sim_plug("betaflight-f405",
                 (const char *const[]){"version=4.4.2", "board-name=", "manufacturer-id=", NULL});
        expect_ok(restore(backup_text, NULL));
        expect_ok((settle(), go(&op_identify, -EBADF, -EBADF, NULL)));
        assert_string_equal(heard("X.BoardName"), "SPEEDYBEEF405V4");
        assert_string_equal(heard("X.Manufacturer"), "SPBE");
        sim_unplug();
}

static unsigned stop_in;
static bool stop_by_unplugging;

static uint64_t stopping_now_us(void) {
        if (stop_in > 0 && --stop_in == 0) {
                if (stop_by_unplugging)
                        model_unplug(sim.model, sim.now_us);
                else
                        cancel_flag = 1;
        }
        return sim.now_us;
}

/* Stopped in the middle, by a person or by the cable: the board forgets what was set. */
static void test_stopped(void **state) {
        for (int i = 0; i < 4; i++) {
                int fds[2], fd = sealed(edited);

                set_up(i & 1 ? &framed : &interactive);
                stop_by_unplugging = i >= 2;
                assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
                memset(&run, 0, sizeof(run));
                run.worker = (struct worker){
                        .operation = &op_restore,
                        .tty = MODEL_TTY,
                        .image_fd = fd,
                        .source_fd = -EBADF,
                        .output_fd = -EBADF,
                        .options = OPTIONS_INIT,
                        .open_serial = sim_open_tty,
                };
                reporter_init(&run.worker.reporter, fds[1], NULL);
                run.worker.reporter.now_us = stopping_now_us;
                cancel_flag = 0;
                stop_in = 8;
                assert_int_equal(worker_run(&run.worker),
                                 stop_by_unplugging ? FWD_EXIT_LOST : FWD_EXIT_CANCELLED);
                assert_int_equal(stop_in, 0);
                cancel_flag = 0;
                (void) close(fds[0]);
                (void) close(fds[1]);
                (void) close(fd);
                if (stop_by_unplugging)
                        model_plug(sim.model, sim.now_us);
                settle();
                config_is_as_it_was();
                works();
                has(other_text, "set small_angle = 180");
                sim_unplug();
        }
}

/* The sector with the configuration is no firmware's: what leaves it alone, and reads it, keeps it.
 */
static void test_what_survives(void **state) {
        static uint8_t erased[CONFIG_SIZE];
        static const struct {
                const char *version;
                bool kept;
        } rows[] = {
                {"4.5.9", true},
                {"4.5.3", true},
                {"4.4.2", false},
                {"2025.12.2", false},
        };

        memset(erased, 0xFF, sizeof(erased));
        for (size_t i = 0; i <= ARRAY_SIZE(rows); i++) {
                set_up(&framed);
                if (i < ARRAY_SIZE(rows))
                        set("version", rows[i].version);
                else
                        assert_int_equal(model_load(sim.model, CONFIG_AREA, erased, sizeof(erased)),
                                         0);
                model_unplug(sim.model, sim.now_us);
                model_plug(sim.model, sim.now_us);
                settle();
                expect_ok(compare(edited));
                if (i < ARRAY_SIZE(rows) && rows[i].kept)
                        assert_string_equal(heard("X.Missing"), "0");
                else
                        assert_string_not_equal(heard("X.Missing"), "0");
                sim_unplug();
        }
}

static void reboots(const char *const *options, const char *method, bool comes) {
        unsigned generation;

        sim_plug("betaflight-f405", options);
        generation = sim.model->generation;
        expect_ok(go(&op_reboot, -EBADF, -EBADF, NULL));
        assert_string_equal(heard("X.Method"), method);
        settle();
        assert_int_equal(sim.model->generation != generation && !sim.model->has_serial_port, comes);
        sim_unplug();
}

/* A way that the firmware refuses is followed by the next. */
static void test_reboot_ladder(void **state) {
        reboots((const char *const[]){"version=4.4.2", "refuse-reboot=1", NULL}, "cli", true);
        reboots((const char *const[]){"version=2025.12.2", "refuse-reboot=1", NULL}, "cli", true);
        reboots((const char *const[]){"variant=INAV", "version=7.1.2", NULL}, "cli", true);
        reboots((const char *const[]){"variant=INAV", "version=9.1.0", "msp-dfu=1", NULL},
                "msp-reboot", true);
        reboots((const char *const[]){"variant=EMUF", "version=0.4.1", "refuse-reboot=1", NULL},
                "cli", true);
        reboots((const char *const[]){"version=4.4.2", "ignore-reboot=1", NULL}, "msp-reboot",
                false);

        /* All were tried; it says why it does not go, and works. */
        sim_plug("betaflight-f405", (const char *const[]){"version=4.4.2", "refuse-reboot=1",
                                                          "cli-fault=no-prompt", NULL});
        expect_error(go(&op_reboot, -EBADF, -EBADF, NULL), FWD_NOT_SUPPORTED);
        works();
        sim_unplug();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_backup_faults),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_armed),
                cmocka_unit_test(test_unknown_command_line),
                cmocka_unit_test(test_dump),
                cmocka_unit_test(test_rejected_lines),
                cmocka_unit_test(test_save_refused),
                cmocka_unit_test(test_left_over_batch),
                cmocka_unit_test(test_compare_tells_what_is_lost),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_other_board),
                cmocka_unit_test(test_bad_files),
                cmocka_unit_test(test_translation),
                cmocka_unit_test(test_ports),
                cmocka_unit_test(test_custom_defaults),
                cmocka_unit_test(test_untypable),
                cmocka_unit_test(test_board_name_is_given_back),
                cmocka_unit_test(test_stopped),
                cmocka_unit_test(test_what_survives),
                cmocka_unit_test(test_reboot_ladder),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
