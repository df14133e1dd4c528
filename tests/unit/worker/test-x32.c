/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-operation.h"

/* X32M7, of whose ROM no log is public: the model is inferred (tests/sim/models/chips.c). So what
 * is flashed, and what stays as it was, must not depend on its being right: here it is wrong in
 * each way that other ROMs are known to be otherwise. */

#define FLASH_START    0x15000000U
#define FIRMWARE_START 0x15020000U
#define CONFIG_START   0x151C0000U
#define HEAD_SIZE      (FIRMWARE_START - FLASH_START)
#define CONFIG_SIZE    (128U * 1024)
#define IMAGE_SIZE     (41U * 1024)
#define WHAT_STAYS     (HEAD_SIZE + CONFIG_SIZE)

static uint8_t image[IMAGE_SIZE];
static uint8_t before[WHAT_STAYS];
static struct board_profile *profile;

static void image_init(void) {
        for (size_t i = 0; i < sizeof(image); i++)
                image[i] = (uint8_t) (i * 13 + (i >> 8));
        /* The vectors that Betaflight's startup code has there. */
        memcpy(image, "\x00\x00\x05\x30\x09\x00\x02\x15", 8);
}

/* The chip's own head and the settings have bytes of their own. */
static void plug(const char *kind, const char *const *options) {
        sim_plug(kind, options);
        for (size_t i = 0; i < sizeof(before); i++)
                before[i] = (uint8_t) (i * 7 + (i >> 10));
        assert_int_equal(model_load(sim.model, FLASH_START, before, HEAD_SIZE), 0);
        assert_int_equal(model_load(sim.model, CONFIG_START, before + HEAD_SIZE, CONFIG_SIZE), 0);
}

static void assert_stays(void) {
        assert_true(flash_is(FLASH_START, before, HEAD_SIZE));
        assert_true(flash_is(CONFIG_START, before + HEAD_SIZE, CONFIG_SIZE));
}

static void prepare_at(const struct operation *operation, uint32_t address) {
        prepare_operation(operation);
        run.worker.node = MODEL_NODE;
        run.worker.profile = profile;
        run.worker.image_fd = sealed(image, sizeof(image));
        run.worker.options.has_address = true;
        run.worker.options.address = address;
}

static void flash_well(const char *const *options, bool full) {
        plug("x32m7b", options);
        prepare_at(&op_flash, FIRMWARE_START);
        run.worker.options.erase = full ? ERASE_FULL : ERASE_SECTORS;
        check_result(go(), FWD_OK, "verified");
        assert_true(flash_is(FIRMWARE_START, image, sizeof(image)));
        assert_true(flash_is(FLASH_START, before, HEAD_SIZE));
        if (!full)
                assert_stays();
        sim_unplug();
}

static void test_as_inferred(void **state) {
        flash_well((const char *const[]){NULL}, false);
        flash_well((const char *const[]){"timing=max", NULL}, false);
        flash_well((const char *const[]){NULL}, true);
}

static void test_otherwise(void **state) {
        static const char *const ways[][2] = {
                {"family=works-first"},
                {"family=stalls-busy"},
                {"power-up=error"},
                {"strict-clear=yes"},
                {"state-0f=no"},
                {"transfer-size=64", "poll-write=1"},
                {"transfer-size=2048"},
                {"transfer-size=4096"},
                {"oversize=stall"},
                {"oversize=clip"},
                {"poll-write=0"},
                {"poll-erase=0"},
                {"poll-erase=3000"},
                {"overwrite=refuse"},
                {"leave=gone"},
                {"leave=stall"},
                {"leave=drop"},
                {"bootloader-serial="},
                {"bootloader-serial=X32"},
                /* Pages of a serial flash; its blocks; more than is known to be there. */
                {"layout=@Internal Flash  /0x15000000/480*004Kg"},
                {"layout=@Internal Flash  /0x15000000/15*128Kg"},
                {"layout=@XSPI Flash /0x15000000/30*064Kg"},
                {"layout=@Internal Flash  /0x15020000/14*128Kg"},
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(ways); i++) {
                const char *const options[] = {i % 2 ? "unchecked=no" : "unchecked=yes",
                                               ways[i / 2][0], ways[i / 2][1], NULL};

                print_message("# %s, %s\n", options[0], options[1]);
                flash_well(options, false);
        }
}

/* What cannot be flashed is refused with a name, and the board is as it was. */
static void refused(const char *const *options, uint32_t address, enum fwd_error error) {
        _cleanup_free_ uint8_t *old = malloc(IMAGE_SIZE);

        assert_non_null(old);
        plug("x32m7b", options);
        assert_int_equal(model_dump(sim.model, FIRMWARE_START, old, IMAGE_SIZE), 0);
        prepare_at(&op_flash, address);
        check_result(go(), error, "untouched");
        assert_true(flash_is(FIRMWARE_START, old, IMAGE_SIZE));
        assert_stays();
        sim_unplug();
}

static void test_refused(void **state) {
        static const char *const none[] = {NULL};

        refused(none, FLASH_START, FWD_PROTECTED_REGION);
        refused(none, FIRMWARE_START - 4096, FWD_PROTECTED_REGION);
        /* Vectors that are not of the place: firmware of another chip. */
        refused(none, 0x08000000, FWD_INVALID_IMAGE);
        /* A ROM that has its flash elsewhere, less of it, or tells nothing that can be read. */
        refused((const char *const[]){"layout=@Internal Flash  /0x08000000/16*128Kg", NULL},
                FIRMWARE_START, FWD_ADDRESS_OUT_OF_RANGE);
        refused((const char *const[]){"layout=@Internal Flash  /0x15000000/09*016Kg", NULL},
                FIRMWARE_START, FWD_IMAGE_TOO_LARGE);
        refused((const char *const[]){"layout=@Internal Flash  /0x15000000/01*128Kg", NULL},
                FIRMWARE_START, FWD_ADDRESS_OUT_OF_RANGE);
        refused((const char *const[]){"truncate-strings=64", NULL}, FIRMWARE_START,
                FWD_NOT_SUPPORTED);
        refused((const char *const[]){"layout=@Internal Flash  /0x15000000/15*128Ka", NULL},
                FIRMWARE_START, FWD_PROTECTED_REGION);
}

/* It answers "done" whatever became of it: only reading back tells. */
static void test_silent_failures(void **state) {
        /* The first block goes last. */
        static const char *const faults[][3] = {
                {"lose-erase", "0x15020000", "partly-written"},
                {"lose-write", "0x15020500", "partly-written"},
                {"corrupt-read", "0x15020500", "partly-written"},
                {"protect", "5", "partly-written"},
                {"lose-write", "0x15020000", "written"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                plug("x32m7b", (const char *const[]){"time-scale=0.01", "flash=400K", NULL});
                assert_int_equal(model_set(sim.model, faults[i][0], faults[i][1], 1000000), 0);
                prepare_at(&op_flash, FIRMWARE_START);
                check_result(go(), FWD_VERIFY_FAILED, faults[i][2]);
                assert_stays();
                sim_unplug();
        }
}

static void test_unplugged(void **state) {
        plug("x32m7b", (const char *const[]){"time-scale=0.01", "unplug-write=3", NULL});
        prepare_at(&op_flash, FIRMWARE_START);
        check_result(go(), FWD_DEVICE_LOST, "partly-written");
        assert_stays();
        sim_unplug();
}

static void test_read_and_erase(void **state) {
        _cleanup_free_ uint8_t *blank = malloc(CONFIG_SIZE);

        assert_non_null(blank);
        memset(blank, 0xff, CONFIG_SIZE);
        plug("x32m7b", (const char *const[]){"time-scale=0.01", "flash=400K", NULL});
        prepare_operation(&op_erase);
        run.worker.node = MODEL_NODE;
        run.worker.profile = profile;
        check_result(go(), FWD_OK, "erased");
        assert_true(flash_is(FIRMWARE_START, blank, CONFIG_SIZE));
        assert_stays();
        sim_unplug();
}

/* Nothing of what the firmware tells is in the serial number of the ROM: none is expected. */
static void test_serial(void **state) {
        static const char *const boards[] = {"betaflight-x32", "betaflight"};

        for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
                _cleanup_board_profile_ struct board_profile *board = NULL;

                assert_int_equal(board_profile_load(board_profile_dirs(), boards[i], &board), 0);
                sim_plug("betaflight-x32m7b", (const char *const[]){"time-scale=0.01", NULL});
                prepare_operation(&op_identify);
                run.worker.tty = MODEL_TTY;
                run.worker.profile = board;
                check_result(go(), FWD_OK, "untouched");
                assert_string_equal(heard("X.Mcu"), "X32M7B");
                assert_string_equal(heard("X.BoardName"), "X32M7B");
                assert_string_equal(heard("X.UniqueId"), "002d00303334510b32313533");
                assert_true((heard("X.DfuSerials") == NULL) == (i == 0));
                sim_unplug();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_as_inferred), cmocka_unit_test(test_otherwise),
                cmocka_unit_test(test_refused),     cmocka_unit_test(test_silent_failures),
                cmocka_unit_test(test_unplugged),   cmocka_unit_test(test_read_and_erase),
                cmocka_unit_test(test_serial),
        };
        int r;

        image_init();
        if (board_profile_load(board_profile_dirs(), "x32-dfu", &profile) < 0)
                return 2;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        profile = board_profile_free(profile);
        return r;
}
