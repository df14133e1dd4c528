/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the hardware database says of a USB device, looked up by the service itself: for a machine
 * whose udev has not, because fwd's files are not installed there, or because no udev runs. The
 * machine's own database comes first, then the one that is part of fwd. In the service. */

#include <stdint.h>

struct hwdb;

/* Never fails: what cannot be read is told, and says nothing of any device. NULL: no memory. */
struct hwdb *hwdb_new(void);
struct hwdb *hwdb_free(struct hwdb *hwdb);
/* NULL: it does not say. Valid until the next call. */
const char *hwdb_get(struct hwdb *hwdb, uint16_t vendor_id, uint16_t product_id,
                     const char *product, const char *key);
