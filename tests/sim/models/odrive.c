/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/odrive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define VENDOR_ID         0x1209
#define PRODUCT_ID        0x0D32
#define ENDPOINT_OUT      0x03
#define ENDPOINT_IN       0x83
#define LATENCY_US        500U   /* one pass of the communication thread */
#define REBOOT_US         20000U /* the request must be acknowledged before the port is gone */
#define SLOW_MAX_MS       60000U
#define PROTOCOL_VERSION  1U
#define SEQUENCE_REPLY    0x8000U
#define WANTS_REPLY       0x8000U
#define HEADER_SIZE       6U /* sequence, endpoint, size of the reply */
#define TRAILER_SIZE      2U
#define REPLY_HEADER_SIZE 2U
#define REPLY_MAX         (ODRIVE_PACKET_SIZE - REPLY_HEADER_SIZE)
#define JSON_VERSION_ID   0xFFFFFFFFU

enum endpoint {
        E_JSON,
        E_VBUS,
        E_SERIAL_NUMBER,
        E_HW_MAJOR,
        E_HW_MINOR,
        E_HW_VARIANT,
        E_FW_MAJOR,
        E_FW_MINOR,
        E_FW_REVISION,
        E_FW_UNRELEASED,
        E_CONFIG_LOADED,
        E_AXIS0_ERROR,
        E_AXIS0_STATE,
        E_AXIS0_REQUESTED,
        E_AXIS1_ERROR,
        E_AXIS1_STATE,
        E_AXIS1_REQUESTED,
        E_SAVE,
        E_ERASE,
        E_REBOOT,
        E_DFU,
        E_MAX,
};

/* clang-format off */
#define PROPERTY(name, id, type, access)                                                           \
        "{\"name\":\"" name "\",\"id\":" id ",\"type\":\"" type "\",\"access\":\"" access "\"},"
#define FUNCTION(name, id)                                                                         \
        "{\"name\":\"" name "\",\"id\":" id ",\"type\":\"function\",\"inputs\":[],\"outputs\":[]}"
#define AXIS(name, error, state, requested)                                                        \
        "{\"name\":\"" name "\",\"type\":\"object\",\"members\":["                                   \
        PROPERTY("error", error, "int32", "rw")                                                    \
        PROPERTY("current_state", state, "uint8", "r")                                             \
        PROPERTY("requested_state", requested, "uint8", "rw")                                      \
        "{\"name\":\"config\",\"type\":\"object\",\"members\":[]}]},"

static const char json[] =
        "["
        PROPERTY("", "0", "json", "r")
        PROPERTY("vbus_voltage", "1", "float", "r")
        PROPERTY("serial_number", "2", "uint64", "r")
        PROPERTY("hw_version_major", "3", "uint8", "r")
        PROPERTY("hw_version_minor", "4", "uint8", "r")
        PROPERTY("hw_version_variant", "5", "uint8", "r")
        PROPERTY("fw_version_major", "6", "uint8", "r")
        PROPERTY("fw_version_minor", "7", "uint8", "r")
        PROPERTY("fw_version_revision", "8", "uint8", "r")
        PROPERTY("fw_version_unreleased", "9", "uint8", "r")
        PROPERTY("user_config_loaded", "10", "bool", "r")
        AXIS("axis0", "11", "12", "13")
        AXIS("axis1", "14", "15", "16")
        FUNCTION("save_configuration", "17") ","
        FUNCTION("erase_configuration", "18") ","
        FUNCTION("reboot", "19") ","
        FUNCTION("enter_dfu_mode", "20")
        "]";
/* clang-format on */

static struct odrive *odrive_of(struct firmware *fw) {
        return (struct odrive *) fw;
}

/* Polynomial 0x3D65, no reflection, no final xor. */
static uint16_t crc16(uint16_t crc, const void *data, size_t size) {
        const uint8_t *p = data;

        for (size_t i = 0; i < size; i++)
                for (unsigned bit = 0x80; bit; bit >>= 1) {
                        bool carry = (crc & 0x8000U) != 0;

                        crc = (uint16_t) (crc << 1);
                        if (carry != ((p[i] & bit) != 0))
                                crc ^= 0x3D65U;
                }
        return crc;
}

/* Both sides of the firmware's descriptors: ODrive's usbd_desc.c and usbd_cdc.c of the v3 board. */
static void show(struct odrive *o) {
        static const uint8_t device[18] = {18,   1,    0x00, 0x02, 0xEF, 0x02, 0x01, 64, 0x09,
                                           0x12, 0x32, 0x0D, 0x00, 0x03, 1,    2,    3,  1};
        /* clang-format off */
        static const uint8_t config[] = {
                9, 2, 0, 0, 3, 1, 0, 0xC0, 50,
                8, 11, 0, 2, 0x02, 0x02, 0x01, 0,
                9, 4, 0, 0, 1, 0x02, 0x02, 0x01, 0,
                5, 0x24, 0x00, 0x10, 0x01,
                5, 0x24, 0x01, 0x00, 0x01,
                4, 0x24, 0x02, 0x02,
                5, 0x24, 0x06, 0x00, 0x01,
                7, 5, 0x82, 0x03, 8, 0, 16,
                9, 4, 1, 0, 2, 0x0A, 0, 0, 0,
                7, 5, 0x01, 0x02, 64, 0, 0,
                7, 5, 0x81, 0x02, 64, 0, 0,
                8, 11, 2, 1, 0x00, 0x01, 0x00, 6,
                9, 4, 2, 0, 2, 0x00, 0x01, 0x00, 6,
                7, 5, ENDPOINT_OUT, 0x02, 64, 0, 0,
                7, 5, ENDPOINT_IN, 0x02, 64, 0, 0,
        };
        /* clang-format on */
        struct usb_face *face = &o->fw.face;

        *face = (struct usb_face){.n_alts = {1, 1, 1}};
        memcpy(face->device, device, sizeof(device));
        face_add(face, config, sizeof(config));
        (void) snprintf(o->product, sizeof(o->product), "ODrive %u.%u CDC Interface", o->hw_major,
                        o->hw_minor);
        (void) snprintf(o->native, sizeof(o->native), "ODrive %u.%u Native Interface", o->hw_major,
                        o->hw_minor);
        (void) snprintf(o->serial, sizeof(o->serial), "%08X%04X", o->fw.uid[0] + o->fw.uid[2],
                        o->fw.uid[1] >> 16);
        face->strings[1] = "ODrive Robotics";
        face->strings[2] = o->product;
        face->strings[3] = o->serial;
        face->strings[6] = o->native;
}

static void start(struct firmware *fw, uint64_t now_us) {
        struct odrive *o = odrive_of(fw);

        show(o);
        o->cdc = (struct cdc_port){.line_coding = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8}};
        o->n_out = 0;
}

static bool control(struct firmware *fw, const struct model_setup *setup, const uint8_t *data,
                    uint64_t now_us, struct model_answer *ret) {
        return cdc_control(&odrive_of(fw)->cdc, setup, data, ret);
}

static void serial_write(struct firmware *fw, const uint8_t *data, size_t size, uint64_t now_us) {
}

static size_t serial_read(struct firmware *fw, uint8_t *to, size_t size, uint64_t now_us) {
        return 0;
}

static size_t put(uint8_t *to, uint64_t value, size_t size) {
        for (size_t i = 0; i < size; i++)
                to[i] = (uint8_t) (value >> (8 * i));
        return size;
}

static size_t read_json(const uint8_t *payload, size_t size, uint8_t *to, size_t room) {
        size_t length = strlen(json);
        uint32_t offset;

        if (size < 4)
                return 0;
        offset = payload[0] | (uint32_t) payload[1] << 8 | (uint32_t) payload[2] << 16 |
                 (uint32_t) payload[3] << 24;
        if (offset == JSON_VERSION_ID)
                return put(to, crc16(PROTOCOL_VERSION, json, length), 4);
        if (offset >= length)
                return 0;
        if (room > length - offset)
                room = length - offset;
        memcpy(to, json + offset, room);
        return room;
}

static void wish(struct odrive *o, enum firmware_wish what, uint64_t now_us) {
        if (o->ignore_reboot)
                return;
        o->fw.wish = what;
        o->fw.wish_us = now_us + REBOOT_US;
}

/* Payload of the reply. */
static size_t handle(struct odrive *o, enum endpoint endpoint, const uint8_t *payload, size_t size,
                     uint8_t *to, size_t room, uint64_t now_us) {
        uint32_t bits;

        switch (endpoint) {
        case E_JSON:
                return read_json(payload, size, to, room);
        case E_VBUS:
                memcpy(&bits, &o->vbus_voltage, sizeof(bits));
                return put(to, bits, 4);
        case E_SERIAL_NUMBER:
                return put(to,
                           (uint64_t) (uint32_t) (o->fw.uid[0] + o->fw.uid[2]) << 16 |
                                   o->fw.uid[1] >> 16,
                           8);
        case E_HW_MAJOR:
                return put(to, o->hw_major, 1);
        case E_HW_MINOR:
                return put(to, o->hw_minor, 1);
        case E_HW_VARIANT:
                return put(to, o->hw_variant, 1);
        case E_FW_MAJOR:
        case E_FW_MINOR:
        case E_FW_REVISION:
                return put(to, o->fw_version[endpoint - E_FW_MAJOR], 1);
        case E_FW_UNRELEASED:
        case E_CONFIG_LOADED:
                return put(to, 0, 1);
        case E_AXIS0_ERROR:
        case E_AXIS1_ERROR:
                return put(to, 0, 4);
        case E_AXIS0_STATE:
        case E_AXIS0_REQUESTED:
                return put(to, o->axis_state[0], 1);
        case E_AXIS1_STATE:
        case E_AXIS1_REQUESTED:
                return put(to, o->axis_state[1], 1);
        case E_REBOOT:
                wish(o, WISH_RESET, now_us);
                return 0;
        case E_DFU:
                /* main.cpp, enter_dfu_mode(): other hardware takes the call and does nothing. */
                if (o->hw_major == 3 && o->hw_minor >= 5)
                        wish(o, WISH_BOOTLOADER, now_us);
                return 0;
        default:
                return 0;
        }
}

static void send(struct odrive *o, const uint8_t *data, size_t size, uint64_t now_us) {
        uint64_t due_us =
                now_us + (uint64_t) (LATENCY_US * o->fw.time_scale) + o->slow_ms * UINT64_C(1000);

        if (o->n_out == ODRIVE_OUT_PACKETS)
                return;
        memcpy(o->out[o->n_out].data, data, size);
        o->out[o->n_out].size = size;
        o->out[o->n_out++].due_us = due_us;
}

static int out(struct firmware *fw, uint8_t address, const uint8_t *data, size_t size,
               uint64_t now_us) {
        struct odrive *o = odrive_of(fw);
        uint8_t reply[ODRIVE_PACKET_SIZE] = {};
        unsigned sequence, endpoint, trailer, wanted;
        size_t n, room;

        if (address != ENDPOINT_OUT)
                return -ENOENT;
        if (size < HEADER_SIZE + TRAILER_SIZE || o->silent || fw->wish != WISH_NOTHING)
                return (int) size;
        sequence = data[0] | (unsigned) data[1] << 8;
        endpoint = (data[2] | (unsigned) data[3] << 8) & ~WANTS_REPLY;
        wanted = data[4] | (unsigned) data[5] << 8;
        trailer = data[size - 2] | (unsigned) data[size - 1] << 8;
        /* What is not addressed to this very interface is ignored in silence. */
        if (sequence & SEQUENCE_REPLY || endpoint >= E_MAX ||
            trailer != (endpoint == E_JSON ? PROTOCOL_VERSION
                                           : crc16(PROTOCOL_VERSION, json, strlen(json))))
                return (int) size;
        room = wanted < REPLY_MAX ? wanted : REPLY_MAX;
        n = handle(o, (enum endpoint) endpoint, data + HEADER_SIZE,
                   size - HEADER_SIZE - TRAILER_SIZE, reply + REPLY_HEADER_SIZE, room, now_us);
        if (!(data[3] & WANTS_REPLY >> 8))
                return (int) size;
        if (n > room)
                n = room;
        put(reply, sequence | SEQUENCE_REPLY, REPLY_HEADER_SIZE);
        for (size_t i = 0; o->garbage && i < n; i++)
                reply[REPLY_HEADER_SIZE + i] = (uint8_t) (i * 151 + 13);
        send(o, reply, REPLY_HEADER_SIZE + n, now_us);
        return (int) size;
}

static int in(struct firmware *fw, uint8_t address, uint8_t *to, size_t size, uint64_t now_us) {
        struct odrive *o = odrive_of(fw);
        size_t n;

        if (address != ENDPOINT_IN)
                return -ENOENT;
        if (o->n_out == 0 || o->out[0].due_us > now_us)
                return -EAGAIN;
        n = o->out[0].size < size ? o->out[0].size : size;
        memcpy(to, o->out[0].data, n);
        memmove(o->out, o->out + 1, --o->n_out * sizeof(o->out[0]));
        return (int) n;
}

static uint64_t next_event(const struct firmware *fw) {
        const struct odrive *o = (const struct odrive *) fw;

        return o->n_out > 0 ? o->out[0].due_us : MODEL_NEVER;
}

static void advance(struct firmware *fw, uint64_t now_us) {
}

/* FE, vendor, product, then the version (the maker's manufacturing target). */
static void fill_otp(struct odrive *o) {
        memset(o->otp, 0xFF, sizeof(o->otp));
        if (o->no_otp)
                return;
        memcpy(o->otp,
               (uint8_t[]){0xFE, 0x01, 0x01, (uint8_t) o->hw_major, (uint8_t) o->hw_minor,
                           (uint8_t) o->hw_variant},
               6);
}

static int set_number(const char *value, uint64_t max, unsigned *ret) {
        uint64_t number;

        if (parse_u64(value, max, &number) < 0)
                return -EINVAL;
        *ret = (unsigned) number;
        return 0;
}

static int set_flag(const char *value, bool *ret) {
        int r = parse_bool(value);

        if (r >= 0)
                *ret = r;
        return r < 0 ? -EINVAL : 0;
}

static int set(struct firmware *fw, const char *key, const char *value) {
        struct odrive *o = odrive_of(fw);
        int end = -1, r = 0;

        if (strcmp(key, "hardware") == 0) {
                if (sscanf(value, "%1u.%1u-%2u%n", &o->hw_major, &o->hw_minor, &o->hw_variant,
                           &end) != 3 ||
                    end < 0 || value[end])
                        r = -EINVAL;
        } else if (strcmp(key, "version") == 0) {
                if (sscanf(value, "%3u.%3u.%3u%n", &o->fw_version[0], &o->fw_version[1],
                           &o->fw_version[2], &end) != 3 ||
                    end < 0 || value[end])
                        r = -EINVAL;
        } else if (strcmp(key, "axis0-state") == 0)
                r = set_number(value, UINT8_MAX, &o->axis_state[0]);
        else if (strcmp(key, "axis1-state") == 0)
                r = set_number(value, UINT8_MAX, &o->axis_state[1]);
        else if (strcmp(key, "slow-ms") == 0)
                r = set_number(value, SLOW_MAX_MS, &o->slow_ms);
        else if (strcmp(key, "silent") == 0)
                r = set_flag(value, &o->silent);
        else if (strcmp(key, "garbage") == 0)
                r = set_flag(value, &o->garbage);
        else if (strcmp(key, "ignore-reboot") == 0)
                r = set_flag(value, &o->ignore_reboot);
        else if (strcmp(key, "no-otp") == 0)
                r = set_flag(value, &o->no_otp);
        else
                return -ENOENT;
        fill_otp(o);
        return r;
}

static const struct firmware_ops odrive_ops = {
        .start = start,
        .control = control,
        .serial_write = serial_write,
        .serial_read = serial_read,
        .out = out,
        .in = in,
        .next_event = next_event,
        .advance = advance,
        .set = set,
};

struct firmware *odrive_firmware_new(void) {
        struct odrive *o = calloc(1, sizeof(*o));

        if (!o)
                return NULL;
        o->fw.ops = &odrive_ops;
        o->fw.wish_us = MODEL_NEVER;
        o->fw.resets_first = true;
        o->fw.otp = o->otp;
        o->fw.otp_size = sizeof(o->otp);
        o->hw_major = 3;
        o->hw_minor = 6;
        o->hw_variant = 56;
        o->fw_version[1] = 5;
        o->fw_version[2] = 6;
        o->axis_state[0] = o->axis_state[1] = 1; /* AXIS_STATE_IDLE */
        o->vbus_voltage = 24.0F;
        fill_otp(o);
        return &o->fw;
}
