/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/usb.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

enum {
        REQUEST_TYPE_STANDARD_IN = 0x80,
        REQUEST_GET_DESCRIPTOR = 6,
        DESCRIPTOR_STRING = 3,
        LANGUAGE_ENGLISH_US = 0x0409, /* what every bootloader seen so far has */
        STRING_SIZE_MAX = 255,        /* bLength is a byte */
        STRING_TRIES = 3,
        STRING_TIMEOUT_MS = 1000, /* a ROM answers in microseconds */
};

int usb_control(struct usb_device *usb, uint8_t request_type, uint8_t request, uint16_t value,
                uint16_t index, void *data, uint16_t length, unsigned timeout_ms) {
        if (length > USB_CONTROL_SIZE_MAX || timeout_ms == 0)
                return -EINVAL;
        usb->n_control++;
        return usb->ops->control(usb, request_type, request, value, index, data, length,
                                 timeout_ms);
}

int usb_transfer(struct usb_device *usb, uint8_t endpoint, void *data, size_t size,
                 unsigned timeout_ms) {
        if (size > USB_TRANSFER_SIZE_MAX || timeout_ms == 0)
                return -EINVAL;
        return usb->ops->transfer ? usb->ops->transfer(usb, endpoint, data, size, timeout_ms)
                                  : -EOPNOTSUPP;
}

uint64_t usb_now_ms(struct usb_device *usb) {
        struct timespec now = {};

        if (usb->ops->now_ms)
                return usb->ops->now_ms(usb);
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000U + (uint64_t) now.tv_nsec / 1000000U;
}

struct usb_device *usb_close(struct usb_device *usb) {
        if (usb)
                usb->ops->close(usb);
        return NULL;
}

/* Bytes of the descriptor behind its two-byte head, or negative errno. */
static int read_string(struct usb_device *usb, uint8_t index, uint16_t language,
                       uint8_t data[STRING_SIZE_MAX]) {
        int best = -EPIPE;

        for (unsigned i = 0; i < STRING_TRIES; i++) {
                uint8_t raw[STRING_SIZE_MAX] = {};
                int r = usb_control(usb, REQUEST_TYPE_STANDARD_IN, REQUEST_GET_DESCRIPTOR,
                                    (uint16_t) (DESCRIPTOR_STRING << 8 | index), language, raw,
                                    sizeof(raw), STRING_TIMEOUT_MS);

                if (r == -ENODEV)
                        return r;
                if (r < 2 || raw[1] != DESCRIPTOR_STRING)
                        continue;
                if (r - 2 > best) {
                        best = (r < raw[0] ? r : raw[0]) - 2;
                        if (best < 0)
                                return -EPIPE;
                        memcpy(data, raw + 2, (size_t) best);
                }
                if (r >= raw[0])
                        return best;
        }
        return best;
}

static int read_string_any_language(struct usb_device *usb, uint8_t index,
                                    uint8_t data[STRING_SIZE_MAX]) {
        uint8_t languages[STRING_SIZE_MAX];
        int r;

        if (index == 0)
                return 0;
        r = read_string(usb, index, LANGUAGE_ENGLISH_US, data);
        if (r >= 0 || r == -ENODEV)
                return r;
        r = read_string(usb, 0, 0, languages);
        if (r < 2)
                return r == -ENODEV ? r : 0;
        r = read_string(usb, index, (uint16_t) (languages[0] | languages[1] << 8), data);
        return r >= 0 || r == -ENODEV ? r : 0;
}

/* One UTF-16 unit as UTF-8. Surrogates are left to text_sanitize(), which makes '?' of them: no
 * bootloader's name needs them. */
static size_t put_utf8(char *to, uint16_t unit) {
        if (unit < 0x80) {
                to[0] = (char) unit;
                return 1;
        }
        if (unit < 0x800) {
                to[0] = (char) (0xc0 | unit >> 6);
                to[1] = (char) (0x80 | (unit & 0x3f));
                return 2;
        }
        to[0] = (char) (0xe0 | unit >> 12);
        to[1] = (char) (0x80 | (unit >> 6 & 0x3f));
        to[2] = (char) (0x80 | (unit & 0x3f));
        return 3;
}

int usb_string(struct usb_device *usb, uint8_t index, char *to, size_t to_size) {
        uint8_t data[STRING_SIZE_MAX];
        char text[STRING_SIZE_MAX * 3 / 2 + 4];
        size_t n = 0;
        int r;

        to[0] = '\0';
        r = read_string_any_language(usb, index, data);
        if (r < 0)
                return r;
        for (int i = 0; i + 1 < r; i += 2) {
                uint16_t unit = (uint16_t) (data[i] | data[i + 1] << 8);

                if (unit == 0)
                        break;
                n += put_utf8(text + n, unit);
        }
        text[n] = '\0';
        text_sanitize(to, to_size, text);
        return 0;
}

int usb_string_bytes(struct usb_device *usb, uint8_t index, char *to, size_t to_size) {
        uint8_t data[STRING_SIZE_MAX];
        char text[STRING_SIZE_MAX + 1] = {};
        int r;

        to[0] = '\0';
        r = read_string_any_language(usb, index, data);
        if (r < 0)
                return r;
        memcpy(text, data, (size_t) r);
        text_sanitize(to, to_size, text);
        return 0;
}
