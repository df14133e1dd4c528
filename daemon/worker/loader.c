/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/loader.h"

static uint32_t le32(const uint8_t *p) {
        return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

int worker_look_for_loader(struct worker *worker, struct dfu *dfu, struct fault *fault) {
        const struct board_profile *profile = worker->profile;
        uint8_t vectors[8];
        uint32_t stack, reset;
        bool present;
        int r;

        if (!profile || range_is_empty(profile->recover))
                return 0;
        r = dfuse_read(dfu, profile->recover.start, vectors, sizeof(vectors), NULL, NULL, fault);
        if (r < 0)
                return r;
        stack = le32(vectors);
        reset = le32(vectors + 4);
        present = image_is_stack(stack, true) && reset % 2 == 1 &&
                  range_has(profile->recover, reset - 1);
        reporter_fact(&worker->reporter, "Loader", "%s", present ? "present" : "missing");
        if (!present && !worker->recover)
                reporter_notice(&worker->reporter,
                                "The board's own loader is missing, and without it no firmware "
                                "starts: write it again with fwctl recover-bootloader.");
        return 0;
}
