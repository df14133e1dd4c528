/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one table of what can go wrong: each error has a name (org.fwctl1.Error.NAME on the bus,
 * ERROR=NAME in a worker's report), an exit code of fwctl, and a sentence that says what to do.
 * Used by every process; the sentence here is the general one, a message that knows the board says
 * more. */

enum fwd_error {
        FWD_OK,
        FWD_FAILED, /* what has no name of its own; a bug or the system's fault */
        FWD_BUSY,
        FWD_PORT_HELD,
        FWD_NOT_FOUND,
        FWD_NOT_SUPPORTED,
        FWD_INVALID_IMAGE,
        FWD_IMAGE_TOO_LARGE,
        FWD_ADDRESS_OUT_OF_RANGE,
        FWD_PROTECTED_REGION,
        FWD_WRONG_BOARD,
        FWD_READ_PROTECTED,
        FWD_ARMED,
        FWD_ERASE_FAILED,
        FWD_WRITE_FAILED,
        FWD_VERIFY_FAILED,
        FWD_DEVICE_LOST,
        FWD_TIMEOUT,
        FWD_CANCELLED,
        FWD_INTERRUPTED,
        FWD_LIMIT_EXCEEDED,
        FWD_NEEDS_USER_ACTION,
        FWD_NOT_AUTHORIZED,
        FWD_STORAGE_FAILED,   /* the state directory cannot be written or read */
        FWD_INVALID_CONFIG,   /* a configuration file that is none, or not whole */
        FWD_CONFIG_REJECTED,  /* the board does not take lines of a configuration */
        FWD_BAD_ANSWER,       /* what a board says makes no sense */
        FWD_INVALID_ARGUMENT, /* an unknown option, a value of the wrong type or out of its range */
        _FWD_ERROR_MAX,
};

/* Exit codes of fwctl, the table of fwctl(1). */
enum {
        FWD_EXIT_OK = 0,
        FWD_EXIT_FAILURE = 1,
        FWD_EXIT_USAGE = 2,
        FWD_EXIT_NOT_FOUND = 3,
        FWD_EXIT_NOT_AUTHORIZED = 4,
        FWD_EXIT_BUSY = 5,
        FWD_EXIT_IMAGE = 6,
        FWD_EXIT_VERIFY = 7,
        FWD_EXIT_LOST = 8,
        FWD_EXIT_PROTECTED = 9,
        FWD_EXIT_TIMEOUT = 10,
        FWD_EXIT_CANCELLED = 11,
        FWD_EXIT_PARTIAL = 12,
        FWD_EXIT_UNAVAILABLE = 75,
};

#define FWD_ERROR_PREFIX "org.fwctl1.Error."

/* "VerifyFailed"; "" for FWD_OK. Never NULL. */
const char *fwd_error_name(enum fwd_error error);
/* "org.fwctl1.Error.VerifyFailed"; NULL for FWD_OK. */
const char *fwd_error_bus_name(enum fwd_error error);
/* Takes either spelling; FWD_FAILED for what it does not know, FWD_OK for "" and NULL. */
enum fwd_error fwd_error_from_name(const char *name);
int fwd_error_exit_code(enum fwd_error error);
/* One sentence: what a person does now. Never NULL. */
const char *fwd_error_advice(enum fwd_error error);
