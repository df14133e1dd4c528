/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/log.h"
#include "protocol/usb.h"

enum {
        DEVICE_DESCRIPTOR_SIZE = 18,
        CONFIG_HEAD_SIZE = 9,
        DESCRIPTOR_DEVICE = 1,
        DESCRIPTOR_CONFIG = 2,
        DESCRIPTORS_SIZE_MAX = 64 * 1024, /* all configurations; a bootloader has some 50 bytes */
};

struct usb_libusb {
        struct usb_device device; /* first: the table's functions get this */
        libusb_context *context;
        libusb_device_handle *handle;
        int fd;
};

/* libusb's errors as errno (dfu.h and usb.h tell what each means to a caller). */
static int to_errno(int r) {
        switch (r) {
        case LIBUSB_ERROR_PIPE:
                return -EPIPE;
        case LIBUSB_ERROR_TIMEOUT:
                return -ETIMEDOUT;
        case LIBUSB_ERROR_NO_DEVICE:
        case LIBUSB_ERROR_NOT_FOUND: /* reset: re-enumerated, the handle is dead */
                return -ENODEV;
        case LIBUSB_ERROR_BUSY:
                return -EBUSY;
        case LIBUSB_ERROR_ACCESS:
                return -EACCES;
        case LIBUSB_ERROR_INVALID_PARAM:
                return -EINVAL;
        case LIBUSB_ERROR_NO_MEM:
                return -ENOMEM;
        case LIBUSB_ERROR_OVERFLOW:
                return -EPROTO;
        default:
                return r < 0 ? -EIO : r;
        }
}

static libusb_device_handle *handle_of(struct usb_device *usb) {
        return ((struct usb_libusb *) usb)->handle;
}

static int op_control(struct usb_device *usb, uint8_t request_type, uint8_t request, uint16_t value,
                      uint16_t index, void *data, uint16_t length, unsigned timeout_ms) {
        return to_errno(libusb_control_transfer(handle_of(usb), request_type, request, value, index,
                                                data, length, timeout_ms));
}

static int op_transfer(struct usb_device *usb, uint8_t endpoint, void *data, size_t size,
                       unsigned timeout_ms) {
        int done = 0;
        int r = libusb_bulk_transfer(handle_of(usb), endpoint, data, (int) size, &done, timeout_ms);

        /* What came before the time was over is not lost. */
        if (r == LIBUSB_SUCCESS || (r == LIBUSB_ERROR_TIMEOUT && done > 0))
                return done;
        return to_errno(r);
}

static int op_claim(struct usb_device *usb, int interface) {
        return to_errno(libusb_claim_interface(handle_of(usb), interface));
}

static int op_set_alt(struct usb_device *usb, int interface, int alt) {
        return to_errno(libusb_set_interface_alt_setting(handle_of(usb), interface, alt));
}

static int op_reset(struct usb_device *usb) {
        return to_errno(libusb_reset_device(handle_of(usb)));
}

static int op_sleep(struct usb_device *usb, unsigned ms) {
        struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long) (ms % 1000) * 1000000L};

        return clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL) == EINTR ? -ECANCELED : 0;
}

static void op_close(struct usb_device *usb) {
        struct usb_libusb *u = (struct usb_libusb *) usb;

        if (u->handle)
                libusb_close(u->handle);
        if (u->context)
                libusb_exit(u->context);
        u->fd = fd_close(u->fd);
        free(u->device.descriptors);
        free(u);
}

static const struct usb_ops ops = {
        .control = op_control,
        .transfer = op_transfer,
        .claim = op_claim,
        .set_alt = op_set_alt,
        .reset = op_reset,
        .sleep = op_sleep,
        .close = op_close,
};

/* The whole of what the kernel read from the device at enumeration: no transfer is made. */
static int read_node(int fd, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = malloc(DESCRIPTORS_SIZE_MAX);
        size_t size = 0;

        if (!data)
                return -ENOMEM;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        while (size < DESCRIPTORS_SIZE_MAX) {
                ssize_t n = read(fd, data + size, DESCRIPTORS_SIZE_MAX - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

/* Leaves the device descriptor and the active configuration in `data`; the new size, or -EPROTO. */
static ssize_t keep_active(uint8_t *data, size_t size, int active) {
        size_t at = DEVICE_DESCRIPTOR_SIZE;

        if (size < DEVICE_DESCRIPTOR_SIZE || data[0] != DEVICE_DESCRIPTOR_SIZE ||
            data[1] != DESCRIPTOR_DEVICE)
                return -EPROTO;
        while (size - at >= CONFIG_HEAD_SIZE) {
                size_t total = data[at + 2] | (size_t) data[at + 3] << 8;

                if (data[at + 1] != DESCRIPTOR_CONFIG || total < CONFIG_HEAD_SIZE ||
                    total > size - at)
                        return -EPROTO;
                if (active <= 0 || data[at + 5] == active) {
                        memmove(data + DEVICE_DESCRIPTOR_SIZE, data + at, total);
                        return (ssize_t) (DEVICE_DESCRIPTOR_SIZE + total);
                }
                at += total;
        }
        return -EPROTO;
}

static int fill_descriptors(struct usb_libusb *u, struct fault *fault) {
        struct usb_device *usb = &u->device;
        struct libusb_device_descriptor device;
        int active = 0, r;
        ssize_t size;

        r = to_errno(libusb_get_device_descriptor(libusb_get_device(u->handle), &device));
        if (r < 0)
                return fault_set(fault, FWD_DEVICE_LOST, "The device does not say what it is");
        usb->vendor_id = device.idVendor;
        usb->product_id = device.idProduct;
        usb->bcd_device = device.bcdDevice;
        r = read_node(u->fd, &usb->descriptors, &usb->descriptors_size);
        if (r < 0)
                return fault_set(fault, r == -ENODEV ? FWD_DEVICE_LOST : FWD_FAILED,
                                 "The device's descriptors could not be read: %s", strerror(-r));
        if (device.bNumConfigurations > 1 &&
            libusb_get_configuration(u->handle, &active) == LIBUSB_ERROR_NO_DEVICE)
                return fault_set(fault, FWD_DEVICE_LOST, "The device went away");
        size = keep_active(usb->descriptors, usb->descriptors_size, active);
        if (size < 0)
                return fault_set(fault, FWD_NOT_SUPPORTED, "The device's descriptors are broken");
        usb->descriptors_size = (size_t) size;
        return 0;
}

static int open_fault(int error, const char *node, struct fault *fault) {
        switch (error) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
                return fault_set(fault, FWD_DEVICE_LOST, "There is no device at %s any more", node);
        case EACCES:
        case EPERM:
                return fault_set(fault, FWD_NOT_AUTHORIZED, "%s may not be opened: %s", node,
                                 strerror(error));
        case EBUSY:
                return fault_set(fault, FWD_PORT_HELD, "%s is in use by another program", node);
        default:
                return fault_set(fault, FWD_FAILED, "%s could not be opened: %s", node,
                                 strerror(error));
        }
}

int usb_open(const char *node, struct usb_device **ret, struct fault *fault) {
        struct usb_libusb *u = calloc(1, sizeof(*u));
        _cleanup_usb_ struct usb_device *usb = u ? &u->device : NULL;
        int r;

        if (!u)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        u->device.ops = &ops;
        u->fd = open(node, O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (u->fd < 0)
                return open_fault(errno, node, fault);
        /* No discovery: this process has to do with one device, and sees no other. */
        r = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
        if (r == LIBUSB_SUCCESS)
                r = libusb_init(&u->context);
        if (r != LIBUSB_SUCCESS)
                return fault_set(fault, FWD_FAILED, "libusb does not start: %s",
                                 libusb_strerror(r));
        *ret = TAKE_PTR(usb);
        return 0;
}

/* libusb has one word, an I/O error, for whatever the kernel answers when it asks about the node;
 * of a board that is leaving the bus that is no device. */
static int reason_of_no_wrap(int fd) {
        struct usbdevfs_connectinfo info;

        return ioctl(fd, USBDEVFS_CONNECTINFO, &info) < 0 ? -errno : -EIO;
}

int usb_start(struct usb_device *usb, const char *node, struct fault *fault) {
        struct usb_libusb *u = (struct usb_libusb *) usb;
        int r;

        r = to_errno(libusb_wrap_sys_device(u->context, (intptr_t) u->fd, &u->handle));
        if (r == -EIO)
                r = reason_of_no_wrap(u->fd);
        if (r < 0)
                return open_fault(-r, node, fault);
        r = fill_descriptors(u, fault);
        if (r < 0)
                return r;
        log_debug("%s: %04x:%04x, %zu bytes of descriptors", node, usb->vendor_id, usb->product_id,
                  usb->descriptors_size);
        return 0;
}
