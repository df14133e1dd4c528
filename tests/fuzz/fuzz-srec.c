/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        (void) srec_detect(data, size);
        run_parser(srec_parse, data, size);
        return 0;
}
