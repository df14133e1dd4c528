/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The chips of flight controllers, as firmware calls them: which family a name stands for, and what
 * memory its largest member has. The worker reads such a name out of a firmware file, the service
 * gets one from the board: both ask here whether it is the same chip. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

#define MCU_RAM_MAX 5U

struct mcu {
        const char *name;              /* of the family, "STM32F722" */
        struct range flash;            /* empty: not known */
        struct range ram[MCU_RAM_MAX]; /* where a stack may lie; none: not known */
};

/* The family of "STM32F7X2", "STM32F40x", "AT32F435G" …; NULL if the name says none, or several. */
const struct mcu *mcu_find(const char *name);
/* Whether a stack that grows down from `top` lies in the chip's RAM; true if that is not known. */
bool mcu_takes_stack(const struct mcu *mcu, uint64_t top);
