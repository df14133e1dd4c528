/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The memory of a simulated chip: the flash array with its sectors, option bytes, OTP and the
 * voltage word; what an erase or a program does to the cells, how long it takes unscaled, and what
 * is left when the power goes in the middle. Addresses are the chip's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/chips.h"

#define FLASH_BLOCK_MAX 4096U /* bytes of one program operation */
#define FLASH_NOWHERE   UINT64_MAX

enum flash_work_kind {
        FLASH_NOTHING,
        FLASH_ERASE,
        FLASH_MASS_ERASE,
        FLASH_PROGRAM,
};

struct flash_work {
        enum flash_work_kind kind;
        uint32_t address; /* of a byte in the sector, or of the first byte to program */
        uint8_t data[FLASH_BLOCK_MAX];
        size_t size;
};

struct flash_sector {
        uint32_t start, size;
        bool is_protected; /* erase and program are without effect and without an error */
};

struct flash {
        const struct chip *chip;
        uint8_t *cells; /* owned */
        uint32_t size;
        struct flash_sector *sectors; /* owned */
        size_t n_sectors;
        uint8_t *areas[4]; /* owned, as chip->areas */
        unsigned parallelism;
        bool worst_times; /* the data sheet's maxima instead of its typical values */
        enum chip_overwrite overwrite;
        uint64_t random;
        uint64_t lost_write; /* a byte that never gets programmed, or FLASH_NOWHERE */
        uint64_t lost_erase; /* a byte whose sector never gets erased, or FLASH_NOWHERE */
};

int flash_init(struct flash *flash, const struct chip *chip);
void flash_clear(struct flash *flash);

const struct flash_sector *flash_sector_at(const struct flash *flash, uint32_t address);
/* The area that holds all of [address, address + size), or NULL. */
const struct chip_area *flash_area_at(const struct flash *flash, uint32_t address, size_t size);
bool flash_in_array(const struct flash *flash, uint32_t address, size_t size);
/* Any memory: the array or an area. -ERANGE. */
int flash_read(const struct flash *flash, uint32_t address, void *to, size_t size);
/* Past all rules of the chip. -ERANGE. */
int flash_poke(struct flash *flash, uint32_t address, const void *data, size_t size);

/* Microseconds, unscaled. */
uint64_t flash_duration_us(const struct flash *flash, const struct flash_work *work);
/* Does the work as far as `done` of `total` (equal parts of its time): what is behind stays as it
 * was, and the unit or sector at the cut is a mixture. */
void flash_apply(struct flash *flash, const struct flash_work *work, uint64_t done, uint64_t total);

/* 0, 1 or 2, of the option bytes. */
unsigned flash_rdp(const struct flash *flash);
void flash_set_rdp(struct flash *flash, unsigned level);
/* "0-2,5": these sectors, and no others, are write protected. -EINVAL. */
int flash_set_protected(struct flash *flash, const char *text);
/* A vector table (or, on RISC-V, anything but blank) that this chip could start from. */
bool flash_bootable(const struct flash *flash, uint32_t address);
