/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plan on the board, in the order that leaves the board safest when it is cut short:
 *
 *   1. erase all sectors, by address. The first is the vector table's: from then on no chip starts
 *      the rest of an old image, and those with a blank check stay in their bootloader.
 *   2. write all blocks but the image's first, which holds the vector table
 *   3. read those back
 *   4. write the first block, read it back
 *
 * So an image starts only if all of it was read back right: not after an unplug, a cancel, a write
 * that failed in silence. The price is one more address pointer, three short transfers. Between
 * erase and write the phases are whole (not sector by sector): the total time is the same, and the
 * pointer is set once for each run of blocks.
 *
 * A failure that the device does not explain is tried again once, from dfuIDLE, and by the book
 * from then on. Where flash has check bits, a block is not programmed twice: its sector is erased
 * and what was written to it is written again. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "protocol/dfuse-flasher.h"

struct place { /* one block of the plan */
        size_t run, block;
};

static const struct place first_place = {};

/* Blocks */

static bool is_first(struct place place) {
        return place.run == 0 && place.block == 0;
}

static bool next_place(const struct flash_plan *plan, struct place *place) {
        if (++place->block < plan->runs[place->run].n_blocks)
                return true;
        place->block = 0;
        return ++place->run < plan->n_runs;
}

static const struct flash_run *run_of(const struct flasher *f, struct place place) {
        return &f->plan->runs[place.run];
}

static size_t block_at(const struct flasher *f, struct place place, struct range *ret) {
        return flash_run_block(f->plan, run_of(f, place), place.block, ret);
}

/* What the blocks are counted from. The first block stands alone, so those behind it in its run get
 * a pointer of their own: no host is known to begin with another number than 2. */
static uint64_t pointer_of(const struct flasher *f, struct place place, size_t *ret_index) {
        const struct flash_run *run = run_of(f, place);
        size_t skip = place.run == 0 && place.block > 0 ? 1 : 0;

        *ret_index = place.block - skip;
        return run->address + skip * f->plan->transfer_size;
}

static int write_block(struct flasher *f, struct place place) {
        const struct flash_run *run = run_of(f, place);
        uint8_t padded[FLASHER_BLOCK_SIZE_MAX];
        struct range block;
        size_t n = block_at(f, place, &block), index;
        uint64_t pointer = pointer_of(f, place, &index);
        const uint8_t *data = run->data + (block.start - run->address);
        int r;

        r = dfuse_select_alt(f->dfu, run->alt);
        if (r < 0)
                return r;
        if (n < range_size(block)) {
                memset(padded, 0xff, sizeof(padded));
                memcpy(padded, data, n);
                data = padded;
        }
        return dfuse_write_block(f->dfu, pointer, index, data, (size_t) range_size(block));
}

/* Erases the sector of the block and writes again all of it that was written, the block last. */
static int redo_sector(struct flasher *f, struct place failed) {
        const struct flash_erase *erase = NULL;
        struct place place = first_place;
        struct range block;
        int r;

        (void) block_at(f, failed, &block);
        for (size_t i = 0; i < f->plan->n_erases && !erase; i++)
                if (range_has(f->plan->erases[i].range, block.start))
                        erase = &f->plan->erases[i];
        if (!erase) /* memory that needs no erase */
                return write_block(f, failed);
        f->redone = true;
        r = flasher_erase_one(f, erase);
        if (r < 0)
                return r;
        do {
                (void) block_at(f, place, &block);
                if (block.start >= erase->range.end)
                        break;
                if (!range_has(erase->range, block.start) || is_first(place))
                        continue;
                r = write_block(f, place);
                if (r < 0 || (place.run == failed.run && place.block == failed.block))
                        return r;
        } while (next_place(f->plan, &place));
        return is_first(failed) ? write_block(f, failed) : 0;
}

static int write_place(struct flasher *f, struct place place) {
        static const char what[] = "writing";
        struct range block;
        size_t n = block_at(f, place, &block);
        int r;

        if (!f->began_writing)
                flasher_set_state(f, BOARD_PARTLY_WRITTEN);
        f->began_writing = true;
        r = write_block(f, place);
        if (r < 0) {
                r = flasher_prepare_retry(f, r, what, block.start);
                if (r == 0) {
                        r = f->plan->write_unit >= FLASH_UNIT_ONCE ? redo_sector(f, place)
                                                                   : write_block(f, place);
                        r = dfu_ask_why(f->dfu, r);
                }
        }
        if (r < 0)
                return flasher_fail(f, r, FWD_WRITE_FAILED, what, block.start);
        f->dfu->stats.written_bytes += n;
        return 0;
}

static void compare(struct flasher *f, uint64_t address, const uint8_t *expected,
                    const uint8_t *read, size_t n) {
        struct mismatch *m = &f->mismatch;

        if (memcmp(expected, read, n) == 0)
                return;
        for (size_t i = 0; i < n; i++) {
                if (expected[i] == read[i])
                        continue;
                if (m->n++ == 0) {
                        m->address = address + i;
                        m->expected = expected[i];
                        m->read = read[i];
                }
        }
}

static int verify_place(struct flasher *f, struct place place) {
        const struct flash_run *run = run_of(f, place);
        uint8_t read[FLASHER_BLOCK_SIZE_MAX];
        struct range block;
        size_t n = block_at(f, place, &block), index;
        uint64_t pointer = pointer_of(f, place, &index);
        int r;

        r = dfuse_select_alt(f->dfu, run->alt);
        if (r == 0)
                r = dfuse_read_block(f->dfu, pointer, index, read, n);
        if (r < 0)
                return flasher_fail(f, r, FWD_VERIFY_FAILED, "reading back", block.start);
        compare(f, block.start, run->data + (block.start - run->address), read, n);
        if (f->total - f->done >= n) /* not what is read back a second time */
                f->done += n;
        f->dfu->stats.verified_bytes = f->done;
        return 0;
}

static int verify_outcome(struct flasher *f) {
        const struct mismatch *m = &f->mismatch;
        int r;

        if (m->n == 0)
                return 0;
        r = fault_set_at(f->fault, FWD_VERIFY_FAILED, m->address,
                         "The flash differs from the image in %" PRIu64
                         " of the bytes read back, first at 0x%08" PRIx64
                         ": 0x%02x was written, 0x%02x was read%s",
                         m->n, m->address, m->expected, m->read,
                         f->holds_first ? "; the image's first block was held back, so that the "
                                          "board does not start it"
                                        : "");
        if (f->fault)
                f->fault->phase = f->phase;
        return r;
}

/* Passes over the plan */

static int write_rest(struct flasher *f) {
        struct place place = first_place;

        flasher_begin_phase(f, "writing", f->plan->write_bytes);
        while (next_place(f->plan, &place)) {
                struct range block;
                int r;

                r = flasher_safe_point(f);
                if (r < 0)
                        return r;
                r = write_place(f, place);
                if (r < 0)
                        return r;
                f->done += block_at(f, place, &block);
        }
        return flasher_safe_point(f);
}

/* All that was written: the first block too, unless it is still held back. Goes on behind a
 * difference, to tell how many there are. */
static int verify_written(struct flasher *f) {
        struct place place = first_place;

        do {
                int r;

                if (f->holds_first && is_first(place))
                        continue;
                r = flasher_safe_point(f);
                if (r == 0)
                        r = verify_place(f, place);
                if (r < 0 && f->mismatch.n > 0 && f->fault) {
                        /* What was found weighs more than why the search ended. */
                        *f->fault = (struct fault) FAULT_INIT;
                        return verify_outcome(f);
                }
                if (r < 0)
                        return r;
        } while (next_place(f->plan, &place));
        return verify_outcome(f);
}

static int commit_first(struct flasher *f) {
        int r;

        r = flasher_safe_point(f);
        if (r < 0)
                return r;
        f->redone = false;
        r = write_place(f, first_place);
        if (r < 0)
                return r;
        f->holds_first = false;
        flasher_set_state(f, BOARD_WRITTEN);
        if (f->redone) /* what was read back before is not what is there now */
                return verify_written(f);
        r = verify_place(f, first_place);
        return r < 0 ? r : verify_outcome(f);
}

static int flash_all(struct flasher *f) {
        struct dfu_stats *stats = &f->dfu->stats;
        uint64_t begin_ms = usb_now_ms(f->dfu->usb), erased_ms, written_ms;
        int r;

        r = flasher_erase_sectors(f);
        erased_ms = usb_now_ms(f->dfu->usb);
        stats->erase_ms += erased_ms - begin_ms;
        if (r < 0)
                return r;
        r = write_rest(f);
        written_ms = usb_now_ms(f->dfu->usb);
        stats->write_ms += written_ms - erased_ms;
        if (r < 0)
                return r;
        flasher_begin_phase(f, "verifying", f->plan->write_bytes);
        r = verify_written(f);
        if (r == 0)
                r = commit_first(f);
        stats->verify_ms += usb_now_ms(f->dfu->usb) - written_ms;
        return r;
}

int dfuse_flash(struct dfu *dfu, const struct flash_plan *plan, const struct dfu_callbacks *cb,
                struct fault *fault) {
        struct flasher f = {
                .dfu = dfu,
                .plan = plan,
                .cb = cb,
                .fault = fault,
                .phase = "erasing",
                .holds_first = true,
                .retries_before = dfu->stats.retries,
        };
        int r;

        if (!dfu->dfuse || plan->n_runs == 0 || plan->transfer_size != dfu->transfer_size)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "This plan was not made for this bootloader");
        dfu->stats = (struct dfu_stats){.retries = dfu->stats.retries};
        r = flash_all(&f);
        if (r < 0)
                return r;
        flasher_set_state(&f, BOARD_VERIFIED);
        if (cb && cb->progress)
                (void) cb->progress(cb->userdata, "verifying", f.total, f.total);
        /* All is in and right: whether the device comes to rest is the next one's matter. */
        (void) dfu_to_idle(dfu);
        return 0;
}
