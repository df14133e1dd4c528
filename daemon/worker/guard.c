/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mcu.h"
#include "image/claims.h"

bool guard_raw_address(const struct board_profile *profile, struct image_options *ret) {
        if (!profile || !profile->has_raw_address)
                return false;
        *ret = (struct image_options){true, profile->raw_address};
        return true;
}

/* Exceptions of a Cortex-M besides the reset, before a chip's own interrupts (DDI 0403E, B1.5.2).
 */
#define SYSTEM_VECTORS 16U

/* Where a vector of the image points into the place of the board's own loader; 0 if none does. */
static uint32_t vector_into_loader(const struct image *image, const struct board_profile *profile) {
        const uint64_t table = image->segments.items[0].address;
        uint32_t stack, reset, even, odd;

        if (!image_read_vectors(image, table, &stack, &reset) ||
            !image_is_stack(stack, profile->unaligned_stack))
                return 0;
        for (unsigned i = 0; i < SYSTEM_VECTORS; i += 2) {
                if (!image_read_vectors(image, table + 4ULL * i, &even, &odd))
                        break;
                if (i > 0 && even % 2 == 1 && range_has(profile->recover, even - 1))
                        return even;
                if (odd % 2 == 1 && range_has(profile->recover, odd - 1))
                        return odd;
        }
        return 0;
}

/* Linked for where the loader is: the loader itself, or a firmware built for a board without one.
 */
static int check_linked(const struct image *image, const struct board_profile *profile,
                        struct fault *fault) {
        const uint64_t at = image->segments.items[0].address;
        uint32_t vector = range_is_empty(profile->recover) ? 0 : vector_into_loader(image, profile);

        if (vector == 0)
                return 0;
        return fault_set_at(
                fault, range_has(profile->recover, at) ? FWD_PROTECTED_REGION : FWD_INVALID_IMAGE,
                at,
                "The file is linked for 0x%08" PRIx64 ", where the board's own loader "
                "is, and not behind it.%s%s",
                profile->recover.start, profile->image_hint ? " " : "",
                profile->image_hint ? profile->image_hint : "");
}

int guard_check_image(const struct image *image, const struct board_profile *profile,
                      struct fault *fault) {
        const struct segments *segments = &image->segments;

        int r;

        if (!profile || !image->has_address)
                return 0;
        r = check_linked(image, profile, fault);
        if (r < 0)
                return r;
        for (size_t i = 0; i < segments->n; i++)
                for (size_t j = 0; j < profile->n_protected; j++) {
                        struct range hit = range_intersect(segment_range(&segments->items[i]),
                                                           profile->protected_ranges[j]);

                        if (!range_is_empty(hit))
                                return fault_set_at(fault, FWD_PROTECTED_REGION, hit.start,
                                                    "The firmware would overwrite protected flash "
                                                    "of the board (0x%08" PRIx64 " to 0x%08" PRIx64
                                                    ")",
                                                    profile->protected_ranges[j].start,
                                                    profile->protected_ranges[j].end);
                }
        if (profile->check_vectors && segments->n > 0)
                return image_check_vectors(image, segments->items[0].address,
                                           profile->unaligned_stack, fault);
        return 0;
}

int guard_check_loader(const struct image *image, const struct board_profile *profile,
                       struct fault *fault) {
        const struct range place = profile->recover;
        const struct segments *segments = &image->segments;
        uint32_t stack, reset;

        for (size_t i = 0; i < segments->n; i++) {
                struct range r = segment_range(&segments->items[i]);

                if (range_contains(place, r))
                        continue;
                if (range_has(place, r.start))
                        return fault_set_at(fault, FWD_IMAGE_TOO_LARGE, place.end,
                                            "The file ends at 0x%08" PRIx64 ", the loader's place "
                                            "of %" PRIu64 " bytes at 0x%08" PRIx64,
                                            r.end, range_size(place), place.end);
                return fault_set_at(fault, FWD_ADDRESS_OUT_OF_RANGE, r.start,
                                    "The file has bytes at 0x%08" PRIx64
                                    ", where no loader of this board is",
                                    r.start);
        }
        if (!image_read_vectors(image, place.start, &stack, &reset) ||
            !image_is_stack(stack, profile->unaligned_stack) || reset % 2 == 0 ||
            !range_has(segment_range(&segments->items[0]), reset - 1))
                return fault_set_at(fault, FWD_INVALID_IMAGE, place.start,
                                    "The file is no loader for this board: it does not begin with "
                                    "a vector table for 0x%08" PRIx64,
                                    place.start);
        return 0;
}

int guard_check_ids(const struct image *image, uint16_t vendor_id, uint16_t product_id,
                    struct fault *fault) {
        if ((image->vendor_id == IMAGE_ID_ANY || image->vendor_id == vendor_id) &&
            (image->product_id == IMAGE_ID_ANY || image->product_id == product_id))
                return 0;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "The firmware file is for USB id %04x:%04x, the board is %04x:%04x",
                         image->vendor_id, image->product_id, vendor_id, product_id);
}

/* As the text stands in the compiled firmware: with its NUL. */
static bool image_has_text(const struct image *image, const char *text) {
        for (size_t i = 0; i < image->segments.n; i++)
                if (memmem(image->segments.items[i].data, image->segments.items[i].size, text,
                           strlen(text) + 1))
                        return true;
        return false;
}

int guard_check_type(const struct image *image, const struct board_profile *profile,
                     const char *type, struct fault *fault) {
        char others[128] = "";
        size_t n = 0;

        if (!*type || !profile || !profile->image_types || image_has_text(image, type))
                return 0;
        for (char **t = profile->image_types; *t; t++) {
                if (!image_has_text(image, *t) || n >= sizeof(others))
                        continue;
                n += (size_t) snprintf(others + n, sizeof(others) - n, "%s%s", n ? ", " : "", *t);
        }
        if (n == 0)
                return 1;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "The firmware file is for boards of type %s, and this one is a %s (its "
                         "one-time memory says so)",
                         others, type);
}

int guard_check_family(const struct image *image, const struct dfu_chip *chip,
                       struct fault *fault) {
        const char *name = image->has_family ? uf2_family_name(image->family) : NULL;

        if (!name || !chip || dfu_chip_may_be(chip, name))
                return 0;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "The firmware file is for chips of the family %s, the board has an %s",
                         name, chip->name);
}

int guard_check_mcu(const struct image *image, const struct dfu_chip *chip, struct fault *fault) {
        /* All that have the map have the memory of the first that its name tells. */
        const struct mcu *mcu = chip ? mcu_find(chip->name) : NULL;
        struct claims claims;

        if (!chip)
                return 0;
        image_claims(image, &claims);
        if (claims.mcu[0] && !dfu_chip_takes_mcu(chip, claims.mcu))
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware is %s for %s, but the chip of this board is an %s",
                                 claims.firmware[0] ? claims.firmware : "built", claims.mcu,
                                 chip->name);
        if (claims.has_stack && mcu && !mcu_takes_stack(mcu, claims.stack))
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The firmware has its stack at 0x%08" PRIx32 ", where the chip "
                                 "of this board (%s) has no memory",
                                 claims.stack, chip->name);
        return 0;
}

/* USB 2.0 §9.6.1: a device descriptor begins so, with 64 bytes on EP0, which all these chips have.
 */
static const uint8_t device_head[] = {18, 1, 0x00, 0x02};
#define DEVICE_EP0_OFFSET    7U
#define DEVICE_EP0_SIZE      64U
#define DEVICE_VENDOR_OFFSET 8U
#define DEVICE_SIZE          18U

static bool is_wanted(const struct board_profile *profile, const char *id) {
        for (char **want = profile->image_usb_ids; *want; want++)
                if (strcmp(*want, id) == 0)
                        return true;
        return false;
}

/* The next device descriptor of the vendor that the profile names first; its id. */
static const uint8_t *next_descriptor(const uint8_t *at, const uint8_t *end, const char *vendor,
                                      char id[static 10]) {
        while ((at = memmem(at, (size_t) (end - at), device_head, sizeof(device_head)))) {
                const uint8_t *d = at++;

                if ((size_t) (end - d) < DEVICE_SIZE || d[DEVICE_EP0_OFFSET] != DEVICE_EP0_SIZE)
                        continue;
                d += DEVICE_VENDOR_OFFSET;
                (void) snprintf(id, 10, "%04x:%04x", d[0] | d[1] << 8, d[2] | d[3] << 8);
                if (strncmp(id, vendor, 5) == 0)
                        return at;
        }
        return NULL;
}

int guard_check_usb_ids(const struct image *image, const struct board_profile *profile,
                        struct fault *fault) {
        char id[10] = "", other[10] = "";

        if (!profile || !profile->image_usb_ids || !profile->image_usb_ids[0])
                return 0;
        for (size_t i = 0; i < image->segments.n; i++) {
                const struct segment *s = &image->segments.items[i];
                const uint8_t *at = s->data;

                while ((at = next_descriptor(at, s->data + s->size, profile->image_usb_ids[0],
                                             id))) {
                        if (is_wanted(profile, id))
                                return 0;
                        memcpy(other, id, sizeof(other));
                }
        }
        if (!*other)
                return 0;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "The firmware is for the USB device %s, and does not belong on a board of "
                         "this kind (%s)",
                         other, profile->title);
}
