/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/chip.h"

#include <inttypes.h>
#include <stdlib.h>

#include "protocol/dfu-chips.h"
#include "worker/cancel.h"
#include "worker/output.h"

#define RANGES_SIZE 900U /* bytes: what fits into a report's value */

static int on_progress(void *userdata, const char *phase, uint64_t done, uint64_t total) {
        struct worker *worker = userdata;

        reporter_progress(&worker->reporter, phase, done, total);
        return cancel_requested();
}

static void on_state(void *userdata, enum board_state state) {
        struct worker *worker = userdata;

        reporter_state(&worker->reporter, state);
}

struct dfu_callbacks chip_callbacks(struct worker *worker) {
        return (struct dfu_callbacks){on_progress, on_state, worker};
}

int chip_open(struct worker *worker, struct usb_device **ret_usb, struct dfu *ret,
              struct fault *fault) {
        int r;

        r = worker_open_usb(worker, ret_usb, fault);
        if (r == 0)
                r = dfu_open(*ret_usb, ret, fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter, worker->operation->phase);
        return worker_check_serial(worker, ret, fault);
}

int chip_describe(struct worker *worker, const struct dfu *dfu, const struct memory_area **ret,
                  struct fault *fault) {
        const struct memory_area *flash = dfu->dfuse ? memory_map_flash(&dfu->map) : NULL;
        _cleanup_free_ char *map = memory_map_format(&dfu->map);

        if (!flash)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader does not say where its flash is");
        if (map && *map)
                reporter_fact(&worker->reporter, "MemoryMap", "%s", map);
        if (dfu->chip)
                reporter_fact(&worker->reporter, "McuFamily", "%s", dfu->chip->name);
        *ret = flash;
        return 0;
}

int chip_probe(struct worker *worker, struct dfu *dfu, const struct memory_area *flash,
               struct fault *fault) {
        int r = dfuse_probe_protection(dfu, flash->range.start, fault);

        if (r >= 0)
                reporter_fact(&worker->reporter, "ReadProtected", "%s", r ? "yes" : "no");
        return r;
}

int chip_check_readable(struct worker *worker, struct dfu *dfu, const struct memory_area *flash,
                        struct fault *fault) {
        int r = chip_probe(worker, dfu, flash, fault);

        return r > 0 ? fault_set(fault, FWD_READ_PROTECTED,
                                 "The chip is read protected: it can be neither read nor written")
                     : r;
}

struct flash_rules chip_rules(const struct worker *worker, const struct dfu *dfu) {
        const struct board_profile *profile = worker->profile;
        struct flash_rules rules = {
                .protected_ranges = profile ? profile->protected_ranges : NULL,
                .n_protected = profile ? profile->n_protected : 0,
                .keep_ranges = profile ? profile->keep_ranges : NULL,
                .n_keep = profile ? profile->n_keep : 0,
        };

        dfu_flash_rules(dfu, &rules);
        return rules;
}

/* "0x08000000+49152,…", sectors that follow each other as one. */
static void ranges_text(const struct flash_plan *plan, char to[static RANGES_SIZE]) {
        size_t n = 0;

        to[0] = '\0';
        for (size_t i = 0, next; i < plan->n_erases; i = next) {
                struct range r = plan->erases[i].range;

                for (next = i + 1; next < plan->n_erases && plan->erases[next].range.start == r.end;
                     next++)
                        r.end = plan->erases[next].range.end;
                if (n + 48 > RANGES_SIZE) {
                        (void) snprintf(to + n, RANGES_SIZE - n, ",…");
                        return;
                }
                n += (size_t) snprintf(to + n, RANGES_SIZE - n, "%s0x%08" PRIx64 "+%" PRIu64,
                                       i ? "," : "", r.start, range_size(r));
        }
}

void chip_report_plan(struct worker *worker, const struct dfu *dfu, const struct flash_plan *plan) {
        struct reporter *reporter = &worker->reporter;
        uint64_t seconds =
                dfu->chip ? (dfu_chip_plan_ms(dfu->chip, plan) + 999) / 1000 : UINT64_MAX;
        char ranges[RANGES_SIZE], writes[64] = "", time[48] = "";
        size_t blocks = 0;

        for (size_t i = 0; i < plan->n_runs; i++)
                blocks += plan->runs[i].n_blocks;
        if (blocks > 0)
                (void) snprintf(writes, sizeof(writes), ", write %" PRIu64 " bytes in %zu blocks",
                                plan->write_bytes, blocks);
        if (dfu->chip)
                (void) snprintf(time, sizeof(time), ", in about %" PRIu64 " s", seconds);
        reporter_fact(reporter, "Plan", "erase %zu sectors (%" PRIu64 " bytes)%s%s", plan->n_erases,
                      plan->erase_bytes, writes, time);
        ranges_text(plan, ranges);
        reporter_fact(reporter, "PlanSectors", "%zu", plan->n_erases);
        reporter_fact(reporter, "PlanErases", "%s", ranges);
        reporter_fact(reporter, "PlanEraseBytes", "%" PRIu64, plan->erase_bytes);
        reporter_fact(reporter, "PlanBlocks", "%zu", blocks);
        reporter_fact(reporter, "PlanWriteBytes", "%" PRIu64, plan->write_bytes);
        if (dfu->chip)
                reporter_fact(reporter, "PlanSeconds", "%" PRIu64, seconds);
        if (plan->loses_kept)
                reporter_notice(reporter, blocks > 0 ? "Settings of the board are erased with this "
                                                       "firmware."
                                                     : "Settings of the board are erased as well.");
}

int chip_on_paper(struct worker *worker, struct dfu *ret, struct fault *fault) {
        int r = dfu_on_paper(worker->map, worker->mcu, ret, fault);

        if (r == 0)
                reporter_notice(&worker->reporter,
                                "The board is in its firmware: the plan is made from what is known "
                                "of its chip.");
        return r;
}

struct range chip_flash_range(const struct dfu *dfu, const struct memory_area *flash) {
        struct flash_rules rules = {};

        dfu_flash_rules(dfu, &rules);
        return range_is_empty(rules.limit) ? flash->range
                                           : range_intersect(flash->range, rules.limit);
}

/* Where the part of the range ends that the alternate setting of its first byte holds; 0 if that
 * cannot be read. */
static uint64_t part_end(const struct dfu *dfu, struct range range) {
        const struct sector *first = memory_map_find(&dfu->map, range.start), *s = first;
        uint64_t at = range.start;

        while (s && s->alt == first->alt && (s->access & SECTOR_READABLE) && at < range.end) {
                at = s->range.end;
                s = memory_map_find(&dfu->map, at);
        }
        return at == range.start ? 0 : at < range.end ? at : range.end;
}

static int check_range(const struct dfu *dfu, struct range range, struct fault *fault) {
        if (range_size(range) > IMAGE_SIZE_MAX)
                return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                 "The range has %" PRIu64 " bytes; at most %u MiB are read at once",
                                 range_size(range), IMAGE_SIZE_MAX >> 20);
        for (uint64_t at = range.start; at < range.end;) {
                uint64_t end = part_end(dfu, (struct range){at, range.end});

                if (end == 0)
                        return fault_set_at(fault, FWD_ADDRESS_OUT_OF_RANGE, at,
                                            "0x%08" PRIx64 " is no memory of this chip that can be "
                                            "read",
                                            at);
                at = end;
        }
        return 0;
}

/* Of a part, the engine tells how far that is; told on is how far all is. */
struct reading {
        struct worker *worker;
        uint64_t before, total;
};

static int on_read(void *userdata, const char *phase, uint64_t done, uint64_t total) {
        const struct reading *reading = userdata;

        return on_progress(reading->worker, phase, reading->before + done, reading->total);
}

int chip_plain_to_output(struct worker *worker, struct dfu *dfu, size_t *ret_size,
                         struct fault *fault) {
        const struct dfu_callbacks cb = chip_callbacks(worker);
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;
        int r;

        r = dfu_plain_read(dfu, IMAGE_SIZE_MAX, &cb, &bytes, &size, fault);
        if (r == 0)
                r = output_write(worker->output_fd, bytes, size, fault);
        if (r == 0)
                *ret_size = size;
        return r;
}

int chip_read_to_output(struct worker *worker, struct dfu *dfu, struct range range,
                        struct fault *fault) {
        struct reading reading = {.worker = worker, .total = range_size(range)};
        const struct dfu_callbacks cb = {.progress = on_read, .userdata = &reading};
        _cleanup_free_ uint8_t *bytes = NULL;
        int r;

        r = check_range(dfu, range, fault);
        if (r < 0)
                return r;
        bytes = malloc(range_size(range));
        if (!bytes)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        for (uint64_t at = range.start, end; at < range.end; at = end) {
                end = part_end(dfu, (struct range){at, range.end});
                reading.before = at - range.start;
                r = dfuse_read(dfu, at, bytes + reading.before, (size_t) (end - at), &cb, "reading",
                               fault);
                if (r < 0)
                        return r;
        }
        return output_write(worker->output_fd, bytes, (size_t) range_size(range), fault);
}
