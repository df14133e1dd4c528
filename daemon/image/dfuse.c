/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ST's DfuSe container, after UM0391: a prefix, targets (one for each alternate setting) of
 * elements (bytes at an address), a DFU suffix. Every size in it is said twice, and looked at. */

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "image/parse.h"

#define PREFIX_SIZE  11U  /* "DfuSe", version, DFUImageSize, bTargets */
#define TARGET_SIZE  274U /* "Target", alt, named, name[255], size, elements */
#define ELEMENT_SIZE 8U   /* address, size */
#define NAME_SIZE    255U

struct reader {
        const uint8_t *data;
        size_t at, end; /* the suffix begins at `end` */
        struct image *image;
        struct fault *fault;
        unsigned target; /* counted from 1 */
};

bool dfuse_detect(const uint8_t *data, size_t size) {
        return size >= 5 && memcmp(data, "DfuSe", 5) == 0;
}

static int take_element(struct reader *r, uint32_t element, size_t end) {
        uint32_t address, size;
        size_t at = r->at;

        if (end - at < ELEMENT_SIZE)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "DfuSe target %u: its size leaves no room for element %" PRIu32
                                 " at offset %zu",
                                 r->target, element, at);
        address = read_le32(r->data + at);
        size = read_le32(r->data + at + 4);
        at += ELEMENT_SIZE;
        if (size == 0)
                return fault_set_at(r->fault, FWD_INVALID_IMAGE, address,
                                    "DfuSe target %u: element %" PRIu32 " is empty", r->target,
                                    element);
        if (size > end - at)
                return fault_set_at(r->fault, FWD_INVALID_IMAGE, address,
                                    "DfuSe target %u: element %" PRIu32 " has %" PRIu32
                                    " bytes, but its target only %zu more",
                                    r->target, element, size, end - at);
        r->at = at + size;
        return image_add(r->image, address, r->data + at, size, r->fault);
}

static void take_name(struct image *image, const uint8_t *target) {
        char name[NAME_SIZE + 1] = {};

        /* bTargetNamed is four bytes; ST's own tool leaves all but the first to chance. */
        if (target[7])
                memcpy(name, target + 11, NAME_SIZE);
        text_sanitize(image->target_name, sizeof(image->target_name), name);
}

static int take_target(struct reader *r) {
        const uint8_t *target = r->data + r->at;
        size_t left = r->end - r->at, end;
        uint32_t size, n_elements;

        if (left < TARGET_SIZE)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "DfuSe target %u is cut short: %zu bytes are left at offset %zu, "
                                 "its header has %u",
                                 r->target, left, r->at, TARGET_SIZE);
        if (memcmp(target, "Target", 6) != 0)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "DfuSe target %u: \"Target\" is missing at offset %zu", r->target,
                                 r->at);
        size = read_le32(target + 266);
        n_elements = read_le32(target + 270);
        if (size > left - TARGET_SIZE)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "DfuSe target %u is cut short: it has %" PRIu32
                                 " bytes, %zu are there",
                                 r->target, size, left - TARGET_SIZE);
        r->at += TARGET_SIZE;
        end = r->at + size;
        if (n_elements > 0) {
                if (r->image->alt >= 0 && r->image->alt != target[6])
                        return fault_set(r->fault, FWD_INVALID_IMAGE,
                                         "The DfuSe file has data for the alternate settings %d "
                                         "and %u; use one file for each memory",
                                         r->image->alt, target[6]);
                if (r->image->alt < 0)
                        take_name(r->image, target);
                r->image->alt = target[6];
        }
        for (uint32_t i = 1; i <= n_elements; i++) {
                int n = take_element(r, i, end);

                if (n < 0)
                        return n;
        }
        if (r->at != end)
                return fault_set(r->fault, FWD_INVALID_IMAGE,
                                 "DfuSe target %u: its size is %" PRIu32
                                 " bytes, its elements have %zu",
                                 r->target, size, size - (end - r->at));
        return 0;
}

int dfuse_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        struct reader r = {.data = data, .image = image, .fault = fault};
        struct dfu_suffix suffix;
        uint32_t image_size;
        unsigned n_targets;
        int n;

        n = dfu_suffix_read(data, size, &suffix, fault);
        if (n < 0)
                return n;
        if (suffix.bcd_dfu != 0x011a)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DfuSe file's suffix is of version 0x%04X instead of 0x011A",
                                 suffix.bcd_dfu);
        r.end = size - suffix.length;
        if (r.end < PREFIX_SIZE)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DfuSe file is cut short: %zu bytes, its prefix has %u", r.end,
                                 PREFIX_SIZE);
        if (data[5] != 1)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DfuSe file is of version %u; 1 is known", data[5]);
        /* UM0391 counts without the suffix; dfuse-pack 0.11 counts it in. */
        image_size = read_le32(data + 6);
        if (image_size != r.end && image_size != size)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DfuSe prefix announces %" PRIu32
                                 " bytes, but the file has %zu (%zu with its suffix)",
                                 image_size, r.end, size);
        n_targets = data[10];
        if (n_targets == 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "The DfuSe file has no target");

        image->has_address = true;
        image->bcd_device = suffix.bcd_device;
        image->product_id = suffix.product_id;
        image->vendor_id = suffix.vendor_id;
        r.at = PREFIX_SIZE;
        for (r.target = 1; r.target <= n_targets; r.target++) {
                n = take_target(&r);
                if (n < 0)
                        return n;
        }
        if (r.at != r.end)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The DfuSe file has %zu bytes behind its last target, at offset "
                                 "%zu",
                                 r.end - r.at, r.at);
        return 0;
}
