/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "protocol/dfu-internal.h"

enum { /* AN3156 §4 */
       COMMAND_SET_POINTER = 0x21,
       COMMAND_ERASE = 0x41,
       COMMAND_SIZE = 5,
       BLOCK_COMMAND = 0, /* wBlockNum of a command */
       BLOCK_DATA = 2,    /* and of the first block of data */
       PROBE_SIZE = 64,   /* bytes: one packet shows whether reading is allowed */
       BLOCKS_MAX = 65534,
};

/* H743: where the second bank of 1 MiB begins. */
#define BANK2_START UINT64_C(0x08100000)

/* Downloads are accepted in dfuIDLE and dfuDNLOAD-IDLE. */
static int ready_for_download(struct dfu *dfu) {
        return dfu->state == DFU_DNLOAD_IDLE ? 0 : dfu_to_idle(dfu);
}

static int command(struct dfu *dfu, uint8_t code, uint64_t address, unsigned timeout_ms,
                   bool may_wedge) {
        uint8_t bytes[COMMAND_SIZE] = {code, (uint8_t) address, (uint8_t) (address >> 8),
                                       (uint8_t) (address >> 16), (uint8_t) (address >> 24)};
        int r;

        if (address > UINT32_MAX)
                return -EINVAL;
        r = ready_for_download(dfu);
        if (r < 0)
                return r;
        r = dfu_out(dfu, DFU_REQUEST_DNLOAD, BLOCK_COMMAND, bytes, sizeof(bytes),
                    DFU_DNLOAD_TIMEOUT);
        if (r < 0)
                return r;
        return dfu_finish(dfu, timeout_ms, may_wedge);
}

int dfuse_set_pointer(struct dfu *dfu, uint64_t address) {
        int r;

        if (dfu->pointer_known && dfu->pointer == address)
                return 0;
        dfu->pointer_known = false;
        r = command(dfu, COMMAND_SET_POINTER, address, DFU_WRITE_TIMEOUT, false);
        if (r < 0)
                return r;
        dfu->pointer_known = true;
        dfu->pointer = address;
        return 0;
}

int dfuse_erase_sector(struct dfu *dfu, uint64_t address) {
        dfu->pointer_known = false; /* ST's library keeps the erase's address in the same place */
        return command(dfu, COMMAND_ERASE, address, DFU_ERASE_TIMEOUT,
                       dfu->quirks->bank2_wedge && address >= BANK2_START);
}

int dfuse_write_block(struct dfu *dfu, uint64_t pointer, size_t index, const void *data,
                      size_t size) {
        int r;

        r = dfuse_set_pointer(dfu, pointer);
        if (r < 0)
                return r;
        r = ready_for_download(dfu);
        if (r < 0)
                return r;
        r = dfu_out(dfu, DFU_REQUEST_DNLOAD, (uint16_t) (BLOCK_DATA + index), data, size,
                    DFU_DNLOAD_TIMEOUT);
        if (r < 0)
                return r;
        return dfu_finish(dfu, DFU_WRITE_TIMEOUT, false);
}

int dfuse_select_alt(struct dfu *dfu, int alt) {
        int r;

        if (!dfu->quirks->set_alt || dfu->alt == alt)
                return 0;
        r = dfu_to_idle(dfu);
        if (r < 0)
                return r;
        dfu->pointer_known = false;
        dfu->state = DFU_STATE_UNKNOWN;
        r = dfu->usb->ops->set_alt(dfu->usb, dfu->interface, alt);
        if (r < 0)
                return r;
        dfu->alt = alt;
        return dfu_recover(dfu, false);
}

/* UPLOAD is legal in dfuIDLE and dfuUPLOAD-IDLE alone. */
static int read_once(struct dfu *dfu, uint64_t pointer, size_t index, void *to, size_t size) {
        int r;

        if (dfu->state != DFU_UPLOAD_IDLE && !dfu->quirks->keeps_pointer)
                dfu->pointer_known = false;
        r = dfuse_set_pointer(dfu, pointer);
        if (r < 0)
                return r;
        if (dfu->state != DFU_UPLOAD_IDLE) {
                r = dfu_to_idle(dfu);
                if (r < 0)
                        return r;
        }
        r = dfu_upload(dfu, (uint16_t) (BLOCK_DATA + index), to, size);
        if (r < 0)
                return r;
        return (size_t) r == size ? 0 : -ENODATA;
}

int dfuse_read_block(struct dfu *dfu, uint64_t pointer, size_t index, void *to, size_t size) {
        int r, clean;

        r = read_once(dfu, pointer, index, to, size);
        if (r >= 0)
                return 0;
        r = dfu_ask_why(dfu, r);
        if (!dfu_may_retry(dfu, r))
                return r;
        dfu_note_retry(dfu, r, "reading", pointer + index * dfu->transfer_size);
        clean = dfu_recover(dfu, false);
        if (clean < 0)
                return clean == -ENODEV ? clean : r;
        r = read_once(dfu, pointer, index, to, size);
        return r < 0 ? dfu_ask_why(dfu, r) : 0;
}

static int alt_of(const struct dfu *dfu, uint64_t address) {
        const struct sector *s = memory_map_find(&dfu->map, address);

        return s ? s->alt : dfu->alt < 0 ? 0 : dfu->alt;
}

/* With read protection, an F4 refuses the address already (errVENDOR), others the UPLOAD, by a
 * stall, by errVENDOR or by giving nothing (AN2662; Betaflight Configurator's notes). */
int dfuse_probe_protection(struct dfu *dfu, uint64_t flash_start, struct fault *fault) {
        const struct dfu_doing doing = {.error = FWD_FAILED,
                                        .what = "looking whether the chip may be read",
                                        .has_address = true,
                                        .address = flash_start};
        size_t size = dfu->transfer_size < PROBE_SIZE ? dfu->transfer_size : PROBE_SIZE;
        uint8_t bytes[PROBE_SIZE];
        bool is_protected;
        int r, clean;

        r = dfuse_select_alt(dfu, alt_of(dfu, flash_start));
        if (r == 0)
                r = dfuse_read_block(dfu, flash_start, 0, bytes, size);
        is_protected = r == -EPIPE || r == -ENODATA ||
                       (r == -EREMOTEIO && dfu->last.status == DFU_STATUS_ERR_VENDOR);
        if (r < 0 && !is_protected)
                return dfu_fault(dfu, r, &doing, fault);
        clean = r < 0 ? dfu_recover(dfu, false) : dfu_to_idle(dfu);
        if (clean < 0)
                return dfu_fault(dfu, clean, &doing, fault);
        return is_protected;
}

int dfuse_read(struct dfu *dfu, uint64_t address, void *to, size_t size,
               const struct dfu_callbacks *cb, const char *phase, struct fault *fault) {
        struct dfu_doing doing = {.error = FWD_FAILED,
                                  .phase = phase,
                                  .what = "reading",
                                  .has_address = true,
                                  .address = address};
        uint64_t pointer = address;
        int r;

        r = dfuse_select_alt(dfu, alt_of(dfu, address));
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        for (size_t done = 0, index = 0; done < size; index++) {
                size_t n = size - done < dfu->transfer_size ? size - done : dfu->transfer_size;

                if (dfu->cancelled ||
                    (cb && cb->progress && cb->progress(cb->userdata, phase, done, size) != 0)) {
                        (void) dfu_to_idle(dfu);
                        return fault_set(fault, FWD_CANCELLED, "Reading was cancelled");
                }
                if (index == BLOCKS_MAX) {
                        pointer = address + done;
                        index = 0;
                        r = dfu_to_idle(dfu);
                }
                doing.address = address + done;
                if (r == 0)
                        r = dfuse_read_block(dfu, pointer, index, (uint8_t *) to + done, n);
                if (r < 0) {
                        if (r == -EREMOTEIO && dfu->last.status == DFU_STATUS_ERR_VENDOR)
                                doing.error = FWD_READ_PROTECTED;
                        return dfu_fault(dfu, r, &doing, fault);
                }
                done += n;
        }
        if (cb && cb->progress)
                (void) cb->progress(cb->userdata, phase, size, size);
        (void) dfu_to_idle(dfu);
        return 0;
}

/* The request that leaves, and the question that makes the chip go. */
static int leave_once(struct dfu *dfu, uint64_t address) {
        int r;

        r = dfuse_set_pointer(dfu, address);
        if (r < 0)
                return r == -ENODEV || dfu->quirks->leave_unanswered ? -ENODEV : r;
        r = ready_for_download(dfu);
        if (r < 0)
                return r;
        r = dfu_out(dfu, DFU_REQUEST_DNLOAD, BLOCK_COMMAND, NULL, 0, DFU_DNLOAD_TIMEOUT);
        if (r < 0)
                return dfu->quirks->leave_unanswered ? -ENODEV : r;
        r = dfu_status_get(dfu, DFU_SHORT_TIMEOUT);
        /* The answer may be lost in the jump. If it was refused, the board is still there to be
         * asked again; that one question costs nothing if it is not. */
        if (r < 0 && r != -ENODEV)
                r = dfu_status_get(dfu, DFU_SHORT_TIMEOUT);
        return r < 0 ? -ENODEV : 0;
}

int dfuse_leave(struct dfu *dfu, uint64_t address, struct fault *fault) {
        const struct dfu_doing doing = {.error = FWD_FAILED,
                                        .phase = "leaving",
                                        .what = "starting the firmware",
                                        .has_address = true,
                                        .address = address};
        int r;

        r = leave_once(dfu, address);
        if (r < 0 && dfu_may_retry(dfu, r)) {
                dfu_note_retry(dfu, r, doing.what, address);
                r = dfu_recover(dfu, false);
                if (r == 0)
                        r = leave_once(dfu, address);
        }
        if (r == -ENODEV)
                return 0;
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        if (dfu->last.state == DFU_ERROR)
                return dfu_fault(dfu, -EREMOTEIO, &doing, fault);
        return 0;
}
