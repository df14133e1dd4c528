/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Erase and program times are the typical ones of ST's data sheets (DS8626, DS10314, DS11853,
 * DS10916, DS12110, DS12288, for F3 DS9118), at the width that the ROM uses: F4 8 bits (AN2606,
 * until it is told the voltage), F7 32 bits, H7 64 bits. The wire takes about 1.7 ms a KiB more
 * to write (3 to 4 ms with blocks of 1 KiB), and 4 to 5 ms a KiB to read, as logs of real boards
 * have it. AT32: by the word of its data sheet, not measured. */

#include "protocol/dfu-chips.h"

#include <fnmatch.h>
#include <string.h>

#include "base/cleanup.h"

#define F4_TIMES                                                                                   \
        .transfer_size = 2048, .erase = {{16, 400}, {64, 1200}, {128, 2000}},                      \
        .write_us_per_kib = 18100, .read_us_per_kib = 4500
#define F7_TIMES .transfer_size = 2048, .write_us_per_kib = 5800, .read_us_per_kib = 4500
#define H7_TIMES                                                                                   \
        .transfer_size = 1024, .erase = {{128, 1000}}, .write_us_per_kib = 7200,                   \
        .read_us_per_kib = 4500
/* Pages of 2 KiB, double words of 82 us. */
#define G4_TIMES                                                                                   \
        .transfer_size = 1024, .erase = {{2, 22}}, .write_us_per_kib = 13500,                      \
        .read_us_per_kib = 4500, .unprotect_ms = 500
/* Pages of 2 KiB, half words of 54 us. */
#define F3_TIMES                                                                                   \
        .transfer_size = 2048, .erase = {{2, 30}}, .write_us_per_kib = 29000,                      \
        .read_us_per_kib = 4500, .unprotect_ms = 500
#define ST .vendor_id = 0x0483, .product_id = 0xdf11

static const struct dfu_chip chips[] = {
        {"STM32F405, F407, F415 or F417", "STM32F4", "STM32F4[01][57]*", ST,
         "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
         "0x08000000/4\\*16K,1\\*64K,7\\*128K", NULL, F4_TIMES, .unprotect_ms = 16000},
        /* F722 differs from F411 in a zero of its string. */
        {"STM32F722, F723, F732 or F733", "STM32F7", "STM32F7[23][23]*", ST,
         "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg",
         "0x08000000/4\\*16K,1\\*64K,3\\*128K", "*,01\\*64Kg,*", F7_TIMES,
         .erase = {{16, 200}, {64, 500}, {128, 1000}}, .unprotect_ms = 4000},
        {"STM32F401, F411 or F446", "STM32F4", "STM32F401* STM32F411* STM32F446*", ST,
         "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg",
         "0x08000000/4\\*16K,1\\*64K,3\\*128K", NULL, F4_TIMES, .unprotect_ms = 8000},
        {"STM32F413 or F423", "STM32F4", "STM32F4[12]3*", ST,
         "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,011*128Kg",
         "0x08000000/4\\*16K,1\\*64K,11\\*128K", NULL, F4_TIMES, .unprotect_ms = 24000},
        {"STM32F42x or F43x, or F76x with two banks", "STM32F", NULL, ST, NULL,
         "0x08000000/4\\*16K,1\\*64K,7\\*128K,4\\*16K,*", NULL, F4_TIMES, .unprotect_ms = 32000},
        {"STM32F745, F746 or F756", "STM32F7", "STM32F74* STM32F75*", ST,
         "@Internal Flash  /0x08000000/04*032Kg,01*128Kg,03*256Kg",
         "0x08000000/4\\*32K,1\\*128K,3\\*256K", NULL, F7_TIMES,
         .erase = {{32, 200}, {128, 500}, {256, 1000}}, .unprotect_ms = 8000},
        {"STM32F765, F767 or F777", "STM32F7", "STM32F765* STM32F767* STM32F777*", ST,
         "@Internal Flash  /0x08000000/04*032Kg,01*128Kg,07*256Kg",
         "0x08000000/4\\*32K,1\\*128K,7\\*256K", NULL, F7_TIMES,
         .erase = {{32, 200}, {128, 500}, {256, 1000}}, .unprotect_ms = 16000},
        {"STM32H743, H750 or H753", "STM32H7", "STM32H743* STM32H753*", "STM32H750*", ST,
         "@Internal Flash   /0x08000000/16*128Kg", "0x08000000/16\\*128K", NULL, H7_TIMES,
         .unprotect_ms = 10000},
        {"STM32H723, H725 or H735", "STM32H7", "STM32H72* STM32H735*", ST,
         "@Internal Flash   /0x08000000/08*128Kg", "0x08000000/8\\*128K", NULL, H7_TIMES,
         .unprotect_ms = 5000},
        {"STM32H730 or H750", "STM32H7", "STM32H730* STM32H750*", ST,
         "@Internal Flash   /0x08000000/01*128Kg", "0x08000000/1\\*128K", NULL, H7_TIMES,
         .unprotect_ms = 1000},
        {"STM32L43x or L44x", "STM32L4", NULL, ST, NULL, "0x08000000/128\\*2K", "*/0128\\*0002Kg*",
         G4_TIMES},
        {"STM32G4, L4 or G0", "STM32", "STM32G47* STM32G48*", ST,
         "@Internal Flash   /0x08000000/256*02Kg", "0x08000000/256\\*2K", NULL, G4_TIMES},
        {"STM32F0, F1 or F3", "STM32", "STM32F303*", ST, "@Internal Flash  /0x08000000/128*0002Kg",
         "0x08000000/*\\*2K", NULL, F3_TIMES},
        {"STM32C5", "STM32C5", NULL, ST, NULL, "0x08000000/64\\*8K", NULL, G4_TIMES},
        {"AT32F435 or F437", "AT32F43", NULL, .vendor_id = 0x2e3c, .product_id = 0xdf11, NULL,
         "0x08000000/8\\*4Ka,1000\\*4K", NULL, .transfer_size = 2048, .erase = {{4, 50}},
         .write_us_per_kib = 14500, .read_us_per_kib = 4500, .unprotect_ms = 12000},
        {"AT32", "AT32", NULL, .vendor_id = 0x2e3c, .product_id = 0xdf11, NULL, "*", NULL,
         .transfer_size = 2048, .erase = {{2, 50}}, .write_us_per_kib = 14500,
         .read_us_per_kib = 4500, .unprotect_ms = 12000},
        {"GD32VF103", "GD32VF103", NULL, .vendor_id = 0x28e9, .product_id = 0x0189, NULL,
         "0x08000000/512\\*2K", NULL, F3_TIMES},
        {"APM32F405 or F407", "APM32F4", NULL, .vendor_id = 0x314b, .product_id = 0x0106, NULL,
         "0x08000000/4\\*16K,1\\*64K,7\\*128K", NULL, F4_TIMES, .unprotect_ms = 16000},
};

static bool matches(const char *pattern, const char *text) {
        return !pattern || fnmatch(pattern, text, 0) == 0;
}

const struct dfu_chip *dfu_chip_find(uint16_t vendor_id, uint16_t product_id,
                                     const char *flash_string) {
        _cleanup_memory_map_ struct memory_map map = {};
        _cleanup_free_ char *layout = NULL;

        if (memory_map_add(&map, 0, flash_string) >= 0)
                layout = memory_map_format(&map);
        if (!layout || !*layout)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
                if (chips[i].vendor_id == vendor_id && chips[i].product_id == product_id &&
                    matches(chips[i].layout, layout) && matches(chips[i].raw_layout, flash_string))
                        return &chips[i];
        return NULL;
}

static bool matches_one(const char *patterns, const char *text) {
        _cleanup_free_ char *copy = strdup(patterns);
        char *rest = copy, *pattern;

        while (rest && (pattern = strsep(&rest, " ")))
                if (fnmatch(pattern, text, 0) == 0)
                        return true;
        return false;
}

const struct dfu_chip *dfu_chip_of_mcu(const char *mcu) {
        for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
                if (chips[i].mcus && chips[i].flash_string && matches_one(chips[i].mcus, mcu))
                        return &chips[i];
        return NULL;
}

bool dfu_chip_may_be(const struct dfu_chip *chip, const char *family) {
        size_t n = strlen(family), known = strlen(chip->family);

        return strncmp(chip->family, family, n < known ? n : known) == 0;
}

/* Geehy's chips are made to run ST's firmware. */
static bool is_family(const struct dfu_chip *chip, const char *mcu) {
        return dfu_chip_may_be(chip, mcu) ||
               (strncmp(chip->family, "APM32", 5) == 0 && strncmp(mcu, "STM32", 5) == 0 &&
                strncmp(chip->family + 5, mcu + 5, strlen(chip->family + 5)) == 0);
}

bool dfu_chip_takes_mcu(const struct dfu_chip *chip, const char *mcu) {
        if (!is_family(chip, mcu))
                return false;
        if (!chip->mcus || matches_one(chip->mcus, mcu) ||
            (chip->also && matches_one(chip->also, mcu)))
                return true;
        /* One of its family, and known by another map. */
        for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
                if (chips[i].mcus && matches_one(chips[i].mcus, mcu))
                        return false;
        return true;
}

static uint64_t erase_ms(const struct dfu_chip *chip, uint64_t size_bytes) {
        const size_t n = ARRAY_SIZE(chip->erase);
        uint64_t kib = (size_bytes + 1023) / 1024;
        size_t best = 0;

        /* The largest row that is not above it; a sector of another size takes its share. */
        for (size_t i = 1; i < n && chip->erase[i].size_kib > 0 && chip->erase[i].size_kib <= kib;
             i++)
                best = i;
        if (chip->erase[best].size_kib == 0)
                return 0;
        return kib * chip->erase[best].ms / chip->erase[best].size_kib;
}

uint64_t dfu_chip_plan_ms(const struct dfu_chip *chip, const struct flash_plan *plan) {
        /* What is only erased is read back as well. */
        uint64_t read = plan->write_bytes > 0 ? plan->write_bytes : plan->erase_bytes, ms = 0;

        for (size_t i = 0; i < plan->n_erases; i++)
                ms += erase_ms(chip, range_size(plan->erases[i].range));
        return ms + (plan->write_bytes * chip->write_us_per_kib + read * chip->read_us_per_kib) /
                            1024 / 1000;
}
