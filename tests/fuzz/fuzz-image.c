/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file as it comes: detection, the parser, merging, an address, what it says of itself, the
 * vector table. */

#include "image-checks.h"
#include "image/claims.h"

static void check_claims(const struct image *image) {
        struct claims claims;

        image_claims(image, &claims);
        check(text_is_clean(claims.firmware) && text_is_clean(claims.version));
        check(text_is_clean(claims.mcu) && text_is_clean(claims.board));
        check(claims.firmware[0] || (!claims.version[0] && !claims.mcu[0] && !claims.board[0]));
}

static void run(const uint8_t *data, size_t size, const struct image_options *options) {
        _cleanup_image_ struct image *image = NULL;
        struct fault fault = FAULT_INIT;
        int r = image_parse(data, size, options, &image, &fault);

        check_fault(r, &fault);
        check((r == 0) == (image != NULL));
        if (!image)
                return;
        check(image->segments.n > 0);
        check_segments(&image->segments);
        check(text_is_clean(image->target_name));
        check(image->has_address || image->segments.items[0].address == 0);
        check(!options || image->has_address);
        check(!options || image->segments.items[0].address == options->address);
        check_claims(image);
        r = image_check_vectors(image, image->segments.items[0].address, size % 2, &fault);
        check_fault(r, &fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct image_options options = {.has_address = true, .address = 0x08000000};

        run(data, size, NULL);
        run(data, size, &options);
        return 0;
}
