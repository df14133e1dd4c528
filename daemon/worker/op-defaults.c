/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/betaflight.h"
#include "worker/worker.h"

/* What the board had is gone after this, and whether it has its custom defaults now is asked when
 * it is back: the service's to do. */
static int apply_defaults(struct worker *worker, struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        struct fc_identity identity;
        int r;

        r = worker_identify_disarmed(worker, &port, &identity, fault);
        if (r == 0)
                r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        r = fc_apply_custom_defaults(port, &identity, fault);
        if (r == 0)
                reporter_fact(&worker->reporter, "Rebooting", "yes");
        return r;
}

const struct operation op_defaults = {
        .name = "defaults",
        .summary = "reset a flight controller to its custom defaults",
        .phase = "applying-defaults",
        .needs = NEEDS_TTY,
        .options = OPTIONS_DEFAULTS,
        .run = apply_defaults,
};
