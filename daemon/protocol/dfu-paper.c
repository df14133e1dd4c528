/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mcu.h"
#include "protocol/dfu-chips.h"
#include "protocol/dfu-internal.h"

#define TRANSFER_SIZE_DEFAULT 2048U /* of most ROMs */

/* The bootloader's USB id, by the chip's name: what a ROM has whose maker it is. */
static const struct {
        const char *mcu; /* pattern */
        uint16_t vendor_id, product_id;
} makers[] = {
        {"AT32*", 0x2e3c, 0xdf11}, {"APM32*", 0x314b, 0x0106}, {"GD32*", 0x28e9, 0x0189},
        {"X32*", 0x3997, 0xdf11},  {"*", 0x0483, 0xdf11},
};

/* As a bootloader would say it: memory_map_format() leaves the type letter of plain flash away. */
static char *flash_string_of(const char *map) {
        static const char name[] = "@Internal Flash  /";
        char *text = malloc(sizeof(name) + 2 * strlen(map)), *to = text;

        if (!text)
                return NULL;
        to = stpcpy(to, name);
        for (; *map; map++) {
                *to++ = *map;
                if (strchr("KB", *map) && strchr(",/", map[1])) /* its end included */
                        *to++ = 'g';
        }
        *to = '\0';
        return text;
}

int dfu_on_paper(const char *map, const char *mcu, struct dfu *ret, struct fault *fault) {
        const struct mcu *known = mcu ? mcu_find(mcu) : NULL;
        /* Releases call one chip differently: "STM32F40x", "STM32F7X2". */
        const struct dfu_chip *chip = known         ? dfu_chip_of_mcu(known->name)
                                      : mcu && *mcu ? dfu_chip_of_mcu(mcu)
                                                    : NULL;
        _cleanup_free_ char *told = map && *map ? flash_string_of(map) : NULL;
        const char *flash_string = told ? told : chip ? chip->flash_string : NULL;
        _cleanup_dfu_ struct dfu dfu = {.alt = -1, .dfuse = true, .state = DFU_STATE_UNKNOWN};
        size_t i = 0;

        if (!flash_string)
                return fault_set(
                        fault, FWD_NEEDS_USER_ACTION,
                        "Nothing is known of this board's memory while it is in its "
                        "firmware: bring it into its bootloader for a plan (fwctl reboot)");
        while (fnmatch(makers[i].mcu, mcu ? mcu : "", 0) != 0)
                i++;
        if (memory_map_add(&dfu.map, 0, flash_string) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "This is no memory map: %.60s",
                                 map ? map : "");
        if (!chip)
                chip = dfu_chip_find(makers[i].vendor_id, makers[i].product_id, flash_string);
        dfu.chip = chip;
        dfu.transfer_size = chip ? chip->transfer_size : TRANSFER_SIZE_DEFAULT;
        dfu.quirks =
                dfu_quirks_find(makers[i].vendor_id, makers[i].product_id, 0, "",
                                chip && chip->flash_string ? chip->flash_string : flash_string);
        dfu.write_unit = dfu.quirks->write_unit;
        dfu.n_alts = 1;
        *ret = dfu;
        dfu.map = (struct memory_map){};
        return 0;
}
