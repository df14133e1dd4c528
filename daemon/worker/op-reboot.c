/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/dfu-serial.h"
#include "protocol/betaflight.h"
#include "protocol/crazyflie.h"
#include "worker/worker.h"

/* A request over USB goes to whatever is behind the node, so its strings are looked at first. */
static int check_strings(const struct worker *worker, const struct usb_strings *strings,
                         struct fault *fault) {
        if (!board_match(worker->profile, strings->manufacturer, strings->product))
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The device calls itself \"%s\" by \"%s\", which is no %s",
                                 strings->product, strings->manufacturer, worker->profile->title);
        if (worker->expected_serial && strcmp(worker->expected_serial, strings->serial) != 0)
                return fault_set(fault, FWD_WRONG_BOARD,
                                 "The board has the serial number %s, not %s", strings->serial,
                                 worker->expected_serial);
        return 0;
}

static int reboot_crazyflie(struct worker *worker, struct usb_device *usb,
                            const struct usb_strings *strings, struct fault *fault) {
        uint32_t uid[3];
        int r;

        if (chip_id_parse(strings->serial, uid) == 0)
                worker_report_chip(&worker->reporter, uid);
        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "Method", "vendor-request");
        crazyflie_enter_bootloader(usb);
        return 0;
}

static int reboot_usb(struct worker *worker, struct fault *fault) {
        enum board_reboot way = worker->profile ? worker->profile->reboot : REBOOT_NONE;
        _cleanup_usb_ struct usb_device *usb = NULL;
        struct usb_strings strings;
        int r;

        if (way == REBOOT_NONE || board_reboot_opens_port(way) ||
            worker->options.to != REBOOT_TO_BOOTLOADER)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "Nothing is known that could be asked of this board over USB");
        r = worker_open_usb(worker, &usb, fault);
        if (r < 0)
                return r;
        r = usb_read_strings(usb, &strings, fault);
        if (r < 0)
                return r;
        r = check_strings(worker, &strings, fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter, "rebooting");
        return reboot_crazyflie(worker, usb, &strings, fault);
}

static int reboot_serial(struct worker *worker, struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        struct fc_identity identity;
        const char *method = NULL;
        int r;

        if (worker->profile && !board_reboot_opens_port(worker->profile->reboot))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The serial port of a board of this kind is not opened: %s",
                                 worker->profile->title);
        r = worker_open_serial(worker, &port, fault);
        if (r < 0)
                return r;
        r = worker_identify(worker, port, &identity, fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter, "rebooting");
        r = fc_reboot(port, &identity,
                      worker->options.to == REBOOT_TO_FIRMWARE ? FC_REBOOT_FIRMWARE
                                                               : FC_REBOOT_BOOTLOADER,
                      &method, fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "Method", "%s", method);
        return 0;
}

static int reboot(struct worker *worker, struct fault *fault) {
        return worker->tty ? reboot_serial(worker, fault) : reboot_usb(worker, fault);
}

const struct operation op_reboot = {
        .name = "reboot",
        .summary = "ask the firmware for its bootloader",
        .needs = NEEDS_NODE_OR_TTY,
        .options = OPTIONS_REBOOT,
        .run = reboot,
};
