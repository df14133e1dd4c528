/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const state_names[_BOARD_STATE_MAX] = {
        [BOARD_UNTOUCHED] = "untouched",
        [BOARD_ERASED] = "erased",
        [BOARD_PARTLY_WRITTEN] = "partly-written",
        [BOARD_WRITTEN] = "written",
        [BOARD_VERIFIED] = "verified",
};

const char *board_state_name(enum board_state state) {
        if ((int) state < 0 || state >= _BOARD_STATE_MAX)
                return "untouched";
        return state_names[state];
}

int board_state_from_name(const char *name) {
        for (int i = 0; name && i < _BOARD_STATE_MAX; i++)
                if (strcmp(state_names[i], name) == 0)
                        return i;
        return -1;
}

int fwd_error_to_errno(enum fwd_error error) {
        switch (error) {
        case FWD_OK:
                return 0;
        case FWD_BUSY:
        case FWD_PORT_HELD:
        case FWD_ARMED:
                return -EBUSY;
        case FWD_NOT_FOUND:
                return -ENOENT;
        case FWD_NOT_SUPPORTED:
                return -EOPNOTSUPP;
        case FWD_INVALID_IMAGE:
        case FWD_WRONG_BOARD:
        case FWD_INVALID_CONFIG:
        case FWD_BAD_ANSWER:
                return -EBADMSG;
        case FWD_IMAGE_TOO_LARGE:
                return -EFBIG;
        case FWD_ADDRESS_OUT_OF_RANGE:
                return -ERANGE;
        case FWD_PROTECTED_REGION:
        case FWD_READ_PROTECTED:
        case FWD_NOT_AUTHORIZED:
                return -EACCES;
        case FWD_STORAGE_FAILED:
                return -ENOSPC;
        case FWD_DEVICE_LOST:
                return -ENODEV;
        case FWD_TIMEOUT:
        case FWD_NEEDS_USER_ACTION:
                return -ETIMEDOUT;
        case FWD_CANCELLED:
                return -ECANCELED;
        case FWD_INTERRUPTED:
                return -EINTR;
        case FWD_LIMIT_EXCEEDED:
                return -E2BIG;
        case FWD_INVALID_ARGUMENT:
                return -EINVAL;
        default:
                return -EIO;
        }
}

static void fault_fill(struct fault *fault, enum fwd_error error, const char *format, va_list ap)
        _printf_(3, 0);

static void fault_fill(struct fault *fault, enum fwd_error error, const char *format, va_list ap) {
        /* Roomier than the message, so that it is cut between characters by text_sanitize(). */
        char text[2 * sizeof(fault->message)];

        fault->error = error;
        (void) vsnprintf(text, sizeof(text), format, ap);
        text_sanitize(fault->message, sizeof(fault->message), text);
}

int fault_set(struct fault *fault, enum fwd_error error, const char *format, ...) {
        if (fault && fault->error == FWD_OK) {
                va_list ap;

                va_start(ap, format);
                fault_fill(fault, error, format, ap);
                va_end(ap);
        }
        return fwd_error_to_errno(error);
}

int fault_set_at(struct fault *fault, enum fwd_error error, uint64_t address, const char *format,
                 ...) {
        if (fault && fault->error == FWD_OK) {
                va_list ap;

                va_start(ap, format);
                fault_fill(fault, error, format, ap);
                va_end(ap);
                fault->has_address = true;
                fault->address = address;
        }
        return fwd_error_to_errno(error);
}
