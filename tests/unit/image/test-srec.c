/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-test.h"

#include <string.h>

#define END3 "S70500000000FA\n"

/* A record as a tool writes it: type, address of `n_address` bytes, data. */
static void put_record(struct bytes *file, unsigned type, unsigned n_address, uint32_t address,
                       const uint8_t *data, size_t size) {
        unsigned sum = n_address + (unsigned) size + 1, count = sum;
        char text[16];

        (void) snprintf(text, sizeof(text), "S%u%02X", type, count);
        put_text(file, text);
        for (unsigned i = 0; i < n_address; i++) {
                unsigned byte = address >> 8 * (n_address - 1 - i) & 0xff;

                (void) snprintf(text, sizeof(text), "%02X", byte);
                put_text(file, text);
                sum += byte;
        }
        for (size_t i = 0; i < size; i++) {
                (void) snprintf(text, sizeof(text), "%02X", data[i]);
                put_text(file, text);
                sum += data[i];
        }
        (void) snprintf(text, sizeof(text), "%02X\n", ~sum & 0xff);
        put_text(file, text);
}

static void test_addresses(void **state) {
        static const struct {
                unsigned data, end, n_address;
                uint32_t address;
        } cases[] = {{1, 9, 2, 0xfffe}, {2, 8, 3, 0xfffffe}, {3, 7, 4, 0x08000000}};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_bytes_ struct bytes file = {};
                _cleanup_image_ struct image *image = NULL;

                put_record(&file, 0, 2, 0, (const uint8_t *) "HDR", 3);
                put_record(&file, cases[i].data, cases[i].n_address, cases[i].address,
                           (const uint8_t *) "\1\2", 2);
                put_record(&file, 5, 2, 1, NULL, 0);
                put_record(&file, cases[i].end, cases[i].n_address, 0x45, NULL, 0);
                image = accepted(file.data, file.size);
                assert_int_equal(image->format, IMAGE_SREC);
                assert_true(image->has_address);
                assert_segment(image, 0, cases[i].address, "\1\2", 2);
                assert_true(image->has_entry);
                assert_int_equal(image->entry, 0x45);
        }
}

/* The manual's own example of a whole file. */
static void test_example(void **state) {
        static const char file[] = "S00600004844521B\r\n"
                                   "S1130000285F245F2212226A000424290008237C2A\r\n"
                                   "S11300100002000800082629001853812341001813\r\n"
                                   "S113002041E900084E42234300182342000824A952\r\n"
                                   "S107003000144ED492\r\n"
                                   "S9030000FC\r\n";
        _cleanup_image_ struct image *image = accepted(file, strlen(file));

        assert_int_equal(image->segments.n, 1);
        assert_int_equal(image->segments.items[0].size, 52);
        assert_memory_equal(image->segments.items[0].data, "\x28\x5f\x24\x5f", 4);
        assert_false(image->has_entry);
}

static void test_tolerated(void **state) {
        static const char *const files[] = {
                "S104000055A6\nS9030000FC",
                "\n\r\nS104000055A6  \t\n\nS9030000FC\n\n",
                "S104000055a6\nS9030000fc\n",
                "S104000055A6\nS5030001FB\n" END3,
                "S104000055A6\nS604000001FA\nS9030000FC\n",
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
                {"S104000055A7\n" END3, "line 1: the checksum is 0xA7, its bytes give 0xA6"},
                {"S104000056A6\n" END3, "line 1: the checksum"},
                {"S1040000O5A6\n" END3, "line 1: 'O' in column 9 is not a hexadecimal"},
                {"S104000055A6 S\n" END3, "line 1: 0x20 in column 13"},
                {"S104000055A\n" END3, "line 1: it is cut short: 11 characters"},
                {"S1040000A6\n" END3, "line 1: it announces 4 bytes, but 3 are there"},
                {"S10400005555A6\n" END3, "line 1: it announces 4 bytes, but 5 are there"},
                {"S10200FD\n" END3, "line 1: it is cut short: 2 bytes, an S1 record has at least"},
                {"S104000055A6\nS1\n", "line 2: it is cut short after 2 characters"},
                {"S104000055A6\n:00000001FF\n", "line 2: it begins with ':' instead of 'S'"},
                {"S404000055A6\n" END3, "line 1: record type S4 does not exist"},
                {"S104000055A6\n", "incomplete: it ends in line 1 without an end record"},
                {"S104000055A6\nS9030000FC\nS104000155A5\n",
                 "line 3: there is more behind the end record of line 2"},
                {"S104000055A6\nS5030002FA\nS9030000FC\n",
                 "line 2: it counts 2 data records, but 1 are there: lines are missing"},
                {"S104000055A6\nS5030001FB\nS5030001FB\nS9030000FC\n",
                 "line 3: a second count record after that of line 2"},
                {"S5030000FC\nS104000055A6\nS9030000FC\n",
                 "line 2: there is data behind the count record of line 1"},
                {"S104000055A6\nS904000000FB\n",
                 "line 2: an S9 record has no data, this one has 1"},
                {"S104000055A6\nS104000055A6\n" END3, "overlap at 0x00000000"},
                {"S307FFFFFFFF0102F9\n" END3, "leave the 32-bit address space"},
                {"S9030000FC\n", "holds no firmware bytes"},
                {"S1040000FFFC\nS9030000FC\n", "blank: all of its 1 bytes"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                refused(cases[i].file, strlen(cases[i].file), FWD_INVALID_IMAGE, cases[i].message);
}

/* A real firmware as S-records: the same bytes as its Intel HEX; cut anywhere or changed in any
 * digit, it is refused. */
static void test_firmware(void **state) {
        _cleanup_bytes_ struct bytes hex = {}, file = {};
        _cleanup_image_ struct image *image = NULL, *same = NULL;
        const struct segment *s;
        unsigned n = 0;

        read_data("hello-1.hex", &hex);
        image = accepted(hex.data, hex.size);
        s = &image->segments.items[0];
        for (size_t at = 0; at < s->size; at += 32, n++)
                put_record(&file, 3, 4, (uint32_t) (s->address + at), s->data + at,
                           s->size - at < 32 ? s->size - at : 32);
        put_record(&file, 5, 2, n, NULL, 0);
        put_record(&file, 7, 4, (uint32_t) image->entry, NULL, 0);
        same = accepted(file.data, file.size);
        assert_int_equal(same->segments.n, image->segments.n);
        assert_segment(same, 0, s->address, s->data, s->size);
        assert_int_equal(same->entry, image->entry);

        for (size_t size = 0; size < file.size - 1; size++)
                refused(file.data, size, FWD_INVALID_IMAGE, "");
        for (size_t i = 0; i < file.size; i++) {
                uint8_t was = file.data[i];

                /* The type is not in the checksum: the count may pass for a title. */
                if (was == '\n' || (was == '5' && file.data[i - 1] == 'S'))
                        continue;
                file.data[i] = was == '0' ? '1' : '0';
                refused(file.data, file.size, FWD_INVALID_IMAGE, "");
                file.data[i] = was;
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses), cmocka_unit_test(test_example),
                cmocka_unit_test(test_tolerated), cmocka_unit_test(test_refused),
                cmocka_unit_test(test_firmware),
        };

        return cmocka_run_group_tests_name("srec", tests, NULL, NULL);
}
