/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* USB DFU 1.1 and ST's DfuSe 1.1a (AN3156, UM0424), as the chips speak them. Straight-line,
 * blocking; in the worker. dfu.c: requests, states, status, return to idle. dfu-open.c: what the
 * device is. dfuse.c: address pointer, erase, read, leave. dfuse-flash.c: a whole plan.
 * dfuse-protect.c: read protection. dfu-plain.c: DFU 1.1 devices without addresses. dfu-quirks.c:
 * one row for each chip that is different. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "protocol/flash-plan.h"
#include "protocol/memory-map.h"
#include "protocol/usb.h"

enum dfu_state {
        DFU_STATE_UNKNOWN = -1,
        DFU_APP_IDLE = 0,
        DFU_APP_DETACH,
        DFU_IDLE,
        DFU_DNLOAD_SYNC,
        DFU_DNBUSY,
        DFU_DNLOAD_IDLE,
        DFU_MANIFEST_SYNC,
        DFU_MANIFEST,
        DFU_MANIFEST_WAIT_RESET,
        DFU_UPLOAD_IDLE,
        DFU_ERROR,
};

struct dfu_status {
        uint8_t status; /* bStatus */
        uint8_t state;  /* bState */
        unsigned poll_timeout_ms;
        uint8_t string;
};

enum dfu_poll {                /* when GETSTATUS is asked again after dfuDNBUSY */
                DFU_POLL_BOOK, /* after bwPollTimeout, by the book; also for unknown chips */
                DFU_POLL_FAST, /* at once, with a long timeout: the chip holds the answer until it
                                  is done */
};

struct dfu_quirks { /* const data, a row for each chip or clone (dfu-quirks.c) */
        const char *name;
        enum dfu_poll poll;
        bool bank2_wedge;      /* H743/H753 rev V: done but dfuDNBUSY for ever; CLRSTATUS twice */
        bool stall_while_busy; /* L43x: GETSTATUS stalls during work; wait and ask again */
        bool strict_clrstatus; /* C5: CLRSTATUS outside dfuERROR stalls */
        bool leave_unanswered; /* GD32VF103: either transfer of the leave may fail */
        bool keeps_pointer;    /* the address pointer is the same for UPLOAD after DNLOAD */
        bool ignore_access;    /* AT32F437: 'a' sectors are writable */
        bool set_alt;          /* not a ROM: SET_INTERFACE binds memory */
        const char *layout;    /* replaces the flash string that the chip gives wrongly */
        unsigned write_unit;   /* bytes */
        struct range flash_limit; /* cap on what the string claims; empty: none */
        bool has_option_bytes;
        uint64_t option_address;
        unsigned rdp_offset; /* byte of the option area that holds the protection level */
        uint8_t rdp_level0;  /* its value without protection */
};

struct dfu_stats { /* for the job's details; the times are of whole phases */
        uint64_t erased_bytes, written_bytes, verified_bytes;
        uint64_t erase_ms, write_ms, verify_ms;
        unsigned retries; /* transfers or operations that failed once and then went well */
};

struct dfu { /* one open DFU interface */
        struct usb_device *usb;
        int interface;
        bool dfuse;
        uint16_t version;       /* bcdDFUVersion */
        uint8_t attributes;     /* bmAttributes */
        unsigned transfer_size; /* bytes, corrected */
        unsigned write_unit;    /* bytes; the quirk row's, or less if the transfer size is odd */
        unsigned detach_timeout_ms;
        unsigned n_alts;
        struct memory_map map;           /* dfuse only */
        const struct dfu_quirks *quirks; /* never NULL */
        const struct dfu_chip *chip;     /* NULL: not known (dfu-chips.h) */
        bool by_the_book; /* fast polling failed once: honour every poll time from here on */
        char serial[64], product[64];
        char garbled_serial[64]; /* as every host shows it, of a chip that sends it wrongly; "" */
        int alt;                 /* selected alternate setting, -1: none selected yet */
        volatile sig_atomic_t cancelled; /* set by a signal handler; looked at between blocks */
        struct dfu_stats stats;

        /* What the engine knows without asking. */
        enum dfu_state state;   /* after the last request */
        struct dfu_status last; /* the last answer to GETSTATUS */
        bool pointer_known;
        uint64_t pointer; /* the address pointer of DfuSe */
};

enum { /* bmAttributes */
       DFU_CAN_DNLOAD = 1,
       DFU_CAN_UPLOAD = 2,
       DFU_MANIFESTATION_TOLERANT = 4,
       DFU_WILL_DETACH = 8,
};

/* Progress of a phase in bytes (`total` 0: not known); called between transfers. Non-zero: cancel,
 * at this safe point. */
typedef int (*dfu_progress_t)(void *userdata, const char *phase, uint64_t done, uint64_t total);
/* Called as soon as the board's state changes, before the next transfer. */
typedef void (*dfu_board_state_t)(void *userdata, enum board_state state);

struct dfu_callbacks { /* either may be NULL */
        dfu_progress_t progress;
        dfu_board_state_t state;
        void *userdata;
};

/* Finds the DFU interface in the descriptors, claims it, reads functional descriptor and strings,
 * builds the map, picks the quirk row, and brings the device to dfuIDLE. `usb` must outlive `dfu`.
 * FWD_NOT_SUPPORTED, FWD_PORT_HELD, FWD_DEVICE_LOST, FWD_TIMEOUT, FWD_NEEDS_USER_ACTION (the
 * bootloader hangs: unplug it). Fills `ret` on success alone. */
int dfu_open(struct usb_device *usb, struct dfu *ret, struct fault *fault);
/* A bootloader that is not there, for plans: with the memory that it told when it was (in the
 * spelling of memory_map_format()), or that chips of this name have. Either may be NULL or "".
 * Nothing may be asked of it. FWD_NEEDS_USER_ACTION if neither is known, FWD_INVALID_ARGUMENT. */
int dfu_on_paper(const char *map, const char *mcu, struct dfu *ret, struct fault *fault);
void dfu_clear(struct dfu *dfu);
#define _cleanup_dfu_ _cleanup_(dfu_clear)
int dfu_get_status(struct dfu *dfu, struct dfu_status *ret, unsigned timeout_ms,
                   struct fault *fault);
/* To dfuIDLE, by the state it is in. */
int dfu_idle(struct dfu *dfu, struct fault *fault);
/* Fills in what the device has to say to the plan: transfer size, write unit, access, limit. The
 * rest of `rules` is left alone. */
void dfu_flash_rules(const struct dfu *dfu, struct flash_rules *rules);

/* DfuSe */
/* Is reading allowed? 0 no protection, 1 protected; negative with fault. Leaves the device in
 * dfuIDLE. */
int dfuse_probe_protection(struct dfu *dfu, uint64_t flash_start, struct fault *fault);
/* Reads `size` bytes at `address`; progress phase as given (may be NULL), `cb` may be NULL. */
int dfuse_read(struct dfu *dfu, uint64_t address, void *to, size_t size,
               const struct dfu_callbacks *cb, const char *phase, struct fault *fault);
/* Erases, writes and reads back all of the plan. A stall is retried once from a clean state.
 * The image's first block, where the vector table is, is written when all the others have been read
 * back: a flash that ends early never leaves an image that starts. `fault` tells address, phase and
 * DFU state; cb->state tells the board's. */
int dfuse_flash(struct dfu *dfu, const struct flash_plan *plan, const struct dfu_callbacks *cb,
                struct fault *fault);
/* Erases the sectors of a plan without blocks (flash_plan_make_erase), and looks whether they are
 * blank. The board's state ends at BOARD_ERASED. */
int dfuse_erase(struct dfu *dfu, const struct flash_plan *plan, const struct dfu_callbacks *cb,
                struct fault *fault);
/* Takes the chip's read protection off, which erases all of it. 0: it did so, and has reset itself,
 * as it should: this handle is dead. 1: it did so and is still here, proven to be readable. Takes
 * as long as a mass erase, 35 s and more, and cannot be cancelled. FWD_NOT_SUPPORTED. */
int dfuse_unprotect(struct dfu *dfu, uint64_t flash_start, const struct dfu_callbacks *cb,
                    struct fault *fault);
/* The first bytes of the chip's option area; 1 if it has none, or they cannot be read. */
int dfuse_read_option_bytes(struct dfu *dfu, uint8_t *to, size_t to_size, size_t *ret_size,
                            struct fault *fault);
/* Starts the firmware at `address`. Losing the device here is success. */
int dfuse_leave(struct dfu *dfu, uint64_t address, struct fault *fault);

/* Plain DFU 1.1: 0 when read back and equal, 1 when written but the device cannot be read back
 * (then the board's state ends at BOARD_WRITTEN). */
int dfu_plain_flash(struct dfu *dfu, const struct segment *segment, const struct dfu_callbacks *cb,
                    struct fault *fault);
/* Reads what the device gives, block by block from 0 until a short one: that is all it says of how
 * much there is. `*ret` is to be freed. FWD_NOT_SUPPORTED (it cannot be read), FWD_BAD_ANSWER (it
 * gives nothing, or has no end within `size_max` bytes), FWD_CANCELLED, FWD_DEVICE_LOST. */
int dfu_plain_read(struct dfu *dfu, size_t size_max, const struct dfu_callbacks *cb, uint8_t **ret,
                   size_t *ret_size, struct fault *fault);
/* Reset, so that the new firmware starts. Losing the device here is success. */
int dfu_plain_leave(struct dfu *dfu, struct fault *fault);

/* The row for this device; the row "generic" (by the book) if none fits. `flash_string` is the
 * chip's own, as it came. */
const struct dfu_quirks *dfu_quirks_find(uint16_t vendor_id, uint16_t product_id,
                                         uint16_t bcd_device, const char *serial,
                                         const char *flash_string);
