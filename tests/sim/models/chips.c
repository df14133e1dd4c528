/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/chips.h"

#include <string.h>

#include "base/cleanup.h"

#define KIB            1024U
#define FLASH          0x08000000U
#define ST             .vendor_id = 0x0483, .product_id = 0xDF11, .manufacturer = "STMicroelectronics"
#define ST_OLD         ST, .bcd_device = 0x2200, .product = "STM32  BOOTLOADER"
#define ST_NEW         ST, .bcd_device = 0x0200, .product = "DFU in FS Mode"
#define DEVICE_FEATURE "@Device Feature/0xFFFF0000/01*004 e"
#define AREA_OF_FEATURE                                                                            \
        { AREA_FEATURE, 0xFFFF0000U, 4, {0}, 1 }
#define SAME(x)                                                                                    \
        { x, x, x, x }

/* Data sheets DS8626, DS10314 (F4), DS11853, DS10916 (F7), DS12110 (H743), DS12288 (G474),
 * recalled: not all of them could be checked again. F7 program time is the F4's. */
#define F4_PROGRAM .program_typ_ns = SAME(16000), .program_max_ns = SAME(100000)
#define F4_ERASE_16K                                                                               \
        {                                                                                          \
                16 * KIB, {400, 300, 250, 250}, {                                                  \
                        800, 600, 500, 500                                                         \
                }                                                                                  \
        }
#define F4_ERASE_64K                                                                               \
        {                                                                                          \
                64 * KIB, {1200, 700, 550, 550}, {                                                 \
                        2400, 1400, 1100, 1100                                                     \
                }                                                                                  \
        }
#define F4_ERASE_128K                                                                              \
        {                                                                                          \
                128 * KIB, {2000, 1300, 1000, 1000}, {                                             \
                        4000, 2600, 2000, 2000                                                     \
                }                                                                                  \
        }
#define F4_OPTION                                                                                  \
        {                                                                                          \
                AREA_OPTION, 0x1FFFC000U, 16,                                                      \
                        {0xEF, 0xAA, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, 10           \
        }
#define F4_OTP                                                                                     \
        { AREA_OTP, 0x1FFF7800U, 528, {0}, 0 }
#define F7_ERASE(a, b, c)                                                                          \
        {a, {400, 250, 200, 200}, {800, 600, 500, 500}},                                           \
                {b, {1100, 800, 500, 500}, {2400, 1400, 1100, 1100}}, {                            \
                c, {2100, 1500, 1000, 1000}, {                                                     \
                        4000, 2600, 2000, 2000                                                     \
                }                                                                                  \
        }
#define F7_OPTION                                                                                  \
        { AREA_OPTION, 0x1FFF0000U, 48, {0xFF, 0xAA}, 2 }
#define H7_COMMON                                                                                  \
        ST_NEW, .family = CHIP_WORKS_FIRST, .transfer_size = 1024, .poll_erase_ms = 1000,          \
                .poll_write_ms = 10,                                                               \
                .alts = {"@Internal Flash   /0x08000000/16*128Kg",                                 \
                         "@Option Bytes   /0x5200201C/01*128 e"},                                  \
                .flash_start = FLASH, .bank2_start = 0x08100000U, .sectors = {{16, 128 * KIB}},    \
                .erase = {{128 * KIB, {2000, 1800, 1100, 1000}, {4000, 3600, 2200, 2000}},         \
                          {0, {26000, 16000, 12000, 10000}, {52000, 32000, 24000, 20000}}},        \
                .write_unit = 32, .program_typ_ns = {290000, 180000, 130000, 100000},              \
                .program_max_ns = {580000, 360000, 260000, 200000},                                \
                .overwrite = OVERWRITE_REFUSED, .parallelism = PARALLEL_X64,                       \
                .areas = {{AREA_OPTION, 0x5200201CU, 128, {0xF0, 0xAA, 0xC6, 0x1B}, 4}},           \
                .rdp_offset = 1, .rdp_level0 = 0xAA

/* Strings, transfer sizes and poll times: field logs of lsusb and dfu-util for each ROM; what no
 * log shows is marked "model only". */
const struct chip chips[] = {
        {
                .name = "f405",
                ST_OLD,
                .alts = {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
                         "@Option Bytes  /0x1FFFC000/01*016 e",
                         "@OTP Memory /0x1FFF7800/01*512 e,01*016 e", DEVICE_FEATURE},
                .family = CHIP_ANSWERS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100,
                .poll_write_ms = 104,
                .clips_oversize = true,
                .protected_address = true,
                .flash_start = FLASH,
                .sectors = {{4, 16 * KIB}, {1, 64 * KIB}, {7, 128 * KIB}},
                .erase = {F4_ERASE_16K,
                          F4_ERASE_64K,
                          F4_ERASE_128K,
                          {0, {16000, 11000, 8000, 8000}, {32000, 22000, 16000, 16000}}},
                F4_PROGRAM,
                .parallelism = PARALLEL_X8, /* AN2606: 1.8–2.1 V until byte 0 of 0xFFFF0000 says
                                               more */
                .areas = {F4_OPTION, F4_OTP, AREA_OF_FEATURE},
                .rdp_offset = 1,
                .rdp_level0 = 0xAA,
        },
        {
                .name = "f411",
                ST_OLD,
                .alts = {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg",
                         "@Option Bytes  /0x1FFFC000/01*016 e",
                         "@OTP Memory /0x1FFF7800/01*512 e,01*016 e", DEVICE_FEATURE},
                .family = CHIP_ANSWERS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100,
                .poll_write_ms = 104,
                .clips_oversize = true,
                .protected_address = true,
                .flash_start = FLASH,
                .sectors = {{4, 16 * KIB}, {1, 64 * KIB}, {3, 128 * KIB}},
                .erase = {F4_ERASE_16K,
                          F4_ERASE_64K,
                          F4_ERASE_128K,
                          {0, {8000, 5500, 4000, 4000}, {16000, 11000, 8000, 8000}}},
                F4_PROGRAM,
                .parallelism = PARALLEL_X8,
                .areas = {F4_OPTION, F4_OTP, AREA_OF_FEATURE},
                .rdp_offset = 1,
                .rdp_level0 = 0xAA,
        },
        {
                .name = "f722",
                ST_OLD,
                /* "528e": the unit is missing in the ROM. */
                .alts = {"@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg",
                         "@Option Bytes  /0x1FFF0000/01*048 e", "@OTP Memory /0x1FF07800/01*528e",
                         DEVICE_FEATURE},
                .serial = SERIAL_CONSTANT,
                .serial_text = "STM32FxSTM32",
                .family = CHIP_WORKS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100, /* model only, as the F4 */
                .poll_write_ms = 104,
                .flash_start = FLASH,
                .sectors = {{4, 16 * KIB}, {1, 64 * KIB}, {3, 128 * KIB}},
                .erase = {F7_ERASE(16 * KIB, 64 * KIB, 128 * KIB),
                          {0, {8000, 5500, 4000, 4000}, {16000, 11000, 8000, 8000}}},
                F4_PROGRAM,
                .parallelism = PARALLEL_X32, /* 1832 bytes in 12 ms: fwupd pull request 1944 */
                .areas = {F7_OPTION, {AREA_OTP, 0x1FF07800U, 528, {0}, 0}, AREA_OF_FEATURE},
                .rdp_offset = 1,
                .rdp_level0 = 0xAA,
        },
        {
                .name = "f745",
                ST_OLD,
                .alts = {"@Internal Flash  /0x08000000/04*032Kg,01*128Kg,03*256Kg",
                         "@Option Bytes  /0x1FFF0000/01*032 e", "@OTP Memory /0x1FF0F000/01*1024 e",
                         DEVICE_FEATURE},
                .family = CHIP_WORKS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100,
                .poll_write_ms = 104,
                .flash_start = FLASH,
                .sectors = {{4, 32 * KIB}, {1, 128 * KIB}, {3, 256 * KIB}},
                .erase = {F7_ERASE(32 * KIB, 128 * KIB, 256 * KIB),
                          {0, {16000, 11000, 8000, 8000}, {32000, 22000, 16000, 16000}}},
                F4_PROGRAM,
                .parallelism = PARALLEL_X32,
                .areas = {{AREA_OPTION, 0x1FFF0000U, 32, {0xFF, 0xAA}, 2},
                          {AREA_OTP, 0x1FF0F000U, 1024, {0}, 0},
                          AREA_OF_FEATURE},
                .rdp_offset = 1,
                .rdp_level0 = 0xAA,
        },
        {
                .name = "f765",
                ST_OLD,
                .alts = {"@Internal Flash  /0x08000000/04*032Kg,01*128Kg,07*256Kg",
                         "@Option Bytes  /0x1FFF0000/01*032 e", "@OTP Memory /0x1FF0F000/01*1024 e",
                         DEVICE_FEATURE},
                .family = CHIP_WORKS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100,
                .poll_write_ms = 104,
                .flash_start = FLASH,
                .sectors = {{4, 32 * KIB}, {1, 128 * KIB}, {7, 256 * KIB}},
                .erase = {F7_ERASE(32 * KIB, 128 * KIB, 256 * KIB),
                          {0, {32000, 22000, 16000, 16000}, {64000, 44000, 32000, 32000}}},
                F4_PROGRAM,
                .parallelism = PARALLEL_X32,
                .areas = {{AREA_OPTION, 0x1FFF0000U, 32, {0xFF, 0xAA}, 2},
                          {AREA_OTP, 0x1FF0F000U, 1024, {0}, 0},
                          AREA_OF_FEATURE},
                .rdp_offset = 1,
                .rdp_level0 = 0xAA,
        },
        {
                .name = "h743y",
                H7_COMMON,
        },
        {
                .name = "h743v",
                H7_COMMON,
                .serial = SERIAL_CONSTANT,
                .serial_text = "200364500000",
                .bank2_wedge = true,
        },
        {
                .name = "g474",
                ST_NEW,
                .alts = {"@Internal Flash   /0x08000000/256*02Kg",
                         "@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e",
                         "@OTP Memory   /0x1FFF7000/01*1024 e"},
                .family = CHIP_WORKS_FIRST,
                .transfer_size = 1024,
                .poll_erase_ms = 30, /* model only */
                .poll_write_ms = 25,
                .state_0f = true,
                .flash_start = FLASH,
                .sectors = {{256, 2 * KIB}},
                .erase = {{2 * KIB, SAME(22), SAME(25)}, {0, SAME(22), SAME(25)}},
                .write_unit = 8,
                .program_typ_ns = SAME(81700),
                .program_max_ns = SAME(90800),
                .overwrite = OVERWRITE_REFUSED,
                .parallelism = PARALLEL_X64,
                .areas = {{AREA_OPTION, 0x1FFF7800U, 48, {0xAA}, 1},
                          {AREA_OPTION, 0x1FFFF800U, 48, {0xFF}, 1},
                          {AREA_OTP, 0x1FFF7000U, 1024, {0}, 0}},
                .rdp_level0 = 0xAA,
        },
        {
                .name = "l43x",
                ST_NEW,
                .alts = {"@Internal Flash   /0x08000000/0128*0002Kg",
                         "@Option Bytes  /0x1FFF7800/01*040 e",
                         "@OTP Memory /0x1FFF7000/01*0001Ke"},
                .family = CHIP_STALLS_BUSY,
                .transfer_size = 2048,
                .poll_erase_ms = 21,
                .poll_write_ms = 21,
                .flash_start = FLASH,
                .sectors = {{128, 2 * KIB}},
                .erase = {{2 * KIB, SAME(22), SAME(25)}, {0, SAME(22), SAME(25)}},
                .write_unit = 8,
                .program_typ_ns = SAME(81700), /* the same cell as the G4 */
                .program_max_ns = SAME(90800),
                .overwrite = OVERWRITE_REFUSED,
                .parallelism = PARALLEL_X64,
                .areas = {{AREA_OPTION, 0x1FFF7800U, 40, {0xAA}, 1},
                          {AREA_OTP, 0x1FFF7000U, 1024, {0}, 0}},
                .rdp_level0 = 0xAA,
        },
        {
                .name = "c5",
                ST_NEW,
                .alts = {"@Internal Flash /0x08000000/64*08Kg"},
                .family = CHIP_WORKS_FIRST,
                .transfer_size = 1024,
                .poll_erase_ms = 10, /* times of this chip: model only */
                .poll_write_ms = 5,
                .idle_at_power_up = true,
                .strict_clear = true,
                .no_functional = true,
                .flash_start = FLASH,
                .sectors = {{64, 8 * KIB}},
                .erase = {{8 * KIB, SAME(5), SAME(8)}, {0, SAME(50), SAME(80)}},
                .write_unit = 16,
                .program_typ_ns = SAME(60000),
                .program_max_ns = SAME(100000),
                .overwrite = OVERWRITE_REFUSED,
                .parallelism = PARALLEL_X64,
        },
        {
                .name = "at32f435",
                .vendor_id = 0x2E3C,
                .product_id = 0xDF11,
                .bcd_device = 0x0200,
                .manufacturer = "Artery",
                .product = "AT32 Bootloader DFU",
                .alts = {"@Internal Flash   /0x08000000/512*002Kg",
                         "@Option byte   /0x1FFFC000/01*512 g"},
                .serial = SERIAL_CONSTANT,
                .serial_text = "AT32",
                .family = CHIP_ANSWERS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 60, /* polls and times of this chip: model only */
                .poll_write_ms = 30,
                .idle_at_power_up = true,
                .flash_start = FLASH,
                .sectors = {{512, 2 * KIB}},
                .erase = {{2 * KIB, SAME(50), SAME(500)}, {0, SAME(8000), SAME(15000)}},
                .write_unit = 4,
                .program_typ_ns = SAME(50000),
                .program_max_ns = SAME(100000),
                .parallelism = PARALLEL_X32,
                .areas = {{AREA_OPTION, 0x1FFFC000U, 512, {0xA5, 0x5A}, 2}},
                .rdp_level0 = 0xA5,
        },
        {
                /* A clone of the F405 in its flash; of its ROM no log is public: model only. */
                .name = "apm32f405",
                .vendor_id = 0x314B,
                .product_id = 0x0106,
                .bcd_device = 0x0200,
                .manufacturer = "Geehy",
                .product = "APM32 DFU ISP Mode",
                .alts = {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"},
                .family = CHIP_ANSWERS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100,
                .poll_write_ms = 104,
                .flash_start = FLASH,
                .sectors = {{4, 16 * KIB}, {1, 64 * KIB}, {7, 128 * KIB}},
                .erase = {F4_ERASE_16K,
                          F4_ERASE_64K,
                          F4_ERASE_128K,
                          {0, {16000, 11000, 8000, 8000}, {32000, 22000, 16000, 16000}}},
                F4_PROGRAM,
                .parallelism = PARALLEL_X32,
        },
        {
                .name = "gd32vf103",
                .vendor_id = 0x28E9,
                .product_id = 0x0189,
                .bcd_device = 0x0100,
                .manufacturer = "GDMicroelectronics",
                .product = "GD32 DFU Bootloader in FS Mode",
                /* The ROM claims 512 pages of 2 KiB; the part has 128 of 1 KiB. */
                .alts = {"@Internal Flash  /0x08000000/512*002Kg",
                         "@Option Bytes  /0x1FFFF800/01*016 g"},
                .serial = SERIAL_CONSTANT,
                /* Part code "3CBJ", sent as 8-bit characters: two of them look like one. */
                .serial_text = "\xE4\x8C\xB3\xE4\xA9\x82",
                .family = CHIP_ANSWERS_FIRST,
                .transfer_size = 2048,
                .poll_erase_ms = 100,
                .poll_write_ms = 104,
                .leave = "drop",
                .flash_start = FLASH,
                .sectors = {{128, 1 * KIB}},
                .erase = {{1 * KIB, SAME(100), SAME(300)}, {0, SAME(2000), SAME(8000)}},
                .write_unit = 4, /* times of this chip: model only */
                .program_typ_ns = SAME(37500),
                .program_max_ns = SAME(105000),
                .parallelism = PARALLEL_X32,
                .areas = {{AREA_OPTION, 0x1FFFF800U, 16, {0xA5, 0x5A}, 2}},
                .rdp_level0 = 0xA5,
                .risc_v = true,
        },
        {
                /* No log of this ROM is public. Facts: the USB id (Betaflight Configurator); where
                 * flash, firmware and settings are (Betaflight's x32_flash_m7b_2m.ld, X-CORE LABS'
                 * SDK usbd_flash_if.h: 0x15000000 to 0x151E0000). Inferred: that the ROM's DFU is
                 * the one of the SDK (usbd_dfu_core.c, usbd_dfu_mal.c), which has the flags and
                 * poll times below, 1024 bytes a transfer, and this string; that says 1 MiB with
                 * ST's sectors, and is perhaps only ST's example with another address. Model only:
                 * the other strings, the serial number, the flash times (of a serial NOR flash). */
                .name = "x32m7b",
                .vendor_id = 0x3997,
                .product_id = 0xDF11,
                .bcd_device = 0x0200,
                .manufacturer = "X-CORE LABS",
                .product = "X32 DFU",
                .alts = {"@Internal Flash   /0x15000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"},
                .serial = SERIAL_FOREIGN,
                .family = CHIP_ANSWERS_FIRST,
                .transfer_size = 1024,
                .poll_erase_ms = 50,
                .poll_write_ms = 50,
                .idle_at_power_up = true,
                .state_0f = true,
                .unchecked = true,
                .flash_start = 0x15000000U,
                .boot_start = 0x15020000U,
                .config_start = 0x151C0000U,
                .sectors = {{4, 16 * KIB}, {1, 64 * KIB}, {14, 128 * KIB}},
                .erase = {{16 * KIB, SAME(120), SAME(600)},
                          {64 * KIB, SAME(150), SAME(2000)},
                          {128 * KIB, SAME(300), SAME(4000)},
                          {0, SAME(4000), SAME(20000)}},
                .write_unit = 256,
                .program_typ_ns = SAME(400000),
                .program_max_ns = SAME(3000000),
                .parallelism = PARALLEL_X8,
        },
};

const size_t n_chips = ARRAY_SIZE(chips);

const struct chip *chip_find(const char *name) {
        for (size_t i = 0; i < n_chips; i++)
                if (strcmp(chips[i].name, name) == 0)
                        return &chips[i];
        return NULL;
}
