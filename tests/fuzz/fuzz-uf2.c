/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        (void) uf2_detect(data, size);
        run_parser(uf2_parse, data, size);
        return 0;
}
