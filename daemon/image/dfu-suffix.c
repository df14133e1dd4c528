/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Raw bytes with a DFU suffix behind them: USB Device Class Specification for DFU 1.1, appendix B.
 * The fields lie in reverse order, so that a longer suffix of a later version still ends alike. */

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "image/parse.h"

#define BCD_DFU_DFUSE 0x011aU

/* From the end of the file. */
enum {
        AT_BCD_DEVICE = 16,
        AT_PRODUCT = 14,
        AT_VENDOR = 12,
        AT_BCD_DFU = 10,
        AT_SIGNATURE = 8,
        AT_LENGTH = 5,
        AT_CRC = 4,
};

bool dfu_suffix_detect(const uint8_t *data, size_t size) {
        return size >= DFU_SUFFIX_SIZE && memcmp(data + size - AT_SIGNATURE, "UFD", 3) == 0;
}

int dfu_suffix_read(const uint8_t *data, size_t size, struct dfu_suffix *ret, struct fault *fault) {
        const uint8_t *end = data + size;
        uint32_t stored, computed;
        size_t length;

        if (!dfu_suffix_detect(data, size))
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DFU file is incomplete: its %zu bytes do not end in a DFU "
                                 "suffix",
                                 size);
        length = end[-AT_LENGTH];
        if (length < DFU_SUFFIX_SIZE || length > size)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DFU suffix says that it has %zu bytes; %u to %zu are "
                                 "possible",
                                 length, DFU_SUFFIX_SIZE, size);
        /* The running CRC-32 without its last inversion. */
        computed = ~(uint32_t) crc32(0, data, (uInt) (size - AT_CRC));
        stored = read_le32(end - AT_CRC);
        if (stored != computed)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DFU file is damaged: its CRC is 0x%08" PRIX32
                                 ", its bytes give 0x%08" PRIX32,
                                 stored, computed);
        *ret = (struct dfu_suffix){
                .bcd_device = read_le16(end - AT_BCD_DEVICE),
                .product_id = read_le16(end - AT_PRODUCT),
                .vendor_id = read_le16(end - AT_VENDOR),
                .bcd_dfu = read_le16(end - AT_BCD_DFU),
                .length = length,
        };
        return 0;
}

int dfu_suffix_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        struct dfu_suffix suffix;
        int r;

        r = dfu_suffix_read(data, size, &suffix, fault);
        if (r < 0)
                return r;
        if (suffix.bcd_dfu == BCD_DFU_DFUSE)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DFU suffix is that of a DfuSe file, but the file does not "
                                 "begin with \"DfuSe\"");
        if (suffix.bcd_dfu != 0x0100 && suffix.bcd_dfu != 0x0110)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DFU suffix is of version 0x%04X; 0x0100 and 0x0110 are known",
                                 suffix.bcd_dfu);
        image->bcd_device = suffix.bcd_device;
        image->product_id = suffix.product_id;
        image->vendor_id = suffix.vendor_id;
        return image_add(image, 0, data, size - suffix.length, fault);
}
