/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>

#define END ":00000001FF\n"

static void test_one_record(void **state) {
        static const char file[] = ":0400000001020304F2\n" END;
        _cleanup_image_ struct image *image = accepted(file, strlen(file));

        assert_int_equal(image->format, IMAGE_IHEX);
        assert_true(image->has_address);
        assert_false(image->has_entry);
        assert_int_equal(image->segments.n, 1);
        assert_segment(image, 0, 0, "\1\2\3\4", 4);
}

static void test_linear_base_and_entry(void **state) {
        static const char file[] = ":020000040800F2\n"
                                   ":02001000AABB89\n"
                                   ":020000040801F1\n"
                                   ":0100000055AA\n"
                                   ":0400000508000045AA\n" END;
        _cleanup_image_ struct image *image = accepted(file, strlen(file));

        assert_int_equal(image->segments.n, 2);
        assert_segment(image, 0, 0x08000010, "\xaa\xbb", 2);
        assert_segment(image, 1, 0x08010000, "\x55", 1);
        assert_true(image->has_entry);
        assert_int_equal(image->entry, 0x08000045);
}

static void test_segment_base_and_entry(void **state) {
        static const char file[] = ":020000021000EC\n"
                                   ":0100020077"
                                   "86\n"
                                   ":040000031000002AbF\n" END;
        _cleanup_image_ struct image *image = accepted(file, strlen(file));

        assert_segment(image, 0, 0x10002, "\x77", 1);
        assert_int_equal(image->entry, 0x1002a);
}

/* Pieces in any order come out sorted; what touches is one. */
static void test_order_and_merge(void **state) {
        static const char file[] = ":02000400CCDD51\n"
                                   ":02000000AABB99\n"
                                   ":0200020001"
                                   "02F9\n"
                                   ":0100100099"
                                   "56\n" END;
        _cleanup_image_ struct image *image = accepted(file, strlen(file));

        assert_int_equal(image->segments.n, 2);
        assert_segment(image, 0, 0, "\xaa\xbb\x01\x02\xcc\xdd", 6);
        assert_segment(image, 1, 0x10, "\x99", 1);
}

/* Over a 64 KiB boundary inside of one record: linear addresses go on (specification, data record).
 */
static void test_record_over_64k(void **state) {
        static const char file[] = ":02FFFF000102FD\n" END;
        _cleanup_image_ struct image *image = accepted(file, strlen(file));

        assert_segment(image, 0, 0xffff, "\1\2", 2);
}

static void test_tolerated(void **state) {
        static const char *const files[] = {
                ":0100000055AA\r\n:00000001FF\r\n",
                ":0100000055AA  \t\n\n \n:00000001FF",
                "\n:0100000055aa\n:00000001ff\n\n\r\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_image_ struct image *image = accepted(files[i], strlen(files[i]));

                assert_segment(image, 0, 0, "\x55", 1);
        }
}

static void test_refused(void **state) {
        static const struct {
                const char *file, *message;
        } cases[] = {
                /* Bytes changed on the way. */
                {":0400000001020304F3\n" END, "line 1: the checksum is 0xF3, its bytes give 0xF2"},
                {":0400000001020314F2\n" END, "line 1: the checksum"},
                {":020000040800F3\n" END, "line 1: the checksum"},
                {":0100000055AA\n:00000001FE\n", "line 2: the checksum"},
                {":04000000010203O4F2\n" END, "line 1: 'O' in column 16 is not a hexadecimal"},
                {":0400000001\xc3\xa9"
                 "0304F2\n" END,
                 "line 1: 0xC3 in column 12"},
                {":0100000055AA :0100010055A9\n" END, "line 1: 0x20 in column 14"},
                {":0100000055AA\r:0100010055A9\n" END, "line 1: 0x0D in column 14"},
                /* Cut or torn. */
                {":0100000055AA\n", "incomplete: it ends in line 1 without the end record"},
                {":0100000055AA\n:020000040800F2\n\n", "incomplete: it ends in line 3"},
                {":0400000001020304F\n" END, "line 1: it is cut short: 17 digits"},
                {":0400000001020304\n" END, "line 1: it announces 4 data bytes, but 3 are there"},
                {":040000000102030405F2\n" END, "announces 4 data bytes, but 5 are there"},
                {":00000001\n", "line 1: it is cut short: 4 bytes"},
                {":0100000055AA\n:\n" END, "line 2: it is cut short: 0 bytes"},
                {":0100000055AA\n0100010055A9\n" END, "line 2: it begins with '0' instead of ':'"},
                {"firmware\n:0100000055AA\n" END, "line 1: it begins with 'f' instead of ':'"},
                {":0100000055AA\n ; comment\n" END, "line 2: it begins with 0x20"},
                {"\xef\xbb\xbf:0100000055AA\n" END, "line 1: it begins with 0xEF instead of ':'"},
                /* Records that are no records. */
                {":0100000655A4\n" END, "line 1: record type 0x06 does not exist"},
                {":010000015"
                 "5A9\n",
                 "line 1: a record of type 01 has 0 data bytes, this one 1"},
                {":00010001FE\n", "line 1: a record of type 01 has the offset 0000, this one 0100"},
                {":0100000408F3\n" END, "line 1: a record of type 04 has 2 data bytes, this one 1"},
                {":03000002000000FB\n" END, "type 02 has 2 data bytes, this one 3"},
                {":0200000308"
                 "00F3\n" END,
                 "type 03 has 4 data bytes, this one 2"},
                {":0200000508"
                 "00F1\n" END,
                 "type 05 has 4 data bytes, this one 2"},
                /* The end is the end. */
                {":0100000055AA\n" END ":0100010055A9\n",
                 "line 3: there is more behind the end record of line 2"},
                {":0100000055AA\n" END END, "line 3: there is more behind the end record"},
                {":0100000055AA\n" END "x", "line 3: there is more behind the end record"},
                /* Said twice. */
                {":0100000055AA\n:0100000055AA\n" END, "overlap at 0x00000000"},
                {":020000000102FB\n:0100010003FB\n" END, "overlap at 0x00000001"},
                {":0400000508000045AA\n:0400000508000047A8\n" END,
                 "line 2: a second start address, 0x08000047, after 0x08000045"},
                /* Beyond what there is. */
                {":02000004FFFFFC\n:02FFFF000102FD\n" END,
                 "line 2: 2 bytes at 0xFFFFFFFF leave the 32-bit address space"},
                {":020000020000FC\n:02FFFF000102FD\n" END,
                 "line 2: 2 bytes at 0xFFFF leave their 64 KiB segment"},
                /* Nothing to flash. */
                {END, "holds no firmware bytes"},
                {":0400000508000045AA\n" END, "holds no firmware bytes"},
                {":0000000000\n" END, "holds no firmware bytes"},
                {":02000000FFFF00\n" END, "blank: all of its 2 bytes are 0xFF"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                refused(cases[i].file, strlen(cases[i].file), FWD_INVALID_IMAGE, cases[i].message);
}

static void test_zero_byte_is_no_end(void **state) {
        static const char file[] = ":0100000055AA\n\0:0100010055A9\n" END;

        refused(file, sizeof(file) - 1, FWD_INVALID_IMAGE, "line 2: it begins with 0x00");
}

/* A real file cut anywhere is refused, up to the line break behind its last digit. */
static void test_every_truncation(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        size_t whole;

        read_data("hello-1.hex", &file);
        whole = file.size;
        while (file.data[whole - 1] == '\n' || file.data[whole - 1] == '\r')
                whole--;
        for (size_t size = 0; size < whole; size++)
                refused(file.data, size, FWD_INVALID_IMAGE, "");
        image_free(accepted(file.data, whole));
}

/* Any one digit changed is noticed. */
static void test_every_digit(void **state) {
        _cleanup_bytes_ struct bytes file = {};

        read_data("hello-1.hex", &file);
        for (size_t i = 0; i < file.size; i++) {
                uint8_t was = file.data[i];

                if (was == '\r' || was == '\n' || was == ':')
                        continue;
                file.data[i] = was == '0' ? '1' : '0';
                refused(file.data, file.size, FWD_INVALID_IMAGE, "line ");
                file.data[i] = was;
        }
}

/* A hostile file of scattered bytes costs a bounded number of pieces. */
static void test_too_many_pieces(void **state) {
        _cleanup_bytes_ struct bytes file = {};
        const size_t n = 66000;
        char line[32];
        size_t at = 0;

        file.data = malloc(n * 14 + 4096);
        assert_non_null(file.data);
        for (size_t i = 0; i < n; i++) {
                unsigned offset = (unsigned) (2 * i) & 0xffff;
                unsigned sum = 1 + (offset >> 8) + (offset & 0xff);
                int length;

                if (offset == 0) {
                        unsigned bank = (unsigned) (2 * i >> 16);

                        length = snprintf(line, sizeof(line), ":02000004%04X%02X\n", bank,
                                          (0x100 - ((6 + bank) & 0xff)) & 0xff);
                        memcpy(file.data + at, line, (size_t) length);
                        at += (size_t) length;
                }
                length = snprintf(line, sizeof(line), ":01%04X0000%02X\n", offset,
                                  (0x100 - (sum & 0xff)) & 0xff);
                memcpy(file.data + at, line, (size_t) length);
                at += (size_t) length;
        }
        refused(file.data, at, FWD_INVALID_IMAGE, "more than 65536 separate pieces");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_record),
                cmocka_unit_test(test_linear_base_and_entry),
                cmocka_unit_test(test_segment_base_and_entry),
                cmocka_unit_test(test_order_and_merge),
                cmocka_unit_test(test_record_over_64k),
                cmocka_unit_test(test_tolerated),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_zero_byte_is_no_end),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_every_digit),
                cmocka_unit_test(test_too_many_pieces),
        };

        return cmocka_run_group_tests_name("ihex", tests, NULL, NULL);
}
