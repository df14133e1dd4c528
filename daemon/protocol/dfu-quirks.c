/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of single chips and clones. A row is found by USB id, serial number and the flash's
 * layout string; what is not known goes by the book, which is slow and always right. */

#include <fnmatch.h>
#include <stdlib.h>

#include "base/log.h"
#include "protocol/dfu-internal.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* Internal flash of a STM32, to the largest size of the family. */
#define INTERNAL(size)                                                                             \
        { UINT64_C(0x08000000), UINT64_C(0x08000000) + (size) }

/* Units in which flash is programmed, bytes. Where it is not known, the largest of all (H7's flash
 * word) is right too: it costs some 0xFF behind the image. */
enum {
        UNIT_ANY = 1,
        UNIT_WORD = 4,        /* AT32 */
        UNIT_DOUBLE_WORD = 8, /* L4, G4, G0: with check bits */
        UNIT_FLASH_WORD = 32, /* H7: with check bits */
};

struct row {
        uint16_t vendor_id, product_id;
        /* Shell patterns; NULL: anything. `layout` is in the spelling of memory_map_format(),
         * `raw_layout` as the chip sends it, where zeros tell chips apart. */
        const char *serial, *layout, *raw_layout;
        struct dfu_quirks quirks;
};

static const struct dfu_quirks generic = {
        .name = "generic",
        .set_alt = true,
        .write_unit = UNIT_FLASH_WORD,
};

static const struct row rows[] = {
        /* SPRacing H7 EXST: the string overstates the writable part (Betaflight Configurator has
         * this table). Firmware, not a ROM. */
        {0x0483,
         0xdf11,
         NULL,
         NULL,
         "@External Flash*/0x90000000/1001\\*128Kg,3\\*128Kg,20\\*128Ka*",
         {.name = "spracing-h7-exst",
          .set_alt = true,
          .layout = "@External Flash /0x90000000/998*128Kg,1*128Kg,4*128Kg,21*128Ka",
          .write_unit = UNIT_FLASH_WORD,
          .flash_limit = {0x90000000, 0x90000000 + 128 * MIB}}},
        /* F722 differs from F411 in a zero. F7 ROMs end the first GETSTATUS with the operation
         * (dfu-util ticket 231, fwupd PR 1944). */
        {0x0483,
         0xdf11,
         NULL,
         NULL,
         "*/0x08000000/04\\*016Kg,01\\*64Kg,03\\*128Kg*",
         {.name = "stm32f72x",
          .poll = DFU_POLL_FAST,
          .keeps_pointer = true,
          .write_unit = UNIT_ANY,
          .flash_limit = INTERNAL(512 * KIB),
          .has_option_bytes = true,
          .option_address = 0x1fff0000,
          .rdp_offset = 1,
          .rdp_level0 = 0xaa}},
        /* F4, and F76x with two banks, which has the layout of an F42x. The F4 ROM answers the
         * first GETSTATUS at once and holds the second (pydfu, panda, ODrive go by that). */
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/4\\*16K,1\\*64K,*",
         NULL,
         {.name = "stm32f4",
          .poll = DFU_POLL_FAST,
          .keeps_pointer = true,
          .write_unit = UNIT_ANY,
          .flash_limit = INTERNAL(2 * MIB),
          .has_option_bytes = true,
          .option_address = 0x1fffc000,
          .rdp_offset = 1,
          .rdp_level0 = 0xaa}},
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/4\\*32K,1\\*128K,*",
         NULL,
         {.name = "stm32f74x",
          .poll = DFU_POLL_FAST,
          .keeps_pointer = true,
          .write_unit = UNIT_ANY,
          .flash_limit = INTERNAL(2 * MIB),
          .has_option_bytes = true,
          .option_address = 0x1fff0000,
          .rdp_offset = 1,
          .rdp_level0 = 0xaa}},
        /* H743, H753; H750 says the same, and its profile must say how much of it is there. Rev V
         * is wedged by an erase in bank 2 (ST community 234209, dfu-util ticket 88). */
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/16\\*128K",
         NULL,
         {.name = "stm32h743",
          .poll = DFU_POLL_FAST,
          .bank2_wedge = true,
          .keeps_pointer = true,
          .write_unit = UNIT_FLASH_WORD,
          .flash_limit = INTERNAL(2 * MIB),
          .has_option_bytes = true,
          .option_address = 0x5200201c,
          .rdp_offset = 1,
          .rdp_level0 = 0xaa}},
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/[18]\\*128K",
         NULL,
         {.name = "stm32h72x",
          .poll = DFU_POLL_FAST,
          .keeps_pointer = true,
          .write_unit = UNIT_FLASH_WORD,
          .flash_limit = INTERNAL(1 * MIB),
          .has_option_bytes = true,
          .option_address = 0x5200201c,
          .rdp_offset = 1,
          .rdp_level0 = 0xaa}},
        /* L43x (bootloader 0xFF): its poll time of 21 ms is too short, and GETSTATUS stalls until
         * it is done (dfu-util ticket 40). The four digits tell it from F303. */
        {0x0483,
         0xdf11,
         NULL,
         NULL,
         "*/0x08000000/0128\\*0002Kg*",
         {.name = "stm32l43x",
          .stall_while_busy = true,
          .keeps_pointer = true,
          .write_unit = UNIT_DOUBLE_WORD,
          .flash_limit = INTERNAL(256 * KIB),
          .has_option_bytes = true,
          .option_address = 0x1fff7800,
          .rdp_level0 = 0xaa}},
        /* G474; G0C1 and L4 of 512 KiB have the same layout and unit. */
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/256\\*2K",
         NULL,
         {.name = "stm32g4",
          .poll = DFU_POLL_FAST,
          .keeps_pointer = true,
          .write_unit = UNIT_DOUBLE_WORD,
          .flash_limit = INTERNAL(512 * KIB),
          .has_option_bytes = true,
          .option_address = 0x1fff7800,
          .rdp_level0 = 0xaa}},
        /* F105, F303, F072, F042 */
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/*\\*2K",
         NULL,
         {.name = "stm32f0-f1-f3",
          .keeps_pointer = true,
          .write_unit = UNIT_FLASH_WORD, /* L4 and G0 have such layouts as well */
          .flash_limit = INTERNAL(512 * KIB),
          .has_option_bytes = true,
          .option_address = 0x1ffff800,
          .rdp_level0 = 0xaa}},
        /* C5: CLRSTATUS stalls outside dfuERROR (Betaflight Configurator's test of that ROM). */
        {0x0483,
         0xdf11,
         NULL,
         "0x08000000/64\\*8K",
         NULL,
         {.name = "stm32c5",
          .strict_clrstatus = true,
          .keeps_pointer = true,
          .write_unit = UNIT_FLASH_WORD,
          .flash_limit = INTERNAL(512 * KIB)}},
        /* AT32F437 of 4 MiB calls its first 32 KiB read-only, and writes them. */
        {0x2e3c,
         0xdf11,
         NULL,
         "0x08000000/8\\*4Ka,1000\\*4K",
         NULL,
         {.name = "at32f437",
          .ignore_access = true,
          .write_unit = UNIT_WORD,
          .flash_limit = INTERNAL(4 * MIB),
          .has_option_bytes = true,
          .option_address = 0x1fffc000,
          .rdp_level0 = 0xa5}},
        {0x2e3c,
         0xdf11,
         NULL,
         NULL,
         NULL,
         {.name = "at32", .write_unit = UNIT_WORD, .flash_limit = INTERNAL(4 * MIB)}},
        /* GD32VF103: 512 pages of 2 KiB is a lie; they have 1 KiB, and the serial number is the
         * part's code, whose third letter is the size (dfu-util quirks.c). */
        {0x28e9,
         0x0189,
         "3?BJ*",
         NULL,
         NULL,
         {.name = "gd32vf103xb",
          .leave_unanswered = true,
          .layout = "@Internal Flash /0x08000000/128*1Kg",
          .write_unit = UNIT_WORD,
          .flash_limit = INTERNAL(128 * KIB)}},
        {0x28e9,
         0x0189,
         "3?8J*",
         NULL,
         NULL,
         {.name = "gd32vf103x8",
          .leave_unanswered = true,
          .layout = "@Internal Flash /0x08000000/64*1Kg",
          .write_unit = UNIT_WORD,
          .flash_limit = INTERNAL(64 * KIB)}},
        {0x28e9,
         0x0189,
         "3?6J*",
         NULL,
         NULL,
         {.name = "gd32vf103x6",
          .leave_unanswered = true,
          .layout = "@Internal Flash /0x08000000/32*1Kg",
          .write_unit = UNIT_WORD,
          .flash_limit = INTERNAL(32 * KIB)}},
        {0x28e9,
         0x0189,
         "3?4J*",
         NULL,
         NULL,
         {.name = "gd32vf103x4",
          .leave_unanswered = true,
          .layout = "@Internal Flash /0x08000000/16*1Kg",
          .write_unit = UNIT_WORD,
          .flash_limit = INTERNAL(16 * KIB)}},
        {0x28e9,
         0x0189,
         NULL,
         NULL,
         NULL,
         {.name = "gd32",
          .leave_unanswered = true,
          .write_unit = UNIT_FLASH_WORD,
          .flash_limit = INTERNAL(4 * MIB)}},
        {0x314b,
         0x0106,
         NULL,
         NULL,
         NULL,
         {.name = "apm32", .write_unit = UNIT_FLASH_WORD, .flash_limit = INTERNAL(2 * MIB)}},
        /* X32M7: no log of its ROM is public, so it goes by the book, with patience. Its memory is
         * at 0x15000000, and how much of it there is, it says itself. Addresses alone choose the
         * memory in the DFU of its maker's SDK. */
        {0x3997,
         0xdf11,
         NULL,
         NULL,
         NULL,
         {.name = "x32", .stall_while_busy = true, .write_unit = UNIT_FLASH_WORD}},
};

static bool matches(const char *pattern, const char *text) {
        return !pattern || (text && fnmatch(pattern, text, 0) == 0);
}

const struct dfu_quirks *dfu_quirks_find(uint16_t vendor_id, uint16_t product_id,
                                         uint16_t bcd_device, const char *serial,
                                         const char *flash_string) {
        _cleanup_memory_map_ struct memory_map map = {};
        _cleanup_free_ char *layout = NULL;

        (void) bcd_device; /* part of what tells devices apart; no row needs it yet */
        if (memory_map_add(&map, 0, flash_string) >= 0)
                layout = memory_map_format(&map);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct row *row = &rows[i];

                if (row->vendor_id == vendor_id && row->product_id == product_id &&
                    matches(row->serial, serial) && matches(row->layout, layout) &&
                    matches(row->raw_layout, flash_string))
                        return &row->quirks;
        }
        return &generic;
}
