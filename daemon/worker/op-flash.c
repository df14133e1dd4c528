/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "worker/chip.h"
#include "worker/guard.h"
#include "worker/loader.h"
#include "worker/output.h"

/* Everything that can be known before the first erase is looked at before the first erase: the
 * file, the device behind the node, its protection, the plan. From then on only the engine speaks.
 */

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
        int r = 0;

        if (!worker->options.force)
                r = guard_check_ids(image, dfu->usb->vendor_id, dfu->usb->product_id, fault);
        if (r == 0 && !worker->options.force)
                r = guard_check_family(image, dfu->chip, fault);
        if (r == 0 && !worker->options.force && !worker->recover)
                r = guard_check_mcu(image, dfu->chip, fault);
        if (r == 0)
                r = check_alt(image, dfu, fault);
        return r;
}

static int make_plan(struct worker *worker, const struct image *image, const struct dfu *dfu,
                     struct flash_plan *ret, struct fault *fault) {
        struct flash_rules rules = chip_rules(worker, dfu);
        int r;

        if (worker->recover) /* what is protected from all others, and nothing else */
                rules = (struct flash_rules){
                        .transfer_size = rules.transfer_size,
                        .write_unit = rules.write_unit,
                        .ignore_access = rules.ignore_access,
                        .limit = worker->profile->recover,
                };
        else
                rules.erase_all = worker->options.erase == ERASE_FULL;
        r = flash_plan_make(&dfu->map, &image->segments, &rules, ret, fault);
        if (r == 0)
                chip_report_plan(worker, dfu, ret);
        return r;
}

/* What a file says of its chip can be held against a plan on paper as well. */
static int plan_on_paper(struct worker *worker, const struct image *image, struct fault *fault) {
        _cleanup_flash_plan_ struct flash_plan plan = {};
        _cleanup_dfu_ struct dfu dfu = {};
        int r;

        r = chip_on_paper(worker, &dfu, fault);
        if (r == 0 && !worker->options.force)
                r = guard_check_family(image, dfu.chip, fault);
        if (r == 0 && !worker->options.force && !worker->recover)
                r = guard_check_mcu(image, dfu.chip, fault);
        if (r == 0 && !image->has_address)
                r = fault_set(fault, FWD_INVALID_ARGUMENT,
                              "The firmware file does not say where it belongs: an address is "
                              "needed");
        if (r == 0 && worker->recover &&
            (!worker->profile || range_is_empty(worker->profile->recover)))
                r = fault_set(fault, FWD_NOT_SUPPORTED,
                              "The board is not known to have a loader of its own");
        return r < 0 ? r : make_plan(worker, image, &dfu, &plan, fault);
}

/* The old flash in full, on the disk, before any of it goes. */
static int save_old(struct worker *worker, struct dfu *dfu, const struct memory_area *flash,
                    struct fault *fault) {
        int r;

        if (worker->output_fd < 0)
                return 0;
        r = chip_read_to_output(worker, dfu, chip_flash_range(dfu, flash), fault);
        if (r == 0)
                reporter_fact(&worker->reporter, "Saved", "%" PRIu64,
                              range_size(chip_flash_range(dfu, flash)));
        return r;
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

static int check_type(const struct worker *worker, const struct image *image, struct fault *fault) {
        if (worker->profile && worker->profile->otp == OTP_ODRIVE && *worker->otp_type)
                return guard_check_odrive(image, worker->image_name ? worker->image_name : "",
                                          worker->otp_type, fault);
        return guard_check_type(image, worker->profile, worker->otp_type, fault);
}

/* What a person should know of this board before it is flashed. */
static void report_otp(struct worker *worker) {
        const struct board_profile *profile = worker->profile;

        if (!profile || profile->otp == OTP_NONE)
                return;
        if (!*worker->otp_type && profile->otp_missing)
                reporter_notice(&worker->reporter, "%s", profile->otp_missing);
        if (*worker->otp_type && profile->otp_warn_types &&
            board_patterns_match(profile->otp_warn_types, worker->otp_type))
                reporter_notice(&worker->reporter, "%s", profile->otp_warning);
}

/* What the chip says of the board may bring guards that were not known when the file was looked at.
 */
static int check_otp(struct worker *worker, struct image *image, struct dfu *dfu,
                     struct fault *fault) {
        int r;

        r = worker_read_otp(worker, dfu, fault);
        if (r == 0)
                report_otp(worker);
        if (r == 0)
                r = worker_guard_image(worker, image, fault);
        if (r == 0 && worker->recover &&
            (!worker->profile || range_is_empty(worker->profile->recover)))
                r = fault_set(fault, FWD_NOT_SUPPORTED,
                              "It is not known that this board has a loader of its own, nor where");
        if (r == 0)
                r = worker_look_for_loader(worker, dfu, fault);
        if (r == 0 && !worker->options.force && !worker->recover)
                r = check_type(worker, image, fault);
        if (r == 1 && !worker->profile->image_usb_ids) /* those said it already */
                reporter_notice(&worker->reporter,
                                "Nothing in the firmware file says which type of board it is for; "
                                "this one is a %s.",
                                worker->otp_type);
        if (r > 1)
                reporter_notice(&worker->reporter,
                                "The firmware file does not say for which supply voltage it is; "
                                "this board is a v%s.",
                                worker->otp_type);
        return r < 0 ? r : 0;
}

static bool loses_settings(const struct worker *worker, const struct flash_plan *plan) {
        return plan->loses_kept || (worker->profile && worker->profile->settings_anywhere &&
                                    worker->options.erase == ERASE_FULL);
}

static int flash_dfuse(struct worker *worker, struct image *image, struct dfu *dfu,
                       const struct dfu_callbacks *cb, struct fault *fault) {
        _cleanup_flash_plan_ struct flash_plan plan = {};
        struct fault leave_fault = FAULT_INIT;
        const struct memory_area *flash;
        int r;

        r = chip_describe(worker, dfu, &flash, fault);
        if (r < 0)
                return r;
        r = chip_check_readable(worker, dfu, flash, fault);
        if (r < 0)
                return r;
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
        if (worker->options.dry_run)
                return 0;
        r = worker->options.save_if_lost && !loses_settings(worker, &plan)
                    ? 0
                    : save_old(worker, dfu, flash, fault);
        if (r < 0)
                return r;
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
        if (worker->options.dry_run) {
                reporter_fact(&worker->reporter, "Plan", "write %zu bytes",
                              image->segments.items[0].size);
                return 0;
        }
        if (worker->output_fd >= 0) {
                size_t saved;

                r = chip_plain_to_output(worker, dfu, &saved, fault);
                if (r < 0)
                        return r;
                reporter_fact(&worker->reporter, "Saved", "%zu", saved);
        }
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
        const struct dfu_callbacks cb = chip_callbacks(worker);
        int r;

        if (worker->profile && !worker->profile->flashable)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "fwd cannot flash this kind of board: %s", worker->profile->title);
        if (worker->output_fd >= 0 && output_check(worker->output_fd, fault) < 0)
                return -EINVAL;
        r = worker_load_image(worker, &image, fault);
        if (r < 0)
                return r;
        if (!worker->node)
                return plan_on_paper(worker, image, fault);
        r = chip_open(worker, &usb, &dfu, fault);
        if (r < 0)
                return r;
        r = check_board(worker, image, &dfu, fault);
        if (r < 0)
                return r;
        if (worker->recover && !dfu.dfuse)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This bootloader knows no addresses: it cannot write a loader");
        return dfu.dfuse ? flash_dfuse(worker, image, &dfu, &cb, fault)
                         : flash_plain(worker, image, &dfu, &cb, fault);
}

const struct operation op_flash = {
        .name = "flash",
        .summary = "erase, write and verify a firmware file, and start it",
        .phase = "opening",
        .needs = NEEDS_NODE | NEEDS_IMAGE,
        .options = OPTIONS_FLASH,
        .run = flash,
};
