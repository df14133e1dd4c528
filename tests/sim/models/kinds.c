/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/kinds.h"

#include <string.h>

#include "base/cleanup.h"
#include "models/betaflight.h"
#include "models/board.h"
#include "models/crazyflie.h"
#include "models/dfu11.h"
#include "models/ffbeast.h"
#include "models/odrive.h"
#include "models/passive.h"

#define OLD_FIRMWARE_SIZE (400U * 1024U) /* about what a Betaflight build has */

static const struct {
        const char *kind, *chip;
        struct betaflight_target target;
} betaflights[] = {
        /* Boards and ids of Betaflight's board list; USB strings of its target.h. The F4's serial
         * number is a constant. */
        {"betaflight-f405",
         "f405",
         {0x0483, 0x5740, "Betaflight", "Betaflight STM32F405", "0x8000000", "S405", "STM32F405",
          "SPEEDYBEEF405V4", "SPBE", 1}},
        {"betaflight-f411",
         "f411",
         {0x0483, 0x5740, "Betaflight", "Betaflight STM32F411", "0x8000000", "S411", "STM32F411",
          "MATEKF411", "MTKS", 2}},
        {"betaflight-f722",
         "f722",
         {0x0483, 0x5740, "Betaflight", "Betaflight STM32F7x2", NULL, "S7X2", "STM32F7X2",
          "MATEKF722SE", "MTKS", 4}},
        {"betaflight-f745",
         "f745",
         {0x0483, 0x5740, "Betaflight", "Betaflight STM32F745", NULL, "S745", "STM32F745",
          "KAKUTEF7", "HBRO", 5}},
        {"betaflight-h743",
         "h743v",
         {0x0483, 0x5740, "Betaflight", "Betaflight STM32H743", NULL, "SH74", "STM32H743",
          "MATEKH743", "MTKS", 12}},
        {"betaflight-g474",
         "g474",
         {0x0483, 0x5740, "Betaflight", "Betaflight STM32G47x", NULL, "SG47", "STM32G47X",
          "KAKUTEG4AIO", "HBRO", 15}},
        {"betaflight-at32f435",
         "at32f435",
         {0x2E3C, 0x5740, "Artery", "AT32 Virtual Com Port", NULL, "A435", "AT32F435G",
          "NEUTRONRCF435MINI", "NERC", 17}},
        {"betaflight-apm32f405",
         "apm32f405",
         {0x314B, 0x5740, "Betaflight", "Betaflight APM32F405", NULL, "A405", "APM32F405",
          "APMF405", "CUST", 255}},
        {"betaflight-x32m7b",
         "x32m7b",
         {0x3997, 0x5740, "Betaflight", "Betaflight X32M7B", NULL, "M7B", "X32M7B", "X32M7B",
          "CUST", 255, .forgets_reboot = true}},
};

/* A chip alone, held in its bootloader by its boot pin. */
static const struct {
        const char *kind, *chip;
} bares[] = {
        {"stm32-f405", "f405"},     {"stm32-f411", "f411"},   {"stm32-f722", "f722"},
        {"stm32-f745", "f745"},     {"stm32-f765", "f765"},   {"stm32-h743y", "h743y"},
        {"stm32-h743v", "h743v"},   {"stm32-g474", "g474"},   {"stm32-l43x", "l43x"},
        {"stm32-c5", "c5"},         {"at32f435", "at32f435"}, {"gd32vf103", "gd32vf103"},
        {"apm32f405", "apm32f405"}, {"x32m7b", "x32m7b"},
};

/* By the type in its one-time memory. */
static const struct {
        const char *kind, *type;
} crazyflies[] = {
        {"crazyflie", "CF21"},      {"crazyflie-cf20", "CF20"}, {"crazyflie-c21b", "C21B"},
        {"crazyflie-cb10", "CB10"}, {"crazyflie-rr10", "RR10"},
};

static struct firmware *ffbeast_wheel(void) {
        static const struct ffbeast_product wheel = {0x59D7, "FFBeast(Wheel)"};

        return ffbeast_new(&wheel);
}

static struct firmware *ffbeast_joystick(void) {
        static const struct ffbeast_product joystick = {0x58F9, "FFBeast(Joystick)"};

        return ffbeast_new(&joystick);
}

/* Boards with a firmware of their own kind. */
static const struct {
        const char *kind, *chip;
        struct firmware *(*firmware)(void);
        size_t old_size; /* of the firmware that is on it */
} others[] = {
        {"odrive-v3", "f405", odrive_firmware_new, 300U * 1024U},
        {"ffbeast-wheel", "f405", ffbeast_wheel, 78U * 1024U},
        {"ffbeast-joystick", "f405", ffbeast_joystick, 91U * 1024U},
};

#define KIND_DFU11 "dfu11"

const char *const *model_kinds(void) {
        static const char *all[ARRAY_SIZE(betaflights) + ARRAY_SIZE(bares) +
                               ARRAY_SIZE(crazyflies) + ARRAY_SIZE(others) + 8];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(betaflights); i++)
                all[n++] = betaflights[i].kind;
        for (size_t i = 0; i < ARRAY_SIZE(bares); i++)
                all[n++] = bares[i].kind;
        for (size_t i = 0; i < ARRAY_SIZE(crazyflies); i++)
                all[n++] = crazyflies[i].kind;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                all[n++] = others[i].kind;
        all[n++] = KIND_DFU11;
        for (size_t i = 0; passive_kinds[i] && n < ARRAY_SIZE(all) - 1; i++)
                all[n++] = passive_kinds[i];
        all[n] = NULL;
        return all;
}

bool kind_exists(const char *kind) {
        for (const char *const *k = model_kinds(); *k; k++)
                if (strcmp(*k, kind) == 0)
                        return true;
        return false;
}

static struct model *betaflight_board(size_t i) {
        struct firmware *fw = betaflight_new(&betaflights[i].target);
        struct model *m = fw ? board_new(chip_find(betaflights[i].chip), fw) : NULL;

        if (m)
                board_fill(m, OLD_FIRMWARE_SIZE);
        if (m && betaflights[i].target.forgets_reboot)
                ((struct board *) m)->after_reboot = AFTER_FIRMWARE;
        return m;
}

static struct model *bare_board(size_t i) {
        /* What is flashed to it has no USB, or (after-leave=auto) a serial port. */
        struct firmware *fw = firmware_cdc_new();
        struct model *m = fw ? board_new(chip_find(bares[i].chip), fw) : NULL;

        if (m) {
                ((struct board *) m)->boot_pin = true;
                ((struct board *) m)->after_leave = AFTER_NOTHING;
        }
        return m;
}

static struct model *other_board(size_t i) {
        struct firmware *fw = others[i].firmware();
        struct model *m = fw ? board_new(chip_find(others[i].chip), fw) : NULL;

        if (m)
                board_fill(m, others[i].old_size);
        return m;
}

struct model *kind_new(const char *kind) {
        for (size_t i = 0; i < ARRAY_SIZE(betaflights); i++)
                if (strcmp(kind, betaflights[i].kind) == 0)
                        return betaflight_board(i);
        for (size_t i = 0; i < ARRAY_SIZE(bares); i++)
                if (strcmp(kind, bares[i].kind) == 0)
                        return bare_board(i);
        for (size_t i = 0; i < ARRAY_SIZE(crazyflies); i++)
                if (strcmp(kind, crazyflies[i].kind) == 0)
                        return crazyflie_board(crazyflies[i].type);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (strcmp(kind, others[i].kind) == 0)
                        return other_board(i);
        return strcmp(kind, KIND_DFU11) == 0 ? dfu11_new() : passive_new(kind);
}
