/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool guard_raw_address(const struct board_profile *profile, struct image_options *ret) {
        if (!profile || !profile->has_raw_address)
                return false;
        *ret = (struct image_options){true, profile->raw_address};
        return true;
}

int guard_check_image(const struct image *image, const struct board_profile *profile,
                      struct fault *fault) {
        const struct segments *segments = &image->segments;

        if (!profile || !image->has_address)
                return 0;
        for (size_t i = 0; i < segments->n; i++)
                for (size_t j = 0; j < profile->n_protected; j++) {
                        struct range hit = range_intersect(segment_range(&segments->items[i]),
                                                           profile->protected_ranges[j]);

                        if (!range_is_empty(hit))
                                return fault_set_at(fault, FWD_PROTECTED_REGION, hit.start,
                                                    "The firmware would overwrite protected flash "
                                                    "of the board (0x%08" PRIx64 " to 0x%08" PRIx64
                                                    ")",
                                                    profile->protected_ranges[j].start,
                                                    profile->protected_ranges[j].end);
                }
        if (profile->check_vectors && segments->n > 0)
                return image_check_vectors(image, segments->items[0].address, fault);
        return 0;
}

int guard_check_ids(const struct image *image, uint16_t vendor_id, uint16_t product_id,
                    struct fault *fault) {
        if ((image->vendor_id == IMAGE_ID_ANY || image->vendor_id == vendor_id) &&
            (image->product_id == IMAGE_ID_ANY || image->product_id == product_id))
                return 0;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "The firmware file is for USB id %04x:%04x, the board is %04x:%04x",
                         image->vendor_id, image->product_id, vendor_id, product_id);
}

/* As the text stands in the compiled firmware: with its NUL. */
static bool image_has_text(const struct image *image, const char *text) {
        for (size_t i = 0; i < image->segments.n; i++)
                if (memmem(image->segments.items[i].data, image->segments.items[i].size, text,
                           strlen(text) + 1))
                        return true;
        return false;
}

int guard_check_type(const struct image *image, const struct board_profile *profile,
                     const char *type, struct fault *fault) {
        char others[128] = "";
        size_t n = 0;

        if (!*type || !profile || !profile->image_types || image_has_text(image, type))
                return 0;
        for (char **t = profile->image_types; *t; t++) {
                if (!image_has_text(image, *t) || n >= sizeof(others))
                        continue;
                n += (size_t) snprintf(others + n, sizeof(others) - n, "%s%s", n ? ", " : "", *t);
        }
        if (n == 0)
                return 1;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "The firmware file is for boards of type %s, and this one is a %s (its "
                         "one-time memory says so)",
                         others, type);
}
