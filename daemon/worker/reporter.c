/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/reporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "worker/fault-text.h"

#define PROGRESS_INTERVAL_US 100000U /* ten a second */
#define KIB                  1024.0

static uint64_t clock_us(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

void reporter_init(struct reporter *reporter, int fd, FILE *out) {
        *reporter = (struct reporter){
                .fd = fd,
                .out = out,
                .live = out && isatty(fileno(out)) == 1,
                .now_us = clock_us,
        };
}

static bool is_for_people(const struct reporter *reporter) {
        return reporter->fd < 0;
}

static void send_report(struct reporter *reporter, const struct report *report) {
        int r = report_send(report, reporter->fd);

        if (r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN) {
                if (reporter->lost)
                        *reporter->lost = 1;
        } else if (r < 0)
                log_warning("A report could not be sent: %s", strerror(-r));
}

/* On a terminal a phase has one line, rewritten as it goes on: "writing      45 %  216/480 KiB",
 * and at its end "writing     480 KiB in 9.6 s". Elsewhere it is named when it begins. */
static void print_progress(struct reporter *reporter) {
        const double total = (double) reporter->total;

        if (reporter->live)
                (void) fputs("\r\033[K", reporter->out);
        if (reporter->total == 0)
                (void) fputs(reporter->phase, reporter->out);
        else if (reporter->live)
                (void) fprintf(reporter->out, "%-12s%3u %%  %.0f/%.0f KiB", reporter->phase,
                               (unsigned) (100.0 * (double) reporter->done / total),
                               (double) reporter->done / KIB, total / KIB);
        else
                (void) fprintf(reporter->out, "%-12s%.0f KiB", reporter->phase, total / KIB);
        if (!reporter->live)
                (void) fputc('\n', reporter->out);
        (void) fflush(reporter->out);
        reporter->line_open = reporter->live;
}

/* What is printed next gets a line of its own. `finished`: the phase has come to its end. */
static void end_line(struct reporter *reporter, bool finished) {
        if (!reporter->line_open)
                return;
        if (finished && reporter->total > 0)
                (void) fprintf(reporter->out, "\r\033[K%-12s%.0f KiB in %.1f s", reporter->phase,
                               (double) reporter->total / KIB,
                               (double) (reporter->now_us() - reporter->phase_start_us) / 1e6);
        (void) fputc('\n', reporter->out);
        reporter->line_open = false;
}

static void report_progress(struct reporter *reporter) {
        struct report report;

        report_init(&report);
        (void) report_add(&report, "PHASE", "%s", reporter->phase);
        (void) report_add(&report, "DONE", "%" PRIu64, reporter->done);
        (void) report_add(&report, "TOTAL", "%" PRIu64, reporter->total);
        send_report(reporter, &report);
}

void reporter_progress(struct reporter *reporter, const char *phase, uint64_t done,
                       uint64_t total) {
        const bool first = !reporter->phase || strcmp(reporter->phase, phase) != 0;
        const bool whole = done >= total && (first || reporter->done < reporter->total);
        const uint64_t now_us = reporter->now_us();

        if (first) {
                if (is_for_people(reporter))
                        end_line(reporter, true);
                reporter->phase = phase;
                reporter->phase_start_us = now_us;
        }
        reporter->done = done;
        reporter->total = total;
        if (!first && !whole && now_us - reporter->last_us < PROGRESS_INTERVAL_US)
                return;
        if (is_for_people(reporter) && !reporter->live && !first)
                return;
        reporter->last_us = now_us;
        if (is_for_people(reporter))
                print_progress(reporter);
        else
                report_progress(reporter);
}

void reporter_phase(struct reporter *reporter, const char *phase) {
        if (reporter->phase && strcmp(reporter->phase, phase) == 0)
                return;
        reporter_progress(reporter, phase, 0, 0);
}

void reporter_state(struct reporter *reporter, enum board_state state) {
        struct report report;

        if (state <= reporter->state)
                return;
        reporter->state = state;
        if (is_for_people(reporter))
                return;
        report_init(&report);
        (void) report_add(&report, "STATE", "%s", board_state_name(state));
        send_report(reporter, &report);
}

static void tell(struct reporter *reporter, const char *key, const char *label, const char *value) {
        struct report report;

        if (is_for_people(reporter)) {
                end_line(reporter, true);
                (void) fprintf(reporter->out, "  %-18s %s\n", label, value);
                (void) fflush(reporter->out);
                return;
        }
        report_init(&report);
        (void) report_add(&report, key, "%s", value);
        send_report(reporter, &report);
}

void reporter_fact(struct reporter *reporter, const char *key, const char *format, ...) {
        char name[64], raw[REPORT_VALUE_MAX + 1], value[REPORT_VALUE_MAX + 1];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(raw, sizeof(raw), format, ap);
        va_end(ap);
        text_sanitize(value, sizeof(value), raw);
        (void) snprintf(name, sizeof(name), "X.%s", key);
        tell(reporter, name, key, value);
}

void reporter_notice(struct reporter *reporter, const char *format, ...) {
        char raw[512], value[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(raw, sizeof(raw), format, ap);
        va_end(ap);
        text_sanitize(value, sizeof(value), raw);
        tell(reporter, "NOTICE", "Notice", value);
}

static const char *result_name(const struct fault *fault) {
        if (fault->error == FWD_OK)
                return "success";
        return fault->error == FWD_CANCELLED ? "cancelled" : "failed";
}

static void print_result(struct reporter *reporter, const struct fault *fault, const char *text) {
        const bool touched = reporter->state > BOARD_UNTOUCHED;
        const char *state = touched || (fault->error != FWD_OK && reporter->about_board)
                                    ? board_state_sentence(reporter->state)
                                    : NULL;

        end_line(reporter, fault->error == FWD_OK);
        if (fault->error == FWD_OK)
                (void) fprintf(reporter->out, "Done.%s%s\n", state ? " " : "", state ? state : "");
        else
                (void) fprintf(reporter->out, "%s: %s\n%s%s%s\n", fwd_error_name(fault->error),
                               text, state ? state : "", state ? " " : "",
                               fwd_error_advice(fault->error));
        (void) fflush(reporter->out);
}

void reporter_result(struct reporter *reporter, const struct fault *fault) {
        char text[FAULT_TEXT_MAX] = "";
        struct report report;

        if (fault->error != FWD_OK)
                fault_describe(fault, text, sizeof(text));
        if (is_for_people(reporter)) {
                print_result(reporter, fault, text);
                return;
        }
        report_init(&report);
        if (fault->error != FWD_OK) {
                (void) report_add(&report, "ERROR", "%s", fwd_error_name(fault->error));
                (void) report_add(&report, "MESSAGE", "%s", text);
        }
        if (fault->has_address)
                (void) report_add(&report, "ADDRESS", "0x%08" PRIx64, fault->address);
        if (fault->dfu_state >= 0)
                (void) report_add(&report, "DFU_STATE", "%d", fault->dfu_state);
        if (fault->dfu_status >= 0)
                (void) report_add(&report, "DFU_STATUS", "%d", fault->dfu_status);
        (void) report_add(&report, "STATE", "%s", board_state_name(reporter->state));
        (void) report_add(&report, "RESULT", "%s", result_name(fault));
        send_report(reporter, &report);
}
