/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "image/claims.h"
#include "worker/worker.h"

#define SEGMENTS_TOLD_MAX 32U

/* "0x08000000+16384,0x08008000+464896"; ",…" if there are too many for one line. */
static void report_segments(struct reporter *reporter, const struct segments *segments) {
        char text[SEGMENTS_TOLD_MAX * 40] = "";
        size_t n = 0;

        for (size_t i = 0; i < segments->n && i < SEGMENTS_TOLD_MAX; i++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s0x%08" PRIx64 "+%zu",
                                       i ? "," : "", segments->items[i].address,
                                       segments->items[i].size);
        reporter_fact(reporter, "Segments", "%s%s", text,
                      segments->n > SEGMENTS_TOLD_MAX ? ",…" : "");
}

static void report_text(struct reporter *reporter, const char *key, const char *text) {
        if (*text)
                reporter_fact(reporter, key, "%s", text);
}

static void report_claims(struct reporter *reporter, const struct image *image) {
        struct claims claims;

        image_claims(image, &claims);
        report_text(reporter, "TargetFirmware", claims.firmware);
        report_text(reporter, "TargetVersion", claims.version);
        report_text(reporter, "TargetMcu", claims.mcu);
        report_text(reporter, "TargetBoard", claims.board);
        report_text(reporter, "TargetCustomDefaults", claims.custom_defaults);
        if (claims.has_stack)
                reporter_fact(reporter, "Stack", "0x%08" PRIx32, claims.stack);
}

static void report_image(struct reporter *reporter, const struct image *image) {
        char hash[2 * sizeof(image->sha256) + 1];

        for (size_t i = 0; i < sizeof(image->sha256); i++)
                (void) snprintf(hash + 2 * i, 3, "%02x", image->sha256[i]);
        reporter_fact(reporter, "Format", "%s", image_format_name(image->format));
        if (image->gzip)
                reporter_fact(reporter, "Compression", "gzip");
        reporter_fact(reporter, "Size", "%" PRIu64, segments_size(&image->segments));
        if (image->has_address)
                report_segments(reporter, &image->segments);
        reporter_fact(reporter, "Sha256", "%s", hash);
        if (image->has_entry)
                reporter_fact(reporter, "Entry", "0x%08" PRIx64, image->entry);
        if (image->vendor_id != IMAGE_ID_ANY)
                reporter_fact(reporter, "VendorId", "0x%04x", image->vendor_id);
        if (image->product_id != IMAGE_ID_ANY)
                reporter_fact(reporter, "ProductId", "0x%04x", image->product_id);
        if (image->has_family) {
                const char *name = uf2_family_name(image->family);

                reporter_fact(reporter, "Family", "%s (0x%08" PRIx32 ")", name ? name : "unknown",
                              image->family);
        }
        if (image->alt >= 0)
                reporter_fact(reporter, "Alt", "%d", image->alt);
        if (image->target_name[0])
                reporter_fact(reporter, "TargetName", "%s", image->target_name);
        report_claims(reporter, image);
}

static int inspect(struct worker *worker, struct fault *fault) {
        _cleanup_image_ struct image *image = NULL;
        int r;

        worker->recover = worker->options.recover;
        r = worker_load_image(worker, &image, fault);
        if (r < 0)
                return r;
        report_image(&worker->reporter, image);
        return 0;
}

const struct operation op_inspect = {
        .name = "inspect",
        .summary = "look at a firmware file",
        .phase = "inspecting",
        .needs = NEEDS_IMAGE,
        .options = OPTIONS_INSPECT,
        .run = inspect,
};
