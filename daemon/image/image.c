/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/image.h"

#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "image/parse.h"

/* In this order: what a file begins with says more than what it ends with. */
static const struct parser {
        enum image_format format;
        bool (*detect)(const uint8_t *data, size_t size);
        int (*parse)(const uint8_t *data, size_t size, struct image *image, struct fault *fault);
} parsers[] = {
        /* clang-format off */
        {IMAGE_DFUSE, dfuse_detect, dfuse_parse},
        {IMAGE_ELF, elf_detect, elf_parse},
        {IMAGE_UF2, uf2_detect, uf2_parse},
        {IMAGE_SREC, srec_detect, srec_parse},
        {IMAGE_IHEX, ihex_detect, ihex_parse},
        {IMAGE_DFU, dfu_suffix_detect, dfu_suffix_parse},
        /* clang-format on */
};

const char *image_format_name(enum image_format format) {
        static const char *const names[_IMAGE_FORMAT_MAX] = {
                [IMAGE_RAW] = "raw",   [IMAGE_IHEX] = "ihex", [IMAGE_DFUSE] = "dfuse",
                [IMAGE_DFU] = "dfu",   [IMAGE_ELF] = "elf",   [IMAGE_UF2] = "uf2",
                [IMAGE_SREC] = "srec",
        };

        return (int) format >= 0 && format < _IMAGE_FORMAT_MAX ? names[format] : "unknown";
}

int image_add(struct image *image, uint64_t address, const uint8_t *data, size_t size,
              struct fault *fault) {
        struct range r;

        if (range_make(address, size, &r) < 0 || r.end > IMAGE_ADDRESS_END)
                return fault_set_at(fault, FWD_INVALID_IMAGE, address,
                                    "%zu bytes at 0x%08" PRIx64
                                    " end behind the 32-bit address space",
                                    size, address);
        if (segments_add(&image->segments, address, data, size) < 0)
                return fault_set(fault, FWD_FAILED, "Out of memory while reading the image");
        if (image->segments.n > IMAGE_PIECES_MAX)
                return fault_set_at(fault, FWD_INVALID_IMAGE, address,
                                    "The image is in more than %u separate pieces",
                                    IMAGE_PIECES_MAX);
        return 0;
}

static int raw_parse(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        const char *foreign = image_foreign_format(data, size);

        if (foreign)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The file is %s; a raw binary, Intel HEX, S-record, UF2, DFU or "
                                 "ELF file is needed",
                                 foreign);
        image->format = IMAGE_RAW;
        return image_add(image, 0, data, size, fault);
}

static int parse_any(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        for (size_t i = 0; i < ARRAY_SIZE(parsers); i++)
                if (parsers[i].detect(data, size)) {
                        image->format = parsers[i].format;
                        return parsers[i].parse(data, size, image, fault);
                }
        return raw_parse(data, size, image, fault);
}

static int parse_gzip(const uint8_t *data, size_t size, struct image *image, struct fault *fault) {
        _cleanup_free_ uint8_t *inside = NULL;
        size_t inside_size;
        int r = gzip_inflate(data, size, &inside, &inside_size, fault);

        if (r < 0)
                return r;
        if (inside_size == 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "The compressed file is empty");
        if (gzip_detect(inside, inside_size))
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The file is compressed twice; uncompress it once (gunzip)");
        image->gzip = true;
        return parse_any(inside, inside_size, image, fault);
}

static int parse_release(const uint8_t *data, size_t size, struct image *image,
                         struct fault *fault) {
        _cleanup_free_ uint8_t *inside = NULL;
        size_t inside_size;
        int r = release_zip_extract(data, size, image, &inside, &inside_size, fault);

        if (r < 0)
                return r;
        image->release = true;
        /* An archive or a compressed file in it is no firmware. */
        if (release_zip_detect(inside, inside_size) || gzip_detect(inside, inside_size))
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The firmware in the release is packed once more; unpack it");
        return parse_any(inside, inside_size, image, fault);
}

static bool is_erased(const struct segments *segments) {
        for (size_t i = 0; i < segments->n; i++)
                for (size_t k = 0; k < segments->items[i].size; k++)
                        if (segments->items[i].data[k] != 0xff)
                                return false;
        return true;
}

static int finish(struct image *image, struct fault *fault) {
        uint64_t address = 0;
        int r = segments_finish(&image->segments, &address);

        if (r == -EEXIST)
                return fault_set_at(fault, FWD_INVALID_IMAGE, address,
                                    "Two parts of the file overlap at 0x%08" PRIx64, address);
        if (r < 0)
                return fault_set(fault, FWD_FAILED, "Out of memory while reading the image");
        if (image->segments.n == 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "The file holds no firmware bytes");
        if (is_erased(&image->segments))
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The image is blank: all of its %" PRIu64 " bytes are 0xFF",
                                 segments_size(&image->segments));
        return 0;
}

int image_place(struct image *image, const struct image_options *options, struct fault *fault) {
        struct segment *first = &image->segments.items[0];
        struct range r;

        if (!options || !options->has_address)
                return 0;
        if (image->has_address) {
                if (options->address != first->address)
                        return fault_set_at(fault, FWD_INVALID_ARGUMENT, options->address,
                                            "The file itself says that it belongs at 0x%08" PRIx64
                                            ", not at 0x%08" PRIx64,
                                            first->address, options->address);
                return 0;
        }
        if (range_make(options->address, first->size, &r) < 0 || r.end > IMAGE_ADDRESS_END)
                return fault_set_at(fault, FWD_INVALID_ARGUMENT, options->address,
                                    "%zu bytes at 0x%08" PRIx64
                                    " end behind the 32-bit address space",
                                    first->size, options->address);
        first->address = options->address;
        image->has_address = true;
        return 0;
}

static void hash(const uint8_t *data, size_t size, uint8_t sha256[static SHA256_DIGEST_SIZE]) {
        struct sha256_ctx context;

        sha256_init(&context);
        sha256_update(&context, size, data);
        sha256_digest(&context, SHA256_DIGEST_SIZE, sha256);
}

int image_parse(const uint8_t *data, size_t size, const struct image_options *options,
                struct image **ret, struct fault *fault) {
        _cleanup_image_ struct image *image = NULL;
        int r;

        if (size == 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "The file is empty");
        if (size > IMAGE_SIZE_MAX)
                return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                 "The file has %zu bytes; a firmware file has at most %u MiB", size,
                                 IMAGE_SIZE_MAX >> 20);
        image = calloc(1, sizeof(*image));
        if (!image)
                return fault_set(fault, FWD_FAILED, "Out of memory while reading the image");
        image->vendor_id = image->product_id = image->bcd_device = IMAGE_ID_ANY;
        image->alt = -1;

        if (gzip_detect(data, size))
                r = parse_gzip(data, size, image, fault);
        else if (release_zip_detect(data, size))
                r = parse_release(data, size, image, fault);
        else
                r = parse_any(data, size, image, fault);
        if (r < 0)
                return r;
        r = finish(image, fault);
        if (r < 0)
                return r;
        r = image_place(image, options, fault);
        if (r < 0)
                return r;
        hash(data, size, image->sha256);
        *ret = TAKE_PTR(image);
        return 0;
}

struct image *image_free(struct image *image) {
        if (image) {
                segments_clear(&image->segments);
                free(image);
        }
        return NULL;
}

void image_segments_text(const struct segments *segments, char *to, size_t to_size) {
        static const char more[] = ",...";
        size_t used = 0;

        to[0] = '\0';
        for (size_t i = 0; i < segments->n; i++) {
                const struct segment *s = &segments->items[i];
                bool last = i + 1 == segments->n;
                char item[64];
                int n = snprintf(item, sizeof(item), "%s0x%08" PRIx64 "+%zu", i ? "," : "",
                                 s->address, s->size);

                if (used + (size_t) n + (last ? 1 : sizeof(more)) > to_size) {
                        (void) snprintf(to + used, to_size - used, "%s", i ? more : more + 1);
                        return;
                }
                memcpy(to + used, item, (size_t) n + 1);
                used += (size_t) n;
        }
}
