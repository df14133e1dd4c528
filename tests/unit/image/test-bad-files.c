/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of tests/data/make_bad.py, as far as the file alone tells: what must be refused is, and
 * what only a board can refuse is read. */

#include "image-test.h"

#include <string.h>

static const char *directory;

static void check(const char *name, const char *stage, const char *error) {
        const struct image_options options = {.has_address = true, .address = 0x08000000};
        _cleanup_bytes_ struct bytes file = {};
        _cleanup_free_ char *path = NULL;
        _cleanup_image_ struct image *image = NULL;
        struct fault fault = FAULT_INIT;
        bool is_raw;
        int r;

        assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
        read_file(path, &file);
        r = image_parse(file.data, file.size, NULL, &image, &fault);
        if (strcmp(stage, "inspect") == 0) {
                if (r >= 0 || strcmp(fwd_error_name(fault.error), error) != 0)
                        fail_msg("%s: %s instead of %s", name, fwd_error_name(fault.error), error);
                return;
        }
        if (r < 0)
                fail_msg("%s: %s", name, fault.message);

        is_raw = image->format == IMAGE_RAW || image->format == IMAGE_DFU;
        assert_int_equal(image->has_address, !is_raw);
        if (is_raw) {
                image = image_free(image);
                assert_int_equal(image_parse(file.data, file.size, &options, &image, &fault), 0);
        }
        r = image_check_vectors(image, 0x08000000, false, &fault);
        if (strcmp(error, "InvalidImage") == 0 ? r >= 0 : r < 0)
                fail_msg("%s: the vector table is taken for %s", name, r < 0 ? "bad" : "good");
}

static void test_list(void **state) {
        _cleanup_free_ char *path = NULL;
        _cleanup_bytes_ struct bytes list = {};
        unsigned n = 0;
        char *line, *rest;

        assert_true(asprintf(&path, "%s/EXPECT", directory) > 0);
        read_file(path, &list);
        put_fill(&list, '\0', 1);
        rest = (char *) list.data;
        while ((line = strsep(&rest, "\n")) && *line) {
                const char *name = strsep(&line, "\t"), *stage = strsep(&line, "\t");

                assert_non_null(line);
                check(name, stage, line);
                n++;
        }
        assert_true(n > 30);
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_list)};

        if (argc != 2)
                return 2;
        directory = argv[1];
        return cmocka_run_group_tests_name("bad-files", tests, NULL, NULL);
}
