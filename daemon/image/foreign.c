/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "image/parse.h"

/* A raw image says nothing of itself, so everything looks like one. These are the files that people
 * take for firmware by mistake, or that firmware comes packed in; a format that gets a parser of
 * its own leaves this table. */
static const struct {
        size_t offset;
        const char *magic;
        size_t size;
        const char *name;
} foreign[] = {
#define MAGIC(offset, text, name)                                                                  \
        { offset, text, sizeof(text) - 1, name }
        MAGIC(0, "PK\005\006", "an empty ZIP archive"),
        MAGIC(0, "\x1f\x8b", "compressed by a method that gzip does not have"),
        MAGIC(0, "BZh", "bzip2 compressed"),
        MAGIC(0,
              "\xfd"
              "7zXZ\0",
              "xz compressed"),
        MAGIC(0, "\x28\xb5\x2f\xfd", "zstd compressed"),
        MAGIC(0, "7z\xbc\xaf\x27\x1c", "a 7z archive"),
        MAGIC(0, "Rar!\x1a\x07", "a RAR archive"),
        MAGIC(257, "ustar", "a tar archive"),
        MAGIC(0,
              "\x7f"
              "ELF",
              "an ELF file"),
        MAGIC(0, "MZ", "a Windows program"),
        MAGIC(0, "%PDF-", "a PDF document"),
        MAGIC(0, "\x89PNG", "a picture"),
#undef MAGIC
};

/* Bytes looked at to tell a text from firmware. A vector table alone has zero bytes. */
#define TEXT_PROBE_SIZE 4096U

static bool is_text(const uint8_t *data, size_t size) {
        if (size > TEXT_PROBE_SIZE)
                size = TEXT_PROBE_SIZE;
        for (size_t i = 0; i < size; i++)
                if ((data[i] < ' ' && !memchr("\t\n\r\f", data[i], 4)) || data[i] == 0x7f)
                        return false;
        for (size_t i = 0; i < size; i++)
                if (data[i] < 0x80)
                        return true;
        return false; /* nothing but high bytes: erased flash, say */
}

static const char *text_kind(const uint8_t *data, size_t size) {
        while (size > 0 && isspace(data[0])) {
                data++;
                size--;
        }
        if (size > 0 && data[0] == '<')
                return "a web page; the download went wrong";
        if (size > 0 && data[0] == '{')
                return "JSON text (a .px4 or .apj package, perhaps), which is not supported yet";
        return "a text";
}

const char *image_foreign_format(const uint8_t *data, size_t size) {
        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
                if (size >= foreign[i].offset + foreign[i].size &&
                    memcmp(data + foreign[i].offset, foreign[i].magic, foreign[i].size) == 0)
                        return foreign[i].name;
        return is_text(data, size) ? text_kind(data, size) : NULL;
}
