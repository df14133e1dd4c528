/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sectors erased, and read back to see whether they are blank. */

#include <inttypes.h>

#include "protocol/dfuse-flasher.h"

/* Blank is 0xFF, or 0 where flash is erased to that (STM32L0, L1), which no known row is. */
static bool is_blank(const struct flasher *f, const uint8_t *bytes, size_t n, size_t *ret_at) {
        const uint8_t blank = bytes[0] == 0 && f->dfu->quirks->set_alt ? 0 : 0xff;

        for (size_t i = 0; i < n; i++)
                if (bytes[i] != blank) {
                        *ret_at = i;
                        return false;
                }
        return true;
}

static int check_blank(struct flasher *f, struct range sector, int alt) {
        uint8_t read[FLASHER_BLOCK_SIZE_MAX];
        size_t n, at;

        for (uint64_t address = sector.start; address < sector.end; address += n, f->done += n) {
                int r = flasher_safe_point(f);

                n = f->plan->transfer_size;
                if (n > sector.end - address)
                        n = (size_t) (sector.end - address);
                if (r < 0)
                        return r;
                r = dfuse_select_alt(f->dfu, alt);
                if (r == 0)
                        r = dfuse_read_block(f->dfu, sector.start,
                                             (size_t) (address - sector.start) /
                                                     f->plan->transfer_size,
                                             read, n);
                if (r < 0)
                        return flasher_fail(f, r, FWD_ERASE_FAILED, "looking whether it is blank",
                                            address);
                if (!is_blank(f, read, n, &at)) {
                        r = fault_set_at(f->fault, FWD_ERASE_FAILED, address + at,
                                         "The sector at 0x%08" PRIx64 " was erased, but is not "
                                         "blank: 0x%02x was read at 0x%08" PRIx64
                                         ". It may be write protected",
                                         sector.start, read[at], address + at);
                        if (f->fault)
                                f->fault->phase = f->phase;
                        return r;
                }
        }
        return 0;
}

int dfuse_erase(struct dfu *dfu, const struct flash_plan *plan, const struct dfu_callbacks *cb,
                struct fault *fault) {
        struct flasher f = {.dfu = dfu,
                            .plan = plan,
                            .cb = cb,
                            .fault = fault,
                            .phase = "erasing",
                            .retries_before = dfu->stats.retries};
        uint64_t begin_ms = usb_now_ms(dfu->usb);
        int r;

        if (!dfu->dfuse || plan->n_runs > 0 || plan->transfer_size != dfu->transfer_size)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This plan was not made for this bootloader");
        dfu->stats = (struct dfu_stats){.retries = dfu->stats.retries};
        r = flasher_erase_sectors(&f);
        dfu->stats.erase_ms = usb_now_ms(dfu->usb) - begin_ms;
        if (r == 0)
                flasher_begin_phase(&f, "verifying", plan->erase_bytes);
        for (size_t i = 0; r == 0 && i < plan->n_erases; i++)
                r = check_blank(&f, plan->erases[i].range, plan->erases[i].alt);
        if (r < 0)
                return r;
        dfu->stats.verify_ms = usb_now_ms(dfu->usb) - begin_ms - dfu->stats.erase_ms;
        dfu->stats.verified_bytes = f.done;
        if (cb && cb->progress)
                (void) cb->progress(cb->userdata, "verifying", f.total, f.total);
        (void) dfu_to_idle(dfu);
        return 0;
}
