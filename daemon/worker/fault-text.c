/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/fault-text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* bState and bStatus of GETSTATUS: DFU 1.1, §6.1.2. */
static const char *const dfu_states[] = {
        "appIDLE",          "appDETACH",   "dfuIDLE",
        "dfuDNLOAD-SYNC",   "dfuDNBUSY",   "dfuDNLOAD-IDLE",
        "dfuMANIFEST-SYNC", "dfuMANIFEST", "dfuMANIFEST-WAIT-RESET",
        "dfuUPLOAD-IDLE",   "dfuERROR",
};

static const struct {
        const char *name, *meaning;
} dfu_statuses[] = {
        {"OK", NULL},
        {"errTARGET", "the file is not for this device"},
        {"errFILE", "the file fails a check of the bootloader's"},
        {"errWRITE", "the memory cannot be written"},
        {"errERASE", "the memory cannot be erased"},
        {"errCHECK_ERASED", "the memory is not blank after the erase"},
        {"errPROG", "the memory was programmed wrongly"},
        {"errVERIFY", "what was programmed reads back differently"},
        {"errADDRESS", "the address is out of range"},
        {"errNOTDONE", "the data ended too early"},
        {"errFIRMWARE", "the firmware is corrupt"},
        {"errVENDOR", "the chip refuses, often because it is protected"},
        {"errUSBR", "an unexpected USB reset"},
        {"errPOR", "an unexpected power-on reset"},
        {"errUNKNOWN", "the bootloader does not know why"},
        {"errSTALLEDPKT", "a request that it does not know"},
};

static void add(char *to, size_t to_size, const char *format, ...) _printf_(3, 4);

static void add(char *to, size_t to_size, const char *format, ...) {
        size_t n = strlen(to);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(to + n, to_size - n, format, ap);
        va_end(ap);
}

void fault_describe(const struct fault *fault, char *to, size_t to_size) {
        char address[32];
        size_t n;

        (void) snprintf(to, to_size, "%s",
                        fault->message[0] ? fault->message : fwd_error_name(fault->error));
        n = strlen(to);
        while (n > 0 && (to[n - 1] == '.' || to[n - 1] == ' '))
                to[--n] = '\0';
        if (fault->has_address) {
                (void) snprintf(address, sizeof(address), "0x%08" PRIx64, fault->address);
                /* Behind advice it would be a part of that. */
                if (!strcasestr(to, address) && !strstr(to, ". "))
                        add(to, to_size, " at %s", address);
        }
        add(to, to_size, ".");
        if (fault->dfu_state >= 0 && fault->dfu_state < (int) ARRAY_SIZE(dfu_states))
                add(to, to_size, " The bootloader is in state %s", dfu_states[fault->dfu_state]);
        else if (fault->dfu_state >= 0)
                add(to, to_size, " The bootloader is in the unknown state %d", fault->dfu_state);
        else
                return;
        if (fault->dfu_status > 0 && fault->dfu_status < (int) ARRAY_SIZE(dfu_statuses))
                add(to, to_size, " with status %s: %s", dfu_statuses[fault->dfu_status].name,
                    dfu_statuses[fault->dfu_status].meaning);
        else if (fault->dfu_status > 0)
                add(to, to_size, " with the unknown status %d", fault->dfu_status);
        add(to, to_size, ".");
}

const char *board_state_sentence(enum board_state state) {
        switch (state) {
        case BOARD_ERASED:
                return "Flash of the board was erased and nothing written: it has no firmware now.";
        case BOARD_PARTLY_WRITTEN:
                return "The board is partly written: it has no whole firmware now.";
        case BOARD_WRITTEN:
                return "The board is written, but not verified.";
        case BOARD_VERIFIED:
                return "The firmware is written and verified.";
        default:
                return "The board is untouched: its old firmware is whole.";
        }
}
