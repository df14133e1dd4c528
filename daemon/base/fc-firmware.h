/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The firmwares of flight controllers: what they call themselves in their images, and over MSP. The
 * worker reads the one out of a firmware file, the board tells the other, and the service holds
 * them against each other. Pure. */

#include <stddef.h>

struct fc_firmware {
        const char *name;    /* "Betaflight" */
        const char *variant; /* "BTFL", as MSP_FC_VARIANT says it */
};

#define FC_FIRMWARES 5U

extern const struct fc_firmware fc_firmwares[FC_FIRMWARES];

/* NULL: none that is known. */
const char *fc_firmware_name(const char *variant);
