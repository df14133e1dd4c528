/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "worker/fault-text.h"
#include "worker/reporter.h"

static uint64_t clock_us;

static uint64_t now_us(void) {
        return clock_us;
}

struct listener {
        int fd;
        struct reporter reporter;
        struct report report;
};

static void listen_up(struct listener *l) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        l->fd = fds[0];
        reporter_init(&l->reporter, fds[1], NULL);
        l->reporter.now_us = now_us;
        clock_us = 5000000;
}

static void done(struct listener *l) {
        (void) close(l->fd);
        (void) close(l->reporter.fd);
}

static const char *next(struct listener *l, const char *key) {
        assert_int_equal(report_receive(&l->report, l->fd), 1);
        return report_get(&l->report, key);
}

static void test_progress_ten_a_second(void **state) {
        struct listener l;
        unsigned n = 0;
        uint64_t last = 0;

        listen_up(&l);
        /* 10 s of blocks, one every 5 ms. */
        for (uint64_t i = 0; i <= 2000; i++) {
                reporter_progress(&l.reporter, "writing", i * 100, 200000);
                while (report_receive(&l.report, l.fd) == 1) {
                        assert_string_equal(report_get(&l.report, "PHASE"), "writing");
                        assert_int_equal(report_get_u64(&l.report, "DONE", &last), 0);
                        n++;
                }
                clock_us += 5000;
        }
        assert_true(n >= 95 && n <= 102);
        /* However fast it is, the end is told. */
        assert_int_equal(last, 200000);
        done(&l);
}

static void test_ends_of_phases_are_told(void **state) {
        static const char *const phases[] = {"erasing", "writing", "verifying"};
        struct listener l;

        listen_up(&l);
        for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
                uint64_t value;

                reporter_progress(&l.reporter, phases[i], 0, 100);
                reporter_progress(&l.reporter, phases[i], 50, 100);
                reporter_progress(&l.reporter, phases[i], 100, 100);
                assert_string_equal(next(&l, "PHASE"), phases[i]);
                assert_int_equal(report_get_u64(&l.report, "DONE", &value), 0);
                assert_int_equal(value, 0);
                assert_string_equal(next(&l, "PHASE"), phases[i]);
                assert_int_equal(report_get_u64(&l.report, "DONE", &value), 0);
                assert_int_equal(value, 100);
        }
        reporter_phase(&l.reporter, "leaving");
        assert_string_equal(next(&l, "PHASE"), "leaving");
        done(&l);
}

static void test_state_moves_forward(void **state) {
        struct fault fault = FAULT_INIT;
        struct listener l;

        listen_up(&l);
        reporter_state(&l.reporter, BOARD_ERASED);
        reporter_state(&l.reporter, BOARD_PARTLY_WRITTEN);
        reporter_state(&l.reporter, BOARD_ERASED);
        assert_string_equal(next(&l, "STATE"), "erased");
        assert_string_equal(next(&l, "STATE"), "partly-written");
        assert_int_equal(report_receive(&l.report, l.fd), -EAGAIN);
        reporter_result(&l.reporter, &fault);
        assert_string_equal(next(&l, "STATE"), "partly-written");
        done(&l);
}

static void test_facts_and_notices_are_clean(void **state) {
        struct listener l;

        listen_up(&l);
        reporter_fact(&l.reporter, "BoardName", "%s", "EVIL\nRESULT=success\x1b[2J");
        assert_string_equal(next(&l, "X.BoardName"), "EVIL?RESULT=success?[2J");
        assert_null(report_get(&l.report, "RESULT"));
        reporter_notice(&l.reporter, "one\ntwo");
        assert_string_equal(next(&l, "NOTICE"), "one?two");
        done(&l);
}

static void test_results(void **state) {
        struct fault fault = FAULT_INIT;
        struct listener l;

        listen_up(&l);
        reporter_result(&l.reporter, &fault);
        assert_string_equal(next(&l, "RESULT"), "success");
        assert_null(report_get(&l.report, "ERROR"));
        assert_string_equal(report_get(&l.report, "STATE"), "untouched");

        (void) fault_set_at(&fault, FWD_WRITE_FAILED, 0x08004000, "Writing failed");
        fault.dfu_state = 10;
        fault.dfu_status = 3;
        reporter_state(&l.reporter, BOARD_PARTLY_WRITTEN);
        assert_string_equal(next(&l, "STATE"), "partly-written");
        reporter_result(&l.reporter, &fault);
        assert_string_equal(next(&l, "RESULT"), "failed");
        assert_string_equal(report_get(&l.report, "ERROR"), "WriteFailed");
        assert_string_equal(report_get(&l.report, "ADDRESS"), "0x08004000");
        assert_string_equal(report_get(&l.report, "DFU_STATE"), "10");
        assert_string_equal(report_get(&l.report, "DFU_STATUS"), "3");
        assert_string_equal(report_get(&l.report, "MESSAGE"),
                            "Writing failed at 0x08004000. The bootloader is in state dfuERROR "
                            "with status errWRITE: the memory cannot be written.");

        fault = (struct fault) FAULT_INIT;
        (void) fault_set(&fault, FWD_CANCELLED, "Cancelled");
        reporter_result(&l.reporter, &fault);
        assert_string_equal(next(&l, "RESULT"), "cancelled");
        done(&l);
}

static void test_nobody_listens(void **state) {
        volatile sig_atomic_t lost = 0;
        struct listener l;

        listen_up(&l);
        l.reporter.lost = &lost;
        (void) close(l.fd);
        l.fd = -EBADF;
        reporter_phase(&l.reporter, "opening");
        assert_int_equal(lost, 1);
        (void) close(l.reporter.fd);
}

/* Run by hand, into a file: a line a phase, no control characters, and the end in whole sentences.
 */
static void test_for_people(void **state) {
        struct fault fault = FAULT_INIT;
        struct reporter reporter;
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        reporter_init(&reporter, -EBADF, out);
        reporter.now_us = now_us;
        reporter.live = false;
        reporter_phase(&reporter, "opening");
        for (uint64_t i = 0; i <= 480; i++) {
                reporter_progress(&reporter, "writing", i * 1024, 480 * 1024);
                clock_us += 20000;
        }
        reporter_state(&reporter, BOARD_PARTLY_WRITTEN);
        reporter_fact(&reporter, "Variant", "%s", "BTFL");
        (void) fault_set_at(&fault, FWD_DEVICE_LOST, 0x08001000, "The board was unplugged");
        reporter_result(&reporter, &fault);
        (void) fclose(out);
        assert_string_equal(
                text,
                "opening\n"
                "writing     480 KiB\n"
                "  Variant            BTFL\n"
                "DeviceLost: The board was unplugged at 0x08001000.\n"
                "The board is partly written: it has no whole firmware now. Plug the board in "
                "again in its bootloader, then flash again.\n");
        free(text);
}

static void test_on_a_terminal(void **state) {
        struct fault fault = FAULT_INIT;
        struct reporter reporter;
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        reporter_init(&reporter, -EBADF, out);
        reporter.now_us = now_us;
        reporter.live = true;
        reporter_progress(&reporter, "writing", 0, 2048);
        clock_us += 200000;
        reporter_progress(&reporter, "writing", 1024, 2048);
        reporter_state(&reporter, BOARD_VERIFIED);
        clock_us += 200000;
        reporter_progress(&reporter, "verifying", 0, 2048);
        clock_us += 200000;
        reporter_progress(&reporter, "verifying", 512, 2048);
        reporter_result(&reporter, &fault);
        (void) fclose(out);
        assert_string_equal(text, "\r\033[Kwriting       0 %  0/2 KiB"
                                  "\r\033[Kwriting      50 %  1/2 KiB"
                                  "\r\033[Kwriting     2 KiB in 0.4 s\n"
                                  "\r\033[Kverifying     0 %  0/2 KiB"
                                  "\r\033[Kverifying    25 %  0/2 KiB"
                                  "\r\033[Kverifying   2 KiB in 0.2 s\n"
                                  "Done. The firmware is written and verified.\n");
        free(text);
}

static void test_fault_text(void **state) {
        struct fault fault = FAULT_INIT;
        char text[FAULT_TEXT_MAX], small[16];

        /* An address that the sentence has already is not said again; nor is the full stop. */
        (void) fault_set_at(&fault, FWD_VERIFY_FAILED, 0x0800ABCD, "Byte 0x0800abcd is wrong.");
        fault_describe(&fault, text, sizeof(text));
        assert_string_equal(text, "Byte 0x0800abcd is wrong.");

        /* Else it is, but not behind advice, of which it would become a part. */
        fault = (struct fault) FAULT_INIT;
        (void) fault_set_at(&fault, FWD_VERIFY_FAILED, 0x0800ABCD, "A byte is wrong");
        fault_describe(&fault, text, sizeof(text));
        assert_string_equal(text, "A byte is wrong at 0x0800abcd.");
        fault = (struct fault) FAULT_INIT;
        (void) fault_set_at(&fault, FWD_VERIFY_FAILED, 0x0800ABCD, "A byte is wrong. Look.");
        fault_describe(&fault, text, sizeof(text));
        assert_string_equal(text, "A byte is wrong. Look.");

        fault = (struct fault) FAULT_INIT;
        fault.error = FWD_TIMEOUT;
        fault.dfu_state = 4;
        fault.dfu_status = 0;
        fault_describe(&fault, text, sizeof(text));
        assert_string_equal(text, "Timeout. The bootloader is in state dfuDNBUSY.");
        fault.dfu_state = 77;
        fault.dfu_status = 99;
        fault_describe(&fault, text, sizeof(text));
        assert_string_equal(text, "Timeout. The bootloader is in the unknown state 77 with the "
                                  "unknown status 99.");
        fault_describe(&fault, small, sizeof(small));
        assert_string_equal(small, "Timeout. The bo");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_progress_ten_a_second),
                cmocka_unit_test(test_ends_of_phases_are_told),
                cmocka_unit_test(test_state_moves_forward),
                cmocka_unit_test(test_facts_and_notices_are_clean),
                cmocka_unit_test(test_results),
                cmocka_unit_test(test_nobody_listens),
                cmocka_unit_test(test_for_people),
                cmocka_unit_test(test_on_a_terminal),
                cmocka_unit_test(test_fault_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
