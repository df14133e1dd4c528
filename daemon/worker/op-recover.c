/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

/* A flash of what no flash writes: the board's own loader, in its place and nowhere else. The steps
 * are a flash's; worker->recover turns the guards around. */

static int recover(struct worker *worker, struct fault *fault) {
        worker->recover = true;
        /* There may be no firmware behind the loader, and the loader is what starts it. */
        worker->options.leave = false;
        return op_flash.run(worker, fault);
}

const struct operation op_recover = {
        .name = "recover",
        .summary = "write the board's own loader again",
        .phase = "opening",
        .needs = NEEDS_NODE | NEEDS_IMAGE,
        .options = OPTIONS_RECOVER,
        .run = recover,
};
