/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <string.h>

#include "base/cleanup.h"

static const struct {
        const char *bus_name;
        int exit_code;
        const char *advice;
} table[_FWD_ERROR_MAX] = {
#define ROW(id, name, code, text) [id] = {FWD_ERROR_PREFIX name, code, text}
        ROW(FWD_FAILED, "Failed", FWD_EXIT_FAILURE,
            "See the journal of the service (journalctl -u fwd) for what went wrong."),
        ROW(FWD_BUSY, "Busy", FWD_EXIT_BUSY,
            "Wait for the job that uses the board (fwctl jobs), or cancel it (fwctl cancel)."),
        ROW(FWD_PORT_HELD, "PortHeld", FWD_EXIT_BUSY,
            "Close the program that has the board's port open, then try again."),
        ROW(FWD_NOT_FOUND, "NotFound", FWD_EXIT_NOT_FOUND,
            "Check the cable and the name; fwctl list shows the boards that are there."),
        ROW(FWD_NOT_SUPPORTED, "NotSupported", FWD_EXIT_FAILURE,
            "This board cannot do that; fwctl show tells what is known of it."),
        ROW(FWD_INVALID_IMAGE, "InvalidImage", FWD_EXIT_IMAGE,
            "Get the firmware file again; fwctl inspect shows what is in it."),
        ROW(FWD_IMAGE_TOO_LARGE, "ImageTooLarge", FWD_EXIT_IMAGE,
            "Use a firmware file that was built for this board."),
        ROW(FWD_ADDRESS_OUT_OF_RANGE, "AddressOutOfRange", FWD_EXIT_IMAGE,
            "Use a firmware file that was linked for this board's flash."),
        ROW(FWD_PROTECTED_REGION, "ProtectedRegion", FWD_EXIT_PROTECTED,
            "Use a firmware file that leaves the board's protected flash alone."),
        ROW(FWD_WRONG_BOARD, "WrongBoard", FWD_EXIT_IMAGE,
            "Use the firmware file for this board, or name the board it is for."),
        ROW(FWD_READ_PROTECTED, "ReadProtected", FWD_EXIT_PROTECTED,
            "Take the read protection off, which erases the whole chip (fwctl unprotect)."),
        ROW(FWD_ARMED, "Armed", FWD_EXIT_BUSY,
            "Disarm the board, take the propellers off, then try again."),
        ROW(FWD_ERASE_FAILED, "EraseFailed", FWD_EXIT_FAILURE,
            "Flash again; the board stays in its bootloader."),
        ROW(FWD_WRITE_FAILED, "WriteFailed", FWD_EXIT_FAILURE,
            "Flash again; the board stays in its bootloader."),
        ROW(FWD_VERIFY_FAILED, "VerifyFailed", FWD_EXIT_VERIFY,
            "Flash again; if it fails at the same address, the chip is write protected or worn."),
        ROW(FWD_DEVICE_LOST, "DeviceLost", FWD_EXIT_LOST,
            "Plug the board in again in its bootloader, then flash again."),
        ROW(FWD_TIMEOUT, "Timeout", FWD_EXIT_TIMEOUT,
            "Unplug the board, plug it in again, then try again."),
        ROW(FWD_CANCELLED, "Cancelled", FWD_EXIT_CANCELLED, "Flash again when you are ready."),
        ROW(FWD_INTERRUPTED, "Interrupted", FWD_EXIT_FAILURE,
            "Plug the board in again in its bootloader, then flash again."),
        ROW(FWD_LIMIT_EXCEEDED, "LimitExceeded", FWD_EXIT_BUSY,
            "Wait for running jobs to finish (fwctl jobs)."),
        ROW(FWD_NEEDS_USER_ACTION, "NeedsUserAction", FWD_EXIT_TIMEOUT,
            "Bring the board into its bootloader by hand, then try again."),
        ROW(FWD_NOT_AUTHORIZED, "NotAuthorized", FWD_EXIT_NOT_AUTHORIZED,
            "Ask an administrator, or authenticate as one."),
        ROW(FWD_STORAGE_FAILED, "StorageFailed", FWD_EXIT_FAILURE,
            "Make room in the service's state directory (/var/lib/fwd) and let the service write "
            "to it, then try again."),
        ROW(FWD_INVALID_CONFIG, "InvalidConfig", FWD_EXIT_IMAGE,
            "Take another backup of the board's configuration; fwctl backups lists them."),
        ROW(FWD_CONFIG_REJECTED, "ConfigRejected", FWD_EXIT_PARTIAL,
            "Leave these lines out, restore parts of it, or let it be saved without them."),
        ROW(FWD_BAD_ANSWER, "BadAnswer", FWD_EXIT_FAILURE,
            "Close other programs that use the board, plug it in again, then try again."),
        ROW(FWD_INVALID_ARGUMENT, "InvalidArgument", FWD_EXIT_USAGE,
            "Check the option's name and value (man fwctl, man org.fwctl1)."),
#undef ROW
};

const char *fwd_error_bus_name(enum fwd_error error) {
        if (error <= FWD_OK || error >= _FWD_ERROR_MAX)
                return NULL;
        return table[error].bus_name;
}

const char *fwd_error_name(enum fwd_error error) {
        const char *name = fwd_error_bus_name(error);

        return name ? name + strlen(FWD_ERROR_PREFIX) : "";
}

enum fwd_error fwd_error_from_name(const char *name) {
        if (!name || !*name)
                return FWD_OK;
        if (strncmp(name, FWD_ERROR_PREFIX, strlen(FWD_ERROR_PREFIX)) == 0)
                name += strlen(FWD_ERROR_PREFIX);
        for (int e = FWD_OK + 1; e < _FWD_ERROR_MAX; e++)
                if (strcmp(fwd_error_name(e), name) == 0)
                        return e;
        return FWD_FAILED;
}

int fwd_error_exit_code(enum fwd_error error) {
        if (error == FWD_OK)
                return FWD_EXIT_OK;
        if (error < FWD_OK || error >= _FWD_ERROR_MAX)
                return FWD_EXIT_FAILURE;
        return table[error].exit_code;
}

const char *fwd_error_advice(enum fwd_error error) {
        if (error <= FWD_OK || error >= _FWD_ERROR_MAX)
                return "";
        return table[error].advice;
}
