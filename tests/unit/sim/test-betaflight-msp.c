/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The simulated Betaflight's serial ports: MSP byte for byte, and a second one beside it. */

#include "sim-host.h"

#include <errno.h>
#include <string.h>

#include "models/betaflight.h"

/* Payload of a v1 exchange. */
static size_t ask(struct sim_host *h, uint8_t code, uint8_t *to, size_t size) {
        const uint8_t request[] = {'$', 'M', '<', 0, code, code};
        uint8_t frame[2048], checksum = 0;
        size_t n;

        sim_send(h, request, sizeof(request));
        n = sim_receive(h, 10, frame, sizeof(frame));
        assert_true(n >= 6);
        assert_memory_equal(frame, "$M>", 3);
        assert_int_equal(frame[4], code);
        assert_int_equal(n, frame[3] + 6U);
        for (size_t i = 3; i < n; i++)
                checksum ^= frame[i];
        assert_int_equal(checksum, 0);
        assert_true(frame[3] <= size);
        memcpy(to, frame + 5, frame[3]);
        return frame[3];
}

static void descriptors(void **state) {
        static const uint8_t device[] = {0x12, 0x01, 0x00, 0x02, 0x02, 0x02, 0x00, 0x40, 0x83,
                                         0x04, 0x40, 0x57, 0x00, 0x02, 0x01, 0x02, 0x03, 0x01};
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", NULL);
        assert_true(h.m->on_bus);
        assert_true(h.m->has_serial_port);
        assert_memory_equal(h.m->device_descriptor, device, sizeof(device));
        assert_int_equal(h.m->config_size, 67);
        assert_int_equal(h.m->config_descriptor[2], 67);
        assert_string_equal(h.m->manufacturer, "Betaflight");
        assert_string_equal(h.m->product, "Betaflight STM32F405");
        assert_string_equal(h.m->serial, "0x8000000");
        /* Line coding is what the host set. */
        static const uint8_t coding[] = {0x00, 0xE1, 0x00, 0x00, 0, 0, 8};

        assert_int_equal(sim_host_transfer(&h, 0x21, 0x20, 0, 7, coding), 7);
        assert_int_equal(sim_host_transfer(&h, 0xA1, 0x21, 0, 7, NULL), 7);
        assert_memory_equal(h.answer.data, coding, 7);
        assert_int_equal(sim_host_transfer(&h, 0x21, 0x22, 3, 0, NULL), 0);
        /* No DFU here. */
        assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -EPIPE);
        sim_host_stop(&h);

        sim_host_start(&h, "betaflight-h743", NULL);
        assert_string_equal(h.m->serial, "325E35633334");
        sim_host_stop(&h);
        sim_host_start(&h, "betaflight-at32f435", NULL);
        assert_int_equal(h.m->device_descriptor[8] | h.m->device_descriptor[9] << 8, 0x2E3C);
        sim_host_stop(&h);
}

static void frames(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "build-key=0123456789abcdef0123456789abcdef", NULL);
        sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        sim_exchange(&h, "\x24\x4D\x3C\x00\x02\x02",
                     "\x24\x4D\x3E\x04\x02"
                     "BTFL\x1A");
        sim_exchange(&h, "\x24\x4D\x3C\x00\x03\x03",
                     "\x24\x4D\x3E\x0D\x03\x19\x0C\x02\x09"
                     "2025.12.2\x24");
        sim_exchange(&h, "\x24\x4D\x3C\x00\xA0\xA0",
                     "\x24\x4D\x3E\x0C\xA0\x30\x00\x2D\x00\x0B\x51\x34\x33\x33\x35\x31\x32\xE9");
        /* v2, and v2 in v1 */
        sim_exchange(&h, "\x24\x58\x3C\x00\x06\x30\x01\x00\x02\xC5",
                     "\x24\x58\x3E\x00\x06\x30\x07\x00\x02\x05"
                     "bench\x8C");
        sim_exchange(&h, "\x24\x4D\x3C\x06\xFF\x00\x01\x00\x00\x00\x45\xBD",
                     "\x24\x4D\x3E\x09\xFF\x00\x01\x00\x03\x00\x00\x01\x2F\x49\x93");
        /* What it does not know gets an error frame, in the framing of the question. */
        sim_exchange(&h, "\x24\x4D\x3C\x00\xC8\xC8", "\x24\x4D\x21\x00\xC8\xC8");
        sim_exchange(&h, "\x24\x58\x3C\x00\xC8\x00\x00\x00\xCB",
                     "\x24\x58\x21\x00\xC8\x00\x00\x00\xCB");
        sim_host_stop(&h);
}

static void what_is_wrong_is_dropped(void **state) {
        static const uint8_t api[] = "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C";
        uint8_t got[256], big[256] = {'$', 'M', '<', 193, 1};
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", NULL);
        sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x02", "");
        sim_exchange(&h, "\x24\x58\x3C\x00\x01\x00\x00\x00\x00", "");
        sim_exchange(&h, "\x24\x4D\x3C\x06\xFF\x00\x01\x00\x00\x00\x46\xBE", "");
        sim_exchange(&h, "\x24\x4D\x3C\x06\xFF\x00\x01\x00\x00\x00\x45\xBC", "");
        sim_exchange(&h, "\x24\x4D\x3E\x00\x01\x01", "");
        sim_exchange(&h, "garbage$$Y\r\n$M", "");
        /* A half frame before it swallows the beginning of the next. */
        sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "");
        sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        /* More than the firmware's buffer takes, right in all else. */
        big[5 + 193] = 193 ^ 1;
        sim_send(&h, big, sizeof(big));
        assert_int_equal(sim_receive(&h, 10, got, sizeof(got)), 0);
        /* A frame in pieces is a frame. */
        sim_send(&h, "\x24\x4D\x3C", 3);
        assert_int_equal(sim_receive(&h, 500, got, sizeof(got)), 0);
        sim_send(&h, "\x00\x01\x01", 3);
        assert_int_equal(sim_receive(&h, 10, got, sizeof(got)), sizeof(api) - 1);
        assert_memory_equal(got, api, sizeof(api) - 1);
        sim_host_stop(&h);
}

/* A v1 reply of 255 bytes and more has its length in two bytes of its own. */
static void jumbo(void **state) {
        const struct msp_request request = {.framing = FRAMING_V1, .code = 4};
        uint8_t data[300], frame[MSP_FRAME_MAX], checksum = 0;
        size_t n;

        memset(data, 0x11, sizeof(data));
        assert_int_equal(msp_port_reply(&request, false, data, 254, frame), 6 + 254);
        assert_memory_equal(frame, "$M>\xFE\x04", 5);
        n = msp_port_reply(&request, false, data, sizeof(data), frame);
        assert_int_equal(n, 8 + sizeof(data));
        assert_memory_equal(frame, "$M>\xFF\x04\x2C\x01", 7);
        for (size_t i = 3; i < n; i++)
                checksum ^= frame[i];
        assert_int_equal(checksum, 0);
}

/* Many requests at once are answered, what does not fit the port's buffer is lost, nothing else. */
static void flood(void **state) {
        uint8_t got[16384];
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", NULL);
        for (int i = 0; i < 200; i++)
                sim_send(&h, "\x24\x4D\x3C\x00\x01\x01", 6);
        assert_int_equal(sim_receive(&h, 10, got, sizeof(got)), 64 * 9);
        sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        sim_host_stop(&h);
}

static void board_info(void **state) {
        static const struct {
                const char *version;
                uint8_t api_minor;
                size_t tail; /* bytes behind the signature */
                uint8_t mcu;
                char capabilities; /* 0x10: it may have custom defaults */
        } rows[] = {
                {"version=2025.12.2", 47, 1 + 1 + 6 + 2, 254, 0x03},
                {"version=4.5.1", 46, 1 + 1 + 6 + 2, 1, 0x03},
                {"version=4.2.9", 43, 1 + 1 + 6, 1, 0x13},
                {"version=4.1.1", 42, 1 + 1, 1, 0x13},
                {"version=4.0.6", 41, 1, 1, 0x03},
        };
        char head[] = "S405\x00\x00\x02\x03\x09STM32F405\x0FSPEEDYBEEF405V4\x04SPBE";

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint8_t data[256];
                struct sim_host h;
                size_t n;

                sim_host_start(&h, "betaflight-f405", rows[i].version, NULL);
                n = ask(&h, 1, data, sizeof(data));
                assert_int_equal(n, 3);
                assert_int_equal(data[2], rows[i].api_minor);
                n = ask(&h, 4, data, sizeof(data));
                assert_int_equal(n, sizeof(head) - 1 + 32 + rows[i].tail);
                head[7] = rows[i].capabilities;
                assert_memory_equal(data, head, sizeof(head) - 1);
                assert_int_equal(data[sizeof(head) - 1 + 32], rows[i].mcu);
                sim_host_stop(&h);
        }
        uint8_t data[64];
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "version=4.5.1", NULL);
        assert_int_equal(ask(&h, 3, data, sizeof(data)), 3);
        assert_memory_equal(data, "\x04\x05\x01", 3);
        assert_int_equal(ask(&h, 5, data, sizeof(data)), 26 + 6);
        sim_host_stop(&h);
}

static void armed_is_the_first_box(void **state) {
        uint8_t data[64];
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "armed=yes", NULL);
        assert_true(ask(&h, 119, data, sizeof(data)) > 0);
        assert_int_equal(data[0], 0);
        assert_true(ask(&h, 101, data, sizeof(data)) >= 10);
        assert_int_equal(data[6] & 1, 1);
        sim_host_set(&h, "armed", "no");
        assert_true(ask(&h, 150, data, sizeof(data)) >= 10);
        assert_int_equal(data[6] & 1, 0);
        sim_host_stop(&h);
}

static void slow_and_broken(void **state) {
        uint8_t got[256];
        struct sim_host h;
        size_t n;

        sim_host_start(&h, "betaflight-f405", "slow-ms=400", "corrupt-replies=1", NULL);
        sim_send(&h, "\x24\x4D\x3C\x00\x01\x01", 6);
        assert_int_equal(sim_receive(&h, 399, got, sizeof(got)), 0);
        n = sim_receive(&h, 10, got, sizeof(got));
        assert_int_equal(n, 9);
        assert_int_equal(got[8], 0x2C ^ 0x55);
        sim_host_set(&h, "slow-ms", "0");
        sim_exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        sim_host_set(&h, "noise", "yes");
        sim_send(&h, "\x24\x4D\x3C\x00\x01\x01", 6);
        assert_true(sim_receive(&h, 10, got, sizeof(got)) > 9);
        sim_host_stop(&h);
}

/* A composite board: two serial ports, the second of which is nobody's, or a modem's. */
static void second_port(void **state) {
        static const uint8_t ask_at[] = {'A', 'T', '+', 'C', 'G', 'S', 'N', '\r'};
        uint8_t got[128];
        struct sim_host h;
        int n;

        sim_host_start(&h, "betaflight-f405", "second-port=silent", NULL);
        assert_int_equal(h.m->config_descriptor[4], 4);
        assert_int_equal(h.m->config_size, 9 + 2 * (8 + 58));
        assert_int_equal(h.m->config_descriptor[2], h.m->config_size);
        assert_int_equal(h.m->device_descriptor[4], 0xEF);
        assert_int_equal(model_out(h.m, 0x03, ask_at, sizeof(ask_at), h.now_us), sizeof(ask_at));
        assert_int_equal(model_in(h.m, 0x83, got, sizeof(got), h.now_us), -EAGAIN);
        assert_int_equal(model_out(h.m, 0x01, ask_at, sizeof(ask_at), h.now_us), -ENOENT);
        sim_exchange(&h, "$M<\0\x01\x01", "$M>\x03\x01\x00\x01\x2F\x2C"); /* the first is MSP */
        sim_host_stop(&h);

        sim_host_start(&h, "betaflight-f405", "second-port=modem", NULL);
        assert_int_equal(model_out(h.m, 0x03, ask_at, sizeof(ask_at), h.now_us), sizeof(ask_at));
        n = model_in(h.m, 0x83, got, sizeof(got) - 1, h.now_us);
        assert_true(n > 0);
        got[n] = '\0';
        assert_string_equal((char *) got, "AT+CGSN\r\r\n490154203237518\r\n\r\nOK\r\n");
        assert_int_equal(model_out(h.m, 0x03, (const uint8_t *) "ATQ9\r", 5, h.now_us), 5);
        n = model_in(h.m, 0x83, got, sizeof(got) - 1, h.now_us);
        assert_true(n > 0);
        got[n] = '\0';
        assert_string_equal((char *) got, "ATQ9\r\r\nERROR\r\n");
        sim_host_stop(&h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptors),
                cmocka_unit_test(frames),
                cmocka_unit_test(what_is_wrong_is_dropped),
                cmocka_unit_test(jumbo),
                cmocka_unit_test(flood),
                cmocka_unit_test(board_info),
                cmocka_unit_test(armed_is_the_first_box),
                cmocka_unit_test(slow_and_broken),
                cmocka_unit_test(second_port),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
