/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the shipped hwdb and profiles make of real devices: id and strings -> mode and board, and
 * what may be opened. argv: the hwdb's root (systemd-hwdb --root). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>

#include "base/serial-driver.h"
#include "base/text.h"
#include "board/board.h"

static const char *root;

struct known {
        uint16_t vendor, product_id;
        const char *manufacturer, *product;
        const char *mode;  /* FWD_MODE */
        const char *board; /* the profile that is found; NULL: none */
        bool opened;       /* its serial port may be opened, by itself or when asked */
};

static const struct known known[] = {
        /* Bootloaders */
        {0x0483, 0xdf11, "STMicroelectronics", "STM32  BOOTLOADER", "bootloader", "stm32-dfu", 0},
        {0x0483, 0xdf11, NULL, NULL, "bootloader", "stm32-dfu", 0},
        {0x28e9, 0x0189, "GDMicroelectronics", "GD32 DFU Bootloader", "bootloader", "gd32-dfu", 0},
        {0x2e3c, 0xdf11, "Artery-Tech", "AT32 Bootloader DFU", "bootloader", "at32-dfu", 0},
        {0x314b, 0x0106, "Geehy", "APM32 DFU", "bootloader", "apm32-dfu", 0},
        {0x3997, 0xdf11, "X-CORE", "X32 DFU", "bootloader", "x32-dfu", 0},
        {0x2e8a, 0x000f, "Raspberry Pi", "RP2350 Boot", "bootloader", "rp2350", 0},
        {0x2e8a, 0x0003, "Raspberry Pi", "RP2 Boot", "bootloader", "rp2350", 0},
        {0x1d50, 0x600f, NULL, NULL, "bootloader", "luftboot", 0},
        /* One id, many things */
        {0x0483, 0x5740, "Betaflight", "Betaflight - STM32F405", "firmware", "betaflight", 1},
        {0x0483, 0x5740, "INAV", "MATEKF405", "firmware", "inav", 1},
        {0x0483, 0x5740, "EmuFlight", "HELIOSPRING", "firmware", "emuflight", 1},
        {0x0483, 0x5740, "Rotorflight", "STM32F7X2", "firmware", "rotorflight", 1},
        {0x0483, 0x5740, "Bitcraze AB", "Crazyflie 2.x", "firmware", "crazyflie", 0},
        {0x0483, 0x5740, "Bitcraze AB", "Crazyflie 2.0", "firmware", "crazyflie", 0},
        {0x0483, 0x5740, "Bitcraze AB", "LPS Node", "firmware", "bitcraze", 0},
        {0x0483, 0x5740, "ArduPilot", "MatekF405-Wing", "firmware", "ardupilot", 0},
        {0x0483, 0x5740, "STMicroelectronics", "ChibiOS/RT Virtual COM Port", "firmware", "vesc",
         0},
        {0x0483, 0x5740, "STMicroelectronics", "STM32 Virtual ComPort", "firmware", "unknown-vcp",
         0},
        {0x0483, 0x5740, NULL, NULL, "firmware", "unknown-vcp", 0},
        {0x0483, 0x5740, "Not Betaflight", "Betaflight", "firmware", "unknown-vcp", 0},
        {0x0483, 0x3256, "Betaflight", "Betaflight - STM32F722", "firmware", "betaflight", 1},
        {0x28e9, 0x018a, "Betaflight", "Betaflight - GD32F460", "firmware", "betaflight", 1},
        {0x28e9, 0x018a, "GigaDevice", "GD32-CDC_ACM", "firmware", "unknown-vcp", 0},
        {0x314b, 0x5740, "Betaflight", "Betaflight - APM32F407", "firmware", "betaflight", 1},
        {0x3997, 0x5740, "Betaflight", "Betaflight - X32M7B", "firmware", "betaflight-x32", 1},
        {0x3997, 0x5740, "X-CORE LABS", "X32 Virtual COM Port", "firmware", "unknown-vcp", 0},
        {0x2e3c, 0x5740, "Artery", "AT32 Virtual Com Port", "firmware", "at32-vcp", 1},
        {0x2e3c, 0x5740, "Betaflight", "Betaflight - AT32F435G", "firmware", "betaflight", 1},
        {0x2e8a, 0x0009, "Betaflight", "Betaflight - RP2350B", "firmware", "rp2350-betaflight", 1},
        {0x2e8a, 0x0009, "Raspberry Pi", "Pico", "firmware", "rp2350", 0},
        {0x2e8a, 0x000a, "Raspberry Pi", "Pico", "firmware", "rp2350", 0},
        {0x303a, 0x1001, "Espressif", "USB JTAG/serial debug unit", "firmware", "esp32", 0},
        /* As a drive */
        {0x0483, 0x5720, "Betaflight", "Betaflight - STM32F405", "storage", "flight-storage", 0},
        {0x0483, 0x5720, "STMicroelectronics", "Mass Storage", "storage", NULL, 0},
        {0x0483, 0x572a, "INAV", "INAV", "storage", "flight-storage", 0},
        {0x2e3c, 0x5720, "Betaflight", "x", "storage", "flight-storage", 0},
        {0x3997, 0x5780, "Betaflight", "x", "storage", "flight-storage", 0},
        /* Motor and force-feedback controllers */
        {0x1209, 0x0d32, "ODrive Robotics", "ODrive 3.6 CDC Interface", "firmware", "odrive", 0},
        {0x1209, 0x0d33, "ODrive Robotics", "ODrive Pro", "firmware", "odrive-other", 0},
        {0x045b, 0x59d7, "DIY", "FFBeast(Wheel)", "firmware", "ffbeast-wheel", 0},
        {0x045b, 0x58f9, "DIY", "FFBeast(Joystick)", "firmware", "ffbeast", 0},
        {0x045b, 0x5968, "DIY", "FFBeast(Rudder)", "firmware", "ffbeast", 0},
        {0x045b, 0x55f0, "DIY", "FFBeast(Generic)", "firmware", "ffbeast", 0},
        {0x045b, 0x55f1, "DIY", "FFBeast(Collective)", "firmware", "ffbeast", 0},
        {0x045b, 0x55f1, "Renesas", "Something", "firmware", NULL, 0},
        {0x1209, 0xffb0, "OpenFFBoard", "FFBoard", "firmware", "openffboard", 0},
        /* PX4, ArduPilot and relatives */
        {0x1209, 0x5741, "ArduPilot", "MatekH743", "firmware", "ardupilot", 0},
        {0x1209, 0x5740, "ArduPilot", "fmuv3", "firmware", "ardupilot", 0},
        {0x1209, 0x5741, "ArduPilot", "fmuv3-BL", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x0011, "3D Robotics", "PX4 FMU v2.x", "firmware", "px4", 0},
        {0x26ac, 0x0011, "3D Robotics", "PX4 BL FMU v2.x", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x0016, "Bitcraze AB", "Crazyflie BL", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x0016, "Bitcraze AB", "Crazyflie21 BL", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x0030, "x", "MindPX BL FMU v2.x", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x008e, "x", "SaamPix BL", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x1001, "x", "Gumstix BL AEROCORE", "bootloader", "px4-bootloader", 0},
        {0x26ac, 0x0032, "3D Robotics", "PX4 FMU v5.x", "firmware", "px4", 0},
        {0x3185, 0x0035, "Auterion", "PX4 FMU v6X.x", "firmware", "px4", 0},
        {0x3185, 0x0033, "Auterion", "PX4 BL FMU v5X.x", "bootloader", "px4-bootloader", 0},
        {0x3162, 0x0050, "Holybro", "KakuteH7", "firmware", "px4", 0},
        {0x3162, 0x004e, "Holybro", "PX4 BL HOLYBRO DURANDAL", "bootloader", "px4-bootloader", 0},
        {0x2dae, 0x1058, "CubePilot", "CubeOrange+", "firmware", "px4", 0},
        {0x2dae, 0x1016, "CubePilot", "CubeOrange-BL", "bootloader", "px4-bootloader", 0},
        {0x2dae, 0x0001, "ProfiCNC", "Cube F4", "bootloader", "px4-bootloader", 0},
        {0x3163, 0x004c, "CUAV", "X7", "firmware", "px4", 0},
        {0x1b8c, 0x0036, "x", "PX4 FMU v6U.x", "firmware", "px4", 0},
        {0x3643, 0x001d, "x", "PX4 FMU v6XRT.x", "firmware", "px4", 0},
        {0x0483, 0xa330, "ModalAI", "x", "firmware", "px4", 0},
        {0x0483, 0xa32f, "ModalAI", "x", "bootloader", "px4-bootloader", 0},
        {0x0483, 0x0037, "AIRLink", "x", "bootloader", "px4-bootloader", 0},
        {0x1008, 0x0001, "UVify", "x", "bootloader", "px4-bootloader", 0},
        {0x35a7, 0x0001, "ThePeach", "FCC-K1 BL", "bootloader", "px4-bootloader", 0},
        {0x35a7, 0x0002, "ThePeach", "FCC-R1 BL", "bootloader", "px4-bootloader", 0},
        {0x1fc9, 0x001c, "NXP", "FMUK66", "bootloader", "px4-bootloader", 0},
        {0x20a0, 0x415c, "openpilot.org", "Revolution", "firmware", "openpilot", 0},
        /* Probes */
        {0x0483, 0x3744, "STMicroelectronics", "STM32 STLink", "probe", "stlink", 0},
        {0x0483, 0x3748, "STMicroelectronics", "STM32 STLink", "probe", "stlink", 0},
        {0x0483, 0x374a, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x374b, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x374d, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x374e, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x374f, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x3752, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x3753, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x3754, NULL, NULL, "probe", "stlink", 0},
        {0x0483, 0x3757, NULL, NULL, "probe", "stlink", 0},
        /* USB-serial chips: no board, and never opened */
        {0x0403, 0x6001, "FTDI", "FT232R USB UART", "serial-bridge", NULL, 0},
        {0x10c4, 0xea60, "Silicon Labs", "CP2102", "serial-bridge", NULL, 0},
        {0x10c4, 0xea61, "Silicon Labs", "CP210x", "serial-bridge", NULL, 0},
        {0x10c4, 0xea62, "Silicon Labs", "CP210x", "serial-bridge", NULL, 0},
        {0x1a86, 0x7522, NULL, "USB Serial", "serial-bridge", NULL, 0},
        {0x1a86, 0x7523, NULL, "USB Serial", "serial-bridge", NULL, 0},
        {0x1a86, 0x5523, NULL, "USB Serial", "serial-bridge", NULL, 0},
        {0x1a86, 0x7584, NULL, "USB Serial", "serial-bridge", NULL, 0},
        /* Neighbours of known ids are nothing */
        {0x0483, 0x5741, "x", "x", NULL, NULL, 0},
        {0x0483, 0xdf12, "x", "x", NULL, NULL, 0},
        {0x1209, 0x0d40, "x", "x", NULL, NULL, 0},
        {0x26ac, 0x0017, "x", "x", NULL, NULL, 0},
        {0x045b, 0x0209, "Renesas", "USB hub", NULL, NULL, 0},
        {0x10c4, 0xea70, "Silicon Labs", "CP2105", NULL, NULL, 0},
};

struct properties {
        char mode[512], board[512];
        bool mm_ignore;
};

/* What udev's hwdb builtin gives a usb_device: the key is made as udev makes it. */
static void query(uint16_t vendor, uint16_t product_id, const char *product,
                  struct properties *ret) {
        _cleanup_free_ char *key =
                text_format("usb:v%04Xp%04X:%s", vendor, product_id, product ? product : "");
        _cleanup_free_ char *arg = text_format("--root=%s", root);
        int ends[2], status;
        char line[512];
        FILE *out;
        pid_t pid;

        assert_non_null(key);
        assert_non_null(arg);
        assert_int_equal(pipe(ends), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                dup2(ends[1], STDOUT_FILENO);
                close(ends[0]);
                execlp("systemd-hwdb", "systemd-hwdb", "query", arg, key, NULL);
                _exit(127);
        }
        close(ends[1]);
        out = fdopen(ends[0], "r");
        assert_non_null(out);
        memset(ret, 0, sizeof(*ret));
        while (fgets(line, sizeof(line), out)) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, "FWD_MODE=", 9) == 0)
                        snprintf(ret->mode, sizeof(ret->mode), "%s", line + 9);
                if (strncmp(line, "FWD_BOARD=", 10) == 0)
                        snprintf(ret->board, sizeof(ret->board), "%s", line + 10);
                if (strcmp(line, "ID_MM_DEVICE_IGNORE=1") == 0)
                        ret->mm_ignore = true;
        }
        fclose(out);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_known(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                const struct known *k = &known[i];
                _cleanup_board_profile_ struct board_profile *p = NULL;
                struct properties properties;
                int r;

                query(k->vendor, k->product_id, k->product, &properties);
                r = board_profile_find(board_profile_dirs(), properties.board, k->manufacturer,
                                       k->product, &p);
                if (strcmp(properties.mode, k->mode ? k->mode : "") != 0 ||
                    r != (k->board ? 0 : -ENOENT) || (p && strcmp(p->name, k->board) != 0))
                        fail_msg("%04x:%04x \"%s\" \"%s\": mode %s, board %s (%d)", k->vendor,
                                 k->product_id, k->manufacturer, k->product, properties.mode,
                                 p ? p->name : "-", r);
                if (p && (p->identify != IDENTIFY_NEVER) != k->opened)
                        fail_msg("%s: who may open it?", p->name);
                /* But 1a86:7584, for which the kernel has no driver. */
                if (k->mode && strcmp(k->mode, "serial-bridge") == 0 && k->product_id != 0x7584 &&
                    !serial_driver_for(k->vendor, k->product_id, 0xFF, 0))
                        fail_msg("%04x:%04x: no driver", k->vendor, k->product_id);
                /* ModemManager keeps off what we know, and keeps what may be a modem. */
                if (properties.mm_ignore != (k->mode && strcmp(k->mode, "serial-bridge") != 0))
                        fail_msg("%04x:%04x: ID_MM_DEVICE_IGNORE", k->vendor, k->product_id);
        }
}

/* The guards that a board's life hangs on. */
static void test_guards(void **state) {
        struct range loader = {0x08000000, 0x08004000};
        struct board_profile *p = NULL;

        assert_int_equal(board_profile_load(board_profile_dirs(), "crazyflie", &p), 0);
        assert_int_equal(p->identify, IDENTIFY_NEVER);
        assert_false(board_reboot_opens_port(p->reboot));
        assert_int_equal(p->recover.end, loader.end);
        assert_int_equal(p->start, 0x08004000);
        assert_true(board_patterns_match(p->otp_types, "C21B"));
        assert_true(ranges_cover(p->protected_ranges, p->n_protected, loader));
        assert_int_equal(p->raw_address, 0x08004000);
        p = board_profile_free(p);

        /* Only what the board told us itself decides where a raw file belongs. */
        assert_int_equal(board_profile_load(board_profile_dirs(), "stm32-dfu", &p), 0);
        assert_false(p->has_raw_address);
        assert_true(p->flashable);
        assert_string_equal(p->otp_boards[0], "crazyflie");
        p = board_profile_free(p);

        assert_int_equal(board_profile_load(board_profile_dirs(), "betaflight", &p), 0);
        assert_int_equal(p->reboot, REBOOT_MSP);
        assert_int_equal(p->identify, IDENTIFY_AUTO);
        assert_int_equal(p->raw_address, 0x08000000);
        assert_true(p->check_vectors);
        assert_non_null(p->hint_return);
        board_profile_free(p);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known),
                cmocka_unit_test(test_guards),
        };

        if (argc != 2)
                return 2;
        root = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
