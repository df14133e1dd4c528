/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-checks.h"
#include "suffix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ uint8_t *mended = mend_suffix(data, size);

        (void) dfuse_detect(data, size);
        run_parser(dfuse_parse, data, size);
        if (mended)
                run_parser(dfuse_parse, mended, size);
        return 0;
}
