/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/rom.h"

#include <errno.h>
#include <string.h>

#define EP0_SIZE         64U
#define REQUEST_TYPE_IN  0x80
#define REQUEST_TYPE_DFU 0x21 /* class, interface */
#define STATUS_SIZE      6U

int rom_init(struct rom *rom, const struct chip *chip) {
        int r;

        *rom = (struct rom){
                .chip = chip,
                /* EP0 at full speed: a 2 KiB DNLOAD in 3 ms, GETSTATUS in 0.2 ms; UPLOAD of 1 KiB
                 * in 4 ms as logs of an H743 and an F412 have it. */
                .pace = {.scale = 1.0, .setup_us = 112, .packet_us = 88, .upload_packet_us = 240},
                /* A UID of the libopencm3 issue 760; its serial is 325E35633334. */
                .uid = {0x002D0030, 0x3334510B, 0x32313533},
                .family = chip->family,
                .transfer_size = chip->transfer_size,
                .poll_erase_ms = chip->poll_erase_ms,
                .poll_write_ms = chip->poll_write_ms,
                .idle_at_power_up = chip->idle_at_power_up,
                .strict_clear = chip->strict_clear,
                .bank2_wedge = chip->bank2_wedge,
                .state_0f = chip->state_0f,
                .unchecked = chip->unchecked,
                .clips_oversize = chip->clips_oversize,
                .protected_address = chip->protected_address,
                .default_parallelism = chip->parallelism,
                .unplug_byte = UINT64_MAX,
                .corrupt_read = FLASH_NOWHERE,
                .exit_us = MODEL_NEVER,
        };
        r = flash_init(&rom->flash, chip);
        if (r < 0)
                return r;
        if (chip->leave)
                (void) rom_set(rom, "leave", chip->leave);
        rom_show(rom);
        return 0;
}

void rom_clear(struct rom *rom) {
        flash_clear(&rom->flash);
}

uint64_t rom_scaled(const struct rom *rom, uint64_t us) {
        return (uint64_t) ((double) us * rom->pace.scale);
}

void rom_power_up(struct rom *rom, uint64_t now_us) {
        rom->state = rom->idle_at_power_up ? BSTATE_IDLE : BSTATE_ERROR;
        rom->status = rom->idle_at_power_up ? BSTATUS_OK : BSTATUS_FIRMWARE;
        rom->pointer = chip_boot_start(rom->chip);
        rom->block = 0;
        rom->buffer_size = 0;
        rom->pending = rom->wedged = rom->working = false;
        rom->outcome = BSTATUS_OK;
        rom->cut_done = rom->cut_total = 0;
        rom->ep0_free_us = now_us;
        rom->exit = ROM_STAYS;
        rom->exit_us = MODEL_NEVER;
        rom->flash.parallelism = rom->default_parallelism;
        rom->face.configuration = 0;
        memset(rom->face.alts, 0, sizeof(rom->face.alts));
}

void rom_finish_work(struct rom *rom) {
        if (rom->working)
                flash_apply(&rom->flash, &rom->work, 0, 0);
        rom->working = false;
}

void rom_power_down(struct rom *rom, uint64_t now_us) {
        if (rom->working && rom->cut_total > 0)
                flash_apply(&rom->flash, &rom->work, rom->cut_done, rom->cut_total);
        else if (rom->working && now_us < rom->work_end_us) {
                uint64_t done = now_us > rom->work_start_us ? now_us - rom->work_start_us : 0;

                flash_apply(&rom->flash, &rom->work, done, rom->work_end_us - rom->work_start_us);
        } else
                rom_finish_work(rom);
        rom->working = false;
        rom->cut_total = 0;
        rom->exit = ROM_STAYS;
        rom->exit_us = MODEL_NEVER;
}

void rom_advance(struct rom *rom, uint64_t now_us) {
        if (rom->working && rom->cut_total == 0 && now_us >= rom->work_end_us)
                rom_finish_work(rom);
}

uint64_t rom_next_event(const struct rom *rom) {
        uint64_t at_us = rom->exit_us;

        if (rom->working && rom->cut_total == 0 && rom->work_end_us < at_us)
                at_us = rom->work_end_us;
        return at_us;
}

void rom_leave_bus(struct rom *rom, enum rom_exit exit, uint64_t at_us) {
        if (at_us >= rom->exit_us)
                return;
        rom->exit = exit;
        rom->exit_us = at_us;
}

static bool is_dfu(const struct model_setup *setup) {
        return (setup->request_type & ~REQUEST_TYPE_IN) == REQUEST_TYPE_DFU;
}

/* Is it a block of data, in either direction? */
static bool moves_data(const struct model_setup *setup) {
        return is_dfu(setup) && setup->value >= 2 &&
               (setup->request == DFU_REQUEST_UPLOAD || setup->request == DFU_REQUEST_DNLOAD);
}

static uint64_t wire_us(const struct rom *rom, const struct model_setup *setup, size_t size) {
        bool upload = moves_data(setup) && setup->request == DFU_REQUEST_UPLOAD;

        return rom->pace.setup_us +
               (size + EP0_SIZE - 1) / EP0_SIZE *
                       (upload ? rom->pace.upload_packet_us : rom->pace.packet_us);
}

static void count_wire(struct rom *rom, const struct model_setup *setup, size_t size) {
        uint64_t us = wire_us(rom, setup, size);

        if (!moves_data(setup) || size == 0)
                rom->stats.other_wire_us += us;
        else if (setup->request == DFU_REQUEST_UPLOAD)
                rom->stats.read_wire_us += us;
        else
                rom->stats.write_wire_us += us;
}

static enum fault_action transfer_fault(struct rom *rom, const struct model_setup *setup) {
        static const int by_request[] = {
                [DFU_REQUEST_DETACH] = -1,
                [DFU_REQUEST_DNLOAD] = WHEN_DNLOAD,
                [DFU_REQUEST_UPLOAD] = WHEN_UPLOAD,
                [DFU_REQUEST_GETSTATUS] = WHEN_GETSTATUS,
                [DFU_REQUEST_CLRSTATUS] = WHEN_CLRSTATUS,
                [DFU_REQUEST_GETSTATE] = -1,
                [DFU_REQUEST_ABORT] = WHEN_ABORT,
        };
        uint8_t status;
        enum fault_action any = faults_hit(&rom->faults, WHEN_TRANSFER, &status), own = FAULT_NONE;

        if (is_dfu(setup) && setup->request < sizeof(by_request) / sizeof(by_request[0]) &&
            by_request[setup->request] >= 0)
                own = faults_hit(&rom->faults, (enum fault_when) by_request[setup->request],
                                 &status);
        return any != FAULT_NONE ? any : own;
}

static void count(struct rom *rom, const struct model_setup *setup) {
        rom->stats.control_transfers++;
        if (!is_dfu(setup))
                return;
        rom->stats.dnloads += setup->request == DFU_REQUEST_DNLOAD;
        rom->stats.uploads += setup->request == DFU_REQUEST_UPLOAD;
        rom->stats.getstatuses += setup->request == DFU_REQUEST_GETSTATUS;
}

static void answer_stall(struct rom *rom, const struct model_setup *setup, uint64_t start_us,
                         struct model_answer *ret) {
        ret->kind = ANSWER_STALL;
        ret->size = 0;
        ret->at_us = start_us + rom_scaled(rom, wire_us(rom, setup, 0));
}

/* What the chip answers, faults aside. */
static void answer(struct rom *rom, const struct model_setup *setup, const uint8_t *data,
                   uint64_t now_us, struct model_answer *ret) {
        bool in = setup->request_type & REQUEST_TYPE_IN;
        uint64_t start_us = now_us;
        size_t size = setup->length;

        if (now_us < rom->ep0_free_us) {
                if (rom->family == CHIP_STALLS_BUSY) {
                        answer_stall(rom, setup, now_us, ret);
                        return;
                }
                start_us = rom->ep0_free_us;
        }
        if (in && setup->request != DFU_REQUEST_UPLOAD && size > STATUS_SIZE)
                size = STATUS_SIZE;
        ret->at_us = start_us + rom_scaled(rom, wire_us(rom, setup, size));
        if (face_control(&rom->face, setup, ret))
                ret->at_us = start_us + rom_scaled(rom, wire_us(rom, setup, ret->size));
        else if (is_dfu(setup))
                rom_dfu_request(rom, setup, data, ret);
        if (ret->kind == ANSWER_STALL)
                answer_stall(rom, setup, start_us, ret);
        else if (!in)
                ret->size = setup->length;
}

void rom_control(struct rom *rom, const struct model_setup *setup, const uint8_t *data,
                 uint64_t now_us, struct model_answer *ret) {
        *ret = (struct model_answer){.kind = ANSWER_STALL, .at_us = now_us};
        rom_advance(rom, now_us);
        if (now_us >= rom->exit_us) {
                ret->kind = ANSWER_GONE;
                return;
        }
        count(rom, setup);
        switch (transfer_fault(rom, setup)) {
        case FAULT_STALL:
                answer_stall(rom, setup, now_us, ret);
                break;
        case FAULT_HOLD:
                ret->at_us = MODEL_NEVER;
                break;
        case FAULT_UNPLUG:
                rom_leave_bus(rom, ROM_LOSES_POWER, now_us);
                break;
        default:
                answer(rom, setup, data, now_us, ret);
                break;
        }
        count_wire(rom, setup, ret->size);

        /* What is still held when the chip leaves the bus is never answered. */
        if (ret->at_us >= rom->exit_us) {
                ret->kind = ANSWER_GONE;
                ret->at_us = rom->exit_us;
                ret->size = 0;
        }
}
