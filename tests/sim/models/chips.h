/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the simulated bootloaders know of their chips: descriptors, strings, memory, flash times,
 * and how their ROM's DFU differs. Const data, one row for each chip (chips.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When the chip works on an erase or a write that GETSTATUS has started. */
enum chip_family {
        CHIP_ANSWERS_FIRST, /* F2, F4: dfuDNBUSY at once, the next request waits for the end */
        CHIP_WORKS_FIRST,   /* F7, H7: the GETSTATUS that starts it ends with the work */
        CHIP_STALLS_BUSY,   /* L43x: dfuDNBUSY at once, then every request stalls until the end */
};

enum chip_serial {                  /* string 3 of the ROM */
                   SERIAL_CLASSIC,  /* (U0+U2) as 8 digits, upper half of U1 */
                   SERIAL_CONSTANT, /* chip->serial_text */
                   SERIAL_FOREIGN, /* of the classic form, of words that the firmware never tells */
};

enum chip_overwrite {                    /* programming a unit that is not erased */
                      OVERWRITE_AND,     /* bits can only fall */
                      OVERWRITE_REFUSED, /* flash with ECC: the unit stays as it is, in silence */
};

enum { /* index of the tables by parallelism */
       PARALLEL_X8,
       PARALLEL_X16,
       PARALLEL_X32,
       PARALLEL_X64,
       PARALLEL_COUNT,
};

struct chip_sectors { /* a run of equal sectors; the runs follow each other from flash_start */
        unsigned count;
        uint32_t size;
};

struct chip_time {     /* milliseconds of one erase, by parallelism */
        uint32_t size; /* of the sector; 0: the whole chip */
        unsigned typ_ms[PARALLEL_COUNT], max_ms[PARALLEL_COUNT];
};

enum chip_area_kind {
        AREA_OPTION,  /* writing it resets the chip */
        AREA_OTP,     /* can be written once, bit by bit */
        AREA_FEATURE, /* the F2/F4/F7 "Device Feature" word: byte 0 is the voltage range */
};

struct chip_area {
        enum chip_area_kind kind;
        uint32_t start, size;
        uint8_t initial[16]; /* then 0xFF */
        unsigned n_initial;
};

struct chip {
        const char *name;
        uint16_t vendor_id, product_id, bcd_device;
        const char *manufacturer, *product;
        const char *alts[4]; /* interface strings */
        enum chip_serial serial;
        const char *serial_text;

        enum chip_family family;
        uint16_t transfer_size;
        unsigned poll_erase_ms, poll_write_ms;
        bool idle_at_power_up;  /* else dfuERROR/errFIRMWARE */
        bool strict_clear;      /* CLRSTATUS outside dfuERROR stalls */
        bool no_functional;     /* GET_DESCRIPTOR(0x21) is not answered */
        bool bank2_wedge;       /* an erase there stays dfuDNBUSY until CLRSTATUS twice */
        bool state_0f;          /* a refused UPLOAD leaves 0x0F in bState */
        bool clips_oversize;    /* a DNLOAD above wTransferSize is cut; else it stalls */
        bool protected_address; /* with RDP, Set Address Pointer is refused already */
        bool unchecked;         /* the DFU of X-CORE LABS' SDK: "set address" and "erase a sector"
                                   are all it knows; what it does not know, or cannot do, is
                                   answered as if it were done; an erase moves the pointer; leaving
                                   is a reset */
        const char *leave;      /* rom_set "leave"; NULL: "answer" */

        uint32_t flash_start, bank2_start;
        uint32_t boot_start;   /* where the chip starts from; 0: flash_start */
        uint32_t config_start; /* where Betaflight has its settings; 0: sector 1, or 16 KiB in */
        struct chip_sectors sectors[4];
        struct chip_time erase[5]; /* the last row, size 0: mass erase */
        unsigned write_unit;       /* bytes that are programmed together whatever the voltage;
                                      0: as many as the parallelism */
        unsigned program_typ_ns[PARALLEL_COUNT], program_max_ns[PARALLEL_COUNT]; /* one unit */
        enum chip_overwrite overwrite;
        unsigned parallelism; /* of the ROM at power-up */
        struct chip_area areas[4];
        unsigned rdp_offset; /* byte of the option area; */
        uint8_t rdp_level0;  /* its value without protection, 0: no protection known */
        bool risc_v;
};

static inline uint32_t chip_boot_start(const struct chip *chip) {
        return chip->boot_start ? chip->boot_start : chip->flash_start;
}

/* NULL if there is none of that name. */
const struct chip *chip_find(const char *name);
extern const struct chip chips[];
extern const size_t n_chips;
