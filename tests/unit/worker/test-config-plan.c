/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dry runs of a restore: what they tell is what a restore then sends, and the board is as it was,
 * in its flash and in what it works with. */

#include "config-board.h"

static char was[CONFIG_MAX], is[CONFIG_MAX];

/* The lines that were sent after the last one that begins with `from`, but for questions, until it
 * was told to save: "set a = 1; map TAER1234". */
static const char *sent_after(const char *from) {
        static char lines[REPORT_VALUE_MAX + 1], line[256];
        size_t n = 0, length = 0;

        lines[0] = '\0';
        for (size_t i = 0; i < sim.n_sent; i++) {
                if (sim.sent[i] >= 0x20 && length + 1 < sizeof(line)) {
                        line[length++] = sim.sent[i];
                        continue;
                }
                line[length] = '\0';
                length = 0;
                if (strncmp(line, from, strlen(from)) == 0)
                        n = 0;
                else if (strcmp(line, "save") == 0)
                        break;
                else if (*line && strncmp(line, "dump all", 8) != 0)
                        n += (size_t) snprintf(lines + n, sizeof(lines) - n, "%s%s", n ? "; " : "",
                                               line);
                assert_true(n < sizeof(lines));
        }
        lines[n] = '\0';
        return lines;
}

/* A dry run asks, and gives nothing. */
static void only_asked(void) {
        static const char *const givings[] = {"set ",     "serial ",  "map ",
                                              "batch ",   "save",     "defaults ",
                                              "profile ", "feature ", "board_name "};
        static char text[sizeof(sim.sent) + 1];

        for (size_t i = 0; i < sim.n_sent; i++)
                text[i] = sim.sent[i] ? sim.sent[i] : ' ';
        text[sim.n_sent] = '\0';
        /* Typed; in a frame; as the first that is typed. */
        for (size_t i = 0; i < 3 * ARRAY_SIZE(givings); i++) {
                char line[32];

                (void) snprintf(line, sizeof(line), "%c%s", "\n\x02#"[i % 3], givings[i / 3]);
                has_not(text, line);
        }
}

static void dump_into(char *text) {
        expect_ok(backup_into(text, (const char *const[]){"dump=yes", NULL}));
        settle();
}

struct account {
        char plan[REPORT_VALUE_MAX + 1], translated[1024], skipped[1024];
        char n_applied[16], n_translated[16], n_skipped[16];
};

static void take(struct account *said) {
        (void) snprintf(said->plan, sizeof(said->plan), "%s", told("X.PlanLines"));
        (void) snprintf(said->translated, sizeof(said->translated), "%.1000s",
                        told("X.TranslatedLines"));
        (void) snprintf(said->skipped, sizeof(said->skipped), "%.1000s", told("X.SkippedLines"));
        (void) snprintf(said->n_applied, sizeof(said->n_applied), "%.15s", told("X.Applied"));
        (void) snprintf(said->n_translated, sizeof(said->n_translated), "%.15s",
                        told("X.Translated"));
        (void) snprintf(said->n_skipped, sizeof(said->n_skipped), "%.15s", told("X.Skipped"));
}

/* Plans `text` for the board that is there, and then restores it: the same. */
static void plan_is_what_comes(const char *text, const char *only, const char *rebooting) {
        const char *const dry[] = {"dry-run=yes", only, NULL};
        const char *const wet[] = {only, NULL};
        struct account said, done;

        remember_config();
        dump_into(was);
        sim.n_sent = 0;
        expect_ok(restore(text, dry));
        take(&said);
        assert_string_equal(run.phases, "planning");
        only_asked();
        assert_string_equal(told("X.Rebooting"), rebooting);
        assert_string_equal(told("X.Saved"), "");
        config_is_as_it_was();
        settle();
        dump_into(is);
        assert_string_equal(strstr(was, "# Sha256"), strstr(is, "# Sha256"));
        config_is_as_it_was();

        sim.n_sent = 0;
        expect_ok(restore(text, wet));
        take(&done);
        assert_string_equal(said.plan, sent_after(only ? "batch start" : "defaults no"));
        assert_string_equal(said.n_applied, done.n_applied);
        assert_string_equal(said.n_translated, done.n_translated);
        assert_string_equal(said.translated, done.translated);
        assert_string_equal(said.n_skipped, done.n_skipped);
        assert_string_equal(said.skipped, done.skipped);
        assert_string_equal(done.plan, "");
        assert_string_equal(told("X.Saved"), "yes");
        settle();
}

/* Of each generation, on a board that has something else set. */
static void test_each_generation(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(generations); i++) {
                plug(&generations[i], NULL);
                expect_ok(
                        restore("set small_angle = 45\nmap RTAE1234\nprofile 2\nset p_pitch = 99\n"
                                "save\n",
                                NULL));
                settle();
                plan_is_what_comes(edited, NULL, generations[i].rebooting);
                sim_unplug();
        }
}

/* What a serial line becomes depends on what the ports do. All of a configuration goes over the
 * defaults, a part over what is there: other lines, for the same file. */
static void test_ports(void **state) {
        static const struct generation by_function = {"variant=BTFL", "version=2026.12.0", NULL,
                                                      NULL};
        static const struct {
                const char *now, *file;
                const char *whole, *part; /* what the file's lines become */
        } rows[] = {
                {"set rx_uart = UART2\n", "serial 1 64 115200 57600 0 115200\n",
                 "set rx_uart = UART2", ""},
                {"set rx_uart = UART1\n", "serial UART1 0 115200 57600 0 115200\n", "",
                 "set rx_uart = NONE"},
                {"set msp_uart_2 = UART1\nset msp_baud_2 = 500000\n",
                 "serial 0 64 115200 57600 0 115200\n", "set rx_uart = UART1",
                 "set msp_uart_2 = NONE; set rx_uart = UART1"},
                {"set msp_uart_2 = UART3\nset telemetry_1_protocol = LTM\n"
                 "set telemetry_1_uart = UART6\n",
                 "serial 0 33 230400 57600 57600 115200\n",
                 "set msp_uart_2 = UART1; set msp_baud_2 = 230400; "
                 "set telemetry_1_protocol = SMARTPORT; set telemetry_1_uart = UART1",
                 "set msp_uart_3 = UART1; set msp_baud_3 = 230400; "
                 "set telemetry_2_protocol = SMARTPORT; set telemetry_2_uart = UART1"},
                {"set blackbox_uart = UART3\nset blackbox_baud = 1000000\n",
                 "serial 2 128 115200 57600 0 115200\n", "set blackbox_uart = UART3",
                 "set blackbox_baud = 115200"},
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
                const char *only = i % 2 ? "only=serial" : NULL;
                const char *wanted = i % 2 ? rows[i / 2].part : rows[i / 2].whole;

                plug(&by_function, NULL);
                expect_ok(restore(rows[i / 2].now, NULL));
                settle();
                expect_ok(restore(rows[i / 2].file,
                                  (const char *const[]){"dry-run=yes", only, NULL}));
                assert_string_equal(told("X.PlanLines"), wanted);
                plan_is_what_comes(rows[i / 2].file, only, "");
                sim_unplug();
        }
}

/* A part is a part of the plan, too. */
static void test_parts(void **state) {
        set_up(&framed);
        expect_ok(
                restore(edited, (const char *const[]){"dry-run=yes", "only=receiver,pids", NULL}));
        assert_string_equal(told("X.PlanLines"), "map TAER1234; set serialrx_provider = SBUS; "
                                                 "profile 1; set p_pitch = 61; profile 1");
        assert_string_equal(told("X.Plan"), "5");
        assert_string_equal(told("X.Applied"), "3");
        plan_is_what_comes(edited, "only=receiver,pids", "");
        sim_unplug();
}

/* What is left out and what becomes something else, with the reasons. */
static void test_left_out(void **state) {
        static const struct generation by_function = {"variant=BTFL", "version=2026.12.0", NULL,
                                                      NULL};
        static const char text[] = "serial UART2 64 115200 57600 0 115200\n"
                                   "set craft_name = a?b\n"
                                   "set small_angle = 90\nsave\n";

        plug(&interactive, NULL);
        plan_is_what_comes(text, NULL, "yes");
        expect_ok(restore(text, (const char *const[]){"dry-run=yes", NULL}));
        has(told("X.SkippedLines"), "set craft_name = a?b (");
        assert_string_equal(told("X.TranslatedLines"), "serial UART2 64 115200 57600 0 115200 "
                                                       "(serial 1 64 115200 57600 0 115200)");
        has_not(told("X.PlanLines"), "a?b");
        sim_unplug();

        plug(&by_function, "without=GPS");
        plan_is_what_comes("serial nonsense\nserial 0 2 115200 57600 0 115200\n"
                           "serial 1 4096 115200 57600 0 115200\nset small_angle = 90\n",
                           NULL, "");
        expect_ok(restore("serial nonsense\nserial 0 2 115200 57600 0 115200\n",
                          (const char *const[]){"dry-run=yes", NULL}));
        has(told("X.SkippedLines"), "serial nonsense (it is no port");
        has(told("X.SkippedLines"), "built without GPS");
        assert_string_equal(told("X.PlanLines"), "");
        assert_string_equal(told("X.Applied"), "0");
        sim_unplug();
}

/* More lines than a report has room for are counted. */
static void test_long(void **state) {
        static char text[CONFIG_MAX];
        size_t n = 0;

        for (unsigned i = 0; i < 400; i++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, "set osd_vbat_pos = %u\n",
                                       2048 + i);
        plug(&framed, NULL);
        expect_ok(restore(text, (const char *const[]){"dry-run=yes", NULL}));
        assert_string_equal(told("X.Plan"), "400");
        has(told("X.PlanLines"), "set osd_vbat_pos = 2048; set osd_vbat_pos = 2049; ");
        has(told("X.PlanLines"), " more");
        assert_true(strlen(told("X.PlanLines")) > 3000);
        sim_unplug();
}

/* What a restore refuses, its dry run refuses. */
static void test_refused(void **state) {
        static const char *const dry[] = {"dry-run=yes", NULL};

        set_up(&framed);
        expect_ok(backup_into(backup_text, NULL));
        set("armed", "1");
        sim.n_sent = 0;
        expect_error(restore(edited, dry), FWD_ARMED);
        assert_string_equal(told("X.Rebooting"), "");
        only_asked();
        set("armed", "0");
        expect_error(restore("set a = 1\nbl\nsave\n", dry), FWD_INVALID_CONFIG);
        expect_error(restore(edited, (const char *const[]){"dry-run=yes", "only=led", NULL}),
                     FWD_INVALID_CONFIG);
        config_is_as_it_was();
        sim_unplug();

        sim_plug("betaflight-f722", (const char *const[]){"version=4.5.4", NULL});
        expect_error(restore(backup_text, dry), FWD_WRONG_BOARD);
        assert_string_equal(told("X.PlanLines"), "");
        sim_unplug();

        sim_plug("betaflight-f405", (const char *const[]){"variant=CLFL", "version=2.5.0", NULL});
        expect_error(restore(edited, dry), FWD_NOT_SUPPORTED);
        sim_unplug();
}

/* A command line that does not tell what it has leaves no plan, and the board as it was. */
static void test_faults(void **state) {
        static const struct generation by_function = {"variant=BTFL", "version=2026.12.0", NULL,
                                                      NULL};
        static const struct {
                const char *fault;
                enum fwd_error error;
        } rows[] = {
                {"garbage", FWD_BAD_ANSWER},
                {"half", FWD_TIMEOUT},
                {"no-save", FWD_BAD_ANSWER},
                {"drop", FWD_DEVICE_LOST},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                set_up(&by_function);
                set("cli-fault", rows[i].fault);
                expect_error(restore(edited, (const char *const[]){"dry-run=yes", NULL}),
                             rows[i].error);
                assert_string_equal(told("X.PlanLines"), "");
                config_is_as_it_was();
                works();
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_generation),
                cmocka_unit_test(test_ports),
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_left_out),
                cmocka_unit_test(test_long),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_faults),
        };

        return cmocka_run_group_tests_name("config-plan", tests, NULL, NULL);
}
