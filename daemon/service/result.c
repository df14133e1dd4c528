/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/result.h"

#include <string.h>

#include "base/text.h"

static const char *state_clause(enum board_state state, bool in_bootloader, bool was_held) {
        switch (state) {
        case BOARD_UNTOUCHED:
                if (was_held)
                        return "is untouched by this job; the program that has or had it may have "
                               "changed it";
                return in_bootloader ? "is untouched: its old firmware is whole; it is in its "
                                       "bootloader, and starts the firmware when it is plugged in "
                                       "again"
                                     : "is untouched: it still has its old firmware";
        case BOARD_ERASED:
                return "is erased: it has no firmware now, its bootloader is whole";
        case BOARD_PARTLY_WRITTEN:
                return "is partly written: it has no working firmware now, its bootloader is whole";
        case BOARD_WRITTEN:
                return "is written, but what was written is not proven right";
        default:
                return "is written and verified";
        }
}

static const char *loader_clause(enum board_state state) {
        return state == BOARD_ERASED
                       ? "has lost its own loader; the firmware behind it and the chip's "
                         "bootloader are whole"
                       : "has half of its own loader, and does not start; the firmware behind it "
                         "and the chip's bootloader are whole";
}

/* Where the general advice is about firmware. */
static const char *config_advice(const struct fault *fault, bool flashed) {
        switch (fault->error) {
        case FWD_INVALID_IMAGE:
        case FWD_IMAGE_TOO_LARGE:
                return "Use a file that fwctl backup made.";
        case FWD_WRONG_BOARD:
                return flashed ? "Plug in the board that was flashed."
                               : "Use a configuration that was read from this board.";
        case FWD_CANCELLED:
                return "Try again when you are ready.";
        case FWD_INTERRUPTED:
        case FWD_DEVICE_LOST:
        case FWD_NEEDS_USER_ACTION:
                return "Plug the board in again, then try again.";
        default:
                return fwd_error_advice(fault->error);
        }
}

static const char *loader_advice(const struct fault *fault) {
        switch (fault->error) {
        case FWD_INVALID_IMAGE:
        case FWD_IMAGE_TOO_LARGE:
        case FWD_ADDRESS_OUT_OF_RANGE:
                return "Use the loader that the board's maker has for it.";
        case FWD_ERASE_FAILED:
        case FWD_WRITE_FAILED:
        case FWD_VERIFY_FAILED:
                return "Try again; the board stays in the chip's bootloader.";
        case FWD_CANCELLED:
                return "Try again when you are ready.";
        case FWD_INTERRUPTED:
        case FWD_DEVICE_LOST:
                return "Bring the board into the chip's bootloader again, then do the same again "
                       "(fwctl recover-bootloader).";
        default:
                return fwd_error_advice(fault->error);
        }
}

static const char *board_advice(const struct fault *fault, enum board_state state) {
        switch (fault->error) {
        case FWD_PROTECTED_REGION:
                return "Leave it out (--range).";
        case FWD_ADDRESS_OUT_OF_RANGE:
                return "The board's MemoryMap says what it has (fwctl show).";
        case FWD_ERASE_FAILED:
                return "Try again; the board stays in its bootloader.";
        case FWD_CANCELLED:
                return state == BOARD_UNTOUCHED ? "Try again when you are ready."
                                                : "Erase it again, or flash it.";
        case FWD_INTERRUPTED:
        case FWD_DEVICE_LOST:
                return state == BOARD_UNTOUCHED
                               ? "Check the cable, plug the board in and try again."
                               : "Plug the board in again in its bootloader, then erase it again, "
                                 "or flash it.";
        default:
                return fwd_error_advice(fault->error);
        }
}

static bool has_backup(const struct result_context *context) {
        return context->backup && *context->backup;
}

static const char *advice(const struct fault *fault, const struct result_context *context) {
        const char *hint = !context->profile        ? NULL
                           : context->in_bootloader ? context->profile->hint_return
                                                    : context->profile->hint_bootloader;

        bool flashed = context->state == BOARD_VERIFIED && has_backup(context);

        /* The caller was let in: it is the service that is not. */
        if (fault->error == FWD_NOT_AUTHORIZED)
                return "A rule of udev that gives the service the board is missing or overruled; "
                       "\"fwctl doctor\" tells which.";
        if (fault->error == FWD_WRONG_BOARD && context->other_came)
                return context->about == ABOUT_FIRMWARE
                               ? "Plug the right board in again, then try again; if this is the "
                                 "right one, --force flashes it."
                               : "Plug the right board in again, then try again.";
        if (fault->error == FWD_CONFIG_REJECTED && context->about_defaults)
                return "Flash a file that has the custom defaults of this board in it.";
        if (context->about == ABOUT_CONFIG || flashed)
                return config_advice(fault, flashed);

        if (hint && (fault->error == FWD_NEEDS_USER_ACTION ||
                     (fault->error == FWD_NOT_SUPPORTED && context->by_hand)))
                return hint;
        if (context->about == ABOUT_LOADER &&
            !(fault->error == FWD_DEVICE_LOST && context->state == BOARD_UNTOUCHED))
                return loader_advice(fault);
        if (context->about == ABOUT_BOARD)
                return board_advice(fault, context->state);
        if (fault->error == FWD_CANCELLED && context->state > BOARD_UNTOUCHED &&
            context->state < BOARD_VERIFIED)
                return "Flash again to make it work.";
        if (fault->error == FWD_DEVICE_LOST && context->state == BOARD_UNTOUCHED)
                return "Check the cable, plug the board in and try again.";
        return fwd_error_advice(fault->error);
}

/* Ends a sentence that may have been ended already. */
static const char *stop(const char *sentence) {
        size_t n = strlen(sentence);

        return n > 0 && strchr(".!?", sentence[n - 1]) ? "" : ".";
}

char *result_message(const struct fault *fault, const struct result_context *context) {
        const char *what = *fault->message ? fault->message : fwd_error_name(fault->error);
        const char *now = advice(fault, context);

        const char *state =
                context->about == ABOUT_CONFIG ? "still has its firmware"
                : context->about == ABOUT_LOADER && (context->state == BOARD_ERASED ||
                                                     context->state == BOARD_PARTLY_WRITTEN)
                        ? loader_clause(context->state)
                        : state_clause(context->state, context->in_bootloader,
                                       context->bootloader_was_held);
        bool backup = has_backup(context);

        return text_format(
                "%s%s Board %s (%s) %s. %s%s%s%s%s%s%s%s", what, stop(what), context->port,
                context->name, state, now, stop(now),
                backup ? " Its configuration is safe in backup " : "",
                backup ? context->backup : "", backup ? "; to put it back: fwctl restore " : "",
                backup ? context->port : "", backup ? " " : "", backup ? context->backup : "");
}

char *result_refusal(const struct fault *fault) {
        return text_format("%s%s %s", fault->message, stop(fault->message),
                           fwd_error_advice(fault->error));
}
