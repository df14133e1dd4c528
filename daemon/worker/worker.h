/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* fwd-worker: one operation on one board, blocking, from top to bottom. Here: what an operation is
 * given, and the steps that several share. One operation a file (op-*.c). The openers are functions
 * so that tests can put a board model in place of a node. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "board/board.h"
#include "image/image.h"
#include "protocol/dfu.h"
#include "protocol/hid.h"
#include "protocol/serial.h"
#include "protocol/usb.h"
#include "worker/image-input.h"
#include "worker/options.h"
#include "worker/otp.h"
#include "worker/reporter.h"

struct worker;

enum { /* what an operation needs on the command line */
       NEEDS_NODE = 1 << 0,
       NEEDS_TTY = 1 << 1,
       NEEDS_NODE_OR_TTY = 1 << 2,
       NEEDS_IMAGE = 1 << 3,
       NEEDS_OUTPUT = 1 << 4,
       MAY_HIDRAW = 1 << 5, /* in the place of node or tty */
};

struct operation {
        const char *name;
        const char *summary; /* for --help */
        /* Begins when the board's port or bootloader is this worker's alone, and not before: until
         * then somebody else may have it, and is waited for. Over a serial port a dry run has
         * "planning" instead. */
        const char *phase;
        unsigned needs;
        enum option_set options;
        int (*run)(struct worker *worker, struct fault *fault);
};

extern const struct operation op_inspect, op_identify, op_reboot, op_flash, op_leave, op_read,
        op_erase, op_unprotect, op_backup, op_restore, op_compare, op_recover, op_defaults;

struct worker { /* strings and descriptors are borrowed from main() */
        const struct operation *operation;
        const char *node; /* /dev/bus/usb/BBB/DDD */
        const char *tty;
        const char *hidraw; /* of HID interface 0 */
        bool has_expected_id;
        uint16_t expected_vendor_id, expected_product_id;
        const char *expected_serial; /* one, or several with commas between */
        const char *image_path;
        int image_file;         /* that, opened; or the negative errno of why not */
        const char *image_name; /* what people call the file; NULL: not known */
        int image_fd;           /* memfd; sealed, or to be filled from source_fd */
        int source_fd;          /* what a caller handed over */
        int output_fd;          /* for what is read; of a flash: for the old one (output.h) */
        /* What is known of a board that is not in its bootloader, for a plan without --node. */
        const char *map, *mcu;
        struct options options;
        bool recover; /* the file is the board's own loader, and goes where that belongs */
        struct board_profile *profile; /* NULL: nothing is known of the board */
        /* What it may turn out to be (otp.h), loaded before a device is opened; NULL-terminated. */
        struct board_profile *otp_profiles[BOARD_LIST_MAX + 1];
        bool otp_is_empty;            /* its one-time memory was never written */
        char otp_type[OTP_TYPE_SIZE]; /* what its one-time memory said; "" if nothing */
        struct reporter reporter;

        int (*open_usb)(const char *node, struct usb_device **ret, struct fault *fault);
        int (*open_serial)(const char *node, struct serial_port **ret, struct fault *fault);
        int (*open_hid)(const char *node, struct hid_device **ret, struct fault *fault);
};

/* Runs the operation and makes the last report. Returns the exit code. */
int worker_run(struct worker *worker);

/* The bytes of the file that was handed over, by whichever way it came; sealed, mapped. */
int worker_take_bytes(struct worker *worker, struct image_bytes *ret, struct fault *fault);

/* Reads the firmware file by whichever way it came, parses it and lets the guards look. */
int worker_load_image(struct worker *worker, struct image **ret, struct fault *fault);

/* The guards alone, for when more is known of the board than before. */
int worker_guard_image(struct worker *worker, struct image *image, struct fault *fault);

/* Opens the board and nothing else: after this no file is opened any more. Checks what is behind
 * the node. FWD_WRONG_BOARD and the opener's errors. */
int worker_open_usb(struct worker *worker, struct usb_device **ret, struct fault *fault);
int worker_open_serial(struct worker *worker, struct serial_port **ret, struct fault *fault);
int worker_open_hid(struct worker *worker, struct hid_device **ret, struct fault *fault);
/* The serial number behind the node against the expected ones. */
int worker_check_serial(struct worker *worker, const struct dfu *dfu, struct fault *fault);

/* Reads what the chip's one-time memory says of the board, over DfuSe, and tells it as the fact
 * BoardType. A board of no particular kind may turn out to be one: then its profile, with its
 * guards, takes the place of the general one, and the fact Board tells so. Memory that is empty or
 * cannot be read says nothing. FWD_DEVICE_LOST and the like. */
int worker_read_otp(struct worker *worker, struct dfu *dfu, struct fault *fault);

/* FWD_CANCELLED if somebody asked for it. Call where stopping leaves the board as it was. */
int worker_check_cancel(struct fault *fault);

/* The facts UniqueId and DfuSerials. */
void worker_report_chip(struct worker *worker, const uint32_t uid[3]);
/* Opens the serial port and asks who is behind it, which is told as facts. */
struct fc_identity;
int worker_identify(struct worker *worker, struct serial_port **ret_port, struct fc_identity *ret,
                    struct fault *fault);
/* For what must not happen in flight: FWD_ARMED, besides. */
int worker_identify_disarmed(struct worker *worker, struct serial_port **ret_port,
                             struct fc_identity *ret, struct fault *fault);
