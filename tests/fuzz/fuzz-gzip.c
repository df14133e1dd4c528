/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "image-checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct fault fault = FAULT_INIT;
        uint8_t *inside = NULL;
        size_t inside_size = 0;
        int r;

        (void) gzip_detect(data, size);
        r = gzip_inflate(data, size, &inside, &inside_size, &fault);
        check_fault(r, &fault);
        check((r < 0) == (inside == NULL));
        check(inside_size <= IMAGE_SIZE_MAX);
        free(inside);
        return 0;
}
