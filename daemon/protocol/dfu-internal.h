/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What dfu*.c and dfuse*.c share: requests without faults (negative errno), and the one place that
 * makes a fault of an errno. Worker only; nobody else includes this. */

#include "protocol/dfu.h"

enum { /* bRequest, class, interface recipient (DFU 1.1 §3) */
       DFU_REQUEST_DETACH,
       DFU_REQUEST_DNLOAD,
       DFU_REQUEST_UPLOAD,
       DFU_REQUEST_GETSTATUS,
       DFU_REQUEST_CLRSTATUS,
       DFU_REQUEST_GETSTATE,
       DFU_REQUEST_ABORT,
};

enum { /* bStatus (DFU 1.1 §6.1.2) */
       DFU_STATUS_OK = 0x00,
       DFU_STATUS_ERR_TARGET = 0x01,
       DFU_STATUS_ERR_VERIFY = 0x07,
       DFU_STATUS_ERR_ADDRESS = 0x08,
       DFU_STATUS_ERR_NOTDONE = 0x09,
       DFU_STATUS_ERR_FIRMWARE = 0x0a,
       DFU_STATUS_ERR_VENDOR = 0x0b,
};

enum { /* milliseconds */
       DFU_SHORT_TIMEOUT =
               1000, /* CLRSTATUS, ABORT, SET_INTERFACE: a ROM answers in microseconds */
       DFU_DNLOAD_TIMEOUT = 5000, /* the data stage alone */
       /* A block takes 0.2 s at most (F4, x8: 2048 times 100 us). */
       DFU_WRITE_TIMEOUT = 5000,
       /* A 256 KiB sector of an F7 takes 4 s at most; fwupd waits as long for any DfuSe command. */
       DFU_ERASE_TIMEOUT = 35000,
       DFU_UPLOAD_TIMEOUT = 2000,
       /* The device may be at an erase that a dead process began: 4 s at most. */
       DFU_IDLE_TIMEOUT = 5000,
       DFU_BUSY_MAX = 120000, /* dfuDNBUSY without an end; as fwupd */
};

/* Errnos that these return, besides those of usb_ops: -EREMOTEIO, dfuERROR (dfu->last tells);
 * -EPROTO, a state that should not be; -ENODATA, a short upload. */
int dfu_out(struct dfu *dfu, uint8_t request, uint16_t value, const void *data, size_t size,
            unsigned timeout_ms);
int dfu_upload(struct dfu *dfu, uint16_t block, void *to, size_t size);
int dfu_status_get(struct dfu *dfu, unsigned timeout_ms);
/* Asks GETSTATUS until the operation that a DNLOAD asked for is done. `may_wedge`: see
 * dfu_quirks.bank2_wedge. */
int dfu_finish(struct dfu *dfu, unsigned timeout_ms, bool may_wedge);
/* To dfuIDLE: by one ABORT where the state is known, else by asking. */
int dfu_to_idle(struct dfu *dfu);
/* The same from any state; `may_reset`: a USB reset is the last resort. */
int dfu_recover(struct dfu *dfu, bool may_reset);
/* Sleeps all of it; a cancel meanwhile is noted in dfu->cancelled. */
void dfu_sleep(struct dfu *dfu, unsigned ms);

/* After a stall, does the device say why? -EREMOTEIO if so, else the error as it was. */
int dfu_ask_why(struct dfu *dfu, int error);
/* Whether the same may go well a second time: a stall, a timeout or a lost packet may; what the
 * device explained, may not. */
bool dfu_may_retry(const struct dfu *dfu, int error);
/* Notes a failure that is tried again. */
void dfu_note_retry(struct dfu *dfu, int error, const char *doing, uint64_t address);

struct dfu_doing {            /* what was going on, for a fault */
        enum fwd_error error; /* what it is called if no other name fits better */
        const char *phase;    /* of the phase table, or NULL */
        const char *what;     /* "erasing the sector" */
        bool has_address;
        uint64_t address;
        const char *so_far; /* what the board has been through, as a sentence; may be NULL */
};
/* Fills `fault`; returns the negative errno of the error. */
int dfu_fault(const struct dfu *dfu, int error, const struct dfu_doing *doing, struct fault *fault);

/* DfuSe commands without retry; each leaves the device in dfuDNLOAD-IDLE. */
int dfuse_set_pointer(struct dfu *dfu, uint64_t address);
int dfuse_erase_sector(struct dfu *dfu, uint64_t address);
int dfuse_write_block(struct dfu *dfu, uint64_t pointer, size_t index, const void *data,
                      size_t size);
/* Block `index` behind `pointer`, tried twice; leaves the device in dfuUPLOAD-IDLE. */
int dfuse_read_block(struct dfu *dfu, uint64_t pointer, size_t index, void *to, size_t size);
int dfuse_select_alt(struct dfu *dfu, int alt);
