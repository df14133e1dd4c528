/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/dfu-serial.h"
#include "protocol/betaflight.h"
#include "worker/cancel.h"
#include "worker/chip.h"
#include "worker/worker.h"

#define OPTION_BYTES_MAX 64U /* that are told: F7 has 48 */

/* What the ROM may call itself once the board is in its bootloader: for --expect-serial. */
void worker_report_chip(struct worker *worker, const uint32_t uid[3]) {
        struct reporter *reporter = &worker->reporter;
        char serials[DFU_SERIAL_LIST_SIZE];

        reporter_fact(reporter, "UniqueId", "%08x%08x%08x", uid[0], uid[1], uid[2]);
        if (worker->profile && worker->profile->serial == SERIAL_UNRELATED)
                return;
        dfu_serial_list(uid, serials);
        reporter_fact(reporter, "DfuSerials", "%s", serials);
}

static void report_identity(struct worker *worker, const struct fc_identity *identity) {
        struct reporter *reporter = &worker->reporter;

        reporter_fact(reporter, "Variant", "%s", identity->variant);
        if (identity->has_version)
                reporter_fact(reporter, "FirmwareVersion", "%s", identity->version_text);
        reporter_fact(reporter, "ApiVersion", "%u.%u", identity->api_major, identity->api_minor);
        /* A board that was never configured has no name; its build target is the next best. */
        if (identity->board[0] || identity->target[0] || identity->board_id[0])
                reporter_fact(reporter, "BoardName", "%s",
                              identity->board[0]    ? identity->board
                              : identity->target[0] ? identity->target
                                                    : identity->board_id);
        if (identity->manufacturer[0])
                reporter_fact(reporter, "Manufacturer", "%s", identity->manufacturer);
        if (identity->mcu[0])
                reporter_fact(reporter, "Mcu", "%s", identity->mcu);
        if (identity->custom_defaults != FC_CUSTOM_DEFAULTS_UNKNOWN)
                reporter_fact(reporter, "CustomDefaults", "%s",
                              fc_custom_defaults_name(identity->custom_defaults));
        if (identity->config_state != FC_CONFIG_STATE_UNKNOWN)
                reporter_fact(reporter, "ConfigState", "%s",
                              fc_config_state_name(identity->config_state));
        if (identity->has_uid)
                worker_report_chip(worker, identity->uid);
        if (identity->cli_was_open)
                reporter_fact(reporter, "CommandLine", "closed");
}

int worker_identify(struct worker *worker, struct serial_port **ret_port, struct fc_identity *ret,
                    struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        int r;

        r = worker_open_serial(worker, &port, fault);
        if (r < 0)
                return r;
        reporter_phase(&worker->reporter,
                       worker->options.dry_run ? "planning" : worker->operation->phase);
        r = fc_identify(port, ret, fault);
        if (r < 0)
                return serial_blame(port, r, fault);
        report_identity(worker, ret);
        *ret_port = TAKE_PTR(port);
        return 0;
}

int worker_identify_disarmed(struct worker *worker, struct serial_port **ret_port,
                             struct fc_identity *ret, struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        int r;

        r = worker_identify(worker, &port, ret, fault);
        if (r < 0)
                return r;
        r = fc_is_armed(port, fault);
        if (r < 0)
                return r;
        if (r > 0)
                return fault_set(fault, FWD_ARMED, "The board on %s is armed", port->name);
        *ret_port = TAKE_PTR(port);
        return 0;
}

static int identify_serial(struct worker *worker, struct fault *fault) {
        _cleanup_serial_ struct serial_port *port = NULL;
        struct fc_identity identity;

        return worker_identify(worker, &port, &identity, fault);
}

/* What the chip says of itself besides; a chip without option bytes has none to tell. */
static int report_option_bytes(struct worker *worker, struct dfu *dfu, struct fault *fault) {
        uint8_t bytes[OPTION_BYTES_MAX];
        char hex[2 * OPTION_BYTES_MAX + 1];
        size_t n;
        int r = dfuse_read_option_bytes(dfu, bytes, sizeof(bytes), &n, fault);

        if (r != 0)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < n; i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
        reporter_fact(&worker->reporter, "OptionBytes", "%s", hex);
        return 0;
}

static int identify_dfuse(struct worker *worker, struct dfu *dfu, struct fault *fault) {
        const struct memory_area *flash;
        int r;

        if (!memory_map_flash(&dfu->map))
                return 0;
        r = chip_describe(worker, dfu, &flash, fault);
        if (r == 0)
                r = chip_probe(worker, dfu, flash, fault);
        if (r != 0)
                return r < 0 ? r : 0;
        r = report_option_bytes(worker, dfu, fault);
        return r < 0 ? r : worker_read_otp(worker, dfu, fault);
}

static int identify_usb(struct worker *worker, struct fault *fault) {
        _cleanup_usb_ struct usb_device *usb = NULL;
        _cleanup_dfu_ struct dfu dfu = {};
        int r;

        r = chip_open(worker, &usb, &dfu, fault);
        if (r < 0)
                return r;
        return dfu.dfuse ? identify_dfuse(worker, &dfu, fault) : 0;
}

static int identify(struct worker *worker, struct fault *fault) {
        return worker->tty ? identify_serial(worker, fault) : identify_usb(worker, fault);
}

const struct operation op_identify = {
        .name = "identify",
        .summary = "ask a board what it is",
        .phase = "identifying",
        .needs = NEEDS_NODE_OR_TTY,
        .options = OPTIONS_IDENTIFY,
        .run = identify,
};
