/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/dfuse-flasher.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"

/* A link that fails more often than this is no link to flash a board over. */
#define RETRIES_MAX 16U

void flasher_set_state(struct flasher *f, enum board_state state) {
        if (f->cb && f->cb->state)
                f->cb->state(f->cb->userdata, state);
}

static const char *tell_so_far(struct flasher *f) {
        if (f->plan->n_runs == 0) {
                (void) snprintf(f->so_far, sizeof(f->so_far),
                                "%" PRIu64 " of %" PRIu64 " bytes were erased",
                                f->dfu->stats.erased_bytes, f->plan->erase_bytes);
                return f->so_far;
        }
        (void) snprintf(f->so_far, sizeof(f->so_far),
                        "%" PRIu64 " of %" PRIu64 " bytes were erased, %" PRIu64 " of %" PRIu64
                        " written",
                        f->dfu->stats.erased_bytes, f->plan->erase_bytes,
                        f->dfu->stats.written_bytes, f->plan->write_bytes);
        return f->so_far;
}

int flasher_fail(struct flasher *f, int error, enum fwd_error name, const char *what,
                 uint64_t address) {
        const struct dfu_doing doing = {.error = name,
                                        .phase = f->phase,
                                        .what = what,
                                        .has_address = true,
                                        .address = address,
                                        .so_far = tell_so_far(f)};

        return dfu_fault(f->dfu, error, &doing, f->fault);
}

int flasher_safe_point(struct flasher *f) {
        bool cancelled = f->dfu->cancelled != 0;
        int r;

        if (f->cb && f->cb->progress &&
            f->cb->progress(f->cb->userdata, f->phase, f->done, f->total) != 0)
                cancelled = true;
        if (!cancelled)
                return 0;
        (void) dfu_to_idle(f->dfu);
        r = fault_set(f->fault, FWD_CANCELLED, "Cancelled; %s", tell_so_far(f));
        if (f->fault)
                f->fault->phase = f->phase;
        return r;
}

void flasher_begin_phase(struct flasher *f, const char *phase, uint64_t total) {
        f->phase = phase;
        f->done = 0;
        f->total = total;
}

int flasher_prepare_retry(struct flasher *f, int error, const char *what, uint64_t address) {
        struct dfu *dfu = f->dfu;
        struct dfu_status answer;
        int r;

        error = dfu_ask_why(dfu, error);
        answer = dfu->last;
        if (!dfu_may_retry(dfu, error) || dfu->stats.retries - f->retries_before >= RETRIES_MAX)
                return error;
        dfu_note_retry(dfu, error, what, address);
        r = dfu_recover(dfu, false);
        if (r < 0) {
                dfu->last = answer; /* the report is about the failure, not about the way out */
                return r == -ENODEV ? r : error;
        }
        if (dfu->quirks->poll == DFU_POLL_FAST && !dfu->by_the_book) {
                log_notice("Honouring the bootloader's poll times from here on");
                dfu->by_the_book = true;
        }
        return 0;
}

int flasher_erase_one(struct flasher *f, const struct flash_erase *erase) {
        int r;

        r = dfuse_select_alt(f->dfu, erase->alt);
        if (r == 0)
                r = dfuse_erase_sector(f->dfu, erase->range.start);
        return r;
}

int flasher_erase_sectors(struct flasher *f) {
        static const char what[] = "erasing the sector";

        flasher_begin_phase(f, "erasing", f->plan->erase_bytes);
        for (size_t i = 0; i < f->plan->n_erases; i++) {
                const struct flash_erase *erase = &f->plan->erases[i];
                int r;

                r = flasher_safe_point(f);
                if (r < 0)
                        return r;
                if (i == 0)
                        flasher_set_state(f, BOARD_ERASED);
                r = flasher_erase_one(f, erase);
                if (r < 0) {
                        r = flasher_prepare_retry(f, r, what, erase->range.start);
                        if (r == 0)
                                r = dfu_ask_why(f->dfu, flasher_erase_one(f, erase));
                }
                if (r < 0)
                        return flasher_fail(f, r, FWD_ERASE_FAILED, what, erase->range.start);
                f->done += range_size(erase->range);
                f->dfu->stats.erased_bytes = f->done;
        }
        return 0;
}
