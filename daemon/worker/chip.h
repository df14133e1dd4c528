/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Steps that the operations on a chip's flash have in common: flash, read, erase, unprotect. What
 * they need of the board's profile and of the command line is in the worker. Worker only. */

#include "worker/worker.h"

/* Progress and state go to the reporter, a cancel to the engine. */
struct dfu_callbacks chip_callbacks(struct worker *worker);
/* Opens the board as a DFU device and checks what it is. `ret_usb` outlives `ret`. */
int chip_open(struct worker *worker, struct usb_device **ret_usb, struct dfu *ret,
              struct fault *fault);
/* Tells the memory map and the chip, and where its flash is; FWD_NOT_SUPPORTED without DfuSe or
 * without flash. */
int chip_describe(struct worker *worker, const struct dfu *dfu, const struct memory_area **ret,
                  struct fault *fault);
/* Whether it is read protected: 0 or 1, told as a fact. */
int chip_probe(struct worker *worker, struct dfu *dfu, const struct memory_area *flash,
               struct fault *fault);
/* The same for those that cannot work on a protected chip: FWD_READ_PROTECTED. */
int chip_check_readable(struct worker *worker, struct dfu *dfu, const struct memory_area *flash,
                        struct fault *fault);
/* What the profile and the device say of what may be touched. */
struct flash_rules chip_rules(const struct worker *worker, const struct dfu *dfu);
/* Facts Plan, PlanSectors, PlanEraseBytes, PlanErases, PlanBlocks, PlanWriteBytes, PlanSeconds. */
void chip_report_plan(struct worker *worker, const struct dfu *dfu, const struct flash_plan *plan);
/* For a plan without a board: what was told of it, on the command line. */
int chip_on_paper(struct worker *worker, struct dfu *ret, struct fault *fault);

/* All of the flash, but what the chip does not have whatever it says. */
struct range chip_flash_range(const struct dfu *dfu, const struct memory_area *flash);
/* Reads all that a bootloader without addresses gives, and writes it to the output. */
int chip_plain_to_output(struct worker *worker, struct dfu *dfu, size_t *ret_size,
                         struct fault *fault);
/* Reads the range, which one or several areas hold without a gap, and writes it to the output when
 * it is complete. FWD_ADDRESS_OUT_OF_RANGE, FWD_IMAGE_TOO_LARGE (more than a file may have). */
int chip_read_to_output(struct worker *worker, struct dfu *dfu, struct range range,
                        struct fault *fault);
