/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Giving a configuration to a flight controller: what is on it afterwards, equal, and that nothing
 * is half done. */

#include "config-board.h"

/* Sets a board up, reads its configuration, gives it to a new one: equal before and after. */
static void test_round_trip(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(generations); i++) {
                const struct generation *g = &generations[i];
                char line[128];

                plug(g, NULL);
                expect_ok(restore(edited, (const char *const[]){"save-with-errors=yes", NULL}));
                assert_string_equal(told("X.Saved"), "yes");
                assert_string_equal(told("X.Rebooting"), "yes");
                assert_string_equal(told("X.Method"), g->method);
                assert_string_equal(told("X.Rejected"), "0");
                assert_string_equal(told("X.Skipped"), "0");
                settle();

                expect_ok(backup_into(backup_text, NULL));
                assert_string_equal(told("X.Rebooting"), g->rebooting);
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
                assert_string_not_equal(told("X.Missing"), "0");
                settle();
                /* Only told: the board is as it was. */
                expect_ok(restore(backup_text, (const char *const[]){"dry-run=yes", NULL}));
                assert_string_not_equal(told("X.Applied"), "0");
                assert_string_equal(told("X.Skipped"), "0");
                settle();
                expect_ok(compare(backup_text));
                assert_string_not_equal(told("X.Missing"), "0");
                settle();
                expect_ok(restore(backup_text, NULL));
                assert_string_equal(told("X.Rejected"), "0");
                settle();
                expect_ok(backup_into(other_text, NULL));
                assert_string_equal(strstr(backup_text, "# Sha256"),
                                    strstr(other_text, "# Sha256"));
                settle();
                expect_ok(compare(backup_text));
                assert_string_equal(told("X.Missing"), "0");
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
                assert_string_equal(told("X.Saved"), "no");
                assert_string_equal(told("X.Rejected"), "5");
                assert_string_equal(told("X.Rebooting"), "yes");
                has(told("X.RejectedLines"), "set small_angel = 90 (");
                has(told("X.RejectedLines"), "frobnicate all (");
                has(told("X.RejectedLines"), "vtxtable bands 5 (");
                has(told("MESSAGE"), "nothing was saved");
                config_is_as_it_was();
                settle();
                config_is_as_it_was();
                expect_ok(backup_into(backup_text, NULL));
                has(backup_text, "\nset small_angle = 45\n");
                has_not(backup_text, "RTAE");
                settle();

                expect_ok(
                        restore(with_errors, (const char *const[]){"save-with-errors=yes", NULL}));
                assert_string_equal(told("X.Saved"), "yes");
                assert_string_equal(told("X.Applied"), "2");
                assert_string_equal(told("X.Rejected"), "5");
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
                has(told("MESSAGE"), "NO SPACE");
                assert_string_equal(told("X.Saved"), "no");
                assert_string_equal(told("X.Rebooting"), "yes");
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
        assert_string_equal(told("X.Missing"), "1");
        assert_string_equal(told("X.MissingLines"), "set p_pitch = 61 (is: set p_pitch = 47)");
        expect_ok(compare("set dyn_notch_min_hz = 100\nset nonsense = 1\nsave\n"));
        /* A default is there, though a diff would not have it. */
        assert_string_equal(told("X.MissingLines"), "set nonsense = 1");
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

static unsigned stop_in;
static enum { BY_CANCEL, BY_UNPLUGGING, BY_JOINING, BY_JOINING_AND_TAKING } stop_by;

static uint64_t stopping_now_us(void) {
        if (stop_in > 0 && --stop_in == 0) {
                if (stop_by == BY_UNPLUGGING)
                        model_unplug(sim.model, sim.now_us);
                else if (stop_by >= BY_JOINING)
                        sim.is_shared = true;
                else
                        cancel_flag = 1;
                if (stop_by == BY_JOINING_AND_TAKING)
                        set("silent", "1");
        }
        return sim.now_us;
}

static int restore_until(unsigned n) {
        int r;

        prepare_operation(&op_restore);
        run.worker.tty = MODEL_TTY;
        run.worker.image_fd = sealed(edited, strlen(edited));
        run.worker.reporter.now_us = stopping_now_us;
        stop_in = n;
        r = go();
        assert_int_equal(stop_in, 0);
        return r;
}

/* Stopped in the middle, by a person or by the cable: the board forgets what was set. */
static void test_stopped(void **state) {
        for (int i = 0; i < 4; i++) {
                set_up(i & 1 ? &framed : &interactive);
                stop_by = i >= 2 ? BY_UNPLUGGING : BY_CANCEL;
                assert_int_equal(restore_until(8), i >= 2 ? FWD_EXIT_LOST : FWD_EXIT_CANCELLED);
                cancel_flag = 0;
                if (i >= 2)
                        model_plug(sim.model, sim.now_us);
                settle();
                config_is_as_it_was();
                works();
                has(other_text, "set small_angle = 180");
                sim_unplug();
        }
}

static const struct generation inav = {"variant=INAV", "version=7.1.2", "interactive-cli", "yes"};

/* Another program comes to the port while lines are given: whatever it took of the answers, nothing
 * is saved. */
static void test_joined(void **state) {
        for (int i = 0; i < 3; i++) {
                set_up(i == 0 ? &framed : i == 1 ? &interactive : &inav);
                stop_by = BY_JOINING;
                assert_int_equal(restore_until(8), FWD_EXIT_FAILURE);
                assert_string_equal(told("ERROR"), "BadAnswer");
                has(told("MESSAGE"), "Another program has opened " MODEL_TTY);
                has(told("MESSAGE"), "restarts with the configuration that it had");
                assert_string_equal(told("X.Saved"), i < 2 ? "no" : "");
                assert_string_equal(told("X.Rebooting"), "yes");
                sim.is_shared = false;
                settle();
                config_is_as_it_was();
                works();
                has(other_text, "set small_angle = 180");
                sim_unplug();
        }
}

/* An answer that does not come, because he has it, is told as that. */
static void test_joined_and_took_an_answer(void **state) {
        for (int i = 0; i < 2; i++) {
                set_up(i ? &framed : &interactive);
                stop_by = BY_JOINING_AND_TAKING;
                assert_int_equal(restore_until(8), FWD_EXIT_FAILURE);
                has(told("MESSAGE"), "Another program has opened " MODEL_TTY);
                assert_string_equal(told("X.Saved"), ""); /* it was before that */
                assert_string_equal(told("X.Rebooting"), "yes");
                sim.is_shared = false;
                set("silent", "0");
                settle();
                config_is_as_it_was();
                sim_unplug();
        }
}

/* INAV has stored its defaults by the time that all, 16 lines, is given for the second time. */
static void test_joined_after_the_reset(void **state) {
        set_up(&inav);
        stop_by = BY_JOINING;
        assert_int_equal(restore_until(16 + 8), FWD_EXIT_FAILURE);
        has(told("MESSAGE"), "nothing was saved, and it restarts with its defaults");
        sim.is_shared = false;
        settle();
        works();
        has_not(other_text, "set small_angle = 180");
        sim_unplug();
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
                        assert_string_equal(told("X.Missing"), "0");
                else
                        assert_string_not_equal(told("X.Missing"), "0");
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_rejected_lines),
                cmocka_unit_test(test_save_refused),
                cmocka_unit_test(test_left_over_batch),
                cmocka_unit_test(test_compare_tells_what_is_lost),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_stopped),
                cmocka_unit_test(test_joined),
                cmocka_unit_test(test_joined_and_took_an_answer),
                cmocka_unit_test(test_joined_after_the_reset),
                cmocka_unit_test(test_what_survives),
        };

        return cmocka_run_group_tests_name("config-restore", tests, NULL, NULL);
}
