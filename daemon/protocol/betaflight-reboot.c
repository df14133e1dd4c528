/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/betaflight-cli.h"
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
/* From the answer, or the end of the silence, until the port is gone. The firmware stops its motors
 * first. */
#define REBOOT_GOING_MS  2000U

#define METHOD_MSP       "msp-reboot"
#define METHOD_MSP_FLASH "msp-reboot-flash-bootloader"
#define METHOD_CLI       "cli"
#define METHOD_CHARACTER "reboot-character"

/* The rungs of the ladder, the best one first. */
enum rung {
        RUNG_NONE,
        RUNG_MSP,
        RUNG_CLI,
        RUNG_CHARACTER,
};

#define RUNGS_MAX 3U

/* What this firmware understands. */
static void find_rungs(const struct fc_identity *identity, enum rung ret[RUNGS_MAX + 1]) {
        static const enum rung all[] = {RUNG_MSP, RUNG_CLI, RUNG_CHARACTER, RUNG_NONE},
                               no_msp[] = {RUNG_CLI, RUNG_CHARACTER, RUNG_NONE, RUNG_NONE},
                               character[] = {RUNG_CHARACTER, RUNG_NONE, RUNG_NONE, RUNG_NONE},
                               none[] = {RUNG_NONE, RUNG_NONE, RUNG_NONE, RUNG_NONE};
        const unsigned *v = identity->version;
        const enum rung *rungs = none;

        if (strcmp(identity->variant, "BTFL") == 0)
                rungs = v[0] >= 4 ? all : character;
        /* INAV reads the payload of MSP_REBOOT since the release after 9.0 (pull request 11238 of
         * January 2026); before, any MSP_REBOOT starts the firmware again. */
        else if (strcmp(identity->variant, "INAV") == 0)
                rungs = v[0] > 9 || (v[0] == 9 && v[1] >= 1) ? all : no_msp;
        /* Rotorflight is a Betaflight 4.3 there. */
        else if (strcmp(identity->variant, "EMUF") == 0 || strcmp(identity->variant, "RTFL") == 0)
                rungs = all;
        else if (strcmp(identity->variant, "CLFL") == 0)
                rungs = character;
        memcpy(ret, rungs, sizeof(all));
}

/* The rung of a method's name. */
static enum rung find_rung(const char *method) {
        return strcmp(method, METHOD_MSP) == 0 || strcmp(method, METHOD_MSP_FLASH) == 0 ? RUNG_MSP
               : strcmp(method, METHOD_CLI) == 0                                        ? RUNG_CLI
               : strcmp(method, METHOD_CHARACTER) == 0 ? RUNG_CHARACTER
                                                       : RUNG_NONE;
}

/* Where those after `method` begin; NULL: all of them. */
static const enum rung *rungs_after(const enum rung *rungs, const char *method) {
        const enum rung tried = method ? find_rung(method) : RUNG_NONE;

        while (tried != RUNG_NONE && *rungs != RUNG_NONE && *rungs <= tried)
                rungs++;
        return rungs;
}

bool fc_reboot_is_method(const char *name) {
        return find_rung(name) != RUNG_NONE;
}

bool fc_reboot_has_more(const struct fc_identity *identity, const char *method) {
        enum rung rungs[RUNGS_MAX + 1];

        find_rungs(identity, rungs);
        return *rungs_after(rungs, method) != RUNG_NONE;
}

int fc_is_armed(struct serial_port *port, struct fault *fault) {
        struct msp_frame status, boxes;
        struct fault f = FAULT_INIT;
        int r;

        r = msp_request(port, MSP_STATUS, NULL, 0, &status, fault);
        if (r < 0)
                return serial_blame(port, r, fault);
        r = msp_request(port, MSP_BOXIDS, NULL, 0, &boxes, &f);
        if (r < 0) {
                (void) serial_blame(port, r, &f);
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

static int gone(struct serial_port *port, struct fault *fault) {
        return fault_set(fault, FWD_DEVICE_LOST, "The board on %s is gone", port->name);
}

/* 1: it goes. 0: it said so, and stays. */
static int reboot_by_msp(struct serial_port *port, const uint8_t *mode, struct fault *fault) {
        struct msp_frame reply;
        struct fault f = FAULT_INIT;
        int r;

        r = msp_request_full(port, MSP_REBOOT, mode, mode ? 1 : 0, 1, REBOOT_ANSWER_MS, &reply, &f);
        if (f.error == FWD_DEVICE_LOST)
                return 1;
        if (f.error == FWD_NOT_SUPPORTED)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "The firmware on %s refuses to reboot into its bootloader",
                                 port->name);
        /* Without an answer is how some firmware goes. */
        if (r < 0 && f.error != FWD_TIMEOUT)
                return fault_set(fault, f.error, "%s", f.message);
        r = serial_wait(port, REBOOT_GOING_MS);
        if (r == -ECANCELED)
                return fault_set(fault, FWD_CANCELLED, "Cancelled");
        return r < 0;
}

static int reboot_by_character(struct serial_port *port, struct fault *fault) {
        int r;

        r = serial_wait(port, REBOOT_SILENCE_MS);
        if (r == 0)
                r = serial_write(port, REBOOT_CHARACTER, strlen(REBOOT_CHARACTER));
        if (r == -ENODEV)
                return gone(port, fault);
        if (r == -ECANCELED)
                return fault_set(fault, FWD_CANCELLED, "Cancelled");
        if (r < 0)
                return fault_set(fault, FWD_TIMEOUT, "The board on %s takes no bytes", port->name);
        r = serial_wait(port, REBOOT_GOING_MS);
        if (r == -ECANCELED)
                return fault_set(fault, FWD_CANCELLED, "Cancelled");
        return r < 0;
}

/* `bl` takes the flash bootloader where there is one, else the ROM's. */
static int reboot_by_cli(struct serial_port *port, const struct fc_identity *identity,
                         struct fault *fault) {
        _cleanup_fc_cli_ struct fc_cli cli = {};
        int r;

        r = fc_cli_open(&cli, port, identity, fault);
        if (r < 0)
                return r;
        r = fc_cli_go(&cli, strcmp(identity->variant, "INAV") == 0 ? "dfu" : "bl", fault);
        /* So that it can be asked again. */
        if (r < 0)
                (void) fc_cli_leave(&cli, false);
        return r;
}

static int climb(struct serial_port *port, const struct fc_identity *identity, enum rung rung,
                 const char **ret_method, struct fault *fault) {
        /* EmuFlight knows no flash bootloader, whatever its capabilities say. */
        const uint8_t mode = identity->capabilities & FC_CAPABILITY_FLASH_BOOTLOADER &&
                                             strcmp(identity->variant, "BTFL") == 0
                                     ? REBOOT_FLASH_BOOTLOADER
                                     : REBOOT_ROM;

        switch (rung) {
        case RUNG_MSP:
                *ret_method = mode == REBOOT_ROM ? METHOD_MSP : METHOD_MSP_FLASH;
                return reboot_by_msp(port, &mode, fault);
        case RUNG_CLI:
                *ret_method = METHOD_CLI;
                return reboot_by_cli(port, identity, fault);
        case RUNG_CHARACTER:
                *ret_method = METHOD_CHARACTER;
                return reboot_by_character(port, fault);
        case RUNG_NONE:
                break;
        }
        return 0;
}

/* A way that was tried in vain leaves the board where it was, so the next one can be tried. What a
 * board that goes comes back as is not seen from here. */
static int reboot_to_bootloader(struct serial_port *port, const struct fc_identity *identity,
                                const enum rung *rungs, const char **ret_method,
                                struct fault *fault) {
        struct fault first = FAULT_INIT;
        const char *acknowledged = NULL;

        for (; *rungs != RUNG_NONE; rungs++) {
                struct fault f = FAULT_INIT;
                int r = climb(port, identity, *rungs, ret_method, &f);

                if (r > 0)
                        return 0;
                /* The character is taken without a word: after a plain no it says nothing. */
                if (r == 0) {
                        if (!acknowledged && (first.error == FWD_OK || *rungs != RUNG_CHARACTER))
                                acknowledged = *ret_method;
                } else if (f.error == FWD_DEVICE_LOST && (acknowledged || first.error != FWD_OK))
                        break;
                else if (f.error != FWD_NOT_SUPPORTED && f.error != FWD_TIMEOUT &&
                         f.error != FWD_BAD_ANSWER)
                        return fault_set(fault, f.error, "%s", f.message);
                else if (first.error == FWD_OK)
                        first = f;
        }
        /* It may take its time: boards with an STM32N6 need some 10 s until their watchdog acts. */
        if (acknowledged) {
                *ret_method = acknowledged;
                return 0;
        }
        return fault_set(fault, first.error, "%s", first.message);
}

static int check_armed(struct serial_port *port, struct fault *fault) {
        int r = fc_is_armed(port, fault);

        if (r > 0)
                return fault_set(fault, FWD_ARMED, "The board on %s is armed", port->name);
        return r;
}

int fc_reboot_after(struct serial_port *port, const struct fc_identity *identity, const char *after,
                    const char **ret_method, struct fault *fault) {
        enum rung rungs[RUNGS_MAX + 1];
        const enum rung *left;
        int r;

        find_rungs(identity, rungs);
        left = rungs_after(rungs, after);
        if (*left == RUNG_NONE || !identity->has_version)
                return fault_set(fault, FWD_NOT_SUPPORTED,
                                 "No %sway is known to bring the firmware %s on %s into its "
                                 "bootloader",
                                 after ? "other " : "", identity->variant, port->name);
        /* The firmware itself does not always look (Betaflight's MSP_REBOOT). */
        r = check_armed(port, fault);
        return r < 0 ? r : reboot_to_bootloader(port, identity, left, ret_method, fault);
}

int fc_reboot(struct serial_port *port, const struct fc_identity *identity, enum fc_reboot to,
              const char **ret_method, struct fault *fault) {
        int r;

        if (to == FC_REBOOT_BOOTLOADER)
                return fc_reboot_after(port, identity, NULL, ret_method, fault);
        r = check_armed(port, fault);
        if (r < 0)
                return r;
        *ret_method = METHOD_MSP;
        r = reboot_by_msp(port, NULL, fault);
        return r < 0 ? r : 0;
}
