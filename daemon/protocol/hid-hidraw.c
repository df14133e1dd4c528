/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/hidraw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "protocol/hid.h"

_Static_assert(HID_DESCRIPTOR_MAX == HID_MAX_DESCRIPTOR_SIZE, "as the kernel has it");

struct hidraw {
        struct hid_device device; /* first: the table's functions get this */
        int fd;
};

static int fd_of(struct hid_device *hid) {
        return ((struct hidraw *) hid)->fd;
}

/* A node of which the device is gone says EIO or ENODEV. */
static int last_error(void) {
        return errno == EIO || errno == ENXIO ? -ENODEV : -errno;
}

static int op_write(struct hid_device *hid, const uint8_t *report, size_t size) {
        ssize_t n = write(fd_of(hid), report, size);

        if (n < 0)
                return last_error();
        return (size_t) n == size ? 0 : -EIO;
}

static int op_get_feature(struct hid_device *hid, uint8_t *report, size_t size) {
        int r = ioctl(fd_of(hid), HIDIOCGFEATURE(size), report);

        return r < 0 ? last_error() : r;
}

static int op_get_descriptor(struct hid_device *hid, uint8_t *to, size_t size) {
        struct hidraw_report_descriptor descriptor = {};
        int n = 0;

        if (ioctl(fd_of(hid), HIDIOCGRDESCSIZE, &n) < 0)
                return last_error();
        if (n < 0 || (size_t) n > size || (size_t) n > sizeof(descriptor.value))
                return -EBADMSG;
        descriptor.size = (uint32_t) n;
        if (ioctl(fd_of(hid), HIDIOCGRDESC, &descriptor) < 0)
                return last_error();
        memcpy(to, descriptor.value, (size_t) n);
        return n;
}

static void op_close(struct hid_device *hid) {
        (void) fd_close(fd_of(hid));
        free(hid);
}

static const struct hid_ops ops = {
        .write = op_write,
        .get_feature = op_get_feature,
        .get_descriptor = op_get_descriptor,
        .close = op_close,
};

struct hid_device *hid_close(struct hid_device *hid) {
        if (hid)
                hid->ops->close(hid);
        return NULL;
}

static int open_fault(int error, const char *node, struct fault *fault) {
        switch (error) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
        case EIO:
                return fault_set(fault, FWD_DEVICE_LOST, "There is no device at %s any more", node);
        case EACCES:
        case EPERM:
                return fault_set(fault, FWD_NOT_AUTHORIZED, "%s may not be opened: %s", node,
                                 strerror(error));
        default:
                return fault_set(fault, FWD_FAILED, "%s could not be opened: %s", node,
                                 strerror(error));
        }
}

int hid_open(const char *node, struct hid_device **ret, struct fault *fault) {
        struct hidraw *h = calloc(1, sizeof(*h));
        _cleanup_hid_ struct hid_device *hid = h ? &h->device : NULL;
        struct hidraw_devinfo info = {};

        if (!h)
                return fault_set(fault, FWD_FAILED, "Out of memory");
        h->device.ops = &ops;
        h->fd = open(node, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (h->fd < 0)
                return open_fault(errno, node, fault);
        if (ioctl(h->fd, HIDIOCGRAWINFO, &info) < 0)
                return errno == ENODEV
                               ? open_fault(errno, node, fault)
                               : fault_set(fault, FWD_NOT_SUPPORTED, "%s is no hidraw node: %s",
                                           node, strerror(errno));
        h->device.vendor_id = (uint16_t) info.vendor;
        h->device.product_id = (uint16_t) info.product;
        *ret = TAKE_PTR(hid);
        return 0;
}
