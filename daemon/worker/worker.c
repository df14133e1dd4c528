/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/dfu-serial.h"
#include "worker/cancel.h"
#include "worker/guard.h"
#include "worker/image-input.h"

int worker_run(struct worker *worker) {
        struct fault fault = FAULT_INIT;
        int r;

        worker->reporter.about_board = worker->operation->needs & NEEDS_NODE;
        r = worker->operation->run(worker, &fault);
        if (r < 0 && fault.error == FWD_OK)
                (void) fault_set(&fault, FWD_FAILED, "%s failed: %s", worker->operation->name,
                                 strerror(-r));
        if (r >= 0)
                fault = (struct fault) FAULT_INIT;
        reporter_result(&worker->reporter, &fault);
        return fwd_error_exit_code(fault.error);
}

int worker_check_cancel(struct fault *fault) {
        return cancel_requested()
                       ? fault_set(fault, FWD_CANCELLED, "Cancelled before anything was changed")
                       : 0;
}

/* A file named by hand goes the same way as one from the bus: copied, compared, sealed. */
static int take_file(const struct worker *worker, struct image_bytes *ret, struct fault *fault) {
        _cleanup_close_ int memfd = -EBADF;
        int r;

        if (worker->image_file < 0)
                return fault_set(fault, FWD_INVALID_IMAGE, "%s cannot be opened: %s",
                                 worker->image_path, strerror(-worker->image_file));
        memfd = memfd_create("fwd-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (memfd < 0)
                return fault_set(fault, FWD_FAILED, "No memory for the firmware file: %s",
                                 strerror(errno));
        r = image_input_take(worker->image_file, memfd, fault);
        if (r < 0)
                return r;
        return image_bytes_map(memfd, ret, fault);
}

int worker_take_bytes(struct worker *worker, struct image_bytes *ret, struct fault *fault) {
        int r;

        if (worker->image_path)
                return take_file(worker, ret, fault);
        if (worker->source_fd >= 0) {
                r = image_input_take(worker->source_fd, worker->image_fd, fault);
                if (r < 0)
                        return r;
        }
        return image_bytes_map(worker->image_fd, ret, fault);
}

/* Of a release archive one part is flashed: the person is told which were not. */
static void tell_release(struct worker *worker, const struct image *image) {
        if (!image->release)
                return;
        reporter_fact(&worker->reporter, "Platform", "%s", image->platform);
        if (!*image->left_out)
                return;
        reporter_fact(&worker->reporter, "NotFlashed", "%s", image->left_out);
        reporter_notice(&worker->reporter,
                        "Of this release only the STM32's firmware is flashed over USB. Not "
                        "flashed: %s.",
                        image->left_out);
}

int worker_load_image(struct worker *worker, struct image **ret, struct fault *fault) {
        struct image_options options = {worker->options.has_address, worker->options.address};
        _cleanup_image_bytes_ struct image_bytes bytes = {};
        _cleanup_image_ struct image *image = NULL;
        int r;

        /* A sealed file was inspected in an earlier step of the job. */
        if (worker->image_path || worker->source_fd >= 0)
                reporter_phase(&worker->reporter, "inspecting");
        r = worker_take_bytes(worker, &bytes, fault);
        if (r < 0)
                return r;
        r = image_parse(bytes.data, bytes.size, &options, &image, fault);
        if (r < 0)
                return r;
        tell_release(worker, image);
        r = worker_guard_image(worker, image, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(image);
        return 0;
}

int worker_guard_image(struct worker *worker, struct image *image, struct fault *fault) {
        const struct board_profile *profile = worker->profile;
        struct image_options options;
        int r;

        if (worker->recover) {
                /* Where a loader belongs may be known later, by the chip's one-time memory. */
                if (!profile || range_is_empty(profile->recover))
                        return 0;
                options = (struct image_options){true, profile->recover.start};
                r = image->has_address ? 0 : image_place(image, &options, fault);
                return r < 0 ? r : guard_check_loader(image, profile, fault);
        }
        /* An address that somebody gave must be the file's; the profile's is for files without. */
        if (!image->has_address && guard_raw_address(profile, &options)) {
                r = image_place(image, &options, fault);
                if (r < 0)
                        return r;
        }
        r = guard_check_image(image, profile, fault);
        if (r == 0 && !worker->options.force)
                r = guard_check_usb_ids(image, profile, fault);
        return r;
}

static int check_id(const struct worker *worker, const char *node, uint16_t vendor_id,
                    uint16_t product_id, struct fault *fault) {
        /* A node's number is given anew as soon as its board is unplugged. */
        if (!worker->has_expected_id ||
            (vendor_id == worker->expected_vendor_id && product_id == worker->expected_product_id))
                return 0;
        return fault_set(fault, FWD_WRONG_BOARD,
                         "Behind %s is the USB device %04x:%04x, not %04x:%04x", node, vendor_id,
                         product_id, worker->expected_vendor_id, worker->expected_product_id);
}

int worker_open_usb(struct worker *worker, struct usb_device **ret, struct fault *fault) {
        _cleanup_usb_ struct usb_device *usb = NULL;
        int r;

        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        r = worker->open_usb(worker->node, &usb, fault);
        if (r < 0)
                return r;
        r = check_id(worker, worker->node, usb->vendor_id, usb->product_id, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(usb);
        return 0;
}

int worker_open_hid(struct worker *worker, struct hid_device **ret, struct fault *fault) {
        _cleanup_hid_ struct hid_device *hid = NULL;
        int r;

        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        r = worker->open_hid(worker->hidraw, &hid, fault);
        if (r < 0)
                return r;
        r = check_id(worker, worker->hidraw, hid->vendor_id, hid->product_id, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(hid);
        return 0;
}

int worker_open_serial(struct worker *worker, struct serial_port **ret, struct fault *fault) {
        struct serial_port *port;
        int r;

        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        r = worker->open_serial(worker->tty, &port, fault);
        if (r < 0)
                return r;
        port->cancel = &cancel_flag;
        *ret = port;
        return 0;
}

int worker_check_serial(struct worker *worker, const struct dfu *dfu, struct fault *fault) {
        if (!worker->expected_serial || worker->options.force)
                return 0;
        if (dfu->garbled_serial[0] &&
            dfu_serial_check(worker->expected_serial, dfu->garbled_serial) == DFU_SERIAL_MATCH)
                return 0;
        switch (dfu_serial_check(worker->expected_serial, dfu->serial)) {
        case DFU_SERIAL_CONTRADICTION:
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The board in the bootloader has the serial number %s, not %s",
                                 dfu->serial[0] ? dfu->serial : "(none)", worker->expected_serial);
        case DFU_SERIAL_NO_EVIDENCE:
        case DFU_SERIAL_MATCH:
                return 0;
        }
        return 0;
}
