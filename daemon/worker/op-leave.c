/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/chip.h"

static int leave(struct worker *worker, struct fault *fault) {
        _cleanup_usb_ struct usb_device *usb = NULL;
        _cleanup_dfu_ struct dfu dfu = {};
        const struct memory_area *flash;
        int r;

        r = chip_open(worker, &usb, &dfu, fault);
        if (r < 0)
                return r;
        if (!dfu.dfuse)
                return dfu_plain_leave(&dfu, fault);
        flash = memory_map_flash(&dfu.map);
        if (!worker->options.has_address && !flash)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader does not say where its flash is");
        return dfuse_leave(&dfu,
                           worker->options.has_address                     ? worker->options.address
                           : worker->profile && worker->profile->has_start ? worker->profile->start
                                                                           : flash->range.start,
                           fault);
}

const struct operation op_leave = {
        .name = "leave",
        .summary = "start the firmware of a board that is in its bootloader",
        .phase = "leaving",
        .needs = NEEDS_NODE,
        .options = OPTIONS_LEAVE,
        .run = leave,
};
