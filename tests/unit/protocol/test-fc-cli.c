/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/betaflight-cli.h"

/* What no board model does: a command line without end, and answers cut at every place. The rest is
 * tested on the models (tests/unit/worker/test-config-*.c). */

struct talker {
        struct serial_port port;
        uint64_t now_ms;
        const char *answer; /* of any command */
        size_t at, chunk;
        bool endless;
        char written[512];
        size_t n_written;
};

static int talker_read(struct serial_port *port, void *to, size_t size, unsigned timeout_ms) {
        struct talker *t = (struct talker *) port;
        size_t n = t->answer ? strlen(t->answer) - t->at : 0;

        if (n == 0 && t->endless) {
                n = size < 8 ? size : 8;
                memcpy(to, "set a=1\n", n);
                return (int) n;
        }
        if (n == 0) {
                t->now_ms += timeout_ms;
                return 0;
        }
        n = n < t->chunk ? n : t->chunk;
        n = n < size ? n : size;
        memcpy(to, t->answer + t->at, n);
        t->at += n;
        t->now_ms++;
        return (int) n;
}

static int talker_write(struct serial_port *port, const void *data, size_t size,
                        unsigned timeout_ms) {
        struct talker *t = (struct talker *) port;

        assert_true(t->n_written + size < sizeof(t->written));
        memcpy(t->written + t->n_written, data, size);
        t->n_written += size;
        t->at = 0;
        return 0;
}

static void talker_discard(struct serial_port *port) {
}

static uint64_t talker_now(struct serial_port *port) {
        return ((struct talker *) port)->now_ms;
}

static void talker_close(struct serial_port *port) {
}

static const struct serial_ops talker_ops = {talker_read, talker_write, talker_discard, talker_now,
                                             talker_close};

static struct fc_identity of(const char *variant, unsigned major, unsigned minor, unsigned patch) {
        struct fc_identity identity = {.has_version = true, .version = {major, minor, patch}};

        memcpy(identity.variant, variant, 5);
        return identity;
}

static void talk(struct talker *t, struct fc_cli *cli, bool framed) {
        const struct fc_identity identity = framed ? of("BTFL", 4, 5, 4) : of("BTFL", 4, 4, 0);
        struct fault fault = FAULT_INIT;

        *t = (struct talker){.port = {.ops = &talker_ops, .name = "/dev/ttyACM7"}, .chunk = 64};
        t->answer = "\r\nEntering CLI Mode\r\n\r\n# ";
        assert_int_equal(fc_cli_open(cli, &t->port, &identity, &fault), 0);
        t->answer = "";
}

static void test_who_has_which(void **state) {
        static const struct {
                const char *variant;
                unsigned version[3];
                bool known, framed;
        } rows[] = {
                {"BTFL", {3, 5, 7}, false, false}, {"BTFL", {4, 0, 0}, true, false},
                {"BTFL", {4, 5, 3}, true, false},  {"BTFL", {4, 5, 4}, true, true},
                {"BTFL", {4, 6, 0}, true, true},   {"BTFL", {2025, 12, 1}, true, true},
                {"INAV", {9, 1, 0}, true, false},  {"EMUF", {0, 4, 1}, true, false},
                {"CLFL", {2, 5, 0}, false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fc_identity identity = of(rows[i].variant, rows[i].version[0],
                                                 rows[i].version[1], rows[i].version[2]);

                assert_int_equal(fc_cli_is_known(&identity), rows[i].known);
                assert_int_equal(fc_cli_has_frames(&identity), rows[i].framed);
        }
}

static void test_without_end(void **state) {
        for (int framed = 0; framed < 2; framed++) {
                struct fault fault = FAULT_INIT;
                struct fc_cli cli;
                struct talker t;

                talk(&t, &cli, framed);
                t.answer = framed ? "\x02" : "diff all\r\n";
                t.endless = true;
                assert_int_equal(fc_cli_read_config(&cli, FC_CLI_DIFF, &fault), -EBADMSG);
                assert_int_equal(fault.error, FWD_BAD_ANSWER);
                assert_true(cli.size <= FC_CLI_REPLY_MAX);
                fc_cli_clear(&cli);
        }
}

/* A heading that arrives in two parts looks like the prompt for a moment. */
static void test_cut_anywhere(void **state) {
        static const char typed[] = "diff all\r\n\r\n# version\r\n# B\r\n\r\n# master\r\n"
                                    "set a = 1\r\n\r\n# save configuration\r\nsave\r\n# ";
        static const char in_frame[] = "$M>\x01junk\x02\r\n# version\r\n# B\r\n\r\n# master\r\n"
                                       "set a = 1\r\n\r\n# save configuration\r\nsave\x03";
        static const char *const rest[] = {"# version\n# B\n\n# master\nset a = 1\n\n"
                                           "# save configuration\nsave",
                                           "\n# version\n# B\n\n# master\nset a = 1\n\n"
                                           "# save configuration\nsave"};

        for (int framed = 0; framed < 2; framed++)
                for (size_t chunk = 1; chunk < 100; chunk++) {
                        struct fault fault = FAULT_INIT;
                        struct fc_cli cli;
                        struct talker t;
                        const char *reply;

                        talk(&t, &cli, framed);
                        t.answer = framed ? in_frame : typed;
                        t.chunk = chunk;
                        assert_int_equal(fc_cli_read_config(&cli, FC_CLI_DIFF, &fault), 0);
                        reply = framed ? cli.reply : cli.reply + strspn(cli.reply, "\n");
                        assert_string_equal(reply, rest[framed]);
                        fc_cli_clear(&cli);
                }
}

/* Cut short, it is never taken for whole. */
static void test_never_half(void **state) {
        static const char whole[] = "diff all\r\n\r\n# version\r\n# B\r\nbatch start\r\n"
                                    "set a = 1\r\n# save configuration\r\nsave\r\n# ";
        char part[sizeof(whole)];

        for (size_t n = 0; n < sizeof(whole) - 1; n++) {
                struct fault fault = FAULT_INIT;
                struct fc_cli cli;
                struct talker t;

                memcpy(part, whole, n);
                part[n] = '\0';
                talk(&t, &cli, false);
                t.answer = part;
                assert_int_equal(fc_cli_read_config(&cli, FC_CLI_DIFF, &fault), -ETIMEDOUT);
                assert_int_equal(fault.error, FWD_TIMEOUT);
                fc_cli_clear(&cli);
        }
}

static void test_commands_that_cannot_be_given(void **state) {
        char longest[FC_CLI_COMMAND_MAX + 2];
        const char *commands[] = {"",
                                  "a\nsave",
                                  "a\x03"
                                  "b",
                                  "a\tb",
                                  "a?b",
                                  longest};

        memset(longest, 'a', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                struct fault fault = FAULT_INIT;
                struct fc_cli cli;
                struct talker t;
                size_t before;

                talk(&t, &cli, false);
                before = t.n_written;
                assert_int_equal(fc_cli_run(&cli, commands[i], &fault), -EINVAL);
                assert_int_equal(fault.error, FWD_INVALID_ARGUMENT);
                assert_int_equal(t.n_written, before);
                fc_cli_clear(&cli);
        }
}

/* One byte alone, after silence, and then nothing. */
static void test_enters_by_one_byte(void **state) {
        struct fc_cli cli;
        struct talker t;

        talk(&t, &cli, false);
        assert_int_equal(t.n_written, 1);
        assert_int_equal(t.written[0], '#');
        fc_cli_clear(&cli);
        talk(&t, &cli, true);
        assert_int_equal(t.n_written, 0);
        /* Nothing was entered, nothing is left. */
        assert_false(fc_cli_leave(&cli, false));
        assert_int_equal(t.n_written, 0);
        /* What was set is forgotten by a restart. */
        assert_true(fc_cli_leave(&cli, true));
        assert_memory_equal(t.written,
                            "\x02"
                            "exit\n\x03",
                            7);
        fc_cli_clear(&cli);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_has_which),
                cmocka_unit_test(test_without_end),
                cmocka_unit_test(test_cut_anywhere),
                cmocka_unit_test(test_never_half),
                cmocka_unit_test(test_commands_that_cannot_be_given),
                cmocka_unit_test(test_enters_by_one_byte),
        };

        return cmocka_run_group_tests_name("fc-cli", tests, NULL, NULL);
}
