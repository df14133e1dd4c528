/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A board in its socket: a chip with its ROM bootloader and, maybe, a firmware, one of which is on
 * the bus at a time. It decides what the chip starts from, and when. Owns ROM and firmware. */

#include "models/firmware.h"
#include "models/rom.h"

enum board_mode { MODE_OFF, MODE_FIRMWARE, MODE_BOOTLOADER };

enum board_after { /* what comes after a reboot to the bootloader, or after the ROM's leave */
                   AFTER_AUTO, /* what the real one does */
                   AFTER_FIRMWARE,
                   AFTER_BOOTLOADER,
                   AFTER_NOTHING,
};

struct board {
        struct model model;
        struct rom rom;
        struct firmware *fw; /* NULL: the board is nothing but a chip */
        bool powered;
        bool entered_by_software; /* its ROM, this time */
        enum board_mode mode;
        enum board_mode next_mode; /* at change_us */
        uint64_t change_us;
        bool boot_pin;       /* held: the chip starts from its ROM */
        bool firmware_boots; /* runs whatever is in the flash */
        enum board_after after_reboot, after_leave;
        uint64_t attach_us; /* from a reset to the descriptors, unscaled */
};

/* Takes `fw` in any case. NULL: no memory. The flash is blank. */
struct model *board_new(const struct chip *chip, struct firmware *fw);
/* Fills the flash with something that looks like a firmware: vectors, then bytes that are all
 * different from block to block. */
void board_fill(struct model *m, size_t size);
