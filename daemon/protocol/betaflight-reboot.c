/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/betaflight.h"

/* The payload of MSP_REBOOT. 2 and 3 are mass storage; firmware that does not read a payload resets
 * into itself. */
enum {
        REBOOT_ROM = 1,              /* since Betaflight 4.0 */
        REBOOT_FLASH_BOOTLOADER = 4, /* since 4.1, where the capability bit is set; elsewhere the
                                        firmware accepts it, stops the motors and stays */
};

/* Default of Betaflight's reboot_character setting, and the only one INAV has. */
#define REBOOT_CHARACTER "R"
/* The character counts if nothing follows it for 100 ms (mspProcessPendingRequest); the flight
 * controller looks at it some time after that. */
#define REBOOT_SILENCE_MS 300U
/* Some firmware goes without an answer. */
#define REBOOT_ANSWER_MS 1000U

enum reboot_way { WAY_NONE, WAY_MSP, WAY_CHARACTER };

/* What this firmware understands. */
static enum reboot_way reboot_way(const struct fc_identity *identity) {
        const unsigned *v = identity->version;

        if (strcmp(identity->variant, "BTFL") == 0)
                return v[0] >= 4 ? WAY_MSP : WAY_CHARACTER;
        /* INAV reads the payload since the release after 9.0 (pull request 11238 of January 2026).
         */
        if (strcmp(identity->variant, "INAV") == 0)
                return v[0] > 9 || (v[0] == 9 && v[1] >= 1) ? WAY_MSP : WAY_CHARACTER;
        if (strcmp(identity->variant, "EMUF") == 0)
                return WAY_MSP;
        if (strcmp(identity->variant, "CLFL") == 0)
                return WAY_CHARACTER;
        return WAY_NONE;
}

int fc_is_armed(struct serial_port *port, struct fault *fault) {
        struct msp_frame status, boxes;
        struct fault f = FAULT_INIT;
        int r;

        r = msp_request(port, MSP_STATUS, NULL, 0, &status, fault);
        if (r < 0)
                return r;
        r = msp_request(port, MSP_BOXIDS, NULL, 0, &boxes, &f);
        if (r < 0) {
                if (f.error != FWD_NOT_SUPPORTED && f.error != FWD_TIMEOUT)
                        return fault_set(fault, f.error, "%s", f.message);
                boxes.size = 0;
        }
        r = fc_parse_armed(status.payload, status.size, boxes.payload, boxes.size);
        if (r < 0)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The board on %s does not say whether it is armed", port->name);
        return r;
}

static int reboot_by_msp(struct serial_port *port, const uint8_t *mode, struct fault *fault) {
        struct msp_frame reply;
        struct fault f = FAULT_INIT;
        int r;

        r = msp_request_full(port, MSP_REBOOT, mode, mode ? 1 : 0, 1, REBOOT_ANSWER_MS, &reply, &f);
        /* Gone, or silent: both are what a board does that reboots. */
        if (r >= 0 || f.error == FWD_DEVICE_LOST || f.error == FWD_TIMEOUT)
                return 0;
        if (f.error == FWD_NOT_SUPPORTED)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The firmware on %s refuses to reboot into its bootloader",
                                 port->name);
        return fault_set(fault, f.error, "%s", f.message);
}

static int reboot_by_character(struct serial_port *port, struct fault *fault) {
        int r;

        r = serial_wait(port, REBOOT_SILENCE_MS);
        if (r == 0)
                r = serial_write(port, REBOOT_CHARACTER, strlen(REBOOT_CHARACTER));
        if (r == -ENODEV)
                return fault_set(fault, FWD_DEVICE_LOST, "The board on %s is gone", port->name);
        if (r == -ECANCELED)
                return fault_set(fault, FWD_CANCELLED, "Cancelled");
        if (r < 0)
                return fault_set(fault, FWD_TIMEOUT, "The board on %s takes no bytes", port->name);
        (void) serial_wait(port, REBOOT_SILENCE_MS);
        return 0;
}

int fc_reboot(struct serial_port *port, const struct fc_identity *identity, enum fc_reboot to,
              const char **ret_method, struct fault *fault) {
        const enum reboot_way way = to == FC_REBOOT_FIRMWARE ? WAY_MSP : reboot_way(identity);
        /* EmuFlight knows no flash bootloader, whatever its capabilities say. */
        const uint8_t mode = identity->capabilities & FC_CAPABILITY_FLASH_BOOTLOADER &&
                                             strcmp(identity->variant, "BTFL") == 0
                                     ? REBOOT_FLASH_BOOTLOADER
                                     : REBOOT_ROM;
        int r;

        if (way == WAY_NONE || (to == FC_REBOOT_BOOTLOADER && !identity->has_version))
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "No way is known to bring the firmware %s on %s into its "
                                 "bootloader",
                                 identity->variant, port->name);
        /* The firmware itself does not always look (Betaflight's MSP_REBOOT). */
        r = fc_is_armed(port, fault);
        if (r < 0)
                return r;
        if (r > 0)
                return fault_set(fault, FWD_ARMED, "The board on %s is armed", port->name);

        if (way == WAY_CHARACTER) {
                *ret_method = "reboot-character";
                return reboot_by_character(port, fault);
        }
        if (to == FC_REBOOT_FIRMWARE) {
                *ret_method = "msp-reboot";
                return reboot_by_msp(port, NULL, fault);
        }
        *ret_method = mode == REBOOT_ROM ? "msp-reboot" : "msp-reboot-flash-bootloader";
        return reboot_by_msp(port, &mode, fault);
}
