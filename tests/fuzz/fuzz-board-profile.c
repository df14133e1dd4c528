/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A .board file. */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "board/board.h"
#include "board/profile-file.h"
#include "fuzz.h"

static void check_ranges(const struct range *ranges, size_t n) {
        check(n <= BOARD_LIST_MAX);
        for (size_t i = 0; i < n; i++)
                check(!range_is_empty(ranges[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_board_profile_ struct board_profile *profile = NULL;
        _cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC);
        char path[64];
        int r;

        check(fd >= 0);
        check(write(fd, data, size) == (ssize_t) size);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = profile_file_read(path, "fuzz", &profile);
        check((r == 0) == (profile != NULL));
        if (!profile)
                return 0;
        check(strcmp(profile->name, "fuzz") == 0);
        check(profile->title);
        check_ranges(profile->protected_ranges, profile->n_protected);
        check_ranges(profile->keep_ranges, profile->n_keep);
        (void) board_match(profile, "Betaflight", "SpeedyBee F405");
        return 0;
}
