/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A board model as a usb_device: transfers go to the model at once, time is virtual. What the real
 * backend would answer in a state, this one does: a transfer that is not answered in time is
 * -ETIMEDOUT, a board that left its bus is -ENODEV for good. */

#include "model.h"
#include "protocol/usb.h"

struct fake_transfer {
        struct model_setup setup;
        uint8_t data[8]; /* the first bytes, either direction */
        int result;
        uint64_t begin_us, end_us;
};

struct fake_usb {
        struct usb_device usb; /* first */
        struct model *model;   /* not owned */
        uint64_t now_us;
        unsigned generation; /* of the model when it was opened */
        uint64_t slept_ms;
        struct fake_transfer *trace; /* owned */
        size_t n_trace, trace_room;
        int busy;           /* claim fails with this errno */
        bool cancel_sleeps; /* every sleep is broken off once */
        bool sleep_broken;
};

/* Plugs the board in, unless it is, and waits until it is on the bus. */
void fake_usb_init(struct fake_usb *fake, struct model *model, uint64_t now_us);
void fake_usb_clear(struct fake_usb *fake);
/* One line a transfer from `first` on: "21 01 0000 0005 4100000008" or, for GETSTATUS,
 * "A1 03 -> 00 04". Free it. */
char *fake_usb_trace(const struct fake_usb *fake, size_t first);
