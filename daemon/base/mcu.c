/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/mcu.h"

#include <string.h>

#include "base/cleanup.h"

#define KIB UINT64_C(1024)
#define FLASH(kib)                                                                                 \
        { 0x08000000, 0x08000000 + (kib) *KIB }
#define SRAM(kib)                                                                                  \
        { 0x20000000, 0x20000000 + (kib) *KIB }
#define CCM(kib)                                                                                   \
        { 0x10000000, 0x10000000 + (kib) *KIB }
#define AXI(kib)                                                                                   \
        { 0x24000000, 0x24000000 + (kib) *KIB }
#define AHB_H7                                                                                     \
        {0x30000000, 0x30048000}, {                                                                \
                0x38000000, 0x38010000                                                             \
        }

/* Sizes of the largest member of each family, from the data sheets named. A family whose flash is
 * sold larger than it is said to be, or lies outside of the chip, has none here. */
static const struct mcu mcus[] = {
        {"STM32F405", FLASH(1024), {SRAM(128), CCM(64)}},          /* DS8626 */
        {"STM32F411", FLASH(512), {SRAM(128)}},                    /* DS10314 */
        {"STM32F446", FLASH(512), {SRAM(128)}},                    /* DS10693 */
        {"STM32F722", FLASH(512), {SRAM(256)}},                    /* DS11853 */
        {"STM32F745", FLASH(1024), {SRAM(320)}},                   /* DS10916 */
        {"STM32F765", FLASH(2048), {SRAM(512)}},                   /* DS11532 */
        {"STM32H743", FLASH(2048), {SRAM(128), AXI(512), AHB_H7}}, /* DS12110 */
        {"STM32H750"},
        {"STM32H7A3", FLASH(2048), {SRAM(128), AXI(1024), AHB_H7}}, /* DS13195 */
        {"STM32H723", FLASH(1024), {SRAM(128), AXI(320), AHB_H7}},  /* DS13313 */
        {"STM32H730"},
        {"STM32H563"},
        {"STM32N657"},
        {"STM32G474", FLASH(512), {SRAM(128), CCM(32)}},  /* DS12288 */
        {"AT32F435", FLASH(4032), {SRAM(512)}},           /* Artery DS_AT32F435_437 */
        {"APM32F405", FLASH(1024), {SRAM(128), CCM(64)}}, /* Geehy APM32F405xG_407xExG */
        /* Betaflight's linker script and X-CORE LABS' SDK. Flash and RAM are not where STM32 have
         * them, and how the tightly coupled RAM is divided is the firmware's choice. */
        {"X32M7B", {0x15000000, 0x151e0000}, {SRAM(1024), AXI(1024), {0x30000000, 0x30058000}}},
        {"RP2350"},
};

/* How names begin, upper and lower case alike: targets of Betaflight 4.5 and 2025.12, and what MSP
 * calls the chip (McuTypeId of 4.5's build_config.h). Members of a family that run the same builds
 * are one. */
static const struct {
        const char *prefix, *name;
} names[] = {
        {"STM32F405", "STM32F405"}, {"STM32F407", "STM32F405"}, {"STM32F40X", "STM32F405"},
        {"STM32F411", "STM32F411"}, {"STM32F446", "STM32F446"}, {"STM32F722", "STM32F722"},
        {"STM32F7X2", "STM32F722"}, {"STM32F745", "STM32F745"}, {"STM32F746", "STM32F745"},
        {"STM32F765", "STM32F765"}, {"STM32H743", "STM32H743"}, {"STM32H750", "STM32H750"},
        {"STM32H7A3", "STM32H7A3"}, {"STM32H723", "STM32H723"}, {"STM32H725", "STM32H723"},
        {"STM32H730", "STM32H730"}, {"STM32H563", "STM32H563"}, {"STM32N657", "STM32N657"},
        {"STM32G473", "STM32G474"}, {"STM32G474", "STM32G474"}, {"STM32G47X", "STM32G474"},
        {"AT32F435", "AT32F435"},   {"APM32F405", "APM32F405"}, {"APM32F407", "APM32F405"},
        {"APM32F40X", "APM32F405"}, {"X32M7B", "X32M7B"},       {"RP2350", "RP2350"},
};

const struct mcu *mcu_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (strncasecmp(name, names[i].prefix, strlen(names[i].prefix)) != 0)
                        continue;
                for (size_t j = 0; j < ARRAY_SIZE(mcus); j++)
                        if (strcmp(names[i].name, mcus[j].name) == 0)
                                return &mcus[j];
        }
        return NULL;
}

bool mcu_takes_stack(const struct mcu *mcu, uint64_t top) {
        if (range_is_empty(mcu->ram[0]))
                return true;
        for (size_t i = 0; i < MCU_RAM_MAX; i++)
                if (top > mcu->ram[i].start && top <= mcu->ram[i].end)
                        return true;
        return false;
}
