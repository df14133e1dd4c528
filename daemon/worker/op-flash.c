/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "worker/cancel.h"
#include "worker/guard.h"
#include "worker/worker.h"

/* Everything that can be known before the first erase is looked at before the first erase: the
 * file, the device behind the node, its protection, the plan. From then on only the engine speaks.
 */

struct clocked_phase {
        const char *phase, *fact;
        uint64_t us;
};

struct flash_job {
        struct worker *worker;
        struct clocked_phase clocked[3];
        uint64_t last_us;
};

static void job_init(struct flash_job *job, struct worker *worker) {
        *job = (struct flash_job){
                .worker = worker,
                .clocked = {{"erasing", "EraseSeconds", 0},
                            {"writing", "WriteSeconds", 0},
                            {"verifying", "VerifySeconds", 0}},
                .last_us = worker->reporter.now_us(),
        };
}

/* What passed since the last call was spent on the phase that is told now: the engine calls behind
 * its transfers, and may go to and fro between phases. */
static int on_progress(void *userdata, const char *phase, uint64_t done, uint64_t total) {
        struct flash_job *job = userdata;
        uint64_t now_us = job->worker->reporter.now_us();

        for (size_t i = 0; i < ARRAY_SIZE(job->clocked); i++)
                if (strcmp(job->clocked[i].phase, phase) == 0)
                        job->clocked[i].us += now_us - job->last_us;
        job->last_us = now_us;
        reporter_progress(&job->worker->reporter, phase, done, total);
        return cancel_requested();
}

static void on_state(void *userdata, enum board_state state) {
        struct flash_job *job = userdata;

        reporter_state(&job->worker->reporter, state);
}

static void report_done(struct flash_job *job, uint64_t erased, uint64_t written,
                        const struct usb_device *usb) {
        struct reporter *reporter = &job->worker->reporter;

        reporter_fact(reporter, "Erased", "%" PRIu64, erased);
        reporter_fact(reporter, "Written", "%" PRIu64, written);
        reporter_fact(reporter, "Verified", "%" PRIu64, written);
        reporter_fact(reporter, "Transfers", "%u", usb->n_control);
        for (size_t i = 0; i < ARRAY_SIZE(job->clocked); i++)
                reporter_fact(reporter, job->clocked[i].fact, "%.3f",
                              (double) job->clocked[i].us / 1e6);
}

/* The new firmware is in and proven: a board that does not start by itself is told, not failed. */
static void after_leave(struct worker *worker, int r, const struct fault *fault) {
        if (r < 0)
                reporter_notice(&worker->reporter,
                                "The firmware is written and verified, but the bootloader did not "
                                "start it (%s): unplug the board and plug it in again.",
                                fault->message);
}

/* The target that the file names has to be there, and to be the one that holds its addresses. */
static int check_alt(const struct image *image, const struct dfu *dfu, struct fault *fault) {
        if (image->alt < 0)
                return 0;
        if ((unsigned) image->alt >= dfu->n_alts)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware file is for alternate setting %d, the board has %u",
                                 image->alt, dfu->n_alts);
        for (size_t i = 0; dfu->dfuse && i < image->segments.n; i++) {
                const struct segment *segment = &image->segments.items[i];
                const struct sector *sector = memory_map_find(&dfu->map, segment->address);

                /* An address outside the map is the plan's to refuse. */
                if (sector && sector->alt != image->alt)
                        return fault_set_at(fault, FWD_WRONG_BOARD, segment->address,
                                            "The firmware file is for alternate setting %d, but "
                                            "its address belongs to %d",
                                            image->alt, sector->alt);
        }
        return 0;
}

static int check_board(struct worker *worker, const struct image *image, const struct dfu *dfu,
                       struct fault *fault) {
        int r;

        r = worker_check_serial(worker, dfu, fault);
        if (r == 0 && !worker->options.force)
                r = guard_check_ids(image, dfu->usb->vendor_id, dfu->usb->product_id, fault);
        if (r == 0)
                r = check_alt(image, dfu, fault);
        return r;
}

static int make_plan(struct worker *worker, const struct image *image, const struct dfu *dfu,
                     struct flash_plan *ret, struct fault *fault) {
        const struct board_profile *profile = worker->profile;
        const struct flash_rules rules = {
                .transfer_size = dfu->transfer_size,
                .write_unit = dfu->quirks->write_unit,
                .ignore_access = dfu->quirks->ignore_access,
                .limit = dfu->quirks->flash_limit,
                .protected_ranges = profile ? profile->protected_ranges : NULL,
                .n_protected = profile ? profile->n_protected : 0,
                .keep_ranges = profile ? profile->keep_ranges : NULL,
                .n_keep = profile ? profile->n_keep : 0,
                .erase_all = worker->options.erase == ERASE_FULL,
        };

        return flash_plan_make(&dfu->map, &image->segments, &rules, ret, fault);
}

static void report_plan(struct worker *worker, const struct flash_plan *plan) {
        size_t blocks = 0;

        for (size_t i = 0; i < plan->n_runs; i++)
                blocks += plan->runs[i].n_blocks;
        reporter_fact(&worker->reporter, "Plan",
                      "erase %zu sectors (%" PRIu64 " bytes), write %" PRIu64
                      " bytes in %zu blocks",
                      plan->n_erases, plan->erase_bytes, plan->write_bytes, blocks);
        if (plan->loses_kept)
                reporter_notice(&worker->reporter,
                                "Settings of the board are erased with this firmware.");
}

/* A firmware is started where the chip would start: through a bootloader of the board's own, if
 * there is one in front of the image, else at the image's vectors. */
static uint64_t start_address(const struct worker *worker, const struct image *image,
                              const struct memory_area *flash) {
        const struct board_profile *profile = worker->profile;

        for (size_t i = 0; profile && i < profile->n_protected; i++)
                if (range_has(profile->protected_ranges[i], flash->range.start))
                        return flash->range.start;
        return image->segments.items[0].address;
}

static int flash_dfuse(struct flash_job *job, const struct image *image, struct dfu *dfu,
                       const struct dfu_callbacks *cb, struct fault *fault) {
        struct worker *worker = job->worker;
        const struct memory_area *flash = memory_map_flash(&dfu->map);
        _cleanup_(flash_plan_clear) struct flash_plan plan = {};
        _cleanup_free_ char *map = memory_map_format(&dfu->map);
        struct fault leave_fault = FAULT_INIT;
        int r;

        if (!flash)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader does not say where its flash is");
        if (!image->has_address)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The firmware file does not say where it belongs: an address is "
                                 "needed (0x%08" PRIx64 " is where this chip's flash begins)",
                                 flash->range.start);
        if (map && *map)
                reporter_fact(&worker->reporter, "MemoryMap", "%s", map);
        r = make_plan(worker, image, dfu, &plan, fault);
        if (r < 0)
                return r;
        r = dfuse_probe_protection(dfu, flash->range.start, fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "ReadProtected", "%s", r ? "yes" : "no");
        if (r > 0)
                return fault_set(fault, FWD_READ_PROTECTED,
                                 "The chip is read protected: it can be neither read nor written");
        report_plan(worker, &plan);
        r = worker_check_cancel(fault);
        if (r < 0)
                return r;

        job->last_us = worker->reporter.now_us();
        r = dfuse_flash(dfu, &plan, cb, fault);
        if (r < 0)
                return r;
        report_done(job, plan.erase_bytes, plan.write_bytes, dfu->usb);
        if (!worker->options.leave)
                return 0;
        reporter_phase(&worker->reporter, "leaving");
        r = dfuse_leave(dfu, start_address(worker, image, flash), &leave_fault);
        after_leave(worker, r, &leave_fault);
        return 0;
}

static int flash_plain(struct flash_job *job, const struct image *image, struct dfu *dfu,
                       const struct dfu_callbacks *cb, struct fault *fault) {
        struct worker *worker = job->worker;
        struct fault leave_fault = FAULT_INIT;
        int r;

        if (image->segments.n != 1)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The firmware file has %zu parts at different addresses, and this "
                                 "bootloader takes one without an address",
                                 image->segments.n);
        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        job->last_us = worker->reporter.now_us();
        r = dfu_plain_flash(dfu, &image->segments.items[0], cb, fault);
        if (r < 0)
                return r;
        report_done(job, 0, image->segments.items[0].size, dfu->usb);
        if (!worker->options.leave)
                return 0;
        reporter_phase(&worker->reporter, "leaving");
        r = dfu_plain_leave(dfu, &leave_fault);
        after_leave(worker, r, &leave_fault);
        return 0;
}

static int flash(struct worker *worker, struct fault *fault) {
        _cleanup_image_ struct image *image = NULL;
        _cleanup_usb_ struct usb_device *usb = NULL;
        _cleanup_(dfu_clear) struct dfu dfu = {};
        struct flash_job job;
        const struct dfu_callbacks cb = {on_progress, on_state, &job};
        int r;

        r = worker_load_image(worker, &image, fault);
        if (r < 0)
                return r;
        r = worker_open_usb(worker, &usb, fault);
        if (r < 0)
                return r;
        r = dfu_open(usb, &dfu, fault);
        if (r < 0)
                return r;
        r = check_board(worker, image, &dfu, fault);
        if (r < 0)
                return r;
        job_init(&job, worker);
        return dfu.dfuse ? flash_dfuse(&job, image, &dfu, &cb, fault)
                         : flash_plain(&job, image, &dfu, &cb, fault);
}

const struct operation op_flash = {
        .name = "flash",
        .summary = "erase, write and verify a firmware file, and start it",
        .needs = NEEDS_NODE | NEEDS_IMAGE,
        .options = OPTIONS_FLASH,
        .run = flash,
};
