/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Faults on demand, by text: "ACTION-WHEN" = "N[,M]", counted from the moment it is set.
 *
 *   ACTION  stall (M times, else once), hold (M times, else for ever from N on: no answer),
 *           unplug (power goes as the N-th begins), error (the N-th operation ends with status M)
 *   WHEN    transfer, dnload, upload, getstatus, clrstatus, abort: the N-th such control transfer
 *           erase, write, address: the N-th such operation of the chip (unplug: in its middle)
 *
 * e.g. "stall-getstatus" = "2,3", "unplug-erase" = "1", "error-write" = "5,0x06". */

#include <stdbool.h>
#include <stdint.h>

#define FAULTS_MAX 16U

enum fault_action { FAULT_NONE, FAULT_STALL, FAULT_HOLD, FAULT_UNPLUG, FAULT_STATUS };
enum fault_when {
        WHEN_TRANSFER,
        WHEN_DNLOAD,
        WHEN_UPLOAD,
        WHEN_GETSTATUS,
        WHEN_CLRSTATUS,
        WHEN_ABORT,
        WHEN_ERASE,
        WHEN_WRITE,
        WHEN_ADDRESS,
        _WHEN_MAX,
};

struct fault_rule {
        enum fault_action action;
        enum fault_when when;
        uint64_t first, times, seen;
        uint8_t status;
};

struct faults {
        struct fault_rule rules[FAULTS_MAX];
        unsigned n;
};

/* -ENOENT: not a fault's key, -EINVAL, -ENOSPC. */
int faults_set(struct faults *faults, const char *key, const char *value);
/* One such thing happens: what shall come of it. */
enum fault_action faults_hit(struct faults *faults, enum fault_when when, uint8_t *ret_status);
void faults_clear(struct faults *faults);
