/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "image/parse.h"

void bytes_free(struct bytes *bytes) {
        free(bytes->data);
        *bytes = (struct bytes){};
}

void put(struct bytes *bytes, const void *data, size_t size) {
        if (size == 0)
                return;
        bytes->data = realloc(bytes->data, bytes->size + size);
        assert_non_null(bytes->data);
        memcpy(bytes->data + bytes->size, data, size);
        bytes->size += size;
}

void put_text(struct bytes *bytes, const char *text) {
        put(bytes, text, strlen(text));
}

void put_fill(struct bytes *bytes, uint8_t value, size_t size) {
        for (size_t i = 0; i < size; i++)
                put(bytes, &value, 1);
}

void put_le16(struct bytes *bytes, uint16_t value) {
        put(bytes, (uint8_t[]){(uint8_t) value, (uint8_t) (value >> 8)}, 2);
}

void put_le32(struct bytes *bytes, uint32_t value) {
        put_le16(bytes, (uint16_t) value);
        put_le16(bytes, (uint16_t) (value >> 16));
}

void set_le32(struct bytes *bytes, size_t at, uint32_t value) {
        assert_true(at + 4 <= bytes->size);
        for (unsigned i = 0; i < 4; i++)
                bytes->data[at + i] = (uint8_t) (value >> 8 * i);
}

void put_suffix(struct bytes *bytes, uint16_t vendor, uint16_t product, uint16_t device,
                uint16_t bcd_dfu) {
        put_le16(bytes, device);
        put_le16(bytes, product);
        put_le16(bytes, vendor);
        put_le16(bytes, bcd_dfu);
        put_text(bytes, "UFD");
        put_fill(bytes, DFU_SUFFIX_SIZE, 1);
        put_le32(bytes, 0);
        fix_crc(bytes);
}

void fix_crc(struct bytes *bytes) {
        set_le32(bytes, bytes->size - 4,
                 ~(uint32_t) crc32(0, bytes->data, (uInt) (bytes->size - 4)));
}

void dfuse_begin(struct bytes *bytes) {
        put_text(bytes, "DfuSe\1");
        put_le32(bytes, 0);
        put_fill(bytes, 0, 1);
}

/* The target that is being filled begins where the last "Target" stands. */
static size_t last_target(const struct bytes *bytes) {
        size_t at = 11;

        for (size_t i = 11; i + 274 <= bytes->size; i++)
                if (memcmp(bytes->data + i, "Target", 6) == 0)
                        at = i;
        return at;
}

void dfuse_target(struct bytes *bytes, uint8_t alt, const char *name) {
        char field[255] = {};

        put_text(bytes, "Target");
        put_fill(bytes, alt, 1);
        put_le32(bytes, name != NULL);
        if (name)
                memcpy(field, name, strlen(name));
        put(bytes, field, sizeof(field));
        put_le32(bytes, 0);
        put_le32(bytes, 0);
        bytes->data[10]++;
}

void dfuse_element(struct bytes *bytes, uint32_t address, const void *data, uint32_t size) {
        size_t target = last_target(bytes);

        put_le32(bytes, address);
        put_le32(bytes, size);
        put(bytes, data, size);
        set_le32(bytes, target + 266, (uint32_t) (bytes->size - target - 274));
        set_le32(bytes, target + 270, read_le32(bytes->data + target + 270) + 1);
}

void dfuse_finish(struct bytes *bytes) {
        set_le32(bytes, 6, (uint32_t) bytes->size);
        put_suffix(bytes, 0x0483, 0xdf11, 0xffff, 0x011a);
}

struct image *accepted(const void *data, size_t size) {
        struct fault fault = FAULT_INIT;
        struct image *image = NULL;
        int r = image_parse(data, size, NULL, &image, &fault);

        if (r != 0)
                fail_msg("refused: %s", fault.message);
        assert_non_null(image);
        assert_int_equal(fault.error, FWD_OK);
        return image;
}

void refused(const void *data, size_t size, enum fwd_error error, const char *part) {
        struct fault fault = FAULT_INIT;
        struct image *image = NULL;
        int r = image_parse(data, size, NULL, &image, &fault);

        assert_true(r < 0);
        assert_null(image);
        assert_string_equal(fwd_error_name(fault.error), fwd_error_name(error));
        assert_int_equal(r, fwd_error_to_errno(error));
        if (!strstr(fault.message, part))
                fail_msg("\"%s\" is not in: %s", part, fault.message);
}

void assert_segment(const struct image *image, size_t index, uint64_t address, const void *data,
                    size_t size) {
        assert_true(index < image->segments.n);
        assert_int_equal(image->segments.items[index].address, address);
        assert_int_equal(image->segments.items[index].size, size);
        assert_memory_equal(image->segments.items[index].data, data, size);
}

void read_file(const char *path, struct bytes *bytes) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        bytes->data = malloc((size_t) st.st_size + 1);
        assert_non_null(bytes->data);
        while ((n = read(fd, bytes->data + bytes->size, (size_t) st.st_size - bytes->size)) > 0)
                bytes->size += (size_t) n;
        assert_int_equal(bytes->size, st.st_size);
}

void read_data(const char *name, struct bytes *bytes) {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/%s", TEST_DATA, name) > 0);
        read_file(path, bytes);
}
