/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One simulated board, opened, with an image to flash and a memory of what the engine told. Any
 * step that must not fail fails the test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake-usb.h"
#include "protocol/dfu.h"

#define RIG_FLASH    UINT64_C(0x08000000)
#define RIG_OLD_SIZE (192U * 1024U) /* bytes of an old firmware in each chip */
#define KIB          1024U

struct rig {
        struct model *model;
        struct fake_usb fake;
        struct dfu dfu;
        struct segments image;
        struct flash_plan plan;
        struct fault fault;

        enum board_state state;
        unsigned n_states;
        const char *phase;
        uint64_t done, total;
        unsigned n_progress, cancel_at; /* the how-manieth progress says "cancel"; 0: none */
        bool trouble;                   /* the DNLOAD after each progress stalls */
        const char *phases[16];
        unsigned n_phases;
};

/* Makes the board, with its old firmware; does not open it. Options as for model_new, or NULL. */
void rig_init(struct rig *rig, const char *kind, const char *const *options);
void rig_clear(struct rig *rig);
#define _cleanup_rig_ _cleanup_(rig_clear)
/* Does not open anew what is open. */
void rig_open(struct rig *rig);
void rig_add(struct rig *rig, uint64_t address, size_t size);
void rig_plan(struct rig *rig);
/* rig_plan, and dfuse_flash with the callbacks of the rig. */
int rig_flash(struct rig *rig);
void rig_set(struct rig *rig, const char *key, const char *format, ...) _printf_(3, 4);
/* True if the chip holds the image. */
bool rig_holds_image(struct rig *rig);
/* Fails unless what was told agrees with what is in the chip, whatever became of the flash. */
void rig_expect_consistent(struct rig *rig, int result);
/* Fails unless the flash went well, and told so. */
void rig_expect_flashed(struct rig *rig, int result);
void rig_expect_fault(struct rig *rig, int result, enum fwd_error error);
const struct dfu_callbacks *rig_callbacks(struct rig *rig);
