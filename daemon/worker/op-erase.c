/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "worker/chip.h"

static int make_plan(struct worker *worker, const struct dfu *dfu, struct flash_plan *ret,
                     struct fault *fault) {
        const struct flash_rules rules = chip_rules(worker, dfu);
        int r = flash_plan_make_erase(&dfu->map, worker->options.range, &rules, ret, fault);

        if (r == 0)
                chip_report_plan(worker, dfu, ret);
        return r;
}

static int plan_on_paper(struct worker *worker, struct fault *fault) {
        _cleanup_flash_plan_ struct flash_plan plan = {};
        _cleanup_dfu_ struct dfu dfu = {};
        int r = chip_on_paper(worker, &dfu, fault);

        return r < 0 ? r : make_plan(worker, &dfu, &plan, fault);
}

static int erase(struct worker *worker, struct fault *fault) {
        const struct dfu_callbacks cb = chip_callbacks(worker);
        _cleanup_flash_plan_ struct flash_plan plan = {};
        _cleanup_usb_ struct usb_device *usb = NULL;
        _cleanup_dfu_ struct dfu dfu = {};
        const struct memory_area *flash;
        int r;

        if (worker->profile && !worker->profile->flashable)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "fwd cannot erase this kind of board: %s", worker->profile->title);
        if (!worker->node)
                return plan_on_paper(worker, fault);
        r = chip_open(worker, &usb, &dfu, fault);
        if (r == 0)
                r = chip_describe(worker, &dfu, &flash, fault);
        if (r == 0)
                r = chip_check_readable(worker, &dfu, flash, fault);
        /* It may tell of a board whose loader must stay. */
        if (r == 0)
                r = worker_read_otp(worker, &dfu, fault);
        if (r == 0)
                r = make_plan(worker, &dfu, &plan, fault);
        if (r == 0 && !worker->options.dry_run)
                r = worker_check_cancel(fault);
        if (r < 0 || worker->options.dry_run)
                return r;
        r = dfuse_erase(&dfu, &plan, &cb, fault);
        reporter_fact(&worker->reporter, "Erased", "%" PRIu64, dfu.stats.erased_bytes);
        reporter_fact(&worker->reporter, "EraseSeconds", "%" PRIu64 ".%03" PRIu64,
                      dfu.stats.erase_ms / 1000, dfu.stats.erase_ms % 1000);
        return r;
}

const struct operation op_erase = {
        .name = "erase",
        .summary = "erase the flash, and look whether it is blank",
        .phase = "opening",
        .needs = NEEDS_NODE,
        .options = OPTIONS_ERASE,
        .run = erase,
};
