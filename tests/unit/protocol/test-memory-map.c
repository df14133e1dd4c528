/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every layout string sighted on real chips, what it means, and what broken ones come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/memory-map.h"

struct sighting {
        const char *string;
        int result; /* of memory_map_add */
        const char *area;
        size_t n_sectors;
        const char *canonical; /* as a lone area; NULL: not looked at */
        uint64_t end;          /* first address behind the area */
};

static const struct sighting sightings[] = {
        /* F405 ROM */
        {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg", 0, "Internal Flash", 12,
         "0x08000000/4*16K,1*64K,7*128K", 0x08100000},
        {"@Option Bytes  /0x1FFFC000/01*016 e", 0, "Option Bytes", 1, "", 0x1fffc010},
        {"@OTP Memory /0x1FFF7800/01*512 e,01*016 e", 0, "OTP Memory", 2, "", 0x1fff7a10},
        {"@Device Feature/0xFFFF0000/01*004 e", 0, "Device Feature", 1, "", 0xffff0004},
        /* F303: four digits */
        {"@Internal Flash  /0x08000000/128*0002Kg", 0, "Internal Flash", 128, "0x08000000/128*2K",
         0x08040000},
        {"@Option Bytes  /0x1FFFF800/01*016 e", 0, "Option Bytes", 1, "", 0x1ffff810},
        /* F072 */
        {"@Internal Flash  /0x08000000/064*0002Kg", 0, "Internal Flash", 64, "0x08000000/64*2K",
         0x08020000},
        /* F105 */
        {"@Internal Flash  /0x08000000/128*002Kg", 0, "Internal Flash", 128, "0x08000000/128*2K",
         0x08040000},
        {"@Option Bytes  /0x1FFFF800/01*016 g", 0, "Option Bytes", 1, "", 0x1ffff810},
        /* F411, F446 */
        {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg", 0, "Internal Flash", 8,
         "0x08000000/4*16K,1*64K,3*128K", 0x08080000},
        /* F413 */
        {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,011*128Kg", 0, "Internal Flash", 16,
         "0x08000000/4*16K,1*64K,11*128K", 0x08180000},
        /* F722: a shorter 64, an OTP without unit */
        {"@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg", 0, "Internal Flash", 8,
         "0x08000000/4*16K,1*64K,3*128K", 0x08080000},
        {"@Option Bytes  /0x1FFF0000/01*048 e", 0, "Option Bytes", 1, "", 0x1fff0030},
        {"@OTP Memory /0x1FF07800/01*528e", 0, "OTP Memory", 1, "", 0x1ff07a10},
        /* F745 */
        {"@Internal Flash  /0x08000000/04*032Kg,01*128Kg,03*256Kg", 0, "Internal Flash", 8,
         "0x08000000/4*32K,1*128K,3*256K", 0x08100000},
        /* H743, H750 */
        {"@Internal Flash   /0x08000000/16*128Kg", 0, "Internal Flash", 16, "0x08000000/16*128K",
         0x08200000},
        {"@Option Bytes   /0x5200201C/01*128 e", 0, "Option Bytes", 1, "", 0x5200209c},
        {"@Internal Flash   /0x08000000/01*128Kg", 0, "Internal Flash", 1, "0x08000000/1*128K",
         0x08020000},
        /* G474: two zones, a four-digit size with a blank unit */
        {"@Internal Flash   /0x08000000/256*02Kg", 0, "Internal Flash", 256, "0x08000000/256*2K",
         0x08080000},
        {"@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e", 0, "Option Bytes", 2, "",
         0x1ffff830},
        {"@OTP Memory   /0x1FFF7000/01*1024 e", 0, "OTP Memory", 1, "", 0x1fff7400},
        /* L43x */
        {"@Internal Flash  /0x08000000/0128*0002Kg", 0, "Internal Flash", 128, "0x08000000/128*2K",
         0x08040000},
        {"@Option Bytes  /0x1FFF7800/01*040 e", 0, "Option Bytes", 1, "", 0x1fff7828},
        {"@OTP Memory /0x1FFF7000/01*0001Ke", 0, "OTP Memory", 1, "", 0x1fff7400},
        /* C5 */
        {"@Internal Flash /0x08000000/64*08Kg", 0, "Internal Flash", 64, "0x08000000/64*8K",
         0x08080000},
        /* AT32F403A, F415 (a blank behind the slash), F435, F437 */
        {"@Internal Flash  /0x08000000/0512*002Kg", 0, "Internal Flash", 512, "0x08000000/512*2K",
         0x08100000},
        {"@Option Byte   /0x1FFFF800/02*016 e", 0, "Option Byte", 2, "", 0x1ffff820},
        {"@Internal Flash  /0x08000000/ 128*1Kg", 0, "Internal Flash", 128, "0x08000000/128*1K",
         0x08020000},
        {"@Option Bytes  /0x1FFFF800/01*512g", 0, "Option Bytes", 1, "", 0x1ffffa00},
        {"@Internal Flash   /0x08000000/512*002Kg", 0, "Internal Flash", 512, "0x08000000/512*2K",
         0x08100000},
        {"@Internal Flash   /0x08000000/08*04Ka,1000*04Kg", 0, "Internal Flash", 1008,
         "0x08000000/8*4Ka,1000*4K", 0x083f0000},
        {"@Option byte   /0x1FFFC000/01*4096 g", 0, "Option byte", 1, "", 0x1fffd000},
        {"@Option byte   /0x1FFFC000/01*512 g", 0, "Option byte", 1, "", 0x1fffc200},
        /* SPRacing H7 EXST, as it says and as it is */
        {"@External Flash /0x90000000/1001*128Kg,3*128Kg,20*128Ka", 0, "External Flash", 1024,
         "0x90000000/1004*128K,20*128Ka", 0x98000000},
        {"@External Flash /0x90000000/998*128Kg,1*128Kg,4*128Kg,21*128Ka", 0, "External Flash",
         1024, "0x90000000/1003*128K,21*128Ka", 0x98000000},
        /* Daisy: zones that follow each other */
        {"@Flash /0x90000000/64*4Kg/0x90040000/60*64Kg/0x90400000/60*64Kg", 0, "Flash", 184,
         "0x90000000/64*4K,120*64K", 0x907c0000},
        /* mboot */
        {"@Internal Flash  /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg", 0, "Internal Flash",
         12, "0x08000000/3*16Ka,1*16K,1*64K,7*128K", 0x08100000},

        /* Addresses that go down from zone to zone, upper-case 0X, lower-case hex */
        {"@Flash/0X08010000/1*64Kg/0x0800c000/1*16Kg", 0, "Flash", 2, "0x0800c000/1*16K,1*64K",
         0x08020000},
        {"@Flash/0x08000000/2M", -EINVAL, NULL, 0, NULL, 0},
        {"@Flash/0x08000000/2*1Mg", 0, "Flash", 2, "0x08000000/2*1024K", 0x08200000},
        {"@Flash/0x08000000/2*100Bg", 0, "Flash", 2, "0x08000000/2*100B", 0x080000c8},
        {"@Flash / 0x08000000 / 2 * 1 K g , 3*2Kg", 0, "Flash", 5, "0x08000000/2*1K,3*2K",
         0x08002000},
        {"@Flash/0x08000000/1*16Kg/0x08010000/1*16Kg", 0, "Flash", 2,
         "0x08000000/1*16K/0x08010000/1*16K", 0x08014000},

        /* Cut short, or with garbage behind: what is whole stays */
        {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*12", 1, "Internal Flash", 5,
         "0x08000000/4*16K,1*64K", 0x08020000},
        {"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128K", 1, "Internal Flash", 5,
         "0x08000000/4*16K,1*64K", 0x08020000},
        {"@Internal Flash  /0x08000000/04*016Kg,", 1, "Internal Flash", 4, "0x08000000/4*16K",
         0x08010000},
        {"@Internal Flash  /0x08000000/04*016Kg/0x08", 1, "Internal Flash", 4, "0x08000000/4*16K",
         0x08010000},
        {"@Internal Flash  /0x08000000/04*016Kg\x7f\x01", 1, "Internal Flash", 4,
         "0x08000000/4*16K", 0x08010000},
        {"@Internal Flash  /0x08000000/04*016Kg  ", 0, "Internal Flash", 4, "0x08000000/4*16K",
         0x08010000},
        {"@Flash/0x08000000/2*1Kg,4294967295*4294967295Mg", 1, "Flash", 2, "0x08000000/2*1K",
         0x08000800},

        /* Nothing to be had */
        {"", -EINVAL, NULL, 0, NULL, 0},
        {"@", -EINVAL, NULL, 0, NULL, 0},
        {"Internal Flash/0x08000000/1*1Kg", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000/", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000/04*016K", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000/04*016Kh", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000/0*016Kg", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000/1*0Kg", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x08000000/-1*16Kg", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0x108000000/1*16Kg", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0xFFFFFC00/2*1Kg", -EINVAL, NULL, 0, NULL, 0},
        {"@Internal Flash/0xFFFFFC00/1*1Kg", 0, "Internal Flash", 1, "0xfffffc00/1*1K",
         UINT64_C(1) << 32},
        {"@Flash/0x00000000/8193*1Bg", -E2BIG, NULL, 0, NULL, 0},
        {"@Flash/0x00000000/4294967295*1Bg", -E2BIG, NULL, 0, NULL, 0},
        {"@Flash/0x08000000/1*16Kg/0x08002000/1*16Kg", -EEXIST, NULL, 0, NULL, 0},
};

static void test_sighted_strings(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(sightings); i++) {
                const struct sighting *s = &sightings[i];
                _cleanup_memory_map_ struct memory_map map = {};
                int r = memory_map_add(&map, 3, s->string);

                if (r != s->result)
                        fail_msg("\"%s\": result %d, not %d", s->string, r, s->result);
                assert_int_equal(map.n, s->n_sectors);
                if (r < 0) {
                        assert_null(map.areas);
                        continue;
                }
                assert_string_equal(map.areas[0].name, s->area);
                assert_int_equal(map.areas[0].alt, 3);
                if (map.areas[0].range.end != s->end)
                        fail_msg("\"%s\" ends at 0x%" PRIx64, s->string, map.areas[0].range.end);
                if (s->canonical) {
                        _cleanup_free_ char *text = memory_map_format(&map);

                        assert_string_equal(text, s->canonical);
                }
        }
}

static void test_access_letters(void **state) {
        _cleanup_memory_map_ struct memory_map map = {};

        assert_int_equal(
                memory_map_add(&map, 0, "@M/0x0/1*1Ka,1*1Kb,1*1Kc,1*1Kd,1*1Ke,1*1Kf,1*1Kg"), 0);
        for (unsigned i = 0; i < 7; i++)
                assert_int_equal(map.sectors[i].access, i + 1);
        assert_int_equal(map.sectors[4].access, SECTOR_READABLE | SECTOR_WRITABLE);
}

static void test_find_is_half_open(void **state) {
        _cleanup_memory_map_ struct memory_map map = {};

        assert_int_equal(memory_map_add(&map, 0, "@F/0x08000000/4*16Kg,1*64Kg/0x08040000/1*16Kg"),
                         0);
        assert_null(memory_map_find(&map, 0x07ffffff));
        assert_null(memory_map_find(&map, 0x08020000));
        assert_null(memory_map_find(&map, 0x0803ffff));
        assert_null(memory_map_find(&map, 0x08044000));
        for (size_t i = 0; i < map.n; i++) {
                const struct sector *s = &map.sectors[i];

                assert_ptr_equal(memory_map_find(&map, s->range.start), s);
                assert_ptr_equal(memory_map_find(&map, s->range.end - 1), s);
        }
}

/* G0C1 puts the flash's string on all three alternate settings. */
static void test_same_string_on_all_alts(void **state) {
        _cleanup_memory_map_ struct memory_map map = {};
        const char *string = "@Internal Flash   /0x08000000/256*02Kg";

        assert_int_equal(memory_map_add(&map, 0, string), 0);
        assert_int_equal(memory_map_add(&map, 1, string), -EEXIST);
        assert_int_equal(memory_map_add(&map, 2, string), -EEXIST);
        assert_int_equal(map.n, 256);
        assert_int_equal(map.n_areas, 1);
        assert_int_equal(map.sectors[255].alt, 0);
}

static void test_several_alts(void **state) {
        _cleanup_memory_map_ struct memory_map map = {};

        assert_int_equal(memory_map_add(&map, 1, "@Option Bytes  /0x1FFFC000/01*016 e"), 0);
        assert_int_equal(
                memory_map_add(&map, 0, "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"),
                0);
        assert_int_equal(memory_map_add(&map, 2, "@Rubbish"), -EINVAL);
        assert_int_equal(map.n, 13);
        assert_int_equal(memory_map_find(&map, 0x1fffc00f)->alt, 1);
        assert_string_equal(memory_map_flash(&map)->name, "Internal Flash");
        assert_true(memory_area_is_special(memory_map_area(&map, 1)));
        assert_false(memory_area_is_special(memory_map_area(&map, 0)));
        assert_null(memory_map_area(&map, 2));
}

static void test_no_flash_area(void **state) {
        _cleanup_memory_map_ struct memory_map map = {};

        assert_null(memory_map_flash(&map));
        assert_int_equal(memory_map_add(&map, 0, "@Option Bytes/0x1FFFC000/01*016 e"), 0);
        assert_null(memory_map_flash(&map));
        assert_int_equal(memory_map_add(&map, 1, "@EEPROM/0x08080000/01*2Ke"), 0);
        assert_string_equal(memory_map_flash(&map)->name, "EEPROM");
}

static void test_sectors_capped_over_all_alts(void **state) {
        _cleanup_memory_map_ struct memory_map map = {};

        assert_int_equal(memory_map_add(&map, 0, "@A/0x0/8000*1Kg"), 0);
        assert_int_equal(memory_map_add(&map, 1, "@B/0x90000000/193*1Kg"), -E2BIG);
        assert_int_equal(map.n, 8000);
        assert_int_equal(memory_map_add(&map, 1, "@B/0x90000000/192*1Kg"), 0);
        assert_int_equal(map.n, MEMORY_MAP_SECTORS_MAX);
}

/* Cut and bent at every place, a string never gives a sector that the whole one has not, nor a
 * broken map. */
static void test_every_prefix_is_a_part(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(sightings); i++) {
                size_t length = strlen(sightings[i].string);
                _cleanup_memory_map_ struct memory_map whole = {};

                if (memory_map_add(&whole, 0, sightings[i].string) != 0)
                        continue;
                for (size_t cut = 0; cut < length; cut++) {
                        _cleanup_memory_map_ struct memory_map part = {};
                        _cleanup_free_ char *text = strndup(sightings[i].string, cut);

                        (void) memory_map_add(&part, 0, text);
                        for (size_t k = 0; k < part.n; k++) {
                                const struct sector *s =
                                        memory_map_find(&whole, part.sectors[k].range.start);

                                assert_non_null(s);
                                assert_int_equal(s->range.end, part.sectors[k].range.end);
                        }
                }
        }
}

static void test_random_bytes_are_survived(void **state) {
        static const char alphabet[] = "@/0x18F*,KMBaceg 9\x80\x7f";
        unsigned seed = 1;

        for (int round = 0; round < 20000; round++) {
                _cleanup_memory_map_ struct memory_map map = {};
                char text[64] = "@F/0x08000000/";
                size_t n = strlen(text), length = n + (unsigned) rand_r(&seed) % 40;

                for (; n < length; n++)
                        text[n] = alphabet[(unsigned) rand_r(&seed) % (sizeof(alphabet) - 1)];
                text[n] = '\0';
                (void) memory_map_add(&map, 0, text);
                for (size_t i = 0; i < map.n; i++) {
                        assert_true(map.sectors[i].range.start < map.sectors[i].range.end);
                        assert_true(map.sectors[i].range.end <= UINT64_C(1) << 32);
                        if (i > 0)
                                assert_true(map.sectors[i - 1].range.end <=
                                            map.sectors[i].range.start);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sighted_strings),
                cmocka_unit_test(test_access_letters),
                cmocka_unit_test(test_find_is_half_open),
                cmocka_unit_test(test_same_string_on_all_alts),
                cmocka_unit_test(test_several_alts),
                cmocka_unit_test(test_no_flash_area),
                cmocka_unit_test(test_sectors_capped_over_all_alts),
                cmocka_unit_test(test_every_prefix_is_a_part),
                cmocka_unit_test(test_random_bytes_are_survived),
        };

        return cmocka_run_group_tests_name("memory-map", tests, NULL, NULL);
}
