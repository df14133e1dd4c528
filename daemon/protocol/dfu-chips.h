/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What kinds of chips there are behind a memory map, and how long their flash takes: for telling
 * people what is there and how long a plan will run, and for refusing firmware that is for another
 * chip; never for deciding where may be written. Const
 * data, a row for each map that chips show. Pure; worker only. */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/flash-plan.h"

struct dfu_chip {
        const char *name;   /* "STM32F405, F407, F415 or F417" */
        const char *family; /* how the names of all of them begin: "STM32F4" */
        const char *mcus;   /* shell patterns of names that firmware gives itself, blank separated;
                               NULL: none */
        const char *also;   /* more patterns: of chips that have this map as well as another */
        uint16_t vendor_id, product_id;
        /* The flash string of the bootloader, for planning without a board; NULL: none. */
        const char *flash_string;
        const char *layout;     /* shell pattern on memory_map_format() */
        const char *raw_layout; /* on the string as it came, where its zeros tell chips apart */
        unsigned transfer_size; /* bytes */
        struct {
                unsigned size_kib, ms; /* a sector of this size; typical */
        } erase[3];
        unsigned write_us_per_kib, read_us_per_kib; /* with the wire's part */
        unsigned unprotect_ms;                      /* the mass erase; 0: not known */
};

/* NULL if the map is none that is known. `flash_string` is the chip's own, as it came. */
const struct dfu_chip *dfu_chip_find(uint16_t vendor_id, uint16_t product_id,
                                     const char *flash_string);
/* By the name that the firmware gives its chip ("STM32F405"); NULL if it is not known, or if chips
 * of that name have different maps. */
const struct dfu_chip *dfu_chip_of_mcu(const char *mcu);
/* Whether the chip may be one whose name begins with `family` ("STM32F4", or more exactly). */
bool dfu_chip_may_be(const struct dfu_chip *chip, const char *family);
/* Whether firmware for a chip of this name ("STM32F722") may be for this one. What the table does
 * not know may be. */
bool dfu_chip_takes_mcu(const struct dfu_chip *chip, const char *mcu);
/* About how long it takes to erase, write and read back all of the plan, milliseconds. */
uint64_t dfu_chip_plan_ms(const struct dfu_chip *chip, const struct flash_plan *plan);
