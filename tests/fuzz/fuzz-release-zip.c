/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A release archive: whatever it says, one firmware comes out or a named error. */

#include <stdlib.h>

#include "image-checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct image image = {.alt = -1};
        struct fault fault = FAULT_INIT;
        uint8_t *inside = NULL;
        size_t inside_size = 0;
        int r;

        if (!release_zip_detect(data, size))
                return 0;
        r = release_zip_extract(data, size, &image, &inside, &inside_size, &fault);
        check_fault(r, &fault);
        check((r == 0) == (inside != NULL));
        check(r < 0 || (inside_size > 0 && inside_size <= IMAGE_SIZE_MAX));
        check(text_is_clean(image.platform) && text_is_clean(image.left_out));
        free(inside);
        return 0;
}
