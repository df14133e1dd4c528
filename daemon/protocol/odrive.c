/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/odrive.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(json_t *, json_decref)

enum {
        PROTOCOL_VERSION = 1,
        SEQUENCE_MASK = 0x7fff,
        SEQUENCE_REPLY = 0x8000,
        /* Kept set, as ODrive's own tools do, so that no packet looks like the ASCII protocol. */
        SEQUENCE_NOT_ASCII = 0x0080,
        WANTS_REPLY = 0x8000,
        ENDPOINT_JSON = 0,
        ENDPOINT_MAX = 0x7fff,
        HEADER_SIZE = 6, /* sequence, endpoint, expected size of the reply */
        TRAILER_SIZE = 2,
        REPLY_HEADER_SIZE = 2,
        PAYLOAD_MAX = 8,
        JSON_CHUNK = 512, /* asked for; what fits a packet comes */
        NUMBER_SIZE_MAX = 8,

        REPLY_TIMEOUT_MS = 1000, /* the firmware answers within a few milliseconds */
        STRAY_MAX = 8,           /* answers to somebody else's questions */

        AXIS_STATE_IDLE = 1, /* odrive-interface.yaml, AxisState */
        HARDWARE_MAJOR = 3,
        /* Below, the ROM's pull-ups switch both sides of the brake chopper's bridge on: there are
         * no pull-downs against them (main.cpp, enter_dfu_mode and early_start_checks). */
        HARDWARE_MINOR_MIN = 5,
};

enum { /* USB 2.0 §9.6 */
       DESCRIPTOR_INTERFACE = 4,
       DESCRIPTOR_ENDPOINT = 5,
       INTERFACE_SIZE = 9,
       ENDPOINT_SIZE = 7,
       ENDPOINT_IN = 0x80,
       TRANSFER_BULK = 2,
       DEVICE_DESCRIPTOR_SIZE = 18,
       NATIVE_CLASS = 0,
       NATIVE_SUBCLASS = 1,
};

uint16_t odrive_crc16(uint16_t crc, const void *data, size_t size) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++) {
                crc ^= (uint16_t) (bytes[i] << 8);
                for (unsigned bit = 0; bit < 8; bit++)
                        crc = (uint16_t) (crc & 0x8000 ? crc << 1 ^ 0x3d65 : crc << 1);
        }
        return crc;
}

static uint16_t get_u16(const uint8_t *from) {
        return (uint16_t) (from[0] | from[1] << 8);
}

static void put_u16(uint8_t *to, unsigned value) {
        to[0] = (uint8_t) value;
        to[1] = (uint8_t) (value >> 8);
}

/* The JSON text: an array of members, each {"name", "id", "type", …}; objects have "members". */

static unsigned size_of_type(const char *type) {
        static const struct {
                const char *name;
                unsigned size;
        } types[] = {{"bool", 1},   {"uint8", 1}, {"int8", 1},  {"uint16", 2}, {"int16", 2},
                     {"uint32", 4}, {"int32", 4}, {"float", 4}, {"uint64", 8}, {"int64", 8}};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (strcmp(type, types[i].name) == 0)
                        return types[i].size;
        return 0;
}

static const json_t *find_member(const json_t *members, const char *name, size_t length) {
        const json_t *member;
        size_t i;

        json_array_foreach (members, i, member) {
                const char *own = json_string_value(json_object_get(member, "name"));

                if (own && strlen(own) == length && memcmp(own, name, length) == 0)
                        return member;
        }
        return NULL;
}

/* "axis0.current_state" */
static const json_t *find_path(const json_t *root, const char *path) {
        const json_t *members = root, *found = NULL;

        for (;;) {
                size_t length = strcspn(path, ".");

                found = find_member(members, path, length);
                if (!found || path[length] == '\0')
                        return found;
                members = json_object_get(found, "members");
                path += length + 1;
        }
}

static struct odrive_endpoint find_endpoint(const json_t *root, const char *path, bool function) {
        const json_t *member = find_path(root, path);
        const char *type = json_string_value(json_object_get(member, "type"));
        const json_t *id = json_object_get(member, "id");
        json_int_t number = json_integer_value(id);
        struct odrive_endpoint none = {};

        if (!type || !json_is_integer(id) || number <= ENDPOINT_JSON || number > ENDPOINT_MAX)
                return none;
        if (function) {
                /* One that wants arguments is not the one that is meant. */
                if (strcmp(type, "function") != 0 ||
                    json_array_size(json_object_get(member, "inputs")) > 0)
                        return none;
                return (struct odrive_endpoint){(uint16_t) number, 0};
        }
        if (size_of_type(type) == 0)
                return none;
        return (struct odrive_endpoint){(uint16_t) number, (uint8_t) size_of_type(type)};
}

int odrive_parse_json(const char *text, size_t size, struct odrive_endpoints *ret) {
        _cleanup_(json_decref_p) json_t *root = NULL;

        if (size > ODRIVE_JSON_MAX)
                return -EBADMSG;
        root = json_loadb(text, size, 0, NULL);
        if (!root || !json_is_array(root))
                return -EBADMSG;
        *ret = (struct odrive_endpoints){
                .serial_number = find_endpoint(root, "serial_number", false),
                .hw_major = find_endpoint(root, "hw_version_major", false),
                .hw_minor = find_endpoint(root, "hw_version_minor", false),
                .hw_variant = find_endpoint(root, "hw_version_variant", false),
                .fw_major = find_endpoint(root, "fw_version_major", false),
                .fw_minor = find_endpoint(root, "fw_version_minor", false),
                .fw_revision = find_endpoint(root, "fw_version_revision", false),
                .vbus_voltage = find_endpoint(root, "vbus_voltage", false),
                .axis_state = {find_endpoint(root, "axis0.current_state", false),
                               find_endpoint(root, "axis1.current_state", false)},
                .enter_dfu_mode = find_endpoint(root, "enter_dfu_mode", true),
        };
        return 0;
}

/* Packets */

int odrive_parse_reply(const uint8_t *packet, size_t size, uint16_t sequence,
                       const uint8_t **ret_payload) {
        if (size < REPLY_HEADER_SIZE || size > ODRIVE_PACKET_MAX)
                return -EBADMSG;
        if (get_u16(packet) != (sequence | SEQUENCE_REPLY))
                return -EAGAIN;
        *ret_payload = packet + REPLY_HEADER_SIZE;
        return (int) (size - REPLY_HEADER_SIZE);
}

static int send_request(struct odrive *o, uint16_t endpoint, const void *payload, size_t size,
                        size_t expected, bool reply) {
        uint8_t packet[HEADER_SIZE + PAYLOAD_MAX + TRAILER_SIZE];
        size_t n = HEADER_SIZE;
        int r;

        o->sequence = ((o->sequence + 1) & SEQUENCE_MASK) | SEQUENCE_NOT_ASCII;
        put_u16(packet, o->sequence);
        put_u16(packet + 2, endpoint | (reply ? WANTS_REPLY : 0U));
        put_u16(packet + 4, (unsigned) expected);
        if (size > PAYLOAD_MAX)
                return -EINVAL;
        if (size > 0)
                memcpy(packet + n, payload, size);
        n += size;
        put_u16(packet + n, endpoint == ENDPOINT_JSON ? (unsigned) PROTOCOL_VERSION : o->json_crc);
        n += TRAILER_SIZE;
        r = usb_transfer(o->usb, o->endpoint_out, packet, n, REPLY_TIMEOUT_MS);
        if (r < 0)
                return r;
        return (size_t) r == n ? 0 : -EIO;
}

/* Bytes of the reply's payload in `to`. */
static int ask(struct odrive *o, uint16_t endpoint, const void *payload, size_t size,
               size_t expected, uint8_t to[static ODRIVE_PACKET_MAX]) {
        int r;

        r = send_request(o, endpoint, payload, size, expected, true);
        for (unsigned i = 0; r == 0 && i < STRAY_MAX; i++) {
                uint8_t packet[ODRIVE_PACKET_MAX];
                const uint8_t *from;

                /* One packet at a time: a full one does not end a longer transfer. */
                r = usb_transfer(o->usb, o->endpoint_in, packet, sizeof(packet), REPLY_TIMEOUT_MS);
                if (r < 0)
                        return r;
                r = odrive_parse_reply(packet, (size_t) r, o->sequence, &from);
                if (r >= 0) {
                        memcpy(to, from, (size_t) r);
                        return r;
                }
                if (r == -EAGAIN)
                        r = 0;
        }
        return r < 0 ? r : -EBADMSG;
}

static int fail(int r, const char *what, struct fault *fault) {
        switch (r) {
        case -ENODEV:
                return fault_set(fault, FWD_DEVICE_LOST, "The ODrive went away while %s", what);
        case -ETIMEDOUT:
                return fault_set(fault, FWD_TIMEOUT, "The ODrive did not answer while %s", what);
        case -EBUSY:
                return fault_set(
                        fault, FWD_PORT_HELD,
                        "Another program has the ODrive's native interface open (odrivetool "
                        "perhaps)");
        case -EBADMSG:
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "What the ODrive answered while %s makes no sense", what);
        default:
                return fault_set(fault, FWD_FAILED, "The ODrive failed while %s: %s", what,
                                 strerror(-r));
        }
}

static int read_json(struct odrive *o, char *text, size_t *ret_size) {
        size_t size = 0;

        for (;;) {
                uint8_t chunk[ODRIVE_PACKET_MAX];
                uint8_t offset[4];
                int r;

                put_u16(offset, (unsigned) (size & 0xffff));
                put_u16(offset + 2, (unsigned) (size >> 16));
                r = ask(o, ENDPOINT_JSON, offset, sizeof(offset), JSON_CHUNK, chunk);
                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret_size = size;
                        return 0;
                }
                if ((size_t) r > ODRIVE_JSON_MAX - size)
                        return -EBADMSG;
                memcpy(text + size, chunk, (size_t) r);
                size += (size_t) r;
        }
}

/* The native interface: class 00/01, told from the CDC pair, with a bulk endpoint each way. */
static int find_interface(const struct usb_device *usb, struct odrive *o) {
        int interface = -1, found = -1;

        for (size_t at = DEVICE_DESCRIPTOR_SIZE; at + 2 <= usb->descriptors_size;) {
                const uint8_t *d = usb->descriptors + at;

                if (d[0] < 2 || d[0] > usb->descriptors_size - at)
                        break;
                at += d[0];
                if (d[1] == DESCRIPTOR_INTERFACE && d[0] >= INTERFACE_SIZE) {
                        interface = d[5] == NATIVE_CLASS && d[6] == NATIVE_SUBCLASS ? d[2] : -1;
                        continue;
                }
                if (d[1] != DESCRIPTOR_ENDPOINT || d[0] < ENDPOINT_SIZE || interface < 0 ||
                    (d[3] & 3) != TRANSFER_BULK)
                        continue;
                found = interface;
                if (d[2] & ENDPOINT_IN)
                        o->endpoint_in = d[2];
                else
                        o->endpoint_out = d[2];
        }
        return o->endpoint_in && o->endpoint_out ? found : -ENOENT;
}

int odrive_open(struct usb_device *usb, struct odrive *ret, struct fault *fault) {
        static const char reading[] = "telling what it has";
        struct odrive o = {.usb = usb};
        _cleanup_free_ char *text = malloc(ODRIVE_JSON_MAX);
        size_t size = 0;
        int interface, r;

        if (!text)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        interface = find_interface(usb, &o);
        if (interface < 0)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The board has no native interface as an ODrive has it");
        r = usb->ops->claim(usb, interface);
        if (r < 0)
                return fail(r, "being opened", fault);
        r = read_json(&o, text, &size);
        if (r < 0)
                return fail(r, reading, fault);
        r = odrive_parse_json(text, size, &o.endpoints);
        if (r < 0)
                return fail(r, reading, fault);
        o.json_crc = odrive_crc16(PROTOCOL_VERSION, text, size);
        *ret = o;
        return 0;
}

/* 1 and the number, 0 if the board has no such property. */
static int read_number(struct odrive *o, struct odrive_endpoint endpoint, uint64_t *ret) {
        uint8_t bytes[ODRIVE_PACKET_MAX];
        uint64_t value = 0;
        int r;

        if (endpoint.number == 0)
                return 0;
        r = ask(o, endpoint.number, NULL, 0, endpoint.size, bytes);
        if (r < 0)
                return r;
        if (r != endpoint.size || endpoint.size > NUMBER_SIZE_MAX)
                return -EBADMSG;
        for (int i = 0; i < r; i++)
                value |= (uint64_t) bytes[i] << (8 * i);
        *ret = value;
        return 1;
}

/* Three numbers that only count together. */
static int read_three(struct odrive *o, const struct odrive_endpoint from[3], unsigned *const to[3],
                      bool *ret_known) {
        uint64_t value = 0;
        int r = 1;

        for (size_t i = 0; i < 3 && r > 0; i++) {
                r = read_number(o, from[i], &value);
                if (r > 0)
                        *to[i] = (unsigned) (value & 0xff);
        }
        *ret_known = r > 0;
        return r;
}

static int read_identity(struct odrive *o, struct odrive_identity *id) {
        const struct odrive_endpoints *e = &o->endpoints;
        uint64_t value = 0;
        uint32_t bits;
        int r;

        r = read_number(o, e->serial_number, &value);
        if (r < 0)
                return r;
        if (r > 0)
                (void) snprintf(id->serial, sizeof(id->serial), "%012" PRIX64,
                                value & UINT64_C(0xffffffffffff));
        r = read_three(o, (struct odrive_endpoint[]){e->hw_major, e->hw_minor, e->hw_variant},
                       (unsigned *[]){&id->hw_major, &id->hw_minor, &id->hw_variant},
                       &id->has_hardware);
        if (r < 0)
                return r;
        r = read_three(o, (struct odrive_endpoint[]){e->fw_major, e->fw_minor, e->fw_revision},
                       (unsigned *[]){&id->fw_major, &id->fw_minor, &id->fw_revision},
                       &id->has_version);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ODRIVE_AXES_MAX; i++) {
                r = read_number(o, e->axis_state[i], &value);
                if (r < 0)
                        return r;
                if (r > 0)
                        id->axis_state[id->n_axes++] = (unsigned) (value & 0xff);
        }
        r = read_number(o, e->vbus_voltage, &value);
        if (r > 0 && e->vbus_voltage.size == sizeof(bits)) {
                bits = (uint32_t) value;
                memcpy(&id->vbus_voltage, &bits, sizeof(bits));
                id->has_vbus = true;
        }
        return r < 0 ? r : 0;
}

int odrive_identify(struct odrive *odrive, struct odrive_identity *ret, struct fault *fault) {
        struct odrive_identity identity = {};
        int r;

        r = read_identity(odrive, &identity);
        if (r < 0)
                return fail(r, "telling what it is", fault);
        *ret = identity;
        return 0;
}

/* What would happen there is worse than a board that is not flashed. */
static int check_hardware(const struct odrive *o, const struct odrive_identity *id,
                          struct fault *fault) {
        if (!id->has_hardware || o->endpoints.enter_dfu_mode.number == 0)
                return fault_set(
                        fault, FWD_NOT_SUPPORTED,
                        "This ODrive does not say which hardware it is, or has no way into "
                        "its bootloader by software");
        if (id->hw_major == HARDWARE_MAJOR && id->hw_minor >= HARDWARE_MINOR_MIN)
                return 0;
        return fault_set(fault, FWD_NOT_SUPPORTED,
                         "ODrive v%u.%u cannot enter its bootloader by software. Disconnect the "
                         "brake resistor before you enter it in any other way: boards before v3.5 "
                         "short the supply through the brake chopper there",
                         id->hw_major, id->hw_minor);
}

static int check_idle(const struct odrive_identity *id, struct fault *fault) {
        for (unsigned i = 0; i < id->n_axes; i++)
                if (id->axis_state[i] != AXIS_STATE_IDLE)
                        return fault_set(fault, FWD_ARMED,
                                         "Axis %u of the ODrive is not idle (state %u)", i,
                                         id->axis_state[i]);
        return 0;
}

int odrive_enter_dfu(struct odrive *odrive, const struct odrive_identity *identity,
                     struct fault *fault) {
        int r;

        r = check_hardware(odrive, identity, fault);
        if (r == 0)
                r = check_idle(identity, fault);
        if (r < 0)
                return r;
        r = send_request(odrive, odrive->endpoints.enter_dfu_mode.number, NULL, 0, 0, false);
        /* Gone in the middle of the request is what a board does that goes. */
        if (r < 0 && r != -ENODEV)
                return fail(r, "being asked for its bootloader", fault);
        return 0;
}
