/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What USB serial number will a chip's ROM bootloader show, given its unique id? Evidence that the
 * bootloader which came up is the board that was asked to reboot. Pure; in worker and service. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DFU_SERIAL_SIZE           13U /* 12 upper-case hexadecimal digits and the end */
#define DFU_SERIAL_CANDIDATES_MAX 6U

enum dfu_serial_verdict {
        DFU_SERIAL_MATCH,         /* one of those expected */
        DFU_SERIAL_NO_EVIDENCE,   /* a constant, or of another form: says nothing about the chip */
        DFU_SERIAL_CONTRADICTION, /* a number of the expected form, and another one */
};

/* The ROM's serial in the spellings sighted, the most frequent first, without doubles; `uid` are
 * the three words as MSP_UID gives them. Returns how many. */
size_t dfu_serial_candidates(const uint32_t uid[3],
                             char ret[DFU_SERIAL_CANDIDATES_MAX][DFU_SERIAL_SIZE]);

/* Twelve bytes as hexadecimal digits, in the order that they have in the chip's memory -> its three
 * words. -EINVAL. */
int chip_id_parse(const char *text, uint32_t ret[3]);
/* All candidates, with commas between. */
#define DFU_SERIAL_LIST_SIZE (DFU_SERIAL_CANDIDATES_MAX * DFU_SERIAL_SIZE)
void dfu_serial_list(const uint32_t uid[3], char ret[DFU_SERIAL_LIST_SIZE]);

/* True for what says nothing of one chip: a constant of some family, or of another form. */
bool dfu_serial_is_constant(const char *serial);

/* Compares what the device says with `expected`: one serial, or several with commas between. */
enum dfu_serial_verdict dfu_serial_check(const char *expected, const char *serial);
