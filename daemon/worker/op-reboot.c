/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/dfu-serial.h"
#include "protocol/betaflight.h"
#include "protocol/crazyflie.h"
#include "protocol/ffbeast.h"
#include "protocol/odrive.h"
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

        reporter_phase(&worker->reporter, worker->operation->phase);
        if (chip_id_parse(strings->serial, uid) == 0)
                worker_report_chip(worker, uid);
        r = worker_check_cancel(fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "Method", "vendor-request");
        crazyflie_enter_bootloader(usb);
        return 0;
}

/* What it says of itself; the serial number and the voltage it says are no news to the service. */
static int reboot_odrive(struct worker *worker, struct usb_device *usb, struct fault *fault) {
        struct reporter *reporter = &worker->reporter;
        struct odrive_identity id;
        struct odrive odrive;
        int r;

        r = odrive_open(usb, &odrive, fault);
        if (r < 0)
                return r;
        reporter_phase(reporter, worker->operation->phase);
        r = odrive_identify(&odrive, &id, fault);
        if (r < 0)
                return r;
        reporter_fact(reporter, "Variant", "ODrive");
        if (id.has_version)
                reporter_fact(reporter, "FirmwareVersion", "%u.%u.%u", id.fw_major, id.fw_minor,
                              id.fw_revision);
        if (id.has_hardware)
                reporter_fact(reporter, "BoardName", "ODrive v%u.%u-%uV", id.hw_major, id.hw_minor,
                              id.hw_variant);
        if (id.has_vbus)
                reporter_fact(reporter, "SupplyVoltage", "%.1f", (double) id.vbus_voltage);
        if (*id.serial)
                reporter_fact(reporter, "DfuSerials", "%s", id.serial);
        r = worker_check_cancel(fault);
        if (r == 0)
                r = odrive_enter_dfu(&odrive, &id, fault);
        if (r == 0)
                reporter_fact(reporter, "Method", "enter_dfu_mode");
        return r;
}

/* The licence is told before anything is erased: who loses it needs it again. */
static void report_ffbeast(struct reporter *reporter, const struct ffbeast_information *info) {
        const uint32_t *key = info->serial_key, *id = info->device_id;

        reporter_fact(reporter, "Variant", "FFBeast");
        reporter_fact(reporter, "FirmwareVersion", "%u.%u.%u", info->major, info->minor,
                      info->patch);
        reporter_fact(reporter, "SerialKey", "%08X-%08X-%08X", key[0], key[1], key[2]);
        reporter_fact(reporter, "DeviceId", "%08X-%08X-%08X", id[0], id[1], id[2]);
        reporter_fact(reporter, "Registered", "%s", info->is_registered ? "yes" : "no");
}

static int reboot_hid(struct worker *worker, struct fault *fault) {
        _cleanup_hid_ struct hid_device *hid = NULL;
        struct ffbeast_information info;
        struct fault deaf = FAULT_INIT;
        int r;

        if (!worker->profile || worker->profile->reboot != REBOOT_FFBEAST ||
            worker->options.to != REBOOT_TO_BOOTLOADER)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "Nothing is known that could be asked of this board over HID");
        r = worker_open_hid(worker, &hid, fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter, worker->operation->phase);
        r = ffbeast_read_information(hid, &info, &deaf);
        if (r < 0 && deaf.error == FWD_NOT_SUPPORTED) {
                /* An old build: a person can do what it cannot. */
                reporter_fact(&worker->reporter, "Method", "by-hand");
                return 0;
        }
        if (r < 0)
                return fault_set(fault, deaf.error, "%s", deaf.message);
        report_ffbeast(&worker->reporter, &info);
        r = worker_check_cancel(fault);
        if (r == 0)
                r = ffbeast_enter_dfu(hid, fault);
        if (r == 0)
                reporter_fact(&worker->reporter, "Method", "hid-command");
        return r;
}

static int reboot_usb(struct worker *worker, struct fault *fault) {
        enum board_reboot way = worker->profile ? worker->profile->reboot : REBOOT_NONE;
        _cleanup_usb_ struct usb_device *usb = NULL;
        struct usb_strings strings;
        int r;

        if (way == REBOOT_NONE || board_reboot_opens_port(way) || board_reboot_opens_hid(way) ||
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
        return way == REBOOT_ODRIVE ? reboot_odrive(worker, usb, fault)
                                    : reboot_crazyflie(worker, usb, &strings, fault);
}

static int reboot_serial(struct worker *worker, struct fault *fault) {
        const char *after = *worker->options.after ? worker->options.after : NULL, *method = NULL;
        const bool to_firmware = worker->options.to == REBOOT_TO_FIRMWARE;
        _cleanup_serial_ struct serial_port *port = NULL;
        struct fc_identity identity;
        int r;

        if (worker->profile && !board_reboot_opens_port(worker->profile->reboot))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The serial port of a board of this kind is not opened: %s",
                                 worker->profile->title);
        if (after && (to_firmware || !fc_reboot_is_method(after)))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "No way into a bootloader is called %s", after);
        r = worker_identify(worker, &port, &identity, fault);
        if (r < 0)
                return r;
        r = to_firmware ? fc_reboot(port, &identity, FC_REBOOT_FIRMWARE, &method, fault)
                        : fc_reboot_after(port, &identity, after, &method, fault);
        if (r < 0)
                return r;
        reporter_fact(&worker->reporter, "Method", "%s", method);
        reporter_fact(&worker->reporter, "MoreWays", "%s",
                      !to_firmware && fc_reboot_has_more(&identity, method) ? "yes" : "no");
        return 0;
}

static int reboot(struct worker *worker, struct fault *fault) {
        return worker->tty      ? reboot_serial(worker, fault)
               : worker->hidraw ? reboot_hid(worker, fault)
                                : reboot_usb(worker, fault);
}

const struct operation op_reboot = {
        .name = "reboot",
        .summary = "ask the firmware for its bootloader",
        .phase = "rebooting",
        .needs = NEEDS_NODE_OR_TTY | MAY_HIDRAW,
        .options = OPTIONS_REBOOT,
        .run = reboot,
};
