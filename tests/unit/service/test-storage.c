/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel says of mounts: whether a mount is read-only, or all of its file system. */

#include <errno.h>
#include <string.h>

#include "bench.h"
#include "service/storage.h"

static const char text[] =
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n"
        "122 22 0:39 / /var ro,nosuid,relatime shared:7 master:1 - tmpfs tmpfs ro,size=64k\n"
        "85 22 0:40 / /var/lib/a\\040-\\040b ro,relatime - tmpfs tmpfs rw\n"
        "86 22 0:41 / /srv rw,relatime - tmpfs root ro\n"
        "87 22 0:41 / /opt rota,ro shared:1 - tmpfs none rodeo,ro\n"
        "90 22 0:41 / /cut rw,relatime shared:1 - tmpfs\n"
        "91 22 0:41\n";

static int find(int id, bool *ret_mount, bool *ret_file_system) {
        _cleanup_fclose_ FILE *file = fmemopen((char *) text, strlen(text), "r");

        assert_non_null(file);
        return mountinfo_find(file, id, ret_mount, ret_file_system);
}

static void assert_found(int id, bool mount, bool file_system) {
        bool found_mount = !mount, found_file_system = !file_system;

        assert_int_equal(find(id, &found_mount, &found_file_system), 0);
        assert_int_equal(found_mount, mount);
        assert_int_equal(found_file_system, file_system);
}

static void test_found(void **state) {
        assert_found(22, false, false);
        assert_found(122, true, true);
        assert_found(85, true, false);
        assert_found(86, false, true);
        assert_found(87, false, false); /* words that only look like it */
}

static void test_not_found(void **state) {
        bool mount, file_system;

        assert_int_equal(find(2, &mount, &file_system), -ENOENT);
        assert_int_equal(find(90, &mount, &file_system), -EBADMSG);
        assert_int_equal(find(91, &mount, &file_system), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_not_found),
        };

        return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
