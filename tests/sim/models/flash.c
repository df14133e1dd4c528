/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/flash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BLANK           0xFFU
#define RDP_LEVEL1_BYTE 0x55U /* anything but the two others */
#define RDP_LEVEL2_BYTE 0xCCU

/* SplitMix64: the same seed gives the same mess. */
static uint64_t next_random(struct flash *flash) {
        uint64_t z = (flash->random += 0x9E3779B97F4A7C15U);

        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
}

int flash_init(struct flash *flash, const struct chip *chip) {
        uint32_t address = chip->flash_start;
        size_t n = 0;

        *flash = (struct flash){.chip = chip,
                                .parallelism = chip->parallelism,
                                .overwrite = chip->overwrite,
                                .lost_write = FLASH_NOWHERE,
                                .lost_erase = FLASH_NOWHERE};
        for (size_t i = 0; i < ARRAY_SIZE(chip->sectors); i++) {
                flash->n_sectors += chip->sectors[i].count;
                flash->size += chip->sectors[i].count * chip->sectors[i].size;
        }
        flash->cells = malloc(flash->size);
        flash->sectors = calloc(flash->n_sectors, sizeof(*flash->sectors));
        if (!flash->cells || !flash->sectors) {
                flash_clear(flash);
                return -ENOMEM;
        }
        memset(flash->cells, BLANK, flash->size);
        for (size_t i = 0; i < ARRAY_SIZE(chip->sectors); i++)
                for (unsigned k = 0; k < chip->sectors[i].count; k++) {
                        flash->sectors[n++] =
                                (struct flash_sector){address, chip->sectors[i].size, false};
                        address += chip->sectors[i].size;
                }
        for (size_t i = 0; i < ARRAY_SIZE(chip->areas); i++) {
                const struct chip_area *area = &chip->areas[i];

                if (area->size == 0)
                        continue;
                flash->areas[i] = malloc(area->size);
                if (!flash->areas[i]) {
                        flash_clear(flash);
                        return -ENOMEM;
                }
                memset(flash->areas[i], BLANK, area->size);
                memcpy(flash->areas[i], area->initial, area->n_initial);
        }
        return 0;
}

void flash_clear(struct flash *flash) {
        free(flash->cells);
        free(flash->sectors);
        for (size_t i = 0; i < ARRAY_SIZE(flash->areas); i++)
                free(flash->areas[i]);
        *flash = (struct flash){0};
}

static struct flash_sector *sector_at(const struct flash *flash, uint32_t address) {
        for (size_t i = 0; i < flash->n_sectors; i++)
                if (address - flash->sectors[i].start < flash->sectors[i].size)
                        return &flash->sectors[i];
        return NULL;
}

const struct flash_sector *flash_sector_at(const struct flash *flash, uint32_t address) {
        return sector_at(flash, address);
}

static bool inside(uint32_t start, uint32_t room, uint32_t address, size_t size) {
        return address >= start && address - start <= room && size <= room - (address - start);
}

bool flash_in_array(const struct flash *flash, uint32_t address, size_t size) {
        return inside(flash->chip->flash_start, flash->size, address, size);
}

static uint8_t *memory_at(const struct flash *flash, uint32_t address, size_t size) {
        if (flash_in_array(flash, address, size))
                return flash->cells + (address - flash->chip->flash_start);
        for (size_t i = 0; i < ARRAY_SIZE(flash->areas); i++)
                if (flash->areas[i] &&
                    inside(flash->chip->areas[i].start, flash->chip->areas[i].size, address, size))
                        return flash->areas[i] + (address - flash->chip->areas[i].start);
        return NULL;
}

const struct chip_area *flash_area_at(const struct flash *flash, uint32_t address, size_t size) {
        for (size_t i = 0; i < ARRAY_SIZE(flash->areas); i++)
                if (flash->areas[i] &&
                    inside(flash->chip->areas[i].start, flash->chip->areas[i].size, address, size))
                        return &flash->chip->areas[i];
        return NULL;
}

int flash_read(const struct flash *flash, uint32_t address, void *to, size_t size) {
        const uint8_t *from = memory_at(flash, address, size);

        if (!from)
                return -ERANGE;
        memcpy(to, from, size);
        return 0;
}

int flash_poke(struct flash *flash, uint32_t address, const void *data, size_t size) {
        uint8_t *to = memory_at(flash, address, size);

        if (!to)
                return -ERANGE;
        memcpy(to, data, size);
        return 0;
}

static unsigned unit_size(const struct flash *flash) {
        return flash->chip->write_unit ? flash->chip->write_unit : 1U << flash->parallelism;
}

static unsigned erase_ms(const struct flash *flash, uint32_t size) {
        for (size_t i = 0; i < ARRAY_SIZE(flash->chip->erase); i++) {
                const struct chip_time *time = &flash->chip->erase[i];

                if (time->size == size)
                        return flash->worst_times ? time->max_ms[flash->parallelism]
                                                  : time->typ_ms[flash->parallelism];
        }
        return 0;
}

uint64_t flash_duration_us(const struct flash *flash, const struct flash_work *work) {
        const struct chip *chip = flash->chip;
        const struct flash_sector *sector;
        uint64_t units;

        switch (work->kind) {
        case FLASH_ERASE:
                sector = flash_sector_at(flash, work->address);
                return sector ? erase_ms(flash, sector->size) * UINT64_C(1000) : 0;
        case FLASH_MASS_ERASE:
                return erase_ms(flash, 0) * UINT64_C(1000);
        case FLASH_PROGRAM:
                units = (work->size + unit_size(flash) - 1) / unit_size(flash);
                return (units * (flash->worst_times ? chip->program_max_ns[flash->parallelism]
                                                    : chip->program_typ_ns[flash->parallelism]) +
                        999) /
                       1000;
        case FLASH_NOTHING:
                break;
        }
        return 0;
}

static void erase_sector(struct flash *flash, const struct flash_sector *sector, bool cut) {
        uint8_t *cells = flash->cells + (sector->start - flash->chip->flash_start);

        if (sector->is_protected || (flash->lost_erase >= sector->start &&
                                     flash->lost_erase - sector->start < sector->size))
                return;
        for (uint32_t i = 0; i < sector->size; i++)
                cells[i] = cut ? cells[i] | (uint8_t) next_random(flash) : BLANK;
}

static void erase_all(struct flash *flash, uint64_t done, uint64_t total) {
        size_t whole = total == 0 || done >= total ? flash->n_sectors
                                                   : (size_t) (flash->n_sectors * done / total);

        for (size_t i = 0; i < whole; i++)
                erase_sector(flash, &flash->sectors[i], false);
        if (whole < flash->n_sectors)
                erase_sector(flash, &flash->sectors[whole], true);
}

static bool is_blank(const uint8_t *cells, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (cells[i] != BLANK)
                        return false;
        return true;
}

/* One unit, or as much of it as the data has. */
static void program_unit(struct flash *flash, uint32_t address, const uint8_t *data, size_t size,
                         bool cut) {
        const struct flash_sector *sector = flash_sector_at(flash, address);
        uint8_t *cells = memory_at(flash, address, size);

        if (!cells || (sector && sector->is_protected))
                return;
        /* Flash with ECC takes whole, aligned, erased units and nothing else. */
        if (sector && flash->overwrite == OVERWRITE_REFUSED &&
            (size < unit_size(flash) || address % unit_size(flash) != 0 || !is_blank(cells, size)))
                return;
        for (size_t i = 0; i < size; i++) {
                if (flash->lost_write == (uint64_t) address + i)
                        continue;
                cells[i] &= cut ? data[i] | (uint8_t) next_random(flash) : data[i];
        }
}

static void program(struct flash *flash, const struct flash_work *work, uint64_t done,
                    uint64_t total) {
        const struct chip_area *area = flash_area_at(flash, work->address, work->size);
        size_t unit = area ? 1 : unit_size(flash), end = work->size;

        if (total > 0 && done < total)
                end = (size_t) (work->size * done / total);
        if (area && area->kind != AREA_OTP) {
                (void) flash_poke(flash, work->address, work->data, end);
                return;
        }
        for (size_t i = 0; i < work->size && i <= end; i += unit) {
                size_t n = work->size - i < unit ? work->size - i : unit;

                if (i + n > end && end < work->size) {
                        program_unit(flash, work->address + (uint32_t) i, work->data + i, n, true);
                        break;
                }
                program_unit(flash, work->address + (uint32_t) i, work->data + i, n, false);
        }
}

void flash_apply(struct flash *flash, const struct flash_work *work, uint64_t done,
                 uint64_t total) {
        const struct flash_sector *sector;

        switch (work->kind) {
        case FLASH_ERASE:
                sector = flash_sector_at(flash, work->address);
                if (sector)
                        erase_sector(flash, sector, total > 0 && done < total);
                break;
        case FLASH_MASS_ERASE:
                erase_all(flash, done, total);
                break;
        case FLASH_PROGRAM:
                program(flash, work, done, total);
                break;
        case FLASH_NOTHING:
                break;
        }
}

static uint8_t *rdp_byte(const struct flash *flash) {
        for (size_t i = 0; i < ARRAY_SIZE(flash->areas); i++)
                if (flash->areas[i] && flash->chip->areas[i].kind == AREA_OPTION)
                        return flash->areas[i] + flash->chip->rdp_offset;
        return NULL;
}

unsigned flash_rdp(const struct flash *flash) {
        const uint8_t *byte = rdp_byte(flash);

        if (!byte || *byte == flash->chip->rdp_level0)
                return 0;
        return *byte == RDP_LEVEL2_BYTE && flash->chip->rdp_level0 == 0xAA ? 2 : 1;
}

void flash_set_rdp(struct flash *flash, unsigned level) {
        uint8_t *byte = rdp_byte(flash);

        if (byte)
                *byte = level == 0   ? flash->chip->rdp_level0
                        : level == 1 ? RDP_LEVEL1_BYTE
                                     : RDP_LEVEL2_BYTE;
}

int flash_set_protected(struct flash *flash, const char *text) {
        _cleanup_free_ bool *chosen = calloc(flash->n_sectors, sizeof(*chosen));

        if (!chosen)
                return -ENOMEM;
        while (*text) {
                char *end;
                unsigned long first = strtoul(text, &end, 10), last = first;

                if (end == text)
                        return -EINVAL;
                if (*end == '-') {
                        text = end + 1;
                        last = strtoul(text, &end, 10);
                        if (end == text)
                                return -EINVAL;
                }
                if (first > last || last >= flash->n_sectors || (*end != ',' && *end != '\0'))
                        return -EINVAL;
                for (unsigned long i = first; i <= last; i++)
                        chosen[i] = true;
                text = *end ? end + 1 : end;
        }
        for (size_t i = 0; i < flash->n_sectors; i++)
                flash->sectors[i].is_protected = chosen[i];
        return 0;
}

static uint32_t read_u32(const uint8_t *p) {
        return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

bool flash_bootable(const struct flash *flash, uint32_t address) {
        /* Where these chips have RAM: CCM; DTCM and SRAM; AXI SRAM; AHB SRAM (X32M7). */
        static const struct {
                uint32_t start, size;
        } ram[] = {{0x10000000U, 0x10000U},
                   {0x20000000U, 0xC0000U},
                   {0x24000000U, 0x80000U},
                   {0x30000000U, 0x50000U}};
        uint8_t vectors[8];
        uint32_t stack, reset;

        if (!flash_in_array(flash, address, sizeof(vectors)))
                return false;
        (void) flash_read(flash, address, vectors, sizeof(vectors));
        if (flash->chip->risc_v)
                return !is_blank(vectors, sizeof(vectors));
        stack = read_u32(vectors);
        reset = read_u32(vectors + 4);
        if (stack % 4 != 0 || reset % 2 == 0 || !flash_in_array(flash, reset - 1, 2))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(ram); i++)
                if (stack > ram[i].start && stack - ram[i].start <= ram[i].size)
                        return true;
        return false;
}
