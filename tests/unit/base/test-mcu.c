/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-test.h"

#include "base/cleanup.h"
#include "base/mcu.h"

static void test_names(void **state) {
        static const struct {
                const char *text, *family;
        } cases[] = {
                {"STM32F405", "STM32F405"},
                {"STM32F40x", "STM32F405"},
                {"STM32F407VG", "STM32F405"},
                {"STM32F7X2", "STM32F722"},
                {"STM32F722", "STM32F722"},
                {"STM32F746", "STM32F745"},
                {"STM32H743 (Rev.V)", "STM32H743"},
                {"STM32G47X", "STM32G474"},
                {"AT32F435M", "AT32F435"},
                {"AT32F435G", "AT32F435"},
                {"X32M7B", "X32M7B"},
                {"X32M7", NULL}, /* others of the family have other memory */
                {"", NULL},
                {"STM32", NULL},
                {"STM32F4", NULL}, /* says several */
                {"F405", NULL},
                {"SPEEDYBEEF405V4", NULL},
                {"Simulator", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct mcu *mcu = mcu_find(cases[i].text);

                if (!cases[i].family)
                        assert_null(mcu);
                else
                        assert_string_equal(mcu ? mcu->name : "none", cases[i].family);
        }
}

static void test_stacks(void **state) {
        static const struct {
                const char *mcu;
                uint64_t top;
                bool taken;
        } cases[] = {
                {"STM32F405", 0x20020000, true},  {"STM32F405", 0x10010000, true},
                {"STM32F405", 0x20020004, false}, {"STM32F405", 0x20000000, false},
                {"STM32F411", 0x10010000, false}, {"STM32F722", 0x20040000, true},
                {"STM32H743", 0x24080000, true},  {"STM32F745", 0x24080000, false},
                {"X32M7B", 0x30050000, true},     {"STM32H743", 0x30050000, false},
                {"STM32H750", 0x24080000, true}, /* not known: says nothing */
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(mcu_takes_stack(mcu_find(cases[i].mcu), cases[i].top),
                                 cases[i].taken);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_stacks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
