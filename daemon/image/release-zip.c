/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bitcraze's release archives: a ZIP with a manifest.json that says of each file which platform,
 * which processor and what kind of thing it is for (crazyflie-lib-python, cflib/bootloader). The
 * one firmware for the STM32 is taken; what is for other processors is named, for nobody reaches
 * those over USB. libarchive checks the structure and the CRC-32 of what is read; here the numbers
 * are bounded. */

#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "image/parse.h"

#define ENTRIES_MAX      64U         /* files in the archive; releases have some ten */
#define MANIFEST_MAX     (64U << 10) /* bytes */
#define FIRST_ROOM       65536U
#define MANIFEST_NAME    "manifest.json"
#define MANIFEST_VERSION 2 /* the newest known */
#define NAME_SIZE        128U

DEFINE_CLEANUP(struct archive *, archive_read_free)
DEFINE_CLEANUP(json_t *, json_decref)

struct bytes {
        uint8_t *data;
        size_t size;
};

static void bytes_clear(struct bytes *b) {
        free(b->data);
}

bool release_zip_detect(const uint8_t *data, size_t size) {
        return size >= 4 && memcmp(data, "PK\003\004", 4) == 0;
}

static int damaged(struct archive *a, struct fault *fault) {
        const char *why = a ? archive_error_string(a) : NULL;
        char clean[128];

        text_sanitize(clean, sizeof(clean), why ? why : "it cannot be read");
        return fault_set(fault, FWD_INVALID_IMAGE, "The ZIP archive is damaged: %s", clean);
}

/* All of the entry that the archive stands at. */
static int read_entry(struct archive *a, size_t max, const char *what, struct bytes *ret,
                      struct fault *fault) {
        _cleanup_(bytes_clear) struct bytes b = {};
        size_t room = 0;

        for (;;) {
                la_ssize_t n;

                if (b.size == room) {
                        uint8_t *data;

                        room = room == 0 ? FIRST_ROOM : room * 2;
                        if (room > max)
                                room = max + 1;
                        data = realloc(b.data, room);
                        if (!data)
                                return fault_set(fault, FWD_FAILED,
                                                 "Out of memory while reading the archive");
                        b.data = data;
                }
                n = archive_read_data(a, b.data + b.size, room - b.size);
                if (n < 0)
                        return damaged(a, fault);
                if (n == 0)
                        break;
                b.size += (size_t) n;
                if (b.size > max)
                        return fault_set(fault, FWD_IMAGE_TOO_LARGE,
                                         "%s in the archive has more than %zu KiB", what,
                                         max >> 10);
        }
        *ret = b;
        b.data = NULL;
        return 0;
}

/* The bytes of the file of that name: 0, or -ENOENT without a fault. */
static int extract(const uint8_t *data, size_t size, const char *name, size_t max,
                   struct bytes *ret, struct fault *fault) {
        _cleanup_(archive_read_free_p) struct archive *a = archive_read_new();
        struct archive_entry *entry;
        unsigned n = 0;
        int r;

        if (!a || archive_read_support_format_zip_seekable(a) != ARCHIVE_OK)
                return fault_set(fault, FWD_FAILED, "Out of memory while reading the archive");
        if (archive_read_open_memory(a, data, size) != ARCHIVE_OK)
                return damaged(a, fault);
        while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
                const char *path = archive_entry_pathname_utf8(entry);

                if (++n > ENTRIES_MAX)
                        return fault_set(fault, FWD_INVALID_IMAGE,
                                         "The ZIP archive has more than %u files: it is no "
                                         "release of firmware",
                                         ENTRIES_MAX);
                if (path && strcmp(path, name) == 0)
                        return read_entry(a, max, name, ret, fault);
        }
        return r == ARCHIVE_EOF ? -ENOENT : damaged(a, fault);
}

static const char *text_of(const json_t *file, const char *key) {
        const char *text = json_string_value(json_object_get(file, key));

        return text ? text : "";
}

static bool is_firmware(const json_t *file) {
        return strcmp(text_of(file, "target"), "stm32") == 0 &&
               strcmp(text_of(file, "type"), "fw") == 0;
}

static void add_left_out(struct image *image, const char *name, const json_t *file) {
        size_t n = strlen(image->left_out);
        char clean[NAME_SIZE], target[32];

        text_sanitize(clean, sizeof(clean), name);
        text_sanitize(target, sizeof(target), text_of(file, "target"));
        /* A name that does not fit whole is left out with all behind it. */
        if (n + strlen(clean) + strlen(target) + 8 > sizeof(image->left_out))
                return;
        (void) snprintf(image->left_out + n, sizeof(image->left_out) - n, "%s%s (%s)",
                        n ? ", " : "", clean, target);
}

/* Finds the one file for the STM32; `name` points into the manifest. */
static int choose(json_t *files, struct image *image, const char **ret_name, struct fault *fault) {
        const char *name, *found = NULL;
        char first[NAME_SIZE], second[NAME_SIZE];
        json_t *file;

        json_object_foreach (files, name, file) {
                if (!is_firmware(file)) {
                        add_left_out(image, name, file);
                        continue;
                }
                if (found) {
                        text_sanitize(first, sizeof(first), found);
                        text_sanitize(second, sizeof(second), name);
                        return fault_set(fault, FWD_INVALID_IMAGE,
                                         "The release has several firmwares for the STM32 (%s, "
                                         "%s); unpack it and name one of them",
                                         first, second);
                }
                found = name;
                text_sanitize(image->platform, sizeof(image->platform), text_of(file, "platform"));
        }
        if (!found)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The release has no firmware for the STM32, only: %s",
                                 *image->left_out ? image->left_out : "nothing");
        *ret_name = found;
        return 0;
}

static int check_manifest(const json_t *manifest, struct fault *fault) {
        const json_t *version = json_object_get(manifest, "version");

        if (!json_is_integer(version) || !json_is_object(json_object_get(manifest, "files")))
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The archive's " MANIFEST_NAME
                                 " does not say which files there are");
        if (json_integer_value(version) < 1 || json_integer_value(version) > MANIFEST_VERSION)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The release's " MANIFEST_NAME " is of version %lld; %d is the "
                                 "newest that is known",
                                 (long long) json_integer_value(version), MANIFEST_VERSION);
        return 0;
}

int release_zip_extract(const uint8_t *data, size_t size, struct image *image, uint8_t **ret,
                        size_t *ret_size, struct fault *fault) {
        _cleanup_(bytes_clear) struct bytes text = {}, firmware = {};
        _cleanup_(json_decref_p) json_t *manifest = NULL;
        char clean[NAME_SIZE];
        json_error_t error;
        const char *name = NULL;
        int r;

        r = extract(data, size, MANIFEST_NAME, MANIFEST_MAX, &text, fault);
        if (r == -ENOENT)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The ZIP archive has no " MANIFEST_NAME
                                 ": it is no release of firmware; unpack it and name the firmware "
                                 "file");
        if (r < 0)
                return r;
        manifest = json_loadb((const char *) text.data, text.size, JSON_REJECT_DUPLICATES, &error);
        if (!manifest)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The archive's " MANIFEST_NAME " is broken in line %d",
                                 error.line);
        r = check_manifest(manifest, fault);
        if (r == 0)
                r = choose(json_object_get(manifest, "files"), image, &name, fault);
        if (r < 0)
                return r;
        text_sanitize(clean, sizeof(clean), name);
        r = extract(data, size, name, IMAGE_SIZE_MAX, &firmware, fault);
        if (r == -ENOENT)
                return fault_set(fault, FWD_INVALID_IMAGE,
                                 "The release names %s, and does not have it", clean);
        if (r < 0)
                return r;
        if (firmware.size == 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "%s in the release is empty", clean);
        *ret = firmware.data;
        *ret_size = firmware.size;
        firmware.data = NULL;
        return 0;
}
