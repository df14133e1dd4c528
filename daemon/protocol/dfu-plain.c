/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "protocol/dfu-internal.h"

enum {
        MANIFEST_ASKED_MAX = 64, /* GETSTATUS answers on the way through manifestation */
        POLL_MAX_MS = 40000,
};

struct plain {
        struct dfu *dfu;
        const struct segment *segment;
        const struct dfu_callbacks *cb;
        struct fault *fault;
        const char *phase;
        size_t told; /* progress of the phase; it does not go back on a second try */
        bool began;
};

static int fail(const struct plain *p, int error, enum fwd_error name, const char *what,
                size_t offset) {
        char so_far[64];
        const struct dfu_doing doing = {.error = name,
                                        .phase = p->phase,
                                        .what = what,
                                        .has_address = true,
                                        .address = p->segment->address + offset,
                                        .so_far = so_far};

        (void) snprintf(so_far, sizeof(so_far), "%" PRIu64 " of %zu bytes were written",
                        p->dfu->stats.written_bytes, p->segment->size);
        if (error == -EREMOTEIO && p->dfu->last.status == DFU_STATUS_ERR_ADDRESS)
                return fault_set(p->fault, FWD_IMAGE_TOO_LARGE,
                                 "The image of %zu bytes is too large: the board took %zu",
                                 p->segment->size, offset);
        return dfu_fault(p->dfu, error, &doing, p->fault);
}

static void set_state(const struct plain *p, enum board_state state) {
        if (p->cb && p->cb->state)
                p->cb->state(p->cb->userdata, state);
}

static int safe_point(struct plain *p, size_t done) {
        bool cancelled = p->dfu->cancelled != 0;
        int r;

        if (done > p->told)
                p->told = done;

        if (p->cb && p->cb->progress &&
            p->cb->progress(p->cb->userdata, p->phase, p->told, p->segment->size) != 0)
                cancelled = true;
        if (!cancelled)
                return 0;
        (void) dfu_to_idle(p->dfu);
        r = fault_set(p->fault, FWD_CANCELLED, "Cancelled; %" PRIu64 " of %zu bytes were written",
                      p->dfu->stats.written_bytes, p->segment->size);
        if (p->fault)
                p->fault->phase = p->phase;
        return r;
}

static size_t chunk(const struct plain *p, size_t done) {
        size_t rest = p->segment->size - done;

        return rest < p->dfu->transfer_size ? rest : p->dfu->transfer_size;
}

/* All blocks. A negative errno of the device in *ret_error, or a fault that is set already. */
static int download(struct plain *p, int *ret_error, size_t *ret_done) {
        size_t done = 0;
        int r;

        *ret_error = 0;
        p->dfu->stats.written_bytes = 0;
        for (uint16_t block = 0; done < p->segment->size; block++) {
                size_t n = chunk(p, done);

                r = safe_point(p, done);
                if (r < 0)
                        return r;
                if (!p->began) {
                        /* These devices erase by themselves, with the first block. */
                        set_state(p, BOARD_ERASED);
                        set_state(p, BOARD_PARTLY_WRITTEN);
                        p->began = true;
                }
                r = dfu_out(p->dfu, DFU_REQUEST_DNLOAD, block, p->segment->data + done, n,
                            DFU_DNLOAD_TIMEOUT);
                if (r == 0)
                        r = dfu_finish(p->dfu, DFU_ERASE_TIMEOUT, false);
                if (r < 0) {
                        *ret_error = r;
                        *ret_done = done;
                        return r;
                }
                done += n;
                p->dfu->stats.written_bytes = done;
        }
        *ret_done = done;
        return 0;
}

/* The end of the download, and what the device makes of it. 0: it is in dfuIDLE again; 1: it
 * waits for a reset or is gone. */
static int manifest(struct plain *p) {
        struct dfu *dfu = p->dfu;
        bool tolerant = dfu->attributes & DFU_MANIFESTATION_TOLERANT, manifesting = false;
        size_t blocks = (p->segment->size + dfu->transfer_size - 1) / dfu->transfer_size;
        int r;

        r = dfu_out(dfu, DFU_REQUEST_DNLOAD, (uint16_t) blocks, NULL, 0, DFU_DNLOAD_TIMEOUT);
        if (r == -EPIPE) /* the state is unchanged by a stall */
                r = dfu_out(dfu, DFU_REQUEST_DNLOAD, (uint16_t) blocks, NULL, 0,
                            DFU_DNLOAD_TIMEOUT);
        if (r < 0)
                return r;
        for (unsigned asked = 0, stalls = 0; asked < MANIFEST_ASKED_MAX; asked++) {
                unsigned poll;

                r = dfu_status_get(dfu, DFU_ERASE_TIMEOUT);
                if (r == -EPIPE && stalls++ == 0)
                        continue;
                if (r < 0) /* one that resets by itself when it is done */
                        return !tolerant && (r == -ENODEV || manifesting) ? 1 : r;
                if (dfu->last.status != DFU_STATUS_OK || dfu->last.state == DFU_ERROR)
                        return -EREMOTEIO;
                manifesting = true;
                poll = dfu->last.poll_timeout_ms < POLL_MAX_MS ? dfu->last.poll_timeout_ms
                                                               : (unsigned) POLL_MAX_MS;
                switch (dfu->last.state) {
                case DFU_IDLE:
                        return 0;
                case DFU_MANIFEST_WAIT_RESET:
                        return 1;
                case DFU_MANIFEST:
                        dfu_sleep(dfu, poll);
                        if (!tolerant) /* it answers nothing from here on (DFU 1.1 A.2.8) */
                                return 1;
                        break;
                case DFU_MANIFEST_SYNC:
                        dfu_sleep(dfu, poll);
                        break;
                default:
                        return -EPROTO;
                }
        }
        return -ETIMEDOUT;
}

static int read_back(struct plain *p) {
        uint8_t bytes[USB_CONTROL_SIZE_MAX];
        size_t done = 0, different = 0, first = 0;
        uint8_t read = 0;
        int r;

        p->phase = "verifying";
        p->told = 0;
        for (uint16_t block = 0; done < p->segment->size; block++) {
                size_t n = chunk(p, done);
                const uint8_t *expected = p->segment->data + done;

                r = safe_point(p, done);
                if (r < 0)
                        return r;
                r = dfu_upload(p->dfu, block, bytes, n);
                if (r == -EPIPE) /* a stall leaves the state as it was */
                        r = dfu_upload(p->dfu, block, bytes, n);
                if (r >= 0 && (size_t) r != n)
                        r = -ENODATA;
                if (r < 0)
                        return fail(p, r, FWD_VERIFY_FAILED, "reading back", done);
                for (size_t i = 0; i < n; i++)
                        if (bytes[i] != expected[i] && different++ == 0) {
                                first = done + i;
                                read = bytes[i];
                        }
                done += n;
                p->dfu->stats.verified_bytes = done;
        }
        if (different == 0)
                return 0;
        r = fault_set_at(p->fault, FWD_VERIFY_FAILED, p->segment->address + first,
                         "The flash differs from the image in %zu bytes, first at byte %zu: 0x%02x "
                         "was written, 0x%02x was read",
                         different, first, p->segment->data[first], read);
        if (p->fault)
                p->fault->phase = p->phase;
        return r;
}

int dfu_plain_flash(struct dfu *dfu, const struct segment *segment, const struct dfu_callbacks *cb,
                    struct fault *fault) {
        struct plain p = {
                .dfu = dfu, .segment = segment, .cb = cb, .fault = fault, .phase = "writing"};
        size_t done = 0;
        int r, error;

        if (segment->size == 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "The image is empty");
        if (segment->size / dfu->transfer_size > UINT16_MAX)
                return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                 "The image has more blocks than DFU can count");
        if (!(dfu->attributes & DFU_CAN_DNLOAD))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader says that it cannot be written to");
        dfu->stats = (struct dfu_stats){.retries = dfu->stats.retries};
        r = dfu_to_idle(dfu);
        if (r < 0)
                return fail(&p, r, FWD_FAILED, "bringing the bootloader to rest", 0);
        r = download(&p, &error, &done);
        if (r < 0 && error != 0 && dfu_may_retry(dfu, error)) {
                const struct dfu_status answer = dfu->last;
                int clean;

                /* Blocks are counted from the start: so is the second try. */
                dfu_note_retry(dfu, error, "writing", segment->address + done);
                clean = dfu_recover(dfu, false);
                if (clean == 0)
                        r = download(&p, &error, &done);
                else {
                        dfu->last = answer;
                        error = clean == -ENODEV ? clean : error;
                }
        }
        if (r < 0)
                return error ? fail(&p, error, FWD_WRITE_FAILED, "writing", done) : r;
        r = manifest(&p);
        if (r < 0)
                return fail(&p, r, FWD_WRITE_FAILED, "ending the download", segment->size);
        set_state(&p, BOARD_WRITTEN);
        if (cb && cb->progress)
                (void) cb->progress(cb->userdata, p.phase, segment->size, segment->size);
        if (r == 1 || !(dfu->attributes & DFU_CAN_UPLOAD))
                return 1;
        r = read_back(&p);
        if (r < 0)
                return r;
        set_state(&p, BOARD_VERIFIED);
        if (cb && cb->progress)
                (void) cb->progress(cb->userdata, p.phase, segment->size, segment->size);
        (void) dfu_to_idle(dfu);
        return 0;
}

/* Grows by doubling; what a device may have is told by nothing. */
static int make_room(uint8_t **bytes, size_t *allocated, size_t needed) {
        uint8_t *grown;
        size_t size = *allocated ? *allocated : USB_CONTROL_SIZE_MAX;

        while (size < needed)
                size *= 2;
        if (size == *allocated)
                return 0;
        grown = realloc(*bytes, size);
        if (!grown)
                return -ENOMEM;
        *bytes = grown;
        *allocated = size;
        return 0;
}

/* One block; a stall leaves the state as it was, so that a second try is the same request. */
static int read_block(struct dfu *dfu, uint16_t block, void *to) {
        int r = dfu_upload(dfu, block, to, dfu->transfer_size);

        return r == -EPIPE ? dfu_upload(dfu, block, to, dfu->transfer_size) : r;
}

int dfu_plain_read(struct dfu *dfu, size_t size_max, const struct dfu_callbacks *cb, uint8_t **ret,
                   size_t *ret_size, struct fault *fault) {
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t done = 0, allocated = 0;
        struct dfu_doing doing = {.error = FWD_FAILED, .phase = "reading", .what = "reading"};
        int r;

        if (!(dfu->attributes & DFU_CAN_UPLOAD))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader says that it cannot be read");
        r = dfu_to_idle(dfu);
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        for (unsigned block = 0;; block++) {
                bool cancelled = dfu->cancelled != 0;

                /* How much there is, is not known. */
                if (cb && cb->progress && cb->progress(cb->userdata, "reading", done, 0) != 0)
                        cancelled = true;
                if (cancelled) {
                        (void) dfu_to_idle(dfu);
                        return fault_set(fault, FWD_CANCELLED, "Cancelled");
                }
                if (block > UINT16_MAX || done + dfu->transfer_size > size_max)
                        return fault_set(fault, FWD_BAD_ANSWER,
                                         "The bootloader gave %zu bytes, and its memory has no end",
                                         done);
                if (make_room(&bytes, &allocated, done + dfu->transfer_size) < 0)
                        return fault_set(fault, FWD_FAILED, "Out of memory");
                r = read_block(dfu, (uint16_t) block, bytes + done);
                if (r < 0) {
                        char so_far[64];

                        (void) snprintf(so_far, sizeof(so_far), "%zu bytes were read", done);
                        doing.so_far = so_far;
                        return dfu_fault(dfu, r, &doing, fault);
                }
                done += (size_t) r;
                if ((unsigned) r < dfu->transfer_size)
                        break;
        }
        (void) dfu_to_idle(dfu);
        if (done == 0)
                return fault_set(fault, FWD_BAD_ANSWER, "The bootloader gives nothing to read");
        *ret = TAKE_PTR(bytes);
        *ret_size = done;
        return 0;
}

int dfu_plain_leave(struct dfu *dfu, struct fault *fault) {
        const struct dfu_doing doing = {
                .error = FWD_FAILED, .phase = "leaving", .what = "resetting the board"};
        int r;

        r = dfu->usb->ops->reset(dfu->usb);
        if (r < 0 && r != -ENODEV)
                return dfu_fault(dfu, r, &doing, fault);
        return 0;
}
