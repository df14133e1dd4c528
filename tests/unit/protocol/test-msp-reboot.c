/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-fc.h"

#include "protocol/betaflight.h"

static const uint8_t disarmed[11] = {250, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0};
static const uint8_t armed[11] = {250, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0};
static const uint8_t boxes[] = {0, 1, 2};

static void fc_init(struct fake_fc *fc) {
        fake_init(fc);
        (void) fake_answer(fc, MSP_STATUS, disarmed, sizeof(disarmed));
        (void) fake_answer(fc, MSP_BOXIDS, boxes, sizeof(boxes));
        (void) fake_answer(fc, MSP_REBOOT, "\x01", 1);
}

static struct fc_identity of(const char *variant, unsigned major, unsigned minor) {
        struct fc_identity identity = {.has_version = true, .version = {major, minor, 0}};

        memcpy(identity.variant, variant, 5);
        return identity;
}

struct row {
        struct fc_identity identity;
        const char *method;
        int mode; /* the payload of MSP_REBOOT; -1: the character */
};

static void test_way_by_firmware(void **state) {
        const struct row rows[] = {
                {of("BTFL", 4, 0), "msp-reboot", 1},
                {of("BTFL", 4, 5), "msp-reboot", 1},
                {of("BTFL", 2025, 12), "msp-reboot", 1},
                {of("BTFL", 3, 5), "reboot-character", -1},
                {of("CLFL", 2, 5), "reboot-character", -1},
                {of("EMUF", 0, 4), "msp-reboot", 1},
                {of("INAV", 9, 1), "msp-reboot", 1},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fault fault = FAULT_INIT;
                const char *method = NULL;
                struct fake_fc fc;

                fc_init(&fc);
                fc.lost_code = MSP_REBOOT;
                assert_int_equal(fc_reboot(&fc.port, &rows[i].identity, FC_REBOOT_BOOTLOADER,
                                           &method, &fault),
                                 0);
                assert_string_equal(method, rows[i].method);
                if (rows[i].mode >= 0) {
                        assert_int_equal(fc.last_code, MSP_REBOOT);
                        assert_int_equal(fc.last_size, 1);
                        assert_int_equal(fc.last_payload[0], rows[i].mode);
                        assert_int_equal(fc.n_raw, 0);
                } else {
                        assert_int_not_equal(fc.last_code, MSP_REBOOT);
                        assert_int_equal(fc.n_raw, 1);
                        assert_int_equal(fc.raw[0], 'R');
                }
        }
}

/* The character counts only alone: 100 ms of silence before the firmware acts on it, and nothing
 * sent right before it that it could be part of. */
static void test_character_stands_alone(void **state) {
        const struct fc_identity identity = of("BTFL", 3, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault), 0);
        assert_true(fc.raw_ms[0] - fc.last_frame_ms >= 100);
        assert_true(fc.clock_ms - fc.raw_ms[0] >= 100);
}

/* 4 makes firmware without a flash bootloader stop its motors and stay: only with the bit. */
static void test_flash_bootloader_by_capability(void **state) {
        struct fc_identity identity = of("BTFL", 4, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        identity.capabilities = 1 << 3;
        fc_init(&fc);
        fc.lost_code = MSP_REBOOT;
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault), 0);
        assert_int_equal(fc.last_payload[0], 4);
        assert_string_equal(method, "msp-reboot-flash-bootloader");

        identity = of("EMUF", 0, 4);
        identity.capabilities = 0xff;
        fc_init(&fc);
        fc.lost_code = MSP_REBOOT;
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault), 0);
        assert_int_equal(fc.last_payload[0], 1);
}

static void test_never_while_armed(void **state) {
        static const char *const variants[] = {"BTFL", "CLFL", "INAV", "EMUF"};

        for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
                for (int to = FC_REBOOT_FIRMWARE; to <= FC_REBOOT_BOOTLOADER; to++) {
                        const struct fc_identity identity = of(variants[i], 4, 5);
                        struct fault fault = FAULT_INIT;
                        const char *method;
                        struct fake_fc fc;

                        fc_init(&fc);
                        (void) fake_answer(&fc, MSP_STATUS, armed, sizeof(armed));
                        assert_int_equal(fc_reboot(&fc.port, &identity, (enum fc_reboot) to,
                                                   &method, &fault),
                                         -EBUSY);
                        assert_int_equal(fault.error, FWD_ARMED);
                        assert_int_not_equal(fc.last_code, MSP_REBOOT);
                        assert_int_equal(fc.n_raw, 0);
                }
}

/* Whoever does not say is not rebooted either. */
static void test_not_if_it_does_not_say(void **state) {
        const struct fc_identity identity = of("BTFL", 4, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        (void) fake_answer(&fc, MSP_STATUS, disarmed, 5);
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault),
                         -EOPNOTSUPP);
        assert_int_not_equal(fc.last_code, MSP_REBOOT);
}

/* Somebody else reads the answers: nothing is asked for, and it is tried again later. */
static void test_shared(void **state) {
        static const uint16_t unheard[] = {MSP_STATUS, MSP_BOXIDS};
        const struct fc_identity identity = of("BTFL", 4, 5);

        for (size_t i = 0; i < ARRAY_SIZE(unheard); i++) {
                struct fault fault = FAULT_INIT;
                const char *method;
                struct fake_fc fc;

                fc_init(&fc);
                fc.is_shared = true;
                fake_answer(&fc, unheard[i], disarmed, sizeof(disarmed))->deaf = 99;
                assert_int_equal(
                        fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault),
                        -EBUSY);
                assert_int_equal(fault.error, FWD_PORT_HELD);
                assert_int_not_equal(fc.last_code, MSP_REBOOT);
                assert_int_equal(fc.n_raw, 0);
        }
}

static void test_unknown_firmware(void **state) {
        struct fc_identity identity = of("XYZW", 4, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault),
                         -EOPNOTSUPP);
        assert_int_equal(fault.error, FWD_NOT_SUPPORTED);
        assert_non_null(strstr(fault.message, "XYZW"));
        assert_int_equal(fc.n_raw, 0);
        assert_int_equal(fc.requests, 0);
}

/* Some firmware resets before it answers: gone or silent is no failure here. */
static void test_leaves_without_an_answer(void **state) {
        const struct fc_identity identity = of("BTFL", 4, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        fc.lost_code = MSP_REBOOT;
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault), 0);
        fc_init(&fc);
        fc.answers[2].deaf = 100;
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault), 0);
        /* Asked once: a second request would reach the board that has just come back. */
        assert_int_equal(fc.answers[2].deaf, 99);
}

static void test_refused(void **state) {
        const struct fc_identity identity = of("BTFL", 4, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        fc.answers[2].refuse = true;
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_BOOTLOADER, &method, &fault),
                         -EOPNOTSUPP);
        assert_int_equal(fault.error, FWD_NOT_SUPPORTED);
}

/* A way that started the firmware again is not taken a second time, nor one before it. */
static void test_next_way(void **state) {
        const struct fc_identity all = of("BTFL", 4, 5), inav = of("INAV", 8, 0);
        static const struct {
                const char *after, *next;
        } rows[] = {
                {NULL, "msp-reboot"},
                {"cli", "reboot-character"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct fault fault = FAULT_INIT;
                const char *method = NULL;
                struct fake_fc fc;

                fc_init(&fc);
                fc.lost_code = MSP_REBOOT;
                assert_int_equal(fc_reboot_after(&fc.port, &all, rows[i].after, &method, &fault),
                                 0);
                assert_string_equal(method, rows[i].next);
                assert_int_equal(fc.last_code == MSP_REBOOT, rows[i].after == NULL);
                assert_int_equal(fc_reboot_has_more(&all, method), rows[i].after == NULL);
        }
        assert_true(fc_reboot_has_more(&all, "msp-reboot"));
        assert_true(fc_reboot_has_more(&all, "msp-reboot-flash-bootloader"));
        assert_true(fc_reboot_has_more(&inav, "cli"));
        assert_false(fc_reboot_has_more(&inav, "reboot-character"));
        assert_false(fc_reboot_is_method("vendor-request"));
}

static void test_no_next_way(void **state) {
        const struct fc_identity identity = of("BTFL", 4, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        assert_int_equal(fc_reboot_after(&fc.port, &identity, "reboot-character", &method, &fault),
                         -EOPNOTSUPP);
        assert_non_null(strstr(fault.message, "No other way"));
        assert_int_equal(fc.requests, 0);
        assert_int_equal(fc.n_raw, 0);
}

static void test_to_firmware(void **state) {
        const struct fc_identity identity = of("CLFL", 2, 5);
        struct fault fault = FAULT_INIT;
        const char *method;
        struct fake_fc fc;

        fc_init(&fc);
        assert_int_equal(fc_reboot(&fc.port, &identity, FC_REBOOT_FIRMWARE, &method, &fault), 0);
        assert_int_equal(fc.last_code, MSP_REBOOT);
        assert_int_equal(fc.last_size, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_way_by_firmware),
                cmocka_unit_test(test_character_stands_alone),
                cmocka_unit_test(test_flash_bootloader_by_capability),
                cmocka_unit_test(test_never_while_armed),
                cmocka_unit_test(test_not_if_it_does_not_say),
                cmocka_unit_test(test_shared),
                cmocka_unit_test(test_unknown_firmware),
                cmocka_unit_test(test_leaves_without_an_answer),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_next_way),
                cmocka_unit_test(test_no_next_way),
                cmocka_unit_test(test_to_firmware),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
