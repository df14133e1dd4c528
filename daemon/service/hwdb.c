/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/hwdb.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-hwdb.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "config.h"

#define OWN_FILE FWD_LIBDIR "/hwdb.bin"

struct hwdb {
        sd_hwdb *machine, *own;
};

struct hwdb *hwdb_new(void) {
        const char *file = getenv("FWD_HWDB");
        struct hwdb *hwdb = calloc(1, sizeof(*hwdb));
        int r;

        if (!hwdb)
                return NULL;
        if (!file)
                file = OWN_FILE;
        if (sd_hwdb_new(&hwdb->machine) < 0)
                hwdb->machine = NULL; /* nothing is installed there, which is what this is for */
        r = sd_hwdb_new_from_path(file, &hwdb->own);
        if (r < 0) {
                hwdb->own = NULL;
                log_warning("%s: boards are only known if udev knows them: %s", file, strerror(-r));
        }
        return hwdb;
}

struct hwdb *hwdb_free(struct hwdb *hwdb) {
        if (!hwdb)
                return NULL;
        sd_hwdb_unref(hwdb->machine);
        sd_hwdb_unref(hwdb->own);
        free(hwdb);
        return NULL;
}

const char *hwdb_get(struct hwdb *hwdb, uint16_t vendor_id, uint16_t product_id,
                     const char *product, const char *key) {
        /* As udev makes it of a USB device. */
        _cleanup_free_ char *modalias =
                text_format("usb:v%04" PRIX16 "p%04" PRIX16 ":%s", vendor_id, product_id, product);
        const char *value;

        if (!modalias)
                return NULL;
        if (hwdb->machine && sd_hwdb_get(hwdb->machine, modalias, key, &value) >= 0)
                return value;
        return hwdb->own && sd_hwdb_get(hwdb->own, modalias, key, &value) >= 0 ? value : NULL;
}
