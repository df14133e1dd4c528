/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "image/parse.h"

/* Where STM32-class chips have RAM that a stack can lie in. The end belongs to it: the stack grows
 * down from there. */
static const struct range ram[] = {
        {0x10000000, 0x10010000}, /* CCM: F4 64 KiB (RM0090), G4 32 KiB (RM0440) */
        {0x20000000, 0x200a0000}, /* SRAM, DTCM: up to 640 KiB on H5 (RM0481) */
        {0x24000000, 0x24100000}, /* AXI SRAM: up to 1 MiB on H7A3 (RM0455) */
        {0x30000000, 0x30050000}, /* SRAM1..3 of H743 (RM0433); of X32M7 320 KiB, at whose end
                                     Betaflight's boot stack begins (x32_flash_m7b_2m.ld) */
        {0x38000000, 0x38010000}, /* SRAM4 of H743 (RM0433) */
};

/* STM32F7 can run its flash through the ITCM bus, where it begins at 0x00200000 (RM0385). */
#define ITCM_FLASH_START 0x00200000U
#define ITCM_FLASH_END   0x00400000U
#define AXIM_FLASH_START 0x08000000U

static const struct segment *find(const struct segments *segments, struct range r) {
        for (size_t i = 0; i < segments->n; i++)
                if (range_contains(segment_range(&segments->items[i]), r))
                        return &segments->items[i];
        return NULL;
}

static bool is_stack(uint32_t pointer) {
        for (size_t i = 0; i < ARRAY_SIZE(ram); i++)
                if (pointer > ram[i].start && pointer <= ram[i].end)
                        return true;
        return false;
}

static bool is_code(const struct segments *segments, uint64_t address) {
        if (address >= ITCM_FLASH_START && address < ITCM_FLASH_END)
                address += AXIM_FLASH_START - ITCM_FLASH_START;
        return find(segments, (struct range){address, address + 2}); /* one Thumb instruction */
}

bool image_is_stack(uint32_t word, bool unaligned) {
        return is_stack(word) && (unaligned || word % 4 == 0);
}

bool image_read_vectors(const struct image *image, uint64_t table, uint32_t *ret_stack,
                        uint32_t *ret_reset) {
        const struct segment *s = find(&image->segments, (struct range){table, table + 8});

        if (!s)
                return false;
        *ret_stack = read_le32(s->data + (table - s->address));
        *ret_reset = read_le32(s->data + (table - s->address) + 4);
        return true;
}

int image_check_vectors(const struct image *image, uint64_t table, bool unaligned_stack,
                        struct fault *fault) {
        uint32_t stack, reset;

        if (!image_read_vectors(image, table, &stack, &reset))
                return fault_set_at(
                        fault, FWD_INVALID_IMAGE, table,
                        "The image has no vector table: nothing in it goes to 0x%08" PRIx64
                        ", where the chip starts",
                        table);
        if (!image_is_stack(stack, unaligned_stack))
                return fault_set_at(
                        fault, FWD_INVALID_IMAGE, table,
                        "The image cannot start on this chip: its first word is 0x%08" PRIx32
                        ", not a stack in RAM",
                        stack);
        if (reset % 2 == 0 || !is_code(&image->segments, reset - 1))
                return fault_set_at(fault, FWD_INVALID_IMAGE, table,
                                    "The image cannot start on this chip: its reset vector is "
                                    "0x%08" PRIx32 ", not Thumb code inside the image",
                                    reset);
        return 0;
}
