/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/board.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* A board is seen about 1.2 s after its reset: ROM 1.6–1.8 s with the firmware's own delay,
 * firmware 0.66–2.5 s (logs of F405 boards). */
#define ATTACH_US 1200000U
/* Not even with a time scale of 0 is a board back at once: the host sees it go. */
#define ATTACH_LEAST_US 20000U
#define CONTROL_US      200U /* a control transfer to a firmware */
#define ATTACH_MAX_MS   600000U

static struct board *board_of(struct model *m) {
        return (struct board *) m;
}

static uint64_t attach_delay(const struct board *b) {
        uint64_t us = rom_scaled(&b->rom, b->attach_us);

        return us < ATTACH_LEAST_US ? ATTACH_LEAST_US : us;
}

static void leave_bus(struct board *b, enum board_mode next, uint64_t now_us) {
        if (b->mode == MODE_BOOTLOADER)
                rom_power_down(&b->rom, now_us);
        b->mode = MODE_OFF;
        b->model.on_bus = b->model.has_serial_port = false;
        b->next_mode = next;
        b->change_us = next == MODE_OFF ? MODEL_NEVER : now_us + attach_delay(b);
}

static void start_firmware(struct board *b, uint64_t now_us) {
        memcpy(b->fw->uid, b->rom.uid, sizeof(b->fw->uid));
        b->fw->time_scale = b->rom.pace.scale;
        b->fw->flash = &b->rom.flash;
        b->fw->wish = WISH_NOTHING;
        b->fw->wish_us = MODEL_NEVER;
        b->fw->ops->start(b->fw, now_us);
        face_show(&b->fw->face, &b->model);
        b->model.has_serial_port = !b->fw->no_serial_port;
}

static void attach(struct board *b, uint64_t now_us) {
        b->change_us = MODEL_NEVER;
        b->mode = b->next_mode;
        if (b->mode == MODE_BOOTLOADER) {
                rom_power_up(&b->rom, now_us);
                face_show(&b->rom.face, &b->model);
        } else
                start_firmware(b, now_us);
        b->model.on_bus = true;
        b->model.generation++;
}

/* With read protection level 2 the ROM never starts again. */
static enum board_mode bootloader_or_nothing(const struct board *b) {
        return flash_rdp(&b->rom.flash) == 2 ? MODE_OFF : MODE_BOOTLOADER;
}

/* What a chip without its boot pin held starts from. */
static enum board_mode firmware_or_nothing(const struct board *b, uint32_t address,
                                           enum firmware_entry entry) {
        if (b->fw && !b->firmware_boots && b->fw->ops->boot)
                switch (b->fw->ops->boot(b->fw, &b->rom.flash, address, entry)) {
                case BOOT_FIRMWARE:
                        return MODE_FIRMWARE;
                case BOOT_ROM:
                        return bootloader_or_nothing(b);
                case BOOT_NOTHING:
                        return MODE_OFF;
                }
        if (b->fw && (b->firmware_boots || flash_bootable(&b->rom.flash, address)))
                return MODE_FIRMWARE;
        return MODE_OFF;
}

static enum board_mode decide(const struct board *b, enum board_after after, enum board_mode real) {
        switch (after) {
        case AFTER_FIRMWARE:
                return b->fw ? MODE_FIRMWARE : MODE_OFF;
        case AFTER_BOOTLOADER:
                return bootloader_or_nothing(b);
        case AFTER_NOTHING:
                return MODE_OFF;
        case AFTER_AUTO:
                break;
        }
        return real;
}

static enum board_mode after_reset(const struct board *b) {
        return b->boot_pin ? bootloader_or_nothing(b)
                           : firmware_or_nothing(b, chip_boot_start(b->rom.chip), ENTRY_POWER);
}

static enum board_mode after_rom(const struct board *b) {
        enum board_mode next = firmware_or_nothing(
                b, b->rom.pointer, b->entered_by_software ? ENTRY_SOFTWARE : ENTRY_BUTTON);

        return b->rom.unchecked || (next == MODE_FIRMWARE && b->fw->resets_first) ? after_reset(b)
                                                                                  : next;
}

static void leave_rom(struct board *b) {
        uint64_t at_us = b->rom.exit_us;

        switch (b->rom.exit) {
        case ROM_STARTS_FIRMWARE:
                leave_bus(b, decide(b, b->after_leave, after_rom(b)), at_us);
                break;
        case ROM_RESETS:
                rom_finish_work(&b->rom);
                leave_bus(b, bootloader_or_nothing(b), at_us);
                break;
        case ROM_LOSES_POWER:
                b->powered = false;
                leave_bus(b, MODE_OFF, at_us);
                break;
        case ROM_STAYS:
                break;
        }
}

static void leave_firmware(struct board *b) {
        enum board_mode next = after_reset(b);

        if (b->fw->wish == WISH_OFF) {
                b->powered = false;
                next = MODE_OFF;
        }
        b->entered_by_software = b->fw->wish == WISH_BOOTLOADER;
        if (b->entered_by_software)
                next = decide(b, b->after_reboot, bootloader_or_nothing(b));
        leave_bus(b, next, b->fw->wish_us);
}

static uint64_t board_next_event(struct model *m) {
        struct board *b = board_of(m);
        uint64_t own_us;

        switch (b->mode) {
        case MODE_OFF:
                return b->change_us;
        case MODE_BOOTLOADER:
                return rom_next_event(&b->rom);
        case MODE_FIRMWARE:
                own_us = b->fw->ops->next_event(b->fw);
                return b->fw->wish_us < own_us ? b->fw->wish_us : own_us;
        }
        return MODEL_NEVER;
}

/* One step; each is earlier than the next, so that a board may go and come in one call. */
static bool step(struct board *b, uint64_t now_us) {
        switch (b->mode) {
        case MODE_OFF:
                if (now_us < b->change_us)
                        return false;
                attach(b, b->change_us);
                return true;
        case MODE_BOOTLOADER:
                if (now_us < b->rom.exit_us) {
                        rom_advance(&b->rom, now_us);
                        return false;
                }
                rom_advance(&b->rom, b->rom.exit_us);
                leave_rom(b);
                return true;
        case MODE_FIRMWARE:
                b->fw->ops->advance(b->fw, now_us);
                if (now_us < b->fw->wish_us)
                        return false;
                leave_firmware(b);
                return true;
        }
        return false;
}

static void board_advance(struct model *m, uint64_t now_us) {
        while (step(board_of(m), now_us))
                ;
}

static void firmware_control(struct board *b, const struct model_setup *setup, const uint8_t *data,
                             uint64_t now_us, struct model_answer *ret) {
        ret->at_us = now_us + rom_scaled(&b->rom, CONTROL_US);
        if (!face_control(&b->fw->face, setup, ret) &&
            !b->fw->ops->control(b->fw, setup, data, now_us, ret)) {
                ret->kind = ANSWER_STALL;
                ret->size = 0;
        }
}

static void board_control(struct model *m, const struct model_setup *setup, const uint8_t *data,
                          uint64_t now_us, struct model_answer *ret) {
        struct board *b = board_of(m);

        board_advance(m, now_us);
        *ret = (struct model_answer){.kind = ANSWER_GONE, .at_us = now_us};
        if (b->mode == MODE_BOOTLOADER)
                rom_control(&b->rom, setup, data, now_us, ret);
        else if (b->mode == MODE_FIRMWARE)
                firmware_control(b, setup, data, now_us, ret);
}

static void board_serial_write(struct model *m, const uint8_t *data, size_t size, uint64_t now_us) {
        struct board *b = board_of(m);

        board_advance(m, now_us);
        if (b->mode == MODE_FIRMWARE)
                b->fw->ops->serial_write(b->fw, data, size, now_us);
}

static size_t board_serial_read(struct model *m, uint8_t *to, size_t size, uint64_t now_us) {
        struct board *b = board_of(m);

        if (b->mode != MODE_FIRMWARE)
                return 0;
        b->fw->ops->advance(b->fw, now_us);
        return b->fw->ops->serial_read(b->fw, to, size, now_us);
}

static int board_out(struct model *m, uint8_t endpoint, const uint8_t *data, size_t size,
                     uint64_t now_us) {
        struct board *b = board_of(m);

        board_advance(m, now_us);
        if (b->mode != MODE_FIRMWARE || !b->fw->ops->out)
                return -ENOENT;
        return b->fw->ops->out(b->fw, endpoint, data, size, now_us);
}

static int board_in(struct model *m, uint8_t endpoint, uint8_t *to, size_t size, uint64_t now_us) {
        struct board *b = board_of(m);

        if (b->mode != MODE_FIRMWARE || !b->fw->ops->in)
                return -ENOENT;
        b->fw->ops->advance(b->fw, now_us);
        return b->fw->ops->in(b->fw, endpoint, to, size, now_us);
}

static void board_plug(struct model *m, uint64_t now_us) {
        struct board *b = board_of(m);

        board_advance(m, now_us);
        if (b->powered)
                return;
        b->powered = true;
        b->entered_by_software = false;
        b->next_mode = after_reset(b);
        if (b->next_mode != MODE_OFF)
                attach(b, now_us);
}

static void board_unplug(struct model *m, uint64_t now_us) {
        struct board *b = board_of(m);

        board_advance(m, now_us);
        b->powered = false;
        leave_bus(b, MODE_OFF, now_us);
}

static void board_reset(struct model *m, uint64_t now_us) {
        struct board *b = board_of(m);

        board_advance(m, now_us);
        if (b->mode == MODE_BOOTLOADER) {
                rom_power_down(&b->rom, now_us);
                rom_power_up(&b->rom, now_us);
        }
}

static int set_after(const char *value, enum board_after *ret) {
        static const char *const names[] = {"auto", "firmware", "bootloader", "nothing"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(value, names[i]) == 0) {
                        *ret = (enum board_after) i;
                        return 0;
                }
        return -EINVAL;
}

static int set_bool(const char *value, bool *ret) {
        int r = parse_bool(value);

        if (r < 0)
                return -EINVAL;
        *ret = r;
        return 0;
}

static int set_flash(struct board *b, const char *value) {
        uint64_t size;

        memset(b->rom.flash.cells, 0xFF, b->rom.flash.size);
        if (strcmp(value, "blank") == 0)
                return 0;
        if (parse_size(value, &size) < 0 || size > b->rom.flash.size)
                return -EINVAL;
        board_fill(&b->model, (size_t) size);
        return 0;
}

/* A switch beside the connector, with the bootloader's name on one side. */
static int set_switch(struct board *b, const char *value) {
        bool dfu = strcmp(value, "dfu") == 0;

        if (!dfu && strcmp(value, "run") != 0)
                return -EINVAL;
        b->boot_pin = dfu;
        return 0;
}

static void write_otp(struct board *b) {
        for (size_t i = 0; b->fw->otp && i < ARRAY_SIZE(b->rom.chip->areas); i++)
                if (b->rom.chip->areas[i].kind == AREA_OTP)
                        (void) flash_poke(&b->rom.flash, b->rom.chip->areas[i].start, b->fw->otp,
                                          b->fw->otp_size);
}

static int board_set(struct model *m, const char *key, const char *value, uint64_t now_us) {
        struct board *b = board_of(m);
        uint64_t ms;
        int r;

        board_advance(m, now_us);
        if (strcmp(key, "boot-pin") == 0)
                return set_bool(value, &b->boot_pin);
        if (strcmp(key, "switch") == 0)
                return set_switch(b, value);
        if (strcmp(key, "firmware-boots") == 0)
                return set_bool(value, &b->firmware_boots);
        if (strcmp(key, "after-reboot") == 0)
                return set_after(value, &b->after_reboot);
        if (strcmp(key, "after-leave") == 0)
                return set_after(value, &b->after_leave);
        if (strcmp(key, "flash") == 0)
                return set_flash(b, value);
        if (strcmp(key, "attach-ms") == 0) {
                if (parse_u64(value, ATTACH_MAX_MS, &ms) < 0)
                        return -EINVAL;
                b->attach_us = ms * 1000;
                return 0;
        }
        r = rom_set(&b->rom, key, value);
        if (r == -ENOENT && b->fw)
                r = b->fw->ops->set(b->fw, key, value);
        if (b->fw)
                write_otp(b);
        if (b->fw)
                b->fw->time_scale = b->rom.pace.scale;
        return r;
}

static int board_load(struct model *m, uint64_t address, const void *data, size_t size) {
        if (address > UINT32_MAX)
                return -ERANGE;
        return flash_poke(&board_of(m)->rom.flash, (uint32_t) address, data, size);
}

static int board_dump(struct model *m, uint64_t address, void *to, size_t size) {
        if (address > UINT32_MAX)
                return -ERANGE;
        return flash_read(&board_of(m)->rom.flash, (uint32_t) address, to, size);
}

static void board_stats(struct model *m, struct model_stats *ret) {
        const struct board *b = board_of(m);

        *ret = b->rom.stats;
        ret->passthroughs = b->fw ? b->fw->passthroughs : 0;
}

static void board_free(struct model *m) {
        struct board *b = board_of(m);

        rom_clear(&b->rom);
        free(b->fw);
        free(b);
}

static const struct model_ops board_ops = {
        .control = board_control,
        .serial_write = board_serial_write,
        .serial_read = board_serial_read,
        .out = board_out,
        .in = board_in,
        .next_event = board_next_event,
        .advance = board_advance,
        .plug = board_plug,
        .unplug = board_unplug,
        .reset = board_reset,
        .set = board_set,
        .load = board_load,
        .dump = board_dump,
        .stats = board_stats,
        .free = board_free,
};

struct model *board_new(const struct chip *chip, struct firmware *fw) {
        struct board *b = calloc(1, sizeof(*b));

        if (!b || rom_init(&b->rom, chip) < 0) {
                free(fw);
                free(b);
                return NULL;
        }
        b->model.ops = &board_ops;
        b->fw = fw;
        b->change_us = MODEL_NEVER;
        b->attach_us = ATTACH_US;
        if (fw)
                write_otp(b);
        return &b->model;
}

void board_fill(struct model *m, size_t size) {
        struct flash *flash = &board_of(m)->rom.flash;
        const uint32_t boot = chip_boot_start(flash->chip), reset = boot + 0x189;
        /* Stack at the end of the first 128 KiB of SRAM, reset handler right behind the vectors. */
        const uint8_t vectors[] = {0x00,
                                   0x00,
                                   0x02,
                                   0x20,
                                   (uint8_t) reset,
                                   (uint8_t) (reset >> 8),
                                   (uint8_t) (reset >> 16),
                                   (uint8_t) (reset >> 24)};
        uint8_t *cells = flash->cells + (boot - flash->chip->flash_start);

        for (size_t i = 0; i < size && i < flash->size - (boot - flash->chip->flash_start); i++)
                cells[i] = i < sizeof(vectors) ? vectors[i]
                                               : (uint8_t) ((i * 2654435761U) >> 16 ^ i >> 9);
}
