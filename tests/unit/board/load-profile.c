/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load-profile NAME…: loads profiles from FWD_PROFILE_PATH; fails if one does not load. */
#include <stdio.h>
#include <string.h>

#include "board/board.h"

int main(int argc, char **argv) {
        int failed = 0;

        for (int i = 1; i < argc; i++) {
                _cleanup_board_profile_ struct board_profile *profile = NULL;
                int r = board_profile_load(board_profile_dirs(), argv[i], &profile);

                if (r < 0) {
                        printf("%s: %s\n", argv[i], strerror(-r));
                        failed = 1;
                }
        }
        return failed;
}
