/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "protocol/dfu-chips.h"
#include "worker/chip.h"

/* Nothing here writes option bytes: the chip itself does, to level 0, and to no other. */

static void report_plan(struct worker *worker, const struct dfu *dfu,
                        const struct memory_area *flash) {
        const struct range range = chip_flash_range(dfu, flash);
        unsigned ms = dfu->chip ? dfu->chip->unprotect_ms : 0;
        char time[48] = "";

        if (ms > 0)
                (void) snprintf(time, sizeof(time), ", in about %u s", (ms + 999) / 1000);
        reporter_fact(&worker->reporter, "Plan",
                      "take off the read protection, which erases all %" PRIu64 " bytes of the "
                      "flash%s",
                      range_size(range), time);
        reporter_fact(&worker->reporter, "PlanEraseBytes", "%" PRIu64, range_size(range));
        if (ms > 0)
                reporter_fact(&worker->reporter, "PlanSeconds", "%u", (ms + 999) / 1000);
}

static int nothing_to_do(struct worker *worker) {
        reporter_notice(&worker->reporter,
                        "The chip is not read protected: there is nothing to take off.");
        return 0;
}

static int plan_on_paper(struct worker *worker, struct fault *fault) {
        _cleanup_dfu_ struct dfu dfu = {};
        const struct memory_area *flash;
        int r = chip_on_paper(worker, &dfu, fault);

        if (r < 0)
                return r;
        flash = memory_map_flash(&dfu.map);
        if (flash)
                report_plan(worker, &dfu, flash);
        return 0;
}

static int unprotect(struct worker *worker, struct fault *fault) {
        const struct dfu_callbacks cb = chip_callbacks(worker);
        _cleanup_usb_ struct usb_device *usb = NULL;
        _cleanup_dfu_ struct dfu dfu = {};
        const struct memory_area *flash;
        int r;

        if (!worker->node)
                return plan_on_paper(worker, fault);
        r = chip_open(worker, &usb, &dfu, fault);
        if (r == 0)
                r = chip_describe(worker, &dfu, &flash, fault);
        if (r == 0)
                r = chip_probe(worker, &dfu, flash, fault);
        if (r < 0)
                return r;
        if (r == 0)
                return nothing_to_do(worker);
        report_plan(worker, &dfu, flash);
        if (worker->options.dry_run)
                return 0;
        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter, "unprotecting");
        r = dfuse_unprotect(&dfu, flash->range.start, &cb, fault);
        /* One that has reset itself has to be asked again when it is back. */
        if (r > 0)
                reporter_fact(&worker->reporter, "ReadProtected", "no");
        return r < 0 ? r : 0;
}

const struct operation op_unprotect = {
        .name = "unprotect",
        .summary = "take off the read protection, which erases the whole chip",
        .phase = "opening",
        .needs = NEEDS_NODE,
        .options = OPTIONS_UNPROTECT,
        .run = unprotect,
};
