/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* USB DFU 1.1 and ST's DfuSe 1.1a, as the chips speak them (facts: dfu.md §1, §10, §13).
 * Straight-line, blocking; in the worker. dfu.c: requests, states, status, return to idle. dfuse.c:
 * address pointer, erase, write, read, leave. dfu-plain.c: DFU 1.1 devices without addresses.
 * dfu-quirks.c: one row for each chip that is different. */

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "protocol/flash-plan.h"
#include "protocol/memory-map.h"
#include "protocol/usb.h"

enum dfu_state {
        DFU_APP_IDLE,
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
                DFU_POLL_BOOK, /* after bwPollTimeout, by the book; also the fallback for unknown
                                  chips */
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

struct dfu { /* one open DFU interface */
        struct usb_device *usb;
        int interface;
        bool dfuse;
        uint16_t version;       /* bcdDFUVersion */
        uint8_t attributes;     /* bmAttributes */
        unsigned transfer_size; /* bytes, corrected */
        unsigned detach_timeout_ms;
        unsigned n_alts;
        struct memory_map map;           /* dfuse only */
        const struct dfu_quirks *quirks; /* never NULL */
        bool by_the_book; /* fast polling failed once: honour every poll time from here on */
        char serial[64], product[64];
        int alt;        /* selected alternate setting */
        bool cancelled; /* set by a signal handler; looked at between blocks */
};

/* Progress of a phase in bytes; called between transfers. Non-zero: cancel, at this safe point. */
typedef int (*dfu_progress_t)(void *userdata, const char *phase, uint64_t done, uint64_t total);
/* Called as soon as the board's state changes, before the next transfer. */
typedef void (*dfu_board_state_t)(void *userdata, enum board_state state);

struct dfu_callbacks {
        dfu_progress_t progress;
        dfu_board_state_t state;
        void *userdata;
};

/* Finds the DFU interface in the descriptors, claims it, reads functional descriptor and strings,
 * builds the map, picks the quirk row, and brings the device to dfuIDLE. `usb` must outlive `dfu`.
 * FWD_NOT_SUPPORTED, FWD_PORT_HELD, FWD_DEVICE_LOST, FWD_TIMEOUT. */
int dfu_open(struct usb_device *usb, struct dfu *ret, struct fault *fault);
void dfu_clear(struct dfu *dfu);
int dfu_get_status(struct dfu *dfu, struct dfu_status *ret, unsigned timeout_ms,
                   struct fault *fault);
/* To dfuIDLE, by the state it is in (facts: dfu.md §10.2). */
int dfu_idle(struct dfu *dfu, struct fault *fault);

/* DfuSe */
/* Is reading allowed? 0 no protection, 1 protected; negative with fault. Leaves the device in
 * dfuIDLE. */
int dfuse_probe_protection(struct dfu *dfu, uint64_t flash_start, struct fault *fault);
/* Reads `size` bytes at `address`; progress phase as given (may be NULL). */
int dfuse_read(struct dfu *dfu, uint64_t address, void *to, size_t size,
               const struct dfu_callbacks *cb, const char *phase, struct fault *fault);
/* Erases, writes and reads back all of the plan. A stall is retried once from a clean state.
 * `fault` tells address, phase and DFU state; cb->state tells the board's. */
int dfuse_flash(struct dfu *dfu, const struct flash_plan *plan, const struct dfu_callbacks *cb,
                struct fault *fault);
/* Starts the firmware at `address`. Losing the device here is success. */
int dfuse_leave(struct dfu *dfu, uint64_t address, struct fault *fault);

/* Plain DFU 1.1 */
int dfu_plain_flash(struct dfu *dfu, const struct segment *segment, const struct dfu_callbacks *cb,
                    struct fault *fault);
/* Reset or detach, so that the new firmware starts. Losing the device here is success. */
int dfu_plain_leave(struct dfu *dfu, struct fault *fault);

/* The row for this device; the row "generic" (by the book) if none fits. */
const struct dfu_quirks *dfu_quirks_find(uint16_t vendor_id, uint16_t product_id,
                                         uint16_t bcd_device, const char *serial,
                                         const char *flash_string);
