/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A device with plain USB DFU 1.1, no addresses: the firmware is one run of bytes, block n at n
 * times wTransferSize. State machine after appendix A of the specification, strictly: what a state
 * does not allow stalls and is an error. At run time it shows the DFU interface of section 4.1 and
 * is brought to DFU mode by DETACH and a bus reset. */

struct model;

/* Plugged in it is in DFU mode, unless set "mode" = "runtime". NULL: no memory. */
struct model *dfu11_new(void);
