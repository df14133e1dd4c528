/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight.h"
#include "worker/worker.h"

static int reboot(struct worker *worker, struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        struct fc_identity identity;
        const char *method = NULL;
        int r;

        r = worker_open_serial(worker, &port, fault);
        if (r < 0)
                return r;
        r = worker_identify(worker, port, &identity, fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter, "rebooting");
        r = fc_reboot(port, &identity,
                      worker->options.to == REBOOT_TO_FIRMWARE ? FC_REBOOT_FIRMWARE
                                                               : FC_REBOOT_BOOTLOADER,
                      &method, fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "Method", "%s", method);
        return 0;
}

const struct operation op_reboot = {
        .name = "reboot",
        .summary = "ask the firmware for its bootloader",
        .needs = NEEDS_TTY,
        .options = OPTIONS_REBOOT,
        .run = reboot,
};
