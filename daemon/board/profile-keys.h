/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The keys of a `.board` file: what there are, and how the value of each is read. Inside board/
 * only. */

#include "board/board.h"

struct profile_key {
        const char *section, *name;
        /* -EINVAL: not what is wanted. -E2BIG, -ENOMEM. */
        int (*parse)(struct board_profile *p, const char *value);
        bool is_text; /* may go on in indented lines */
        const char *wanted;
};

/* NULL: there is none. `*ret_index` tells the keys apart; it is less than 64. */
const struct profile_key *profile_key_find(const char *section, const char *name,
                                           unsigned *ret_index);
