/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a DFU device is, out of its descriptors: interface, functional descriptor, memory map,
 * quirks. All of it is a claim of the device, checked and corrected here. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/text.h"
#include "protocol/dfu-chips.h"
#include "protocol/dfu-internal.h"

enum {
        DEVICE_DESCRIPTOR_SIZE = 18,
        DEVICE_MAX_PACKET_SIZE = 7, /* offsets in the device descriptor */
        DEVICE_PRODUCT = 15,
        DEVICE_SERIAL = 16,
        DESCRIPTOR_INTERFACE = 4,
        INTERFACE_SIZE = 9,
        DESCRIPTOR_DFU = 0x21,
        FUNCTIONAL_SIZE = 9,
        FUNCTIONAL_SIZE_DFU10 = 7, /* without bcdDFUVersion */
        CLASS_APPLICATION = 0xfe,
        SUBCLASS_DFU = 1,
        PROTOCOL_RUNTIME = 1,
        VERSION_DFUSE = 0x011a,
        ALTS_MAX = 32,
        NAME_SIZE = 256,
        TRANSFER_SIZE_UNKNOWN = 1024, /* for 0xFFFF, as fwupd has it */
        TRANSFER_SIZE_ZERO = 64,      /* for 0 */
        REQUEST_TYPE_STANDARD_INTERFACE_IN = 0x81,
        REQUEST_GET_DESCRIPTOR = 6,
        VENDOR_GIGADEVICE = 0x28e9,
};

struct alt {
        int number;
        uint8_t string;
        char name[NAME_SIZE];
};

struct finding {
        bool found, runtime;
        int interface;
        unsigned n_alts;
        struct alt *alts; /* ALTS_MAX of them, owned */
        bool has_functional;
        uint8_t functional[FUNCTIONAL_SIZE];
        size_t functional_size;
};

static void finding_clear(struct finding *f) {
        free(f->alts);
}

static void look_at_interface(struct finding *f, const uint8_t *d) {
        if (d[5] != CLASS_APPLICATION || d[6] != SUBCLASS_DFU)
                return;
        /* Protocol 2 is DFU mode; 0 with an otherwise good descriptor exists too. */
        if (d[7] == PROTOCOL_RUNTIME) {
                f->runtime = true;
                return;
        }
        if (f->found && d[2] != f->interface)
                return;
        f->found = true;
        f->interface = d[2];
        if (f->n_alts < ALTS_MAX)
                f->alts[f->n_alts++] = (struct alt){.number = d[3], .string = d[8]};
}

static void look_at_functional(struct finding *f, const uint8_t *d, size_t size) {
        if (!f->found || f->has_functional || size < FUNCTIONAL_SIZE_DFU10)
                return;
        f->functional_size = size < FUNCTIONAL_SIZE ? size : FUNCTIONAL_SIZE;
        memcpy(f->functional, d, f->functional_size);
        f->has_functional = true;
}

static void look_at_descriptors(struct finding *f, const uint8_t *data, size_t size) {
        for (size_t at = DEVICE_DESCRIPTOR_SIZE; size >= 2 && at <= size - 2;) {
                const uint8_t *d = data + at;

                if (d[0] < 2 || d[0] > size - at)
                        return;
                if (d[1] == DESCRIPTOR_INTERFACE && d[0] >= INTERFACE_SIZE)
                        look_at_interface(f, d);
                else if (d[1] == DESCRIPTOR_DFU)
                        look_at_functional(f, d, d[0]);
                at += d[0];
        }
}

/* Some devices (LPC) leave it out of their configuration; STM32C5 answers nothing here. */
static void ask_functional(struct usb_device *usb, struct finding *f) {
        uint8_t d[FUNCTIONAL_SIZE] = {};
        int r;

        r = usb_control(usb, REQUEST_TYPE_STANDARD_INTERFACE_IN, REQUEST_GET_DESCRIPTOR,
                        DESCRIPTOR_DFU << 8, (uint16_t) f->interface, d, sizeof(d),
                        DFU_SHORT_TIMEOUT);
        if (r >= FUNCTIONAL_SIZE_DFU10 && d[0] >= FUNCTIONAL_SIZE_DFU10 && d[1] == DESCRIPTOR_DFU)
                look_at_functional(f, d, (size_t) r < d[0] ? (size_t) r : d[0]);
}

static unsigned correct_transfer_size(unsigned size, unsigned max_packet_size) {
        if (size == 0xffff)
                return TRANSFER_SIZE_UNKNOWN;
        if (size == 0)
                return TRANSFER_SIZE_ZERO;
        if (size > USB_CONTROL_SIZE_MAX)
                return USB_CONTROL_SIZE_MAX;
        if (size < max_packet_size)
                return max_packet_size;
        return size;
}

static int take_functional(struct dfu *dfu, struct finding *f, struct fault *fault) {
        const uint8_t *d = f->functional;

        if (!f->has_functional)
                ask_functional(dfu->usb, f);
        if (!f->has_functional)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The bootloader has no DFU functional descriptor");
        dfu->interface = f->interface;
        dfu->n_alts = f->n_alts;
        dfu->attributes = d[2];
        dfu->detach_timeout_ms = (unsigned) d[3] | (unsigned) d[4] << 8;
        dfu->transfer_size = correct_transfer_size((unsigned) d[5] | (unsigned) d[6] << 8,
                                                   dfu->usb->descriptors[DEVICE_MAX_PACKET_SIZE]);
        dfu->version =
                f->functional_size >= FUNCTIONAL_SIZE ? (uint16_t) (d[7] | d[8] << 8) : 0x0100;
        return 0;
}

static int read_strings(struct dfu *dfu, struct finding *f) {
        struct usb_device *usb = dfu->usb;
        const uint8_t *device = usb->descriptors;
        int r;

        r = usb_string(usb, device[DEVICE_PRODUCT], dfu->product, sizeof(dfu->product));
        if (r < 0)
                return r;
        r = usb_string(usb, device[DEVICE_SERIAL], dfu->serial, sizeof(dfu->serial));
        if (r >= 0 && usb->vendor_id == VENDOR_GIGADEVICE) {
                memcpy(dfu->garbled_serial, dfu->serial, sizeof(dfu->garbled_serial));
                r = usb_string_bytes(usb, device[DEVICE_SERIAL], dfu->serial, sizeof(dfu->serial));
        }
        for (unsigned i = 0; i < f->n_alts && r >= 0; i++) {
                struct alt *alt = &f->alts[i];

                if (i > 0 && alt->string == alt[-1].string)
                        memcpy(alt->name, alt[-1].name, sizeof(alt->name));
                else
                        r = usb_string(usb, alt->string, alt->name, sizeof(alt->name));
        }
        return r;
}

/* The alternate setting of the flash: the layout that a quirk row may know better. */
static const struct alt *flash_alt(const struct finding *f) {
        const struct alt *first = NULL;

        for (unsigned i = 0; i < f->n_alts; i++) {
                const struct alt *alt = &f->alts[i];

                if (alt->name[0] != '@')
                        continue;
                if (strcasestr(alt->name, "flash"))
                        return alt;
                if (!first)
                        first = alt;
        }
        return first;
}

static int build_map(struct dfu *dfu, const struct finding *f, const struct alt *flash,
                     struct fault *fault) {
        for (unsigned i = 0; i < f->n_alts; i++) {
                const struct alt *alt = &f->alts[i];
                const char *layout =
                        alt == flash && dfu->quirks->layout ? dfu->quirks->layout : alt->name;
                int r;

                r = memory_map_add(&dfu->map, alt->number, layout);
                if (r == -ENOMEM)
                        return fault_set(fault, FWD_FAILED, "Out of memory");
                if (r > 0)
                        log_notice("Memory layout cut short: \"%s\"", layout);
                else if (r < 0)
                        log_debug("Memory layout left out (%s): \"%s\"", strerror(-r), layout);
        }
        if (memory_map_flash(&dfu->map))
                return 0;
        return fault_set(fault, FWD_NOT_SUPPORTED,
                         "The bootloader describes its memory in a way that cannot be read: \"%s\"",
                         flash->name);
}

/* Blocks must begin on write units, so an odd transfer size has the last word. */
static unsigned usable_write_unit(unsigned wanted, unsigned transfer_size) {
        while (wanted > 1 && transfer_size % wanted)
                wanted /= 2;
        return wanted ? wanted : 1;
}

static int claim(struct dfu *dfu, struct fault *fault) {
        const struct dfu_doing doing = {.error = FWD_FAILED,
                                        .what = "taking hold of the bootloader"};
        int r;

        r = dfu->usb->ops->claim(dfu->usb, dfu->interface);
        return r < 0 ? dfu_fault(dfu, r, &doing, fault) : 0;
}

static int open_found(struct dfu *dfu, struct finding *f, struct fault *fault) {
        const struct dfu_doing reading = {.error = FWD_FAILED,
                                          .what = "reading the bootloader's strings"};
        struct usb_device *usb = dfu->usb;
        const struct alt *flash;
        int r;

        r = take_functional(dfu, f, fault);
        if (r < 0)
                return r;
        r = claim(dfu, fault);
        if (r < 0)
                return r;
        r = read_strings(dfu, f);
        if (r < 0)
                return dfu_fault(dfu, r, &reading, fault);
        flash = flash_alt(f);
        dfu->quirks = dfu_quirks_find(usb->vendor_id, usb->product_id, usb->bcd_device, dfu->serial,
                                      flash ? flash->name : "");
        dfu->chip = dfu_chip_find(usb->vendor_id, usb->product_id, flash ? flash->name : "");
        /* Maple's bootloader says 1.1a, has no layout, and is plain DFU. */
        dfu->dfuse = dfu->version == VERSION_DFUSE && flash;
        dfu->by_the_book = !dfu->dfuse;
        dfu->write_unit = usable_write_unit(dfu->quirks->write_unit, dfu->transfer_size);
        if (dfu->dfuse) {
                r = build_map(dfu, f, flash, fault);
                if (r < 0)
                        return r;
        }
        log_debug("DFU %x.%02x, \"%s\", serial \"%s\", %u bytes a block, quirks %s",
                  dfu->version >> 8, dfu->version & 0xff, dfu->product, dfu->serial,
                  dfu->transfer_size, dfu->quirks->name);
        return dfu_idle(dfu, fault);
}

int dfu_open(struct usb_device *usb, struct dfu *ret, struct fault *fault) {
        _cleanup_dfu_ struct dfu dfu = {
                .usb = usb,
                .alt = -1,
                .state = DFU_STATE_UNKNOWN,
                .quirks = dfu_quirks_find(0, 0, 0, "", ""),
        };
        _cleanup_(finding_clear) struct finding f = {.alts = calloc(ALTS_MAX, sizeof(*f.alts))};
        int r;

        if (!f.alts)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        if (usb->descriptors_size < DEVICE_DESCRIPTOR_SIZE)
                return fault_set(fault, FWD_NOT_SUPPORTED, "The device's descriptors are broken");
        look_at_descriptors(&f, usb->descriptors, usb->descriptors_size);
        if (!f.found)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 f.runtime ? "The board runs its firmware and is not in its "
                                             "bootloader"
                                           : "The device has no DFU bootloader");
        r = open_found(&dfu, &f, fault);
        if (r < 0)
                return r;
        *ret = dfu;
        dfu.map = (struct memory_map){};
        return 0;
}

void dfu_clear(struct dfu *dfu) {
        memory_map_clear(&dfu->map);
}
