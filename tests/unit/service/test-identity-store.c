/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Boards that are known again in their bootloader, after the service or the machine was restarted.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "service/identity-store.h"

#define OTHER_PORT   "1-7"
#define OTHER_UID    "0023001f3537510936373731"
#define OTHER_SERIAL "365A37503537"

/* The service ends and begins again, with what is on the disk. */
static void restart(struct bench *bench) {
        service_clear(&bench->service);
        assert_int_equal(service_open_state(&bench->service), 0);
}

static void write_board(struct bench *bench, const char *name, const char *text) {
        _cleanup_fclose_ FILE *file = NULL;
        char path[160];

        (void) snprintf(path, sizeof(path), "%s/boards", bench->dir);
        (void) mkdir(path, 0700);
        (void) snprintf(path, sizeof(path), "%s/boards/%s", bench->dir, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

static void assert_known(const struct device *device, const char *name) {
        assert_string_equal(device_get(device, DEVICE_BOARD_NAME), name);
        assert_int_equal(device->remembered, *name != '\0');
}

static void test_known_after_a_restart(void **state) {
        struct bench *bench = *state;
        struct device *device;
        char path[160];
        struct stat st;

        (void) bench_plug_identified(bench, PORT);
        restart(bench);
        device = bench_plug_bootloader(bench, OTHER_PORT, ROM_SERIAL); /* wherever it is plugged */
        assert_known(device, "STUB405");
        assert_string_equal(device_get(device, DEVICE_UNIQUE_ID), UID_HEX);
        assert_string_equal(device_get(device, DEVICE_VARIANT), "BTFL");
        assert_string_equal(device_get(device, DEVICE_BOARD), "betaflight");
        assert_string_equal(device->profile->name, "betaflight");
        /* Which firmware is in it now, nobody knows. */
        assert_string_equal(device_get(device, DEVICE_FIRMWARE_VERSION), "");
        (void) snprintf(path, sizeof(path), "%s/boards/" UID_HEX ".json", bench->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

/* It runs, and says itself what it is. */
static void test_told_is_not_remembered(void **state) {
        struct bench *bench = *state;
        struct device *device;

        (void) bench_plug_identified(bench, PORT);
        restart(bench);
        (void) bench_plug_bootloader(bench, PORT, ROM_SERIAL);
        bench_unplug(bench, PORT);
        device = bench_plug_firmware(bench, PORT);
        assert_false(device->remembered);
        bench_until(bench, device->identified);
        assert_string_equal(device_get(device, DEVICE_BOARD_NAME), "STUB405");
        assert_false(device->remembered);
}

static void test_another_serial(void **state) {
        static const char *const serials[] = {OTHER_SERIAL, "STM32FxSTM32", "200364500000", "AT32",
                                              ""};
        struct bench *bench = *state;

        (void) bench_plug_identified(bench, PORT);
        restart(bench);
        for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
                assert_known(bench_plug_bootloader(bench, PORT, serials[i]), "");
                bench_unplug(bench, PORT);
        }
}

/* Its ROM may call a chip one of several things; a stranger may be called the less likely of them.
 */
static void test_unlikely_serial(void **state) {
        struct bench *bench = *state;

        write_board(bench, UID_HEX ".json",
                    "{\"UniqueId\": \"" UID_HEX "\", \"DfuSerials\": \"" ROM_SERIAL
                    ",325E356D3334\", \"Board\": \"betaflight\", \"BoardName\": \"STUB405\", "
                    "\"Variant\": \"BTFL\", \"Mcu\": \"STM32F405\", \"Seen\": 1}");
        restart(bench);
        assert_known(bench_plug_bootloader(bench, PORT, "325E356D3334"), "");
        bench_unplug(bench, PORT);
        assert_known(bench_plug_bootloader(bench, PORT, ROM_SERIAL), "STUB405");
}

/* Two chips that would show one serial number: it may be either. */
static void test_ambiguous(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_identified(bench, PORT);
        write_board(bench, OTHER_UID ".json",
                    "{\"UniqueId\": \"" OTHER_UID "\", \"DfuSerials\": \"" ROM_SERIAL
                    "\", \"Board\": \"betaflight\", \"BoardName\": \"TWIN\", \"Variant\": "
                    "\"BTFL\", \"Mcu\": \"STM32F405\", \"Seen\": 1}");
        restart(bench);
        assert_int_equal(bench->service.known.n, 2);
        assert_known(bench_plug_bootloader(bench, PORT, ROM_SERIAL), "");
}

/* Two boards at once with one serial number: neither is believed. */
static void test_twins_at_once(void **state) {
        struct bench *bench = *state;
        struct device *first, *second;

        (void) bench_plug_identified(bench, PORT);
        restart(bench);
        first = bench_plug_bootloader(bench, OTHER_PORT, ROM_SERIAL);
        assert_known(first, "STUB405");
        second = bench_plug_bootloader(bench, "1-8", ROM_SERIAL);
        assert_known(second, "");
        assert_known(first, "");
}

/* The board itself is plugged in elsewhere, running. */
static void test_the_board_is_there(void **state) {
        struct bench *bench = *state;

        (void) bench_plug_identified(bench, PORT);
        assert_known(bench_plug_bootloader(bench, OTHER_PORT, ROM_SERIAL), "");
        assert_string_equal(device_get(device_find_port(&bench->service, PORT), DEVICE_BOARD_NAME),
                            "STUB405");
}

static void test_damaged_files(void **state) {
        static const struct {
                const char *name, *text;
        } files[] = {
                {"002d00303334510b32313533.json", "{\"UniqueId\": \"002d0030"},
                {"002d00303334510b32313534.json", ""},
                {"002d00303334510b32313535.json", "[]"},
                {"002d00303334510b32313536.json", "{}"},
                /* Of another chip than its name. */
                {"002d00303334510b32313537.json",
                 "{\"UniqueId\": \"" UID_HEX "\", \"DfuSerials\": \"" ROM_SERIAL
                 "\", \"Board\": \"betaflight\", \"BoardName\": \"X\", \"Variant\": \"BTFL\", "
                 "\"Mcu\": \"\", \"Seen\": 1}"},
                {"..json", "{}"},
                {"002d00303334510b32313538.json",
                 "{\"UniqueId\": \"002d00303334510b32313538\", \"DfuSerials\": \"" ROM_SERIAL
                 "\", \"Board\": \"betaflight\", \"BoardName\": \"\\u001b[31m\", \"Variant\": "
                 "\"BTFL\", \"Mcu\": \"\", \"Seen\": 1}"},
        };
        struct bench *bench = *state;

        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                write_board(bench, files[i].name, files[i].text);
        restart(bench);
        assert_int_equal(bench->service.known.n, 0);
        assert_known(bench_plug_bootloader(bench, PORT, ROM_SERIAL), "");
}

static void make_texts(unsigned i, char id[32], char serial[16], const char *text[_KNOWN_MAX]) {
        (void) snprintf(id, 32, "%024x", i + 1);
        (void) snprintf(serial, 16, "%012X", i + 1);
        for (size_t k = 0; k < _KNOWN_MAX; k++)
                text[k] = "";
        text[KNOWN_UNIQUE_ID] = id;
        text[KNOWN_DFU_SERIALS] = serial;
        text[KNOWN_BOARD_NAME] = "SOMEBOARD";
}

static void test_bounded(void **state) {
        struct bench *bench = *state;
        struct identity_store *store = &bench->service.known;
        const char *text[_KNOWN_MAX];
        char id[32], serial[16];

        for (unsigned i = 0; i < KNOWN_BOARDS_MAX + 3; i++) {
                make_texts(i, id, serial, text);
                identity_store_keep(store, text, 1000 + i);
        }
        assert_int_equal(store->n, KNOWN_BOARDS_MAX);
        assert_null(identity_store_find(store, "000000000001")); /* the oldest went */
        assert_null(identity_store_find(store, "000000000003"));
        assert_non_null(identity_store_find(store, "000000000004"));
        restart(bench);
        assert_int_equal(store->n, KNOWN_BOARDS_MAX);
        assert_null(identity_store_find(store, "000000000003"));
        assert_non_null(identity_store_find(store, "000000000103"));
}

static void test_not_kept(void **state) {
        static const char *const ids[] = {"", "../../../etc/passwd", "002D00303334510B32313533",
                                          "1234", "002d00303334510b3231353g"};
        struct bench *bench = *state;
        const char *text[_KNOWN_MAX];
        char id[32], serial[16];

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                make_texts(1, id, serial, text);
                text[KNOWN_UNIQUE_ID] = ids[i];
                identity_store_keep(&bench->service.known, text, 1000);
        }
        make_texts(1, id, serial, text);
        text[KNOWN_DFU_SERIALS] = NULL;
        identity_store_keep(&bench->service.known, text, 1000);
        assert_int_equal(bench->service.known.n, 0);
}

/* A file is where the store's directory belongs, at `path`. */
static void without_a_place(struct bench *bench, char path[160]) {
        (void) snprintf(path, 160, "%s/boards", bench->dir);
        assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
        restart(bench);
}

/* A place that cannot be written to: known until the service ends, and nothing else breaks. */
static void test_read_only(void **state) {
        struct bench *bench = *state;
        char path[160];

        without_a_place(bench, path);
        (void) bench_plug_identified(bench, PORT);
        bench_unplug(bench, PORT);
        assert_known(bench_plug_bootloader(bench, OTHER_PORT, ROM_SERIAL), "STUB405");
        restart(bench);
        assert_known(bench_plug_bootloader(bench, OTHER_PORT, ROM_SERIAL), "");
}

/* What could not be written is written when it can be, if nothing new is told of the board, too. */
static void test_written_later(void **state) {
        struct bench *bench = *state;
        char path[160];

        without_a_place(bench, path);
        (void) bench_plug_identified(bench, PORT);
        assert_true(bench->service.known.failed);
        assert_int_equal(unlink(path), 0);
        bench_unplug(bench, PORT);
        (void) bench_plug_identified(bench, PORT);
        assert_false(bench->service.known.failed);
        (void) snprintf(path, sizeof(path), "%s/boards/" UID_HEX ".json", bench->dir);
        assert_int_equal(access(path, R_OK), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_known_after_a_restart),
                TEST(test_told_is_not_remembered),
                TEST(test_another_serial),
                TEST(test_unlikely_serial),
                TEST(test_ambiguous),
                TEST(test_twins_at_once),
                TEST(test_the_board_is_there),
                TEST(test_damaged_files),
                TEST(test_bounded),
                TEST(test_not_kept),
                TEST(test_read_only),
                TEST(test_written_later),
#undef TEST
        };

        return cmocka_run_group_tests_name("identity-store", tests, NULL, NULL);
}
