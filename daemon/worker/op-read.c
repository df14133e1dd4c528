/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "worker/chip.h"
#include "worker/output.h"

/* Without addresses there is one thing to read: all of it. */
static int read_plain(struct worker *worker, struct dfu *dfu, struct fault *fault) {
        size_t size;
        int r;

        if (worker->options.has_range)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This bootloader has no addresses: it can only be read whole");
        r = chip_plain_to_output(worker, dfu, &size, fault);
        if (r == 0)
                reporter_fact(&worker->reporter, "Read", "%zu", size);
        return r;
}

static int read_flash(struct worker *worker, struct fault *fault) {
        _cleanup_usb_ struct usb_device *usb = NULL;
        _cleanup_dfu_ struct dfu dfu = {};
        const struct memory_area *flash;
        struct range range;
        int r;

        r = output_check(worker->output_fd, fault);
        if (r == 0)
                r = chip_open(worker, &usb, &dfu, fault);
        if (r == 0 && !dfu.dfuse)
                return read_plain(worker, &dfu, fault);
        if (r == 0)
                r = chip_describe(worker, &dfu, &flash, fault);
        if (r == 0)
                r = chip_check_readable(worker, &dfu, flash, fault);
        if (r < 0)
                return r;
        range = worker->options.has_range ? worker->options.range : chip_flash_range(&dfu, flash);
        reporter_fact(&worker->reporter, "Range", "0x%08" PRIx64 "+%" PRIu64, range.start,
                      range_size(range));
        r = chip_read_to_output(worker, &dfu, range, fault);
        if (r == 0)
                reporter_fact(&worker->reporter, "Read", "%" PRIu64, range_size(range));
        return r;
}

const struct operation op_read = {
        .name = "read",
        .summary = "read the flash into a file",
        .phase = "opening",
        .needs = NEEDS_NODE | NEEDS_OUTPUT,
        .options = OPTIONS_READ,
        .run = read_flash,
};
