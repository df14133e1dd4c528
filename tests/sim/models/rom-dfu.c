/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/rom.h"

#include <string.h>

#define COMMAND_ERASE     0x41
#define COMMAND_ADDRESS   0x21
#define COMMAND_UNPROTECT 0x92
#define FIRST_DATA_BLOCK  2
#define STATUS_SIZE       6U
/* From the last answer in DFU mode until the chip is off the bus. */
#define LEAVE_US 10000U
/* GETSTATUS of an H743 rev V for an erase in bank 2 returns after that, and never says more. */
#define WEDGE_US 16000U
/* dfuMANIFEST's poll time, ST device library. */
#define MANIFEST_POLL_MS 1U

static uint32_t read_u32(const uint8_t *p) {
        return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static bool is_writable(const struct rom *rom, uint32_t address, size_t size) {
        return flash_in_array(&rom->flash, address, size) ||
               flash_area_at(&rom->flash, address, size);
}

static void answer_status(struct rom *rom, const struct model_setup *setup, uint8_t status,
                          unsigned poll_ms, uint8_t state, struct model_answer *ret) {
        const uint8_t bytes[STATUS_SIZE] = {status,
                                            (uint8_t) poll_ms,
                                            (uint8_t) (poll_ms >> 8),
                                            (uint8_t) (poll_ms >> 16),
                                            state,
                                            0};

        ret->kind = ANSWER_DATA;
        ret->size = setup->length < STATUS_SIZE ? setup->length : STATUS_SIZE;
        memcpy(ret->data, bytes, ret->size);
}

static enum rom_command pending_command(const struct rom *rom) {
        if (rom->block >= FIRST_DATA_BLOCK)
                return ROM_WRITE;
        if (rom->block == 1) /* reserved, taken and forgotten */
                return ROM_IGNORED;
        if (rom->buffer[0] == COMMAND_ADDRESS && rom->buffer_size == 5)
                return ROM_ADDRESS;
        if (rom->buffer[0] == COMMAND_ERASE && rom->buffer_size == 5)
                return ROM_ERASE;
        if (rom->unchecked)
                return ROM_IGNORED;
        if (rom->buffer[0] == COMMAND_ERASE && rom->buffer_size == 1)
                return ROM_ERASE;
        if (rom->buffer[0] == COMMAND_UNPROTECT && rom->buffer_size == 1)
                return ROM_UNPROTECT;
        return ROM_NO_COMMAND;
}

static uint8_t bad_address(const struct rom *rom) {
        return rom->unchecked ? BSTATUS_OK : BSTATUS_TARGET;
}

static uint8_t start_address(struct rom *rom) {
        uint32_t address = read_u32(rom->buffer + 1);

        if (flash_rdp(&rom->flash) > 0 && rom->protected_address)
                return BSTATUS_VENDOR;
        if (!rom->unchecked && !is_writable(rom, address, 1))
                return BSTATUS_TARGET;
        rom->pointer = address;
        return BSTATUS_OK;
}

/* The ROM of some F767 takes a bank 2 address of a dual-bank map for another sector. */
static uint32_t erase_address(const struct rom *rom, uint32_t address) {
        uint32_t half = rom->flash.size / 2;

        if (!rom->wrong_bank || address - rom->chip->flash_start < half)
                return address;
        return address - half;
}

static uint8_t start_erase(struct rom *rom) {
        uint32_t address;

        if (flash_rdp(&rom->flash) > 0)
                return BSTATUS_VENDOR;
        if (rom->buffer_size == 1) {
                rom->work.kind = FLASH_MASS_ERASE;
                return BSTATUS_OK;
        }
        address = read_u32(rom->buffer + 1);
        if (rom->unchecked)
                rom->pointer = address;
        if (!flash_in_array(&rom->flash, address, 1))
                return bad_address(rom);
        rom->work.kind = FLASH_ERASE;
        rom->work.address = erase_address(rom, address);
        return BSTATUS_OK;
}

static uint8_t start_write(struct rom *rom) {
        uint64_t address =
                rom->pointer + (uint64_t) (rom->block - FIRST_DATA_BLOCK) * rom->transfer_size;

        if (flash_rdp(&rom->flash) > 0)
                return BSTATUS_VENDOR;
        if (address > UINT32_MAX || !is_writable(rom, (uint32_t) address, rom->buffer_size))
                return bad_address(rom);
        rom->work.kind = FLASH_PROGRAM;
        rom->work.address = (uint32_t) address;
        rom->work.size = rom->buffer_size;
        memcpy(rom->work.data, rom->buffer, rom->buffer_size);
        return BSTATUS_OK;
}

static bool writes_area(const struct rom *rom, enum chip_area_kind kind) {
        const struct chip_area *area;

        if (rom->work.kind != FLASH_PROGRAM)
                return false;
        area = flash_area_at(&rom->flash, rom->work.address, rom->work.size);
        return area && area->kind == kind;
}

static void set_voltage(struct rom *rom) {
        /* AN2606: 0: 1.8–2.1 V, 1: –2.4, 2: –2.7, 3: –3.6, 4: the same with external Vpp. */
        static const uint8_t by_range[] = {PARALLEL_X8, PARALLEL_X16, PARALLEL_X16, PARALLEL_X32,
                                           PARALLEL_X64};

        if (rom->work.data[0] < sizeof(by_range))
                rom->flash.parallelism = by_range[rom->work.data[0]];
}

/* What a power cut leaves out is not counted. */
static void count_work(struct rom *rom, uint64_t us) {
        size_t size = rom->work.size;

        if (rom->cut_total > 0) {
                us = us * rom->cut_done / rom->cut_total;
                size = size * rom->cut_done / rom->cut_total;
        }
        if (rom->work.kind == FLASH_PROGRAM) {
                rom->stats.program_us += us;
                rom->stats.bytes_programmed += size;
        } else if (rom->work.kind != FLASH_NOTHING) {
                rom->stats.erase_us += us;
                rom->stats.erases++;
        }
}

/* A fault may end the operation badly, or cut the power in its middle. */
static void apply_faults(struct rom *rom, enum rom_command command) {
        enum fault_when when = command == ROM_ADDRESS ? WHEN_ADDRESS
                               : command == ROM_ERASE ? WHEN_ERASE
                                                      : WHEN_WRITE;
        uint8_t status = BSTATUS_OK;

        if (command != ROM_ADDRESS && command != ROM_ERASE && command != ROM_WRITE)
                return;
        switch (faults_hit(&rom->faults, when, &status)) {
        case FAULT_STATUS:
                rom->work.kind = FLASH_NOTHING;
                rom->outcome = status;
                break;
        case FAULT_UNPLUG:
                rom->cut_done = 1;
                rom->cut_total = 2;
                break;
        default:
                break;
        }
        if (rom->work.kind != FLASH_PROGRAM || rom->unplug_byte == UINT64_MAX)
                return;
        if (rom->unplug_byte < rom->work.size) {
                rom->cut_done = rom->unplug_byte;
                rom->cut_total = rom->work.size;
                rom->unplug_byte = UINT64_MAX;
        } else
                rom->unplug_byte -= rom->work.size;
}

/* Starts what the last DNLOAD asked for, at_us being when the chip gets to it. Returns its unscaled
 * duration. */
static uint64_t start_work(struct rom *rom, enum rom_command command, uint64_t at_us) {
        uint64_t us;

        rom_finish_work(rom);
        rom->work.kind = FLASH_NOTHING;
        rom->outcome = BSTATUS_OK;
        switch (command) {
        case ROM_ADDRESS:
                rom->outcome = start_address(rom);
                break;
        case ROM_ERASE:
                rom->outcome = start_erase(rom);
                break;
        case ROM_WRITE:
                rom->outcome = start_write(rom);
                break;
        case ROM_UNPROTECT:
                rom->work.kind = FLASH_MASS_ERASE;
                break;
        case ROM_NO_COMMAND:
                rom->outcome = BSTATUS_STALLED;
                break;
        case ROM_IGNORED:
                break;
        }
        apply_faults(rom, command);
        us = flash_duration_us(&rom->flash, &rom->work);
        if (writes_area(rom, AREA_FEATURE)) {
                us = 0;
                set_voltage(rom);
        }
        count_work(rom, us);
        rom->work_start_us = at_us;
        rom->work_end_us = at_us + rom_scaled(rom, us);
        rom->working = rom->work.kind != FLASH_NOTHING;
        if (rom->cut_total > 0)
                rom_leave_bus(rom, ROM_LOSES_POWER,
                              at_us + rom_scaled(rom, us * rom->cut_done / rom->cut_total));
        return us;
}

static bool is_wedged_by(const struct rom *rom) {
        return rom->bank2_wedge && rom->work.kind == FLASH_ERASE &&
               rom->work.address >= rom->chip->bank2_start;
}

static void unprotect_and_reset(struct rom *rom) {
        flash_set_rdp(&rom->flash, 0);
        /* After the answer even where times are scaled to nothing. */
        rom->ep0_free_us = rom->work_end_us + 1;
        rom_leave_bus(rom, ROM_RESETS, rom->ep0_free_us);
}

static void get_status_of_download(struct rom *rom, const struct model_setup *setup,
                                   struct model_answer *ret) {
        enum rom_command command = pending_command(rom);
        unsigned poll_ms = command == ROM_ERASE || command == ROM_UNPROTECT ? rom->poll_erase_ms
                                                                            : rom->poll_write_ms;
        /* An earlier erase may still be at work behind a wedge. */
        uint64_t at_us =
                rom->working && rom->work_end_us > ret->at_us ? rom->work_end_us : ret->at_us;

        rom->pending = false;
        rom->state = BSTATE_DNBUSY;
        start_work(rom, command, at_us);
        answer_status(rom, setup, BSTATUS_OK, poll_ms, BSTATE_DNBUSY, ret);
        if (command == ROM_NO_COMMAND && rom->wedge_unknown) {
                rom->wedged = true;
                return;
        }
        if (command == ROM_UNPROTECT) {
                unprotect_and_reset(rom);
                return;
        }
        if (writes_area(rom, AREA_OPTION)) {
                rom->ep0_free_us = rom->work_end_us + rom_scaled(rom, LEAVE_US) + 1;
                rom_leave_bus(rom, ROM_RESETS, rom->ep0_free_us);
                return;
        }
        if (is_wedged_by(rom)) {
                rom->wedged = true;
                ret->at_us += rom_scaled(rom, WEDGE_US);
                return;
        }
        rom->ep0_free_us = rom->work_end_us;
        if (rom->family == CHIP_WORKS_FIRST)
                ret->at_us = rom->work_end_us;
        /* By the time anything is answered again the work is done. */
        rom->state = BSTATE_DNLOAD_SYNC;
}

static void get_status_of_leave(struct rom *rom, const struct model_setup *setup,
                                struct model_answer *ret) {
        rom->state = BSTATE_MANIFEST;
        answer_status(rom, setup, BSTATUS_OK, MANIFEST_POLL_MS, BSTATE_MANIFEST, ret);
        switch (rom->leave) {
        case LEAVE_IGNORED:
                return;
        case LEAVE_GONE:
        case LEAVE_DROPS:
                rom_leave_bus(rom, ROM_STARTS_FIRMWARE, ret->at_us);
                return;
        case LEAVE_STALLS:
                ret->kind = ANSWER_STALL;
                break;
        case LEAVE_ANSWERS:
                break;
        }
        rom_leave_bus(rom, ROM_STARTS_FIRMWARE, ret->at_us + rom_scaled(rom, LEAVE_US) + 1);
}

static void get_status(struct rom *rom, const struct model_setup *setup, struct model_answer *ret) {
        if (rom->state == BSTATE_DNBUSY && rom->wedged) {
                answer_status(rom, setup, BSTATUS_OK, rom->poll_erase_ms, BSTATE_DNBUSY, ret);
                return;
        }
        if (rom->state == BSTATE_DNLOAD_SYNC && rom->pending) {
                get_status_of_download(rom, setup, ret);
                return;
        }
        if (rom->state == BSTATE_MANIFEST_SYNC) {
                get_status_of_leave(rom, setup, ret);
                return;
        }
        if (rom->state == BSTATE_DNLOAD_SYNC) {
                rom->status = rom->outcome;
                rom->state = rom->outcome == BSTATUS_OK ? BSTATE_DNLOAD_IDLE : BSTATE_ERROR;
        }
        answer_status(rom, setup, rom->status, 0, rom->state, ret);
}

static void download(struct rom *rom, const struct model_setup *setup, const uint8_t *data,
                     struct model_answer *ret) {
        size_t size = setup->length;

        if (rom->state != BSTATE_IDLE && rom->state != BSTATE_DNLOAD_IDLE)
                return;
        if (size > rom->transfer_size) {
                if (!rom->clips_oversize)
                        return;
                size = rom->transfer_size;
        }
        ret->kind = ANSWER_DATA;
        if (size == 0) {
                rom->state = BSTATE_MANIFEST_SYNC;
                if (rom->leave == LEAVE_DROPS)
                        rom_leave_bus(rom, ROM_STARTS_FIRMWARE, ret->at_us);
                return;
        }
        memcpy(rom->buffer, data, size);
        rom->buffer_size = size;
        rom->block = setup->value;
        rom->pending = true;
        rom->state = BSTATE_DNLOAD_SYNC;
}

static void refuse_upload(struct rom *rom, uint8_t status) {
        if (rom->state_0f) {
                rom->state = BSTATUS_STALLED;
                return;
        }
        rom->state = BSTATE_ERROR;
        rom->status = status;
}

static void upload_commands(struct rom *rom, const struct model_setup *setup,
                            struct model_answer *ret) {
        static const uint8_t commands[] = {0x00, COMMAND_ADDRESS, COMMAND_ERASE, COMMAND_UNPROTECT};
        const size_t known = rom->unchecked ? 3 : sizeof(commands);

        ret->kind = ANSWER_DATA;
        ret->size = setup->length < known ? setup->length : known;
        memcpy(ret->data, commands, ret->size);
        rom->state = setup->length > known ? BSTATE_IDLE : BSTATE_UPLOAD_IDLE;
}

static void upload(struct rom *rom, const struct model_setup *setup, struct model_answer *ret) {
        size_t size = setup->length < rom->transfer_size ? setup->length : rom->transfer_size;
        uint64_t address;

        if (rom->state != BSTATE_IDLE && rom->state != BSTATE_UPLOAD_IDLE)
                return;
        if (size == 0) {
                rom->state = BSTATE_IDLE;
                ret->kind = ANSWER_DATA;
                return;
        }
        if (setup->value == 0) {
                upload_commands(rom, setup, ret);
                return;
        }
        if (setup->value < FIRST_DATA_BLOCK) {
                refuse_upload(rom, BSTATUS_STALLED);
                return;
        }
        if (flash_rdp(&rom->flash) > 0) {
                refuse_upload(rom, BSTATUS_VENDOR);
                return;
        }
        if (rom->working && rom->work_end_us > ret->at_us)
                ret->at_us = rom->work_end_us;
        rom_finish_work(rom);
        address = rom->pointer + (uint64_t) (setup->value - FIRST_DATA_BLOCK) * rom->transfer_size;
        if (address > UINT32_MAX ||
            flash_read(&rom->flash, (uint32_t) address, ret->data, size) < 0) {
                if (!rom->unchecked) {
                        refuse_upload(rom, BSTATUS_TARGET);
                        return;
                }
                memcpy(ret->data, rom->buffer, size); /* whatever is there */
        }
        if (rom->corrupt_read >= address && rom->corrupt_read - address < size)
                ret->data[rom->corrupt_read - address] ^= 0x01;
        ret->kind = ANSWER_DATA;
        ret->size = size;
        rom->stats.bytes_uploaded += size;
        rom->state = BSTATE_UPLOAD_IDLE;
}

static void clear_status(struct rom *rom, struct model_answer *ret) {
        if (rom->state == BSTATE_ERROR) {
                rom->state = BSTATE_IDLE;
                rom->status = BSTATUS_OK;
        } else if (rom->strict_clear)
                return;
        else {
                rom->state = BSTATE_ERROR;
                rom->status = BSTATUS_UNKNOWN;
                rom->wedged = rom->pending = false;
        }
        ret->kind = ANSWER_DATA;
}

static void abort_transfer(struct rom *rom, struct model_answer *ret) {
        ret->kind = ANSWER_DATA;
        switch (rom->state) {
        case BSTATE_IDLE:
        case BSTATE_DNLOAD_SYNC:
        case BSTATE_DNLOAD_IDLE:
        case BSTATE_MANIFEST_SYNC:
        case BSTATE_UPLOAD_IDLE:
                rom->state = BSTATE_IDLE;
                rom->status = BSTATUS_OK;
                rom->pending = false;
                break;
        }
}

void rom_dfu_request(struct rom *rom, const struct model_setup *setup, const uint8_t *data,
                     struct model_answer *ret) {
        ret->kind = ANSWER_STALL;
        switch (setup->request) {
        case DFU_REQUEST_DNLOAD:
                download(rom, setup, data, ret);
                break;
        case DFU_REQUEST_UPLOAD:
                upload(rom, setup, ret);
                break;
        case DFU_REQUEST_GETSTATUS:
                get_status(rom, setup, ret);
                break;
        case DFU_REQUEST_CLRSTATUS:
                clear_status(rom, ret);
                break;
        case DFU_REQUEST_GETSTATE:
                ret->kind = ANSWER_DATA;
                ret->size = setup->length ? 1 : 0;
                ret->data[0] = rom->state;
                break;
        case DFU_REQUEST_ABORT:
        case DFU_REQUEST_DETACH: /* ST's library: the same, as the ROM does not detach */
                abort_transfer(rom, ret);
                break;
        }
}
