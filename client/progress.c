/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/progress.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "client/color.h"

#define BAR_WIDTH     24U
#define BAR_WIDTH_MIN 8U
#define PHASE_WIDTH   9 /* the longest phase that has bytes: what stands behind it does not jump */
#define USEC_PER_SEC  1000000U
#define BYTES_PER_KB  1000.0

const char *progress_phase_text(const char *phase) {
        static const struct {
                const char *phase, *text;
        } texts[] = {
                {"inspecting", "checking the file"},
                {"waiting-for-port", "waiting for the port"},
                {"rebooting", "rebooting the board"},
                {"waiting-for-bootloader", "waiting for the bootloader"},
                {"planning", "making the plan"},
                {"unprotecting", "erasing the chip"},
                {"leaving", "starting the firmware"},
                {"waiting-for-firmware", "waiting for the firmware"},
                {"reading-config", "reading the configuration"},
                {"restoring", "restoring the configuration"},
                {"saving", "saving the configuration"},
                {"applying-defaults", "applying the custom defaults"},
                {"comparing-config", "comparing the configuration"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (strcmp(texts[i].phase, phase) == 0)
                        return texts[i].text;
        return phase;
}

static unsigned percent(const struct progress *p) {
        if (p->total == 0)
                return 0;
        return p->done >= p->total ? 100U
                                   : (unsigned) ((double) p->done * 100.0 / (double) p->total);
}

static double seconds_since(uint64_t start_us, uint64_t now_us) {
        return now_us > start_us ? (double) (now_us - start_us) / USEC_PER_SEC : 0;
}

/* "[####----] 48 %  230.4/480.0 KB  38.9 KB/s" */
static void format_bytes(const struct progress *p, uint64_t now_us, size_t bar_width, char *to,
                         size_t to_size) {
        char bar[BAR_WIDTH + 4] = "";
        double seconds = seconds_since(p->phase_start_us, now_us);
        double rate = seconds > 0 ? (double) p->done / BYTES_PER_KB / seconds : 0;
        int n;

        if (bar_width > 0) {
                size_t filled = bar_width * percent(p) / 100U;

                bar[0] = '[';
                memset(bar + 1, '#', filled);
                memset(bar + 1 + filled, '-', bar_width - filled);
                memcpy(bar + 1 + bar_width, "] ", 3);
        }
        n = snprintf(to, to_size, "%s%3u %%  %.1f/%.1f KB", bar, percent(p),
                     (double) p->done / BYTES_PER_KB, (double) p->total / BYTES_PER_KB);
        if (rate > 0 && n > 0 && (size_t) n < to_size)
                (void) snprintf(to + n, to_size - (size_t) n, "  %.1f KB/s", rate);
}

static void format_line(const struct progress *p, uint64_t now_us, size_t bar_width, char *to,
                        size_t to_size) {
        char bytes[128] = "";

        if (p->total > 0)
                format_bytes(p, now_us, bar_width, bytes, sizeof(bytes));
        (void) snprintf(to, to_size, "%s  %-*s  %s%s%.1f s", p->label, PHASE_WIDTH,
                        progress_phase_text(p->phase), bytes, *bytes ? "  " : "",
                        seconds_since(p->start_us, now_us));
}

void progress_format(const struct progress *p, uint64_t now_us, char *to, size_t to_size) {
        size_t bar_width = BAR_WIDTH;

        format_line(p, now_us, bar_width, to, to_size);
        /* A narrow terminal gets a shorter bar, then none, then the line's beginning: a line that
         * wraps could not be drawn over. */
        while (strlen(to) >= p->columns && bar_width > 0) {
                bar_width = bar_width > BAR_WIDTH_MIN ? bar_width - 1 : 0;
                format_line(p, now_us, bar_width, to, to_size);
        }
        if (p->columns > 0 && strlen(to) >= p->columns)
                to[p->columns - 1] = '\0';
}

void progress_clear(struct progress *p) {
        if (!p->on_line)
                return;
        fputs("\r\033[K", p->out);
        (void) fflush(p->out);
        p->on_line = false;
}

static void draw(struct progress *p, uint64_t now_us) {
        char line[512];

        if (p->paused || p->style != PROGRESS_BAR || !*p->phase || strcmp(p->phase, "done") == 0)
                return;
        progress_format(p, now_us, line, sizeof(line));
        fprintf(p->out, "\r%s\033[K", line);
        (void) fflush(p->out);
        p->on_line = true;
        p->drawn_us = now_us;
}

static void tell_phase(struct progress *p) {
        fprintf(p->out, "%s: %s", p->label, progress_phase_text(p->phase));
        if (p->total > 0)
                fprintf(p->out, ", %" PRIu64 " bytes", p->total);
        fputc('\n', p->out);
        (void) fflush(p->out);
}

static void tell_tenths(struct progress *p, uint64_t now_us) {
        unsigned tenths = percent(p) / 10U;

        if (tenths <= p->told_tenths || tenths >= 10 || now_us - p->drawn_us < PROGRESS_LINE_US)
                return;
        p->told_tenths = tenths;
        p->drawn_us = now_us;
        fprintf(p->out, "%s: %s, %u %%\n", p->label, progress_phase_text(p->phase), tenths * 10U);
        (void) fflush(p->out);
}

void progress_start(struct progress *p, uint64_t now_us) {
        p->start_us = p->phase_start_us = now_us;
}

void progress_update(struct progress *p, const char *phase, uint64_t done, uint64_t total,
                     uint64_t now_us) {
        char clean[sizeof(p->phase)];
        bool changed;

        text_sanitize(clean, sizeof(clean), phase);
        changed = strcmp(clean, p->phase) != 0;
        /* A phase without bytes may learn its size only with its second report. */
        if (!changed && p->total == 0 && total > 0 && p->style == PROGRESS_LINES)
                changed = true;
        if (strcmp(clean, p->phase) != 0) {
                memcpy(p->phase, clean, sizeof(clean));
                p->phase_start_us = now_us;
        }
        p->done = done;
        p->total = total;
        if (strcmp(clean, "writing") == 0 && total > 0)
                p->written = total;
        if (changed)
                p->told_tenths = 0;
        switch (p->style) {
        case PROGRESS_NONE:
                return;
        case PROGRESS_LINES:
                if (!changed)
                        tell_tenths(p, now_us);
                else if (strcmp(clean, "done") != 0) {
                        p->drawn_us = now_us;
                        tell_phase(p);
                }
                return;
        case PROGRESS_BAR:
                if (changed || now_us - p->drawn_us >= PROGRESS_REDRAW_US)
                        draw(p, now_us);
                return;
        }
}

void progress_tick(struct progress *p, uint64_t now_us) {
        if (p->style == PROGRESS_BAR && now_us - p->drawn_us >= PROGRESS_REDRAW_US)
                draw(p, now_us);
}

void progress_say(struct progress *p, const char *text, uint64_t now_us) {
        progress_clear(p);
        fprintf(p->out, "%s%s: %s%s\n", color(p->colored, COLOR_WARN), p->label, text,
                color(p->colored, COLOR_RESET));
        (void) fflush(p->out);
        draw(p, now_us);
}
