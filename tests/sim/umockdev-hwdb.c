/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/testbed.h"

void hwdb_properties(struct sim *sim, const char *modalias,
                     void (*add)(void *userdata, const char *key, const char *value),
                     void *userdata) {
        if (!sim->hwdb || sd_hwdb_seek(sim->hwdb, modalias) < 0)
                return;
        const char *key, *value;
        while (sd_hwdb_enumerate(sim->hwdb, &key, &value) > 0)
                add(userdata, key, value);
}
