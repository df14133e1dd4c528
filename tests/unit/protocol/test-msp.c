/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-fc.h"

#include <stdio.h>
#include <stdlib.h>

/* Frames as Betaflight and its app send them, byte for byte. */
static const struct golden {
        const char *name;
        enum msp_version version;
        enum msp_direction direction;
        uint16_t code;
        const char *payload;
        size_t size;
        const char *bytes;
        size_t n;
} golden[] = {
#define ROW(name, version, direction, code, payload, bytes)                                        \
        { name, version, direction, code, payload, sizeof(payload) - 1, bytes, sizeof(bytes) - 1 }
        ROW("API_VERSION", MSP_V1, MSP_TO_FC, 1, "", "\x24\x4d\x3c\x00\x01\x01"),
        ROW("API_VERSION 1.47", MSP_V1, MSP_FROM_FC, 1, "\x00\x01\x2f",
            "\x24\x4d\x3e\x03\x01\x00\x01\x2f\x2c"),
        ROW("FC_VARIANT", MSP_V1, MSP_TO_FC, 2, "", "\x24\x4d\x3c\x00\x02\x02"),
        ROW("FC_VARIANT BTFL", MSP_V1, MSP_FROM_FC, 2, "BTFL",
            "\x24\x4d\x3e\x04\x02\x42\x54\x46\x4c\x1a"),
        ROW("UID", MSP_V1, MSP_TO_FC, 160, "", "\x24\x4d\x3c\x00\xa0\xa0"),
        ROW("REBOOT", MSP_V1, MSP_TO_FC, 68, "", "\x24\x4d\x3c\x00\x44\x44"),
        ROW("REBOOT to the ROM", MSP_V1, MSP_TO_FC, 68, "\x01", "\x24\x4d\x3c\x01\x44\x01\x44"),
        ROW("REBOOT to the flash bootloader", MSP_V1, MSP_TO_FC, 68, "\x04",
            "\x24\x4d\x3c\x01\x44\x04\x41"),
        ROW("GET_TEXT build key", MSP_V2, MSP_TO_FC, 0x3006, "\x05",
            "\x24\x58\x3c\x00\x06\x30\x01\x00\x05\x91"),
        ROW("MCU_INFO", MSP_V2, MSP_TO_FC, 0x300c, "", "\x24\x58\x3c\x00\x0c\x30\x00\x00\xbd"),
        ROW("REBOOT to the ROM, version 2", MSP_V2, MSP_TO_FC, 68, "\x01",
            "\x24\x58\x3c\x00\x44\x00\x01\x00\x01\xd7"),
        ROW("API_VERSION, 2 over 1", MSP_V2_OVER_V1, MSP_TO_FC, 1, "",
            "\x24\x4d\x3c\x06\xff\x00\x01\x00\x00\x00\x45\xbd"),
#undef ROW
};

static void test_golden_frames(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
                const struct golden *g = &golden[i];
                struct msp_frame frame;
                uint8_t bytes[64];
                size_t used = 0;
                int n;

                print_message("# %s\n", g->name);
                n = msp_encode(g->version, g->direction, g->code, (const uint8_t *) g->payload,
                               g->size, bytes, sizeof(bytes));
                assert_int_equal(n, g->n);
                assert_memory_equal(bytes, g->bytes, g->n);
                assert_int_equal(msp_decode((const uint8_t *) g->bytes, g->n, &frame, &used), 1);
                assert_int_equal(used, g->n);
                assert_int_equal(frame.version, g->version);
                assert_int_equal(frame.direction, g->direction);
                assert_int_equal(frame.code, g->code);
                assert_int_equal(frame.size, g->size);
                assert_memory_equal(frame.payload, g->payload, g->size);
        }
}

/* Every frame, cut anywhere, asks for more and keeps all of it. */
static void test_fragments(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(golden); i++)
                for (size_t cut = 1; cut < golden[i].n; cut++) {
                        struct msp_frame frame;
                        size_t used = 99;

                        assert_int_equal(
                                msp_decode((const uint8_t *) golden[i].bytes, cut, &frame, &used),
                                0);
                        assert_int_equal(used, 0);
                }
}

static void test_one_wrong_bit_is_never_a_frame(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(golden); i++)
                for (size_t bit = 0; bit < golden[i].n * 8; bit++) {
                        struct msp_frame frame;
                        uint8_t bytes[64];
                        size_t used;

                        /* The direction is under no checksum: '<' and '>' are one bit apart. */
                        if (bit / 8 == 2)
                                continue;
                        memcpy(bytes, golden[i].bytes, golden[i].n);
                        bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                        assert_int_equal(msp_decode(bytes, golden[i].n, &frame, &used), 0);
                }
}

static void test_frame_behind_noise(void **state) {
        static const uint8_t stream[] = "AT\r$M$$X?\x01$M>\x03\x01\x00\x01\x2f\x2c$M>";
        struct msp_frame frame;
        size_t used;

        assert_int_equal(msp_decode(stream, sizeof(stream) - 1, &frame, &used), 1);
        assert_int_equal(frame.code, MSP_API_VERSION);
        assert_int_equal(used, sizeof(stream) - 1 - 3);
        /* A beginning at the very end stays for the next bytes. */
        assert_int_equal(msp_decode(stream + used, 3, &frame, &used), 0);
        assert_int_equal(used, 0);
}

static void test_jumbo(void **state) {
        static const enum msp_version versions[] = {MSP_V1, MSP_V2, MSP_V2_OVER_V1};
        static const size_t sizes[] = {0, 1, 248, 249, 254, 255, 256, 300, 4000, MSP_PAYLOAD_MAX};
        uint8_t payload[MSP_PAYLOAD_MAX], *bytes = malloc(MSP_FRAME_MAX);

        for (size_t i = 0; i < sizeof(payload); i++)
                payload[i] = (uint8_t) (i * 7 + (i >> 8));
        for (size_t v = 0; v < ARRAY_SIZE(versions); v++)
                for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                        struct msp_frame frame;
                        size_t used;
                        int n = msp_encode(versions[v], MSP_FROM_FC, 73, payload, sizes[i], bytes,
                                           MSP_FRAME_MAX);

                        assert_true(n > 0);
                        assert_int_equal(msp_decode(bytes, (size_t) n, &frame, &used), 1);
                        assert_int_equal(used, n);
                        assert_int_equal(frame.version, versions[v]);
                        assert_int_equal(frame.size, sizes[i]);
                        assert_memory_equal(frame.payload, payload, sizes[i]);
                }
        /* The form that an app knows: 0xff, code, true size. */
        assert_true(msp_encode(MSP_V1, MSP_FROM_FC, 73, payload, 300, bytes, MSP_FRAME_MAX) > 0);
        assert_memory_equal(bytes, "$M>\xff\x49\x2c\x01", 7);
        free(bytes);
}

static void test_sizes_that_are_noise(void **state) {
        /* A claim of 65535 bytes must not make the decoder wait for them. */
        static const uint8_t v1[] = "$M>\xff\x49\xff\xff", v2[] = "$X>\x00\x01\x30\xff\xff";
        struct msp_frame frame;
        size_t used;

        assert_int_equal(msp_decode(v1, sizeof(v1) - 1, &frame, &used), 0);
        assert_int_equal(used, sizeof(v1) - 1);
        assert_int_equal(msp_decode(v2, sizeof(v2) - 1, &frame, &used), 0);
        assert_int_equal(used, sizeof(v2) - 1);
}

static void test_encode_refuses(void **state) {
        static const uint8_t payload[MSP_PAYLOAD_MAX + 1];
        uint8_t to[16];

        assert_int_equal(msp_encode(MSP_V1, MSP_TO_FC, 0x300c, NULL, 0, to, sizeof(to)), -EINVAL);
        assert_int_equal(msp_encode(MSP_V1, MSP_TO_FC, 255, NULL, 0, to, sizeof(to)), -EINVAL);
        assert_int_equal(msp_encode(MSP_V1, MSP_TO_FC, 1, payload, 11, to, sizeof(to)), -ENOBUFS);
        assert_int_equal(msp_encode(MSP_V1, MSP_TO_FC, 1, payload, 10, to, sizeof(to)), 16);
        assert_int_equal(msp_encode(MSP_V2, MSP_TO_FC, 1, payload, 8, to, sizeof(to)), -ENOBUFS);
        assert_int_equal(msp_encode(MSP_V2_OVER_V1, MSP_TO_FC, 1, payload, 5, to, sizeof(to)),
                         -ENOBUFS);
        assert_int_equal(msp_encode(MSP_V2, MSP_TO_FC, 1, payload, sizeof(payload), to, sizeof(to)),
                         -EMSGSIZE);
}

static int ask(struct fake_fc *fc, struct fault *fault) {
        struct msp_frame reply;
        int r = msp_request(&fc->port, MSP_API_VERSION, NULL, 0, &reply, fault);

        if (r == 0) {
                assert_int_equal(reply.code, MSP_API_VERSION);
                assert_int_equal(reply.size, 3);
                assert_memory_equal(reply.payload, "\x00\x01\x2e", 3);
        }
        return r;
}

static void fc_with_api(struct fake_fc *fc) {
        fake_init(fc);
        (void) fake_answer(fc, MSP_API_VERSION, "\x00\x01\x2e", 3);
}

static void test_request(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        assert_int_equal(ask(&fc, &fault), 0);
        assert_int_equal(fc.requests, 1);
}

/* Byte by byte, behind noise that looks like the beginning of a frame, and behind the answer to
 * another request. */
static void test_request_on_a_bad_line(void **state) {
        static const uint8_t late[] = "$M>\x04\x02"
                                      "BTFL\x1a";
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.chunk = 1;
        fc.noise = "$M>\x01 AT\r$";
        fake_say(&fc, late, sizeof(late) - 1);
        assert_int_equal(ask(&fc, &fault), 0);
        assert_int_equal(fc.requests, 1);
}

/* Noise with the beginning of a long frame swallows the answer behind it, but not the next one. */
static void test_request_behind_a_false_beginning(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.noise = "$X>\x01$M>\x03";
        fc.noise_once = true;
        assert_int_equal(ask(&fc, &fault), 0);
        assert_int_equal(fc.requests, 2);
}

static void test_request_is_sent_again(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.answers[0].deaf = 2;
        assert_int_equal(ask(&fc, &fault), 0);
        assert_int_equal(fc.requests, 3);
        assert_int_equal(fc.clock_ms, 1000 + 2 * 1000);

        fc_with_api(&fc);
        fc.corrupt = 1;
        assert_int_equal(ask(&fc, &fault), 0);
        assert_int_equal(fc.requests, 2);
}

static void test_request_without_answer(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fake_init(&fc);
        assert_int_equal(ask(&fc, &fault), -ETIMEDOUT);
        assert_int_equal(fault.error, FWD_TIMEOUT);
        assert_non_null(strstr(fault.message, "/dev/ttyACM7"));
        assert_int_equal(fc.requests, 3);
        assert_int_equal(fc.clock_ms, 1000 + 3 * 1000);
}

/* A port that talks without end (a GPS, a console) is given up as soon as a silent one. */
static void test_request_on_a_babbling_port(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fake_init(&fc);
        memset(fc.output, '$', sizeof(fc.output));
        fc.n_output = sizeof(fc.output);
        fc.chunk = 16;
        fc.read_ms = 10;
        assert_int_equal(ask(&fc, &fault), -ETIMEDOUT);
        assert_true(fc.clock_ms <= 1000 + 3 * 1010);
}

static void test_request_refused(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.answers[0].refuse = true;
        assert_int_equal(ask(&fc, &fault), -EOPNOTSUPP);
        assert_int_equal(fault.error, FWD_NOT_SUPPORTED);
        assert_int_equal(fc.requests, 1);
}

static void test_request_unplugged(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.lost_code = MSP_API_VERSION;
        assert_int_equal(ask(&fc, &fault), -ENODEV);
        assert_int_equal(fault.error, FWD_DEVICE_LOST);
}

static void test_request_cancelled(void **state) {
        static const volatile sig_atomic_t cancel = 1;
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.port.cancel = &cancel;
        assert_int_equal(ask(&fc, &fault), -ECANCELED);
        assert_int_equal(fault.error, FWD_CANCELLED);
}

/* The request comes back before the answer, as from a line with echo. */
static void test_echo_is_no_answer(void **state) {
        struct fault fault = FAULT_INIT;
        struct fake_fc fc;

        fc_with_api(&fc);
        fc.noise = "$M<\x03\x01\x01\x01\x01\x03";
        assert_int_equal(ask(&fc, &fault), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden_frames),
                cmocka_unit_test(test_fragments),
                cmocka_unit_test(test_one_wrong_bit_is_never_a_frame),
                cmocka_unit_test(test_frame_behind_noise),
                cmocka_unit_test(test_jumbo),
                cmocka_unit_test(test_sizes_that_are_noise),
                cmocka_unit_test(test_encode_refuses),
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_request_on_a_bad_line),
                cmocka_unit_test(test_request_behind_a_false_beginning),
                cmocka_unit_test(test_request_is_sent_again),
                cmocka_unit_test(test_request_without_answer),
                cmocka_unit_test(test_request_on_a_babbling_port),
                cmocka_unit_test(test_request_refused),
                cmocka_unit_test(test_request_unplugged),
                cmocka_unit_test(test_request_cancelled),
                cmocka_unit_test(test_echo_is_no_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
