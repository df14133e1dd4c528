/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/files.h"

#include <fcntl.h>

#include "worker/sandbox.h"

static struct {
        struct usb_device *usb;
        struct hid_device *hid;
        struct fault fault; /* why there is none */
} held = {.fault = FAULT_INIT};

static int not_held(struct fault *fault) {
        if (held.fault.error == FWD_OK)
                return fault_set(fault, FWD_FAILED, "The device was taken already");
        *fault = held.fault;
        return fwd_error_to_errno(fault->error);
}

static int take_usb(const char *node, struct usb_device **ret, struct fault *fault) {
        _cleanup_usb_ struct usb_device *usb = TAKE_PTR(held.usb);
        int r = usb ? usb_start(usb, node, fault) : not_held(fault);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(usb);
        return 0;
}

static int take_hid(const char *node, struct hid_device **ret, struct fault *fault) {
        if (!held.hid)
                return not_held(fault);
        *ret = TAKE_PTR(held.hid);
        return 0;
}

static int open_serial(const char *node, struct serial_port **ret, struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        int r = serial_open_tty(node, &port, fault);

        if (r == 0)
                r = sandbox_seal(fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(port);
        return 0;
}

void files_open(struct worker *worker) {
        if (worker->image_path) {
                /* O_NONBLOCK: a FIFO would wait for its writer. */
                worker->image_file =
                        open(worker->image_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (worker->image_file < 0)
                        worker->image_file = -errno;
        }
        if (worker->node)
                (void) usb_open(worker->node, &held.usb, &held.fault);
        if (worker->hidraw)
                (void) hid_open(worker->hidraw, &held.hid, &held.fault);
        worker->open_usb = take_usb;
        worker->open_hid = take_hid;
        worker->open_serial = open_serial;
}

void files_close(struct worker *worker) {
        worker->image_file = fd_close(worker->image_file);
        held.usb = usb_close(held.usb);
        held.hid = hid_close(held.hid);
}
