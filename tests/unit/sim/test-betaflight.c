/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The simulated Betaflight: MSP byte for byte, its reboots, and the way to the bootloader and back.
 */

#include "sim-host.h"

#include <errno.h>
#include <string.h>

#include "models/betaflight.h"

#define FLASH 0x08000000U

static void send(struct sim_host *h, const void *data, size_t size) {
        model_serial_write(h->m, data, size, h->now_us);
}

/* Runs the clock until `ms` have passed, reads all that came. */
static size_t receive(struct sim_host *h, unsigned ms, uint8_t *to, size_t size) {
        uint64_t end_us = h->now_us + ms * 1000U;
        size_t n = 0;

        for (;;) {
                uint64_t at_us = model_next_event(h->m);

                n += model_serial_read(h->m, to + n, size - n, h->now_us);
                assert_true(n < size);
                if (at_us > end_us)
                        break;
                if (at_us > h->now_us)
                        h->now_us = at_us;
                model_advance(h->m, h->now_us);
                n += model_serial_read(h->m, to + n, size - n, h->now_us);
        }
        h->now_us = end_us;
        model_advance(h->m, h->now_us);
        return n;
}

static void check_exchange(struct sim_host *h, const void *request, size_t request_size,
                           const void *reply, size_t reply_size, int line) {
        uint8_t got[2048];
        size_t n;

        send(h, request, request_size);
        n = receive(h, 10, got, sizeof(got));
        if (n != reply_size || memcmp(got, reply, n) != 0)
                fail_msg("line %d: %zu bytes, %02x … %02x", line, n, got[0], got[n ? n - 1 : 0]);
}

#define exchange(h, request, reply)                                                                \
        check_exchange(h, request, sizeof(request) - 1, reply, sizeof(reply) - 1, __LINE__)

/* Payload of a v1 exchange. */
static size_t ask(struct sim_host *h, uint8_t code, uint8_t *to, size_t size) {
        const uint8_t request[] = {'$', 'M', '<', 0, code, code};
        uint8_t frame[2048], checksum = 0;
        size_t n;

        send(h, request, sizeof(request));
        n = receive(h, 10, frame, sizeof(frame));
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
        exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        exchange(&h, "\x24\x4D\x3C\x00\x02\x02",
                 "\x24\x4D\x3E\x04\x02"
                 "BTFL\x1A");
        exchange(&h, "\x24\x4D\x3C\x00\x03\x03",
                 "\x24\x4D\x3E\x0D\x03\x19\x0C\x02\x09"
                 "2025.12.2\x24");
        exchange(&h, "\x24\x4D\x3C\x00\xA0\xA0",
                 "\x24\x4D\x3E\x0C\xA0\x30\x00\x2D\x00\x0B\x51\x34\x33\x33\x35\x31\x32\xE9");
        /* v2, and v2 in v1 */
        exchange(&h, "\x24\x58\x3C\x00\x06\x30\x01\x00\x02\xC5",
                 "\x24\x58\x3E\x00\x06\x30\x07\x00\x02\x05"
                 "bench\x8C");
        exchange(&h, "\x24\x4D\x3C\x06\xFF\x00\x01\x00\x00\x00\x45\xBD",
                 "\x24\x4D\x3E\x09\xFF\x00\x01\x00\x03\x00\x00\x01\x2F\x49\x93");
        /* What it does not know gets an error frame, in the framing of the question. */
        exchange(&h, "\x24\x4D\x3C\x00\xC8\xC8", "\x24\x4D\x21\x00\xC8\xC8");
        exchange(&h, "\x24\x58\x3C\x00\xC8\x00\x00\x00\xCB",
                 "\x24\x58\x21\x00\xC8\x00\x00\x00\xCB");
        sim_host_stop(&h);
}

static void what_is_wrong_is_dropped(void **state) {
        static const uint8_t api[] = "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C";
        uint8_t got[256], big[256] = {'$', 'M', '<', 193, 1};
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", NULL);
        exchange(&h, "\x24\x4D\x3C\x00\x01\x02", "");
        exchange(&h, "\x24\x58\x3C\x00\x01\x00\x00\x00\x00", "");
        exchange(&h, "\x24\x4D\x3C\x06\xFF\x00\x01\x00\x00\x00\x46\xBE", "");
        exchange(&h, "\x24\x4D\x3C\x06\xFF\x00\x01\x00\x00\x00\x45\xBC", "");
        exchange(&h, "\x24\x4D\x3E\x00\x01\x01", "");
        exchange(&h, "garbage$$Y\r\n$M", "");
        /* A half frame before it swallows the beginning of the next. */
        exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "");
        exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        /* More than the firmware's buffer takes, right in all else. */
        big[5 + 193] = 193 ^ 1;
        send(&h, big, sizeof(big));
        assert_int_equal(receive(&h, 10, got, sizeof(got)), 0);
        /* A frame in pieces is a frame. */
        send(&h, "\x24\x4D\x3C", 3);
        assert_int_equal(receive(&h, 500, got, sizeof(got)), 0);
        send(&h, "\x00\x01\x01", 3);
        assert_int_equal(receive(&h, 10, got, sizeof(got)), sizeof(api) - 1);
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
                send(&h, "\x24\x4D\x3C\x00\x01\x01", 6);
        assert_int_equal(receive(&h, 10, got, sizeof(got)), 64 * 9);
        exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
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

/* What is on the bus after the request: 'D' bootloader, 'F' the same firmware without a reboot,
 * 'R' firmware after a reboot, '-' nothing. */
static char after(struct sim_host *h, const void *request, size_t size) {
        unsigned generation = h->m->generation;
        uint8_t dump[256];

        send(h, request, size);
        receive(h, 5000, dump, sizeof(dump));
        if (!h->m->on_bus)
                return '-';
        if (!h->m->has_serial_port)
                return 'D';
        return h->m->generation == generation ? 'F' : 'R';
}

#define TO_FIRMWARE "\x24\x4D\x3C\x00\x44\x44"
#define TO_ROM      "\x24\x4D\x3C\x01\x44\x01\x44"
#define TO_MSC      "\x24\x4D\x3C\x01\x44\x02\x47"
#define TO_FLASH    "\x24\x4D\x3C\x01\x44\x04\x41"
#define TO_ROM_V2   "\x24\x58\x3C\x00\x44\x00\x01\x00\x01\xD7"
#define TO_NONSENSE "\x24\x4D\x3C\x01\x44\x07\x42"

static void reboots(void **state) {
        static const struct {
                const char *variant, *version, *more;
                const char *request;
                size_t size;
                char after;
        } rows[] = {
                {"variant=BTFL", "version=2025.12.2", NULL, TO_ROM, 7, 'D'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_ROM_V2, 10, 'D'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_FIRMWARE, 6, 'R'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_MSC, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_FLASH, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", NULL, TO_NONSENSE, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "armed=yes", TO_ROM, 7, 'D'},
                {"variant=BTFL", "version=2025.12.2", "silent=yes", TO_ROM, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "garbage=yes", TO_ROM, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "ignore-reboot=yes", TO_ROM, 7, 'F'},
                {"variant=BTFL", "version=2025.12.2", "after-reboot=firmware", TO_ROM, 7, 'R'},
                {"variant=BTFL", "version=2025.12.2", "after-reboot=nothing", TO_ROM, 7, '-'},
                {"variant=BTFL", "version=3.5.7", NULL, TO_ROM, 7, 'R'},
                {"variant=INAV", "version=7.1.2", NULL, TO_ROM, 7, 'R'},
                {"variant=INAV", "version=9.1.0", "msp-dfu=yes", TO_ROM, 7, 'D'},
                {"variant=INAV", "version=9.1.0", "msp-dfu=yes", TO_FIRMWARE, 6, 'R'},
                {"variant=INAV", "version=7.1.2", "armed=yes", TO_ROM, 7, 'F'},
                {"variant=EMUF", "version=0.4.3", NULL, TO_ROM, 7, 'D'},
                {"variant=EMUF", "version=0.4.3", NULL, TO_FLASH, 7, 'F'},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct sim_host h;
                char got;

                sim_host_start(&h, "betaflight-f405", rows[i].variant, rows[i].version,
                               rows[i].more, NULL);
                got = after(&h, rows[i].request, rows[i].size);
                if (got != rows[i].after)
                        fail_msg("%s %s %s, %02x: %c", rows[i].variant, rows[i].version,
                                 rows[i].more ? rows[i].more : "",
                                 (uint8_t) rows[i].request[rows[i].size - 2], got);
                sim_host_stop(&h);
        }
}

static void reboot_replies(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", NULL);
        exchange(&h, TO_FLASH, "\x24\x4D\x3E\x01\x44\x04\x41");
        exchange(&h, TO_NONSENSE, "\x24\x4D\x21\x00\x44\x44");
        exchange(&h, TO_ROM, "\x24\x4D\x3E\x01\x44\x01\x44");
        sim_host_stop(&h);
        /* With everything at no time the reply still comes before the board goes. */
        sim_host_start(&h, "betaflight-f405", "time-scale=0", NULL);
        exchange(&h, TO_ROM, "\x24\x4D\x3E\x01\x44\x01\x44");
        assert_true(h.m->on_bus);
        sim_host_stop(&h);
}

/* A lone 'R' and 100 ms of silence. */
static void reboot_character(void **state) {
        static const struct {
                const char *version, *first, *second; /* `second` 50 ms later */
                char after;
        } rows[] = {
                {"version=2025.12.5", "R", NULL, 'D'},   {"version=4.5.1", "R", NULL, 'D'},
                {"version=2025.12.5", "R\r", NULL, 'F'}, {"version=4.5.1", "R\r", NULL, 'D'},
                {"version=2025.12.5", "R", "\r", 'F'},   {"version=4.5.1", "R", "\r", 'F'},
                {"version=2025.12.5", "R", "R", 'D'},    {"version=4.5.1", "\r", "R", 'D'},
                {"version=2025.12.1", "R\r", NULL, 'F'}, {"version=2025.12.1", "R", NULL, 'D'},
                {"version=2025.12.5", "R", "$", 'F'},    {"version=4.5.1", "$MR", NULL, 'F'},
                {"version=4.5.1", "r", NULL, 'F'},
        };
        struct sim_host h;
        uint8_t dump[64];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char got;

                sim_host_start(&h, "betaflight-f405", rows[i].version, NULL);
                if (rows[i].second) {
                        send(&h, rows[i].first, strlen(rows[i].first));
                        receive(&h, 50, dump, sizeof(dump));
                        got = after(&h, rows[i].second, strlen(rows[i].second));
                } else
                        got = after(&h, rows[i].first, strlen(rows[i].first));
                if (got != rows[i].after)
                        fail_msg("row %zu: %c", i, got);
                sim_host_stop(&h);
        }
        /* Not while armed, and not before the 100 ms are over. */
        sim_host_start(&h, "betaflight-f405", "armed=yes", NULL);
        assert_int_equal(after(&h, "R", 1), 'F');
        sim_host_stop(&h);
        sim_host_start(&h, "betaflight-f405", "time-scale=0", NULL);
        send(&h, "R", 1);
        assert_int_equal(model_next_event(h.m), h.now_us + 100000);
        sim_host_stop(&h);
}

static void slow_and_broken(void **state) {
        uint8_t got[256];
        struct sim_host h;
        size_t n;

        sim_host_start(&h, "betaflight-f405", "slow-ms=400", "corrupt-replies=1", NULL);
        send(&h, "\x24\x4D\x3C\x00\x01\x01", 6);
        assert_int_equal(receive(&h, 399, got, sizeof(got)), 0);
        n = receive(&h, 10, got, sizeof(got));
        assert_int_equal(n, 9);
        assert_int_equal(got[8], 0x2C ^ 0x55);
        sim_host_set(&h, "slow-ms", "0");
        exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
        sim_host_set(&h, "noise", "yes");
        send(&h, "\x24\x4D\x3C\x00\x01\x01", 6);
        assert_true(receive(&h, 10, got, sizeof(got)) > 9);
        sim_host_stop(&h);
}

static void dfu_leave(struct sim_host *h, uint32_t address) {
        assert_int_equal(sim_command(h, 0x21, address), 5);
        assert_int_equal(sim_in(h, GETSTATUS, 0, 6), 6);
        sim_status(h, 0, 0, 5);
        assert_int_equal(sim_out(h, DNLOAD, 0, NULL, 0), 0);
        sim_status(h, 0, 1, 7);
}

/* Firmware, bootloader, firmware, driven by the clock alone. */
static void there_and_back(void **state) {
        static const char *const kinds[] = {"betaflight-f405", "betaflight-f411",
                                            "betaflight-f722", "betaflight-f745",
                                            "betaflight-h743", "betaflight-g474"};

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                struct sim_host h;
                uint64_t asked_us;
                uint8_t got[64];

                sim_host_start(&h, kinds[i], NULL);
                assert_int_equal(h.m->generation, 1);
                asked_us = h.now_us;
                send(&h, TO_ROM, 7);
                assert_int_equal(receive(&h, 10, got, sizeof(got)), 7);
                assert_true(sim_host_run(&h));
                assert_false(h.m->on_bus);
                assert_int_equal(sim_in(&h, GETSTATUS, 0, 6), -ENODEV);
                assert_true(sim_host_run(&h));
                assert_true(h.m->on_bus);
                assert_false(h.m->has_serial_port);
                assert_int_equal(h.m->generation, 2);
                /* 0.3 s of the firmware, 1.2 s of the chip, 1 ms until the reply. */
                assert_int_equal(h.now_us - asked_us, 1501000);
                sim_clear(&h);
                dfu_leave(&h, FLASH);
                sim_host_reattach(&h);
                assert_true(h.m->on_bus);
                assert_true(h.m->has_serial_port);
                exchange(&h, "\x24\x4D\x3C\x00\x01\x01", "\x24\x4D\x3E\x03\x01\x00\x01\x2F\x2C");
                sim_host_stop(&h);
        }
}

/* Without a vector table nothing comes back; the boot pin brings the ROM. */
static void without_firmware(void **state) {
        struct sim_host h;

        sim_host_start(&h, "betaflight-f405", "boot-pin=yes", NULL);
        assert_false(h.m->has_serial_port);
        sim_clear(&h);
        assert_int_equal(sim_command(&h, 0x41, FLASH), 5);
        sim_status(&h, 0, 100, 4);
        sim_status(&h, 0, 0, 5);
        dfu_leave(&h, FLASH);
        sim_host_reattach(&h);
        assert_false(h.m->on_bus);
        assert_int_equal(model_next_event(h.m), MODEL_NEVER);
        sim_host_set(&h, "boot-pin", "no");
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_false(h.m->on_bus);
        sim_host_set(&h, "boot-pin", "yes");
        model_unplug(h.m, h.now_us);
        model_plug(h.m, h.now_us);
        assert_true(h.m->on_bus);
        assert_false(h.m->has_serial_port);
        sim_host_stop(&h);
}

/* Vector tables that belong to another chip, or to none. */
static void vectors_decide(void **state) {
        static const struct {
                uint32_t stack, reset;
                bool boots;
        } rows[] = {
                {0x20020000, 0x08000189, true},  {0x10010000, 0x08000189, true},
                {0x20020000, 0x08000188, false}, {0x20020000, 0x08100001, false},
                {0x20020001, 0x08000189, false}, {0x00000000, 0x08000189, false},
                {0xFFFFFFFF, 0xFFFFFFFF, false}, {0x20020000, 0x20000001, false},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint8_t vectors[8];
                struct sim_host h;

                for (int k = 0; k < 4; k++) {
                        vectors[k] = (uint8_t) (rows[i].stack >> (8 * k));
                        vectors[4 + k] = (uint8_t) (rows[i].reset >> (8 * k));
                }
                sim_host_start(&h, "betaflight-f405", NULL);
                assert_int_equal(model_load(h.m, FLASH, vectors, sizeof(vectors)), 0);
                model_unplug(h.m, h.now_us);
                model_plug(h.m, h.now_us);
                assert_int_equal(h.m->on_bus, rows[i].boots);
                sim_host_stop(&h);
        }
}

static void bare_chip_leaves(void **state) {
        struct sim_host h;

        sim_host_start(&h, "stm32-f405", "flash=64K", NULL);
        sim_clear(&h);
        dfu_leave(&h, FLASH);
        while (sim_host_run(&h))
                ;
        assert_false(h.m->on_bus);
        sim_host_stop(&h);
        sim_host_start(&h, "stm32-f405", "flash=64K", "after-leave=auto", NULL);
        sim_clear(&h);
        dfu_leave(&h, FLASH);
        sim_host_reattach(&h);
        assert_true(h.m->on_bus);
        assert_true(h.m->has_serial_port);
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
        exchange(&h, "$M<\0\x01\x01", "$M>\x03\x01\x00\x01\x2F\x2C"); /* the first is MSP */
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
                cmocka_unit_test(reboots),
                cmocka_unit_test(reboot_replies),
                cmocka_unit_test(reboot_character),
                cmocka_unit_test(slow_and_broken),
                cmocka_unit_test(there_and_back),
                cmocka_unit_test(without_firmware),
                cmocka_unit_test(vectors_decide),
                cmocka_unit_test(bare_chip_leaves),
                cmocka_unit_test(second_port),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
