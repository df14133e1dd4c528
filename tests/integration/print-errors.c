/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of errors as the manual has it: name, exit status, advice, separated by '|'. */
#include <stdio.h>

#include "base/error.h"

int main(void) {
        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++)
                printf("%s|%d|%s\n", fwd_error_name(e), fwd_error_exit_code(e),
                       fwd_error_advice(e));
        return 0;
}
