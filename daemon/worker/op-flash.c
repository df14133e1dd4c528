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

static int on_progress(void *userdata, const char *phase, uint64_t done, uint64_t total) {
        struct worker *worker = userdata;

        reporter_progress(&worker->reporter, phase, done, total);
        return cancel_requested();
}

static void on_state(void *userdata, enum board_state state) {
        struct worker *worker = userdata;

        reporter_state(&worker->reporter, state);
}

static void report_seconds(struct reporter *reporter, const char *fact, uint64_t ms) {
        reporter_fact(reporter, fact, "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
}

/* Of a flash that failed as well: what it got to is what somebody wants to know. */
static void report_done(struct worker *worker, const struct dfu *dfu) {
        struct reporter *reporter = &worker->reporter;

        reporter_fact(reporter, "Erased", "%" PRIu64, dfu->stats.erased_bytes);
        reporter_fact(reporter, "Written", "%" PRIu64, dfu->stats.written_bytes);
        reporter_fact(reporter, "Verified", "%" PRIu64, dfu->stats.verified_bytes);
        reporter_fact(reporter, "Transfers", "%u", dfu->usb->n_control);
        report_seconds(reporter, "EraseSeconds", dfu->stats.erase_ms);
        report_seconds(reporter, "WriteSeconds", dfu->stats.write_ms);
        report_seconds(reporter, "VerifySeconds", dfu->stats.verify_ms);
        if (dfu->stats.retries > 0)
                reporter_fact(reporter, "Retries", "%u", dfu->stats.retries);
}

/* The new firmware is in: a board that does not start by itself is told, not failed. */
static void after_leave(struct worker *worker, int r, const struct fault *fault) {
        if (r < 0)
                reporter_notice(&worker->reporter,
                                "The new firmware is in, but the bootloader did not start it (%s): "
                                "unplug the board and plug it in again.",
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
        struct flash_rules rules = {
                .protected_ranges = profile ? profile->protected_ranges : NULL,
                .n_protected = profile ? profile->n_protected : 0,
                .keep_ranges = profile ? profile->keep_ranges : NULL,
                .n_keep = profile ? profile->n_keep : 0,
                .erase_all = worker->options.erase == ERASE_FULL,
        };

        dfu_flash_rules(dfu, &rules);
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

/* A firmware is started where its profile says, or where the chip would start: through a bootloader
 * of the board's own, if there is one in front of the image, else at the image's vectors. */
static uint64_t start_address(const struct worker *worker, const struct image *image,
                              const struct memory_area *flash) {
        const struct board_profile *profile = worker->profile;

        if (profile && profile->has_start)
                return profile->start;
        for (size_t i = 0; profile && i < profile->n_protected; i++)
                if (range_has(profile->protected_ranges[i], flash->range.start))
                        return flash->range.start;
        return image->segments.items[0].address;
}

/* What the chip says of the board may bring guards that were not known when the file was looked at.
 */
static int check_otp(struct worker *worker, struct image *image, struct dfu *dfu,
                     struct fault *fault) {
        int r;

        r = worker_read_otp(worker, dfu, fault);
        if (r == 0)
                r = worker_guard_image(worker, image, fault);
        if (r == 0 && !worker->options.force)
                r = guard_check_type(image, worker->profile, worker->otp_type, fault);
        if (r > 0)
                reporter_notice(&worker->reporter,
                                "Nothing in the firmware file says which type of board it is for; "
                                "this one is a %s.",
                                worker->otp_type);
        return r < 0 ? r : 0;
}

static int flash_dfuse(struct worker *worker, struct image *image, struct dfu *dfu,
                       const struct dfu_callbacks *cb, struct fault *fault) {
        const struct memory_area *flash = memory_map_flash(&dfu->map);
        _cleanup_flash_plan_ struct flash_plan plan = {};
        _cleanup_free_ char *map = memory_map_format(&dfu->map);
        struct fault leave_fault = FAULT_INIT;
        int r;

        if (!flash)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader does not say where its flash is");
        if (map && *map)
                reporter_fact(&worker->reporter, "MemoryMap", "%s", map);
        r = dfuse_probe_protection(dfu, flash->range.start, fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "ReadProtected", "%s", r ? "yes" : "no");
        if (r > 0)
                return fault_set(fault, FWD_READ_PROTECTED,
                                 "The chip is read protected: it can be neither read nor written");
        r = check_otp(worker, image, dfu, fault);
        if (r < 0)
                return r;
        if (!image->has_address)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The firmware file does not say where it belongs: an address is "
                                 "needed (0x%08" PRIx64 " is where this chip's flash begins)",
                                 flash->range.start);
        r = make_plan(worker, image, dfu, &plan, fault);
        if (r < 0)
                return r;
        report_plan(worker, &plan);
        r = worker_check_cancel(fault);
        if (r < 0)
                return r;

        r = dfuse_flash(dfu, &plan, cb, fault);
        report_done(worker, dfu);
        if (r < 0)
                return r;
        if (!worker->options.leave)
                return 0;
        reporter_phase(&worker->reporter, "leaving");
        r = dfuse_leave(dfu, start_address(worker, image, flash), &leave_fault);
        after_leave(worker, r, &leave_fault);
        return 0;
}

static int flash_plain(struct worker *worker, const struct image *image, struct dfu *dfu,
                       const struct dfu_callbacks *cb, struct fault *fault) {
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
        r = dfu_plain_flash(dfu, &image->segments.items[0], cb, fault);
        report_done(worker, dfu);
        if (r < 0)
                return r;
        if (r > 0)
                reporter_notice(&worker->reporter,
                                "This bootloader cannot be read back: the firmware is written, "
                                "but not verified.");
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
        _cleanup_dfu_ struct dfu dfu = {};
        const struct dfu_callbacks cb = {on_progress, on_state, worker};
        int r;

        if (worker->profile && !worker->profile->flashable)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "fwd cannot flash this kind of board: %s", worker->profile->title);
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
        return dfu.dfuse ? flash_dfuse(worker, image, &dfu, &cb, fault)
                         : flash_plain(worker, image, &dfu, &cb, fault);
}

const struct operation op_flash = {
        .name = "flash",
        .summary = "erase, write and verify a firmware file, and start it",
        .needs = NEEDS_NODE | NEEDS_IMAGE,
        .options = OPTIONS_FLASH,
        .run = flash,
};
