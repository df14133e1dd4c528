/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bootloader in a chip's ROM: USB DFU 1.1 with ST's DfuSe extensions (AN3156, UM0424), the
 * state machine as ST's own device library has it, with what silicon does differently by chip. It
 * is a part of a board (board.h), which gives it power, carries its transfers, and acts on `exit`.
 * rom.c: transfers and time. rom-dfu.c: the state machine. rom-set.c: knobs and descriptors. */

#include "model.h"
#include "models/faults.h"
#include "models/flash.h"
#include "models/usb-face.h"

#define ROM_SERIAL_MAX 64U
#define ROM_LAYOUT_MAX 128U

enum dfu_bstate {
        BSTATE_APP_IDLE,
        BSTATE_APP_DETACH,
        BSTATE_IDLE,
        BSTATE_DNLOAD_SYNC,
        BSTATE_DNBUSY,
        BSTATE_DNLOAD_IDLE,
        BSTATE_MANIFEST_SYNC,
        BSTATE_MANIFEST,
        BSTATE_MANIFEST_WAIT_RESET,
        BSTATE_UPLOAD_IDLE,
        BSTATE_ERROR,
};

enum dfu_bstatus {
        BSTATUS_OK = 0x00,
        BSTATUS_TARGET = 0x01,
        BSTATUS_ADDRESS = 0x08,
        BSTATUS_FIRMWARE = 0x0A,
        BSTATUS_VENDOR = 0x0B,
        BSTATUS_UNKNOWN = 0x0E,
        BSTATUS_STALLED = 0x0F,
};

enum dfu_request {
        DFU_REQUEST_DETACH,
        DFU_REQUEST_DNLOAD,
        DFU_REQUEST_UPLOAD,
        DFU_REQUEST_GETSTATUS,
        DFU_REQUEST_CLRSTATUS,
        DFU_REQUEST_GETSTATE,
        DFU_REQUEST_ABORT,
};

enum rom_exit {
        ROM_STAYS,
        ROM_STARTS_FIRMWARE, /* jumps to `pointer` */
        ROM_RESETS,          /* the chip resets itself and is in its ROM again */
        ROM_LOSES_POWER,     /* a fault pulled the plug */
};

enum rom_leave {
        LEAVE_ANSWERS, /* dfuMANIFEST, then off the bus */
        LEAVE_GONE,    /* the GETSTATUS is never answered */
        LEAVE_STALLS,  /* the GETSTATUS stalls, then off the bus */
        LEAVE_DROPS,   /* the empty DNLOAD is not answered already */
        LEAVE_IGNORED, /* answers and stays */
};

enum rom_command { ROM_NO_COMMAND, ROM_ADDRESS, ROM_ERASE, ROM_WRITE, ROM_UNPROTECT, ROM_IGNORED };

struct rom_pace {     /* what EP0 costs, unscaled */
        double scale; /* of all times; 0: instantaneous */
        unsigned setup_us, packet_us, upload_packet_us;
};

struct rom {
        const struct chip *chip;
        struct flash flash;
        struct usb_face face;
        struct faults faults;
        struct model_stats stats;
        struct rom_pace pace;
        uint32_t uid[3];
        char serial[ROM_SERIAL_MAX], layout[ROM_LAYOUT_MAX];

        /* Knobs, the chip's own at first. */
        enum chip_family family;
        enum rom_leave leave;
        unsigned transfer_size, poll_erase_ms, poll_write_ms;
        bool idle_at_power_up, strict_clear, bank2_wedge, state_0f, clips_oversize;
        bool protected_address, wedge_unknown, wrong_bank, unchecked;
        unsigned default_parallelism;
        uint64_t unplug_byte;  /* power goes when so many bytes more are programmed */
        uint64_t corrupt_read; /* a byte that reads back wrong, or FLASH_NOWHERE */

        /* The state machine. */
        uint8_t state, status;
        uint32_t pointer;
        uint16_t block;
        uint8_t buffer[FLASH_BLOCK_MAX];
        size_t buffer_size;
        bool pending; /* a DNLOAD that no GETSTATUS has started */
        bool wedged;  /* dfuDNBUSY whatever happens, but for CLRSTATUS */

        /* The work in progress. */
        struct flash_work work;
        uint64_t work_start_us, work_end_us;
        bool working;                 /* its effect on the cells is still to come */
        uint64_t ep0_free_us;         /* nothing is answered before */
        uint8_t outcome;              /* status after the work */
        uint64_t cut_done, cut_total; /* power goes here; cut_total 0: it does not */

        enum rom_exit exit;
        uint64_t exit_us;
};

int rom_init(struct rom *rom, const struct chip *chip);
void rom_clear(struct rom *rom);
void rom_power_up(struct rom *rom, uint64_t now_us);
/* Half-done work stays half done. */
void rom_power_down(struct rom *rom, uint64_t now_us);
void rom_advance(struct rom *rom, uint64_t now_us);
uint64_t rom_next_event(const struct rom *rom);
void rom_control(struct rom *rom, const struct model_setup *setup, const uint8_t *data,
                 uint64_t now_us, struct model_answer *ret);
/* -ENOENT, -EINVAL. */
int rom_set(struct rom *rom, const char *key, const char *value);
uint64_t rom_scaled(const struct rom *rom, uint64_t us);

/* Shared by the rom-*.c files. */
void rom_show(struct rom *rom); /* descriptors, after a knob or the UID changed */
/* A class request whose data has moved at ret->at_us; the answer may come later than that. */
void rom_dfu_request(struct rom *rom, const struct model_setup *setup, const uint8_t *data,
                     struct model_answer *ret);
void rom_finish_work(struct rom *rom);
void rom_leave_bus(struct rom *rom, enum rom_exit exit, uint64_t at_us);
