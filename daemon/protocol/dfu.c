/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "protocol/dfu-internal.h"

enum {
        REQUEST_TYPE_OUT = 0x21,
        REQUEST_TYPE_IN = 0xa1,
        STATUS_SIZE = 6,
        IDLE_STEPS_MAX = 8,
        IDLE_STALLS_MAX = 4,
        STALL_WAIT_MS = 25,       /* L43x: a page takes 22 ms, a block 21 (dfu-util ticket 40) */
        STALLS_MAX = 50,          /* of those */
        POLL_MAX_MS = 40000,      /* bwPollTimeout has 24 bits; a mass erase may say 35 s */
        WEDGE_POLLS = 3,          /* dfuDNBUSY answers before it is taken for a wedge … */
        WEDGE_MS = 2000,          /* … and the time of a 128 KiB erase, 1.75 to 2 s in bank 2 */
        IDLE_BUSY_MAX_MS = 40000, /* somebody's erase, found at opening */
};

int dfu_out(struct dfu *dfu, uint8_t request, uint16_t value, const void *data, size_t size,
            unsigned timeout_ms) {
        int r;

        /* usb_control() takes one buffer for both directions and leaves this one alone. */
        r = usb_control(dfu->usb, REQUEST_TYPE_OUT, request, value, (uint16_t) dfu->interface,
                        (void *) (uintptr_t) data, (uint16_t) size, timeout_ms);
        dfu->state = DFU_STATE_UNKNOWN;
        if (r < 0)
                return r;
        return (size_t) r == size ? 0 : -EIO;
}

int dfu_upload(struct dfu *dfu, uint16_t block, void *to, size_t size) {
        int r;

        r = usb_control(dfu->usb, REQUEST_TYPE_IN, DFU_REQUEST_UPLOAD, block,
                        (uint16_t) dfu->interface, to, (uint16_t) size, DFU_UPLOAD_TIMEOUT);
        dfu->state = r < 0 ? DFU_STATE_UNKNOWN : DFU_UPLOAD_IDLE;
        return r;
}

int dfu_status_get(struct dfu *dfu, unsigned timeout_ms) {
        uint8_t raw[STATUS_SIZE] = {};
        int r;

        r = usb_control(dfu->usb, REQUEST_TYPE_IN, DFU_REQUEST_GETSTATUS, 0,
                        (uint16_t) dfu->interface, raw, sizeof(raw), timeout_ms);
        dfu->state = DFU_STATE_UNKNOWN;
        if (r < 0)
                return r;
        if (r < STATUS_SIZE)
                return -EIO;
        dfu->last = (struct dfu_status){
                .status = raw[0],
                .poll_timeout_ms =
                        (unsigned) raw[1] | (unsigned) raw[2] << 8 | (unsigned) raw[3] << 16,
                .state = raw[4],
                .string = raw[5],
        };
        if (raw[4] <= DFU_ERROR)
                dfu->state = (enum dfu_state) raw[4];
        return 0;
}

void dfu_sleep(struct dfu *dfu, unsigned ms) {
        if (ms == 0)
                return;
        if (dfu->usb->ops->sleep(dfu->usb, ms) != -ECANCELED)
                return;
        /* The chip needs its time all the same: a cancel waits for the next safe point. */
        dfu->cancelled = 1;
        (void) dfu->usb->ops->sleep(dfu->usb, ms);
}

static unsigned poll_wait_ms(const struct dfu *dfu, unsigned asked) {
        unsigned poll = dfu->last.poll_timeout_ms;

        if (poll > POLL_MAX_MS)
                poll = POLL_MAX_MS;
        if (dfu->quirks->poll == DFU_POLL_FAST && !dfu->by_the_book) {
                /* The second question is held until the work is done. A chip that answers it
                 * "busy" is asked ever more slowly. */
                unsigned wait = asked == 0 ? 0 : asked < 16 ? 1U << (asked - 1) : POLL_MAX_MS;

                if (wait < poll)
                        return wait;
        }
        /* Devices that say 0 and mean "soon" are not asked in a tight loop. */
        return poll == 0 && asked > 1 ? 1 : poll;
}

/* H743/H753 rev V (bootloader 0x90): the erase of bank 2 is done, but dfuDNBUSY stays. CLRSTATUS
 * makes it dfuERROR/errUNKNOWN, a second one dfuIDLE; STM32CubeProgrammer does so since 2.2.1. */
static int leave_wedge(struct dfu *dfu) {
        int r;

        log_debug("Still busy after %u polls: clearing the status", WEDGE_POLLS);
        r = dfu_out(dfu, DFU_REQUEST_CLRSTATUS, 0, NULL, 0, DFU_SHORT_TIMEOUT);
        if (r < 0)
                return r;
        return dfu_recover(dfu, false);
}

int dfu_finish(struct dfu *dfu, unsigned timeout_ms, bool may_wedge) {
        uint64_t begin_ms = usb_now_ms(dfu->usb);
        unsigned stalls = 0;

        for (unsigned asked = 0;; asked++) {
                uint64_t busy_ms;
                int r;

                r = dfu_status_get(dfu, timeout_ms);
                if (r == -EPIPE && dfu->quirks->stall_while_busy && stalls++ < STALLS_MAX) {
                        dfu_sleep(dfu, STALL_WAIT_MS);
                        continue;
                }
                if (r < 0)
                        return r;
                if (dfu->last.status != DFU_STATUS_OK || dfu->last.state == DFU_ERROR)
                        return -EREMOTEIO;
                if (dfu->last.state == DFU_DNLOAD_IDLE)
                        return 0;
                if (dfu->last.state != DFU_DNBUSY && dfu->last.state != DFU_DNLOAD_SYNC)
                        return -EPROTO;

                busy_ms = usb_now_ms(dfu->usb) - begin_ms;
                if (may_wedge && asked + 1 >= WEDGE_POLLS && busy_ms >= WEDGE_MS)
                        return leave_wedge(dfu);
                if (busy_ms >= DFU_BUSY_MAX)
                        return -ETIMEDOUT;
                dfu_sleep(dfu, poll_wait_ms(dfu, asked));
        }
}

/* What is sent next on the way to dfuIDLE: a request, or 0 to ask again. */
static uint8_t idle_request(const struct dfu *dfu, unsigned step) {
        switch (dfu->last.state) {
        case DFU_ERROR:
                return DFU_REQUEST_CLRSTATUS;
        case DFU_DNLOAD_IDLE:
        case DFU_UPLOAD_IDLE:
                return DFU_REQUEST_ABORT;
        case DFU_DNLOAD_SYNC:
        case DFU_MANIFEST_SYNC:
                return step == 0 ? 0 : DFU_REQUEST_ABORT;
        case DFU_DNBUSY:
                return dfu->quirks->bank2_wedge ? DFU_REQUEST_CLRSTATUS : 0;
        case DFU_MANIFEST:
                return 0;
        default:
                /* ST's library stores 0x0F in bState after a failed UPLOAD (seen on G431). Out of
                 * dfuERROR, CLRSTATUS brings its machine to dfuERROR, which has a way back. */
                return dfu->quirks->strict_clrstatus ? DFU_REQUEST_ABORT : DFU_REQUEST_CLRSTATUS;
        }
}

static unsigned stall_wait_ms(const struct dfu *dfu) {
        unsigned poll = dfu->last.state == DFU_DNBUSY ? dfu->last.poll_timeout_ms : 0;

        if (poll > DFU_IDLE_TIMEOUT)
                return DFU_IDLE_TIMEOUT;
        return poll < STALL_WAIT_MS ? STALL_WAIT_MS : poll;
}

static int walk_to_idle(struct dfu *dfu) {
        uint64_t begin_ms = usb_now_ms(dfu->usb);
        unsigned stalls_max = dfu->quirks->stall_while_busy ? STALLS_MAX : IDLE_STALLS_MAX;
        unsigned stalls = 0, busy = 0;

        for (unsigned step = 0; step < IDLE_STEPS_MAX;) {
                uint8_t request;
                int r;

                r = dfu_status_get(dfu, DFU_IDLE_TIMEOUT);
                if (r == -EPIPE && stalls < stalls_max) {
                        /* A chip may stall while it works: it gets the time that it asked for. */
                        if (stalls++ > 0)
                                dfu_sleep(dfu, stall_wait_ms(dfu));
                        continue;
                }
                if (r == -ENODEV)
                        return r;
                if (r < 0 && step == 0 && stalls++ == 0)
                        continue; /* the SETUP after a lost or late answer starts EP0 afresh */
                if (r < 0)
                        return r;
                if (dfu->last.state == DFU_IDLE)
                        return 0;
                if (dfu->last.state == DFU_APP_IDLE || dfu->last.state == DFU_APP_DETACH)
                        return -EOPNOTSUPP;
                if (dfu->last.state == DFU_MANIFEST_WAIT_RESET)
                        return -EPROTO;
                if (dfu->last.state == DFU_DNBUSY || dfu->last.state == DFU_MANIFEST) {
                        unsigned wait = dfu->last.poll_timeout_ms;

                        if (usb_now_ms(dfu->usb) - begin_ms >= IDLE_BUSY_MAX_MS)
                                return -ETIMEDOUT;
                        if (++busy <= WEDGE_POLLS || !dfu->quirks->bank2_wedge) {
                                dfu_sleep(dfu, wait == 0            ? 1
                                               : wait > POLL_MAX_MS ? POLL_MAX_MS
                                                                    : wait);
                                continue;
                        }
                }
                request = idle_request(dfu, step++);
                if (request) {
                        r = dfu_out(dfu, request, 0, NULL, 0, DFU_SHORT_TIMEOUT);
                        if (r == -ENODEV)
                                return r;
                }
        }
        return -EPROTO;
}

int dfu_recover(struct dfu *dfu, bool may_reset) {
        int r;

        dfu->pointer_known = false;
        r = walk_to_idle(dfu);
        if (r >= 0 || r == -ENODEV || r == -EOPNOTSUPP || !may_reset)
                return r;
        log_notice("The bootloader does not come to rest (%s); resetting it", strerror(-r));
        if (dfu->usb->ops->reset(dfu->usb) < 0)
                return r;
        return walk_to_idle(dfu);
}

int dfu_to_idle(struct dfu *dfu) {
        if (dfu->state == DFU_IDLE)
                return 0;
        if (dfu->state == DFU_DNLOAD_IDLE || dfu->state == DFU_UPLOAD_IDLE) {
                int r = dfu_out(dfu, DFU_REQUEST_ABORT, 0, NULL, 0, DFU_SHORT_TIMEOUT);

                if (r == 0)
                        dfu->state = DFU_IDLE;
                if (r == 0 || r == -ENODEV)
                        return r;
        }
        return dfu_recover(dfu, false);
}

int dfu_ask_why(struct dfu *dfu, int error) {
        int r;

        if (error != -EPIPE)
                return error;
        r = dfu_status_get(dfu, DFU_IDLE_TIMEOUT);
        if (r == -ENODEV)
                return r;
        return r == 0 && dfu->last.state == DFU_ERROR && dfu->last.status != DFU_STATUS_OK
                       ? -EREMOTEIO
                       : error;
}

bool dfu_may_retry(const struct dfu *dfu, int error) {
        switch (error) {
        case -ENODEV:
        case -ECANCELED:
        case -ENOMEM:
        case -EACCES:
        case -EINVAL:
                return false;
        case -EREMOTEIO:
                /* From errTARGET to errADDRESS and errVENDOR the device says what it did not like;
                 * it would not like it any better the next time. */
                return dfu->last.status == DFU_STATUS_OK ||
                       (dfu->last.status >= DFU_STATUS_ERR_NOTDONE &&
                        dfu->last.status != DFU_STATUS_ERR_VENDOR);
        default:
                return true;
        }
}

void dfu_note_retry(struct dfu *dfu, int error, const char *doing, uint64_t address) {
        dfu->stats.retries++;
        log_notice("Trying again after a failure while %s at 0x%08" PRIx64 ": %s", doing, address,
                   error == -EREMOTEIO ? "the bootloader reported an error" : strerror(-error));
}

static const char *status_text(uint8_t status) {
        static const char *const names[] = {
                "OK",         "errTARGET",       "errFILE",     "errWRITE",
                "errERASE",   "errCHECK_ERASED", "errPROG",     "errVERIFY",
                "errADDRESS", "errNOTDONE",      "errFIRMWARE", "errVENDOR",
                "errUSBR",    "errPOR",          "errUNKNOWN",  "errSTALLEDPKT",
        };

        return status < ARRAY_SIZE(names) ? names[status] : "an unknown error";
}

static enum fwd_error error_of(const struct dfu *dfu, int error, enum fwd_error otherwise) {
        switch (error) {
        case -ENODEV:
                return FWD_DEVICE_LOST;
        case -ETIMEDOUT:
                return FWD_TIMEOUT;
        case -EBUSY:
                return FWD_PORT_HELD;
        case -EACCES:
                return FWD_NOT_AUTHORIZED;
        case -ECANCELED:
                return FWD_CANCELLED;
        case -EREMOTEIO:
                /* AN3156: what the address pointer must not point at. */
                if (dfu->last.status == DFU_STATUS_ERR_TARGET ||
                    dfu->last.status == DFU_STATUS_ERR_ADDRESS)
                        return FWD_ADDRESS_OUT_OF_RANGE;
                return otherwise;
        default:
                return otherwise;
        }
}

static const char *reason(const struct dfu *dfu, int error) {
        switch (error) {
        case -ENODEV:
                return "the board went away";
        case -ETIMEDOUT:
                return "the bootloader did not answer in time";
        case -EPIPE:
                return "the bootloader refused the request (stall)";
        case -EBUSY:
                return "another program holds the device";
        case -EPROTO:
                return "the bootloader is in a state that it should not be in";
        case -ENODATA:
                return "the bootloader gave less than was asked for";
        case -EREMOTEIO:
                return status_text(dfu->last.status);
        default:
                return strerror(-error);
        }
}

int dfu_fault(const struct dfu *dfu, int error, const struct dfu_doing *doing,
              struct fault *fault) {
        enum fwd_error name = error_of(dfu, error, doing->error);
        bool answered = error == -EREMOTEIO || error == -EPROTO || error == -EPIPE;
        char at[32] = "", more[96] = "";

        if (fault && fault->error != FWD_OK)
                return fwd_error_to_errno(name);
        if (doing->has_address)
                (void) snprintf(at, sizeof(at), " at 0x%08" PRIx64, doing->address);
        if (error == -EREMOTEIO && dfu->last.status == DFU_STATUS_ERR_VENDOR)
                (void) snprintf(more, sizeof(more), " (read protection, or the flash failed)");
        (void) fault_set(fault, name, "While %s%s: %s%s%s%s", doing->what, at, reason(dfu, error),
                         more, doing->so_far ? "; " : "", doing->so_far ? doing->so_far : "");
        if (fault) {
                fault->phase = doing->phase;
                fault->has_address = doing->has_address;
                fault->address = doing->address;
                if (answered) {
                        fault->dfu_state = dfu->last.state;
                        fault->dfu_status = dfu->last.status;
                }
        }
        return fwd_error_to_errno(name);
}

int dfu_get_status(struct dfu *dfu, struct dfu_status *ret, unsigned timeout_ms,
                   struct fault *fault) {
        static const struct dfu_doing doing = {.error = FWD_FAILED,
                                               .what = "asking the bootloader for its status"};
        int r;

        r = dfu_status_get(dfu, timeout_ms);
        if (r < 0)
                return dfu_fault(dfu, r, &doing, fault);
        *ret = dfu->last;
        return 0;
}

int dfu_idle(struct dfu *dfu, struct fault *fault) {
        struct dfu_doing doing = {.error = FWD_NEEDS_USER_ACTION,
                                  .what = "bringing the bootloader to rest"};
        int r;

        r = dfu_recover(dfu, true);
        if (r >= 0)
                return 0;
        if (r == -EOPNOTSUPP)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The board runs its firmware and is not in its bootloader");
        if (r == -EPROTO || r == -EPIPE)
                doing.so_far = "unplug the board and plug it in again";
        return dfu_fault(dfu, r, &doing, fault);
}

void dfu_flash_rules(const struct dfu *dfu, struct flash_rules *rules) {
        rules->transfer_size = dfu->transfer_size;
        rules->write_unit = dfu->write_unit;
        rules->ignore_access = dfu->quirks->ignore_access;
        rules->limit = dfu->quirks->flash_limit;
}
