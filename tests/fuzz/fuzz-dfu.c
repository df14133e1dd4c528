/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole flash of a device that fails and lies. The input: a byte for the product, a byte for the
 * length of its descriptors (0: honest ones) and they, then a byte for each transfer: below 0x80 it
 * goes as on an STM32F405, below 0x90 it fails, else bytes of the input are the answer. Where the
 * input ends, the device is gone. */

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "protocol/dfu.h"

enum {
        REQUEST_DNLOAD = 1,
        REQUEST_UPLOAD,
        REQUEST_GETSTATUS,
        REQUEST_CLRSTATUS,
        REQUEST_GETSTATE,
        REQUEST_ABORT,
        REQUEST_GET_DESCRIPTOR = 6,
        FLASH_START = 0x08000000,
        FLASH_SIZE = 0x10000, /* as much as is looked at */
        TRANSFER_SIZE = 2048,
        /* More than any honest flash of this image takes. */
        TRANSFERS_MAX = 20000,
};

struct device {
        struct usb_device usb;
        const uint8_t *data;
        size_t size;
        uint64_t now_ms;
        unsigned n;
        /* The honest part. */
        uint8_t state;
        uint32_t pointer;
        uint8_t flash[FLASH_SIZE];
};

static const uint8_t honest_descriptors[] = {
        18, 1,    0,    1,    0,    0,    0, 64,   0x83,
        4,  0x11, 0xdf, 0,    0x22, 1,    2, 3,    1,  /* device */
        9,  2,    36,   0,    1,    1,    0, 0xc0, 50, /* configuration */
        9,  4,    0,    0,    0,    0xfe, 1, 2,    4,  /* alternate setting 0 */
        9,  0x21, 0x0b, 0xff, 0,    0,    8, 0x1a, 1,  /* functional */
};

static int take_byte(struct device *d) {
        if (d->size == 0)
                return -ENODEV;
        d->size--;
        return *d->data++;
}

static int honest_string(uint8_t index, uint8_t *to, uint16_t length) {
        static const char *const strings[] = {
                NULL, "STMicroelectronics", "STM32  BOOTLOADER", "205B39853237",
                "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"};
        uint8_t descriptor[128] = {4, 3, 9, 4}; /* the languages: English */
        size_t n = 4;

        if (index > 4)
                return -EPIPE;
        if (index > 0) {
                n = 2;
                descriptor[3] = 0;
                for (const char *c = strings[index]; *c; c++, n += 2)
                        descriptor[n] = (uint8_t) *c;
                descriptor[0] = (uint8_t) n;
        }
        if (n > length)
                n = length;
        memcpy(to, descriptor, n);
        return (int) n;
}

static uint8_t *cell(struct device *d, uint64_t address, size_t size) {
        if (address < FLASH_START || address + size > FLASH_START + FLASH_SIZE)
                return NULL;
        return d->flash + (address - FLASH_START);
}

static void honest_command(struct device *d, const uint8_t *data, uint16_t length) {
        uint32_t address = 0;

        for (unsigned i = 1; i < 5 && i < length; i++)
                address |= (uint32_t) data[i] << 8 * (i - 1);
        if (length == 5 && data[0] == 0x21)
                d->pointer = address;
        if (length == 5 && data[0] == 0x41 && cell(d, address, 0x4000))
                memset(cell(d, address, 0x4000), 0xff, 0x4000);
}

static int honest_control(struct device *d, uint8_t request_type, uint8_t request, uint16_t value,
                          uint8_t *data, uint16_t length) {
        const uint64_t address = d->pointer + (uint64_t) (value - 2) * TRANSFER_SIZE;

        if (request_type == 0x80 && request == REQUEST_GET_DESCRIPTOR)
                return honest_string((uint8_t) value, data, length);
        switch (request) {
        case REQUEST_DNLOAD:
                if (length == 0)
                        d->state = DFU_MANIFEST_SYNC;
                else
                        d->state = DFU_DNLOAD_SYNC;
                if (value == 0)
                        honest_command(d, data, length);
                else if (value >= 2 && cell(d, address, length))
                        memcpy(cell(d, address, length), data, length);
                return length;
        case REQUEST_UPLOAD:
                d->state = DFU_UPLOAD_IDLE;
                memset(data, 0, length);
                if (value >= 2 && cell(d, address, length))
                        memcpy(data, cell(d, address, length), length);
                return length;
        case REQUEST_GETSTATUS:
                if (length < 6)
                        return -EPIPE;
                if (d->state == DFU_DNLOAD_SYNC)
                        d->state = DFU_DNBUSY;
                else if (d->state == DFU_DNBUSY)
                        d->state = DFU_DNLOAD_IDLE;
                memcpy(data, (uint8_t[]){0, 1, 0, 0, d->state, 0}, 6);
                return 6;
        case REQUEST_GETSTATE:
                data[0] = d->state;
                return 1;
        case REQUEST_CLRSTATUS:
        case REQUEST_ABORT:
                d->state = DFU_IDLE;
                return 0;
        default:
                return -EPIPE;
        }
}

static int fuzz_control(struct usb_device *usb, uint8_t request_type, uint8_t request,
                        uint16_t value, uint16_t index, void *data, uint16_t length,
                        unsigned timeout_ms) {
        static const int errors[] = {-EPIPE, -ETIMEDOUT, -EPROTO, -EIO};
        struct device *d = (struct device *) usb;
        int what = take_byte(d);
        size_t n;

        check(timeout_ms > 0);
        check(d->n++ < TRANSFERS_MAX);
        if (what < 0)
                return what;
        if (what < 0x80)
                return honest_control(d, request_type, request, value, data, length);
        if (what < 0x90) {
                if (what % 4 == 1)
                        d->now_ms += timeout_ms;
                return errors[what % 4];
        }
        if (!(request_type & 0x80))
                return length;
        n = what == 0xff ? length : (size_t) (what - 0x90);
        if (n > length)
                n = length;
        if (n > d->size)
                n = d->size;
        memcpy(data, d->data, n);
        d->data += n;
        d->size -= n;
        return (int) n;
}

static int fuzz_claim(struct usb_device *usb, int interface) {
        return 0;
}

static int fuzz_set_alt(struct usb_device *usb, int interface, int alt) {
        return take_byte((struct device *) usb) < 0 ? -ENODEV : 0;
}

static int fuzz_reset(struct usb_device *usb) {
        return take_byte((struct device *) usb) < 0 ? -ENODEV : 0;
}

static int fuzz_sleep(struct usb_device *usb, unsigned ms) {
        ((struct device *) usb)->now_ms += ms;
        return 0;
}

static uint64_t fuzz_now_ms(struct usb_device *usb) {
        return ++((struct device *) usb)->now_ms;
}

static void fuzz_close(struct usb_device *usb) {
}

static const struct usb_ops ops = {
        .control = fuzz_control,
        .claim = fuzz_claim,
        .set_alt = fuzz_set_alt,
        .reset = fuzz_reset,
        .sleep = fuzz_sleep,
        .now_ms = fuzz_now_ms,
        .close = fuzz_close,
};

static enum board_state state;

static void on_state(void *userdata, enum board_state now) {
        check(now >= state || now < BOARD_VERIFIED);
        state = now;
}

/* Verified is said of what was read back: a device whose transfers fail, but that does not lie,
 * holds it. */
static void check_flash(const struct segments *segments, const struct device *d, bool honest) {
        for (size_t i = 0; honest && i < segments->n; i++) {
                const struct segment *s = &segments->items[i];

                check(memcmp(d->flash + (s->address - FLASH_START), s->data, s->size) == 0);
        }
}

static void check_fault(int r, const struct fault *fault) {
        check((r < 0) == (fault->error != FWD_OK));
        check(text_is_clean(fault->message));
}

static void flash(struct dfu *dfu, const struct segments *segments, bool honest) {
        const struct dfu_callbacks callbacks = {.state = on_state};
        struct flash_rules rules = {};
        struct flash_plan plan = {};
        struct fault fault = FAULT_INIT;
        int r;

        dfu_flash_rules(dfu, &rules);
        r = flash_plan_make(&dfu->map, segments, &rules, &plan, &fault);
        check_fault(r, &fault);
        if (r < 0)
                return;
        state = BOARD_UNTOUCHED;
        r = dfuse_flash(dfu, &plan, &callbacks, &fault);
        check_fault(r, &fault);
        check((r == 0) == (state == BOARD_VERIFIED));
        if (r == 0) {
                check_flash(segments, (struct device *) dfu->usb, honest);
                (void) dfuse_leave(dfu, FLASH_START, &fault);
        }
        flash_plan_clear(&plan);
}

static bool is_honest(const uint8_t *answers, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (answers[i] >= 0x90)
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint16_t products[][2] = {
                {0x0483, 0xdf11}, {0x2e3c, 0xdf11}, {0x28e9, 0x0189}, {0x1d50, 0x6017}};
        static struct device device;
        uint8_t descriptors[18 + 255];
        _cleanup_segments_ struct segments segments = {};
        _cleanup_dfu_ struct dfu dfu = {};
        struct fault fault = FAULT_INIT;
        size_t length;
        int r;

        if (size < 2)
                return 0;
        length = data[1] < size - 2 ? data[1] : size - 2;
        memcpy(descriptors, honest_descriptors, 18);
        memcpy(descriptors + 18, data + 2, length);
        device.usb = (struct usb_device){
                .ops = &ops,
                .vendor_id = products[data[0] % 4][0],
                .product_id = products[data[0] % 4][1],
                .bcd_device = 0x2200,
                .descriptors = length ? descriptors : (uint8_t *) honest_descriptors,
                .descriptors_size = length ? 18 + length : sizeof(honest_descriptors),
        };
        device.data = data + 2 + length;
        device.size = size - 2 - length;
        device.state = DFU_IDLE;
        device.n = 0;
        device.now_ms = 0;

        r = dfu_open(&device.usb, &dfu, &fault);
        check_fault(r, &fault);
        if (r < 0)
                return 0;
        check(text_is_clean(dfu.serial) && text_is_clean(dfu.product));
        check(dfu.transfer_size > 0 && dfu.transfer_size <= USB_CONTROL_SIZE_MAX);
        check(segments_add(&segments, FLASH_START, "sixteen bytes of", 16) == 0);
        check(segments_add(&segments, FLASH_START + 0x8000, "an image", 8) == 0);
        if (dfu.dfuse) {
                fault = (struct fault) FAULT_INIT;
                check_fault(dfuse_probe_protection(&dfu, FLASH_START, &fault) < 0 ? -1 : 0, &fault);
                flash(&dfu, &segments, is_honest(data + 2 + length, size - 2 - length));
        } else {
                const struct dfu_callbacks callbacks = {.state = on_state};

                fault = (struct fault) FAULT_INIT;
                state = BOARD_UNTOUCHED;
                r = dfu_plain_flash(&dfu, &segments.items[0], &callbacks, &fault);
                check_fault(r, &fault);
        }
        return 0;
}
