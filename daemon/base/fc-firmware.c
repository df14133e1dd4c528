/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fc-firmware.h"

#include <string.h>

const struct fc_firmware fc_firmwares[FC_FIRMWARES] = {
        {"Betaflight", "BTFL"},  {"INAV", "INAV"},        {"EmuFlight", "EMUF"},
        {"Rotorflight", "RTFL"}, {"Cleanflight", "CLFL"},
};

const char *fc_firmware_name(const char *variant) {
        for (size_t i = 0; i < FC_FIRMWARES; i++)
                if (strcmp(variant, fc_firmwares[i].variant) == 0)
                        return fc_firmwares[i].name;
        return NULL;
}
