/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/problem.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "client/color.h"
#include "client/screen.h"

#define ADVICE_START                                                                               \
        "Start it with: systemctl start fwd. Its log: journalctl -u fwd. \"fwctl doctor\" tells "  \
        "why it does not."

static void fill(struct problem *p, const char *name, int exit_code, const char *message,
                 const char *advice) {
        text_sanitize(p->name, sizeof(p->name), name);
        text_sanitize(p->message, sizeof(p->message), message);
        text_sanitize(p->advice, sizeof(p->advice), advice);
        p->exit_code = exit_code;
}

int problem_set(struct problem *p, enum fwd_error error, const char *format, ...) {
        char message[sizeof(p->message)];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        fill(p, fwd_error_name(error), fwd_error_exit_code(error), message,
             fwd_error_advice(error));
        return p->exit_code;
}

int problem_unavailable(struct problem *p, const char *format, ...) {
        char message[sizeof(p->message)];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        fill(p, PROBLEM_SERVICE_UNAVAILABLE, FWD_EXIT_UNAVAILABLE, message, ADVICE_START);
        return p->exit_code;
}

int problem_advise(struct problem *p, const char *advice) {
        text_sanitize(p->advice, sizeof(p->advice), advice);
        return p->exit_code;
}

/* A message of the service says itself what to do now, mostly in the general words of the error:
 * those go to a line of their own. What else it says is better advice than ours. */
int problem_from_name(struct problem *p, const char *name, const char *message) {
        enum fwd_error error = fwd_error_from_name(name);
        const char *advice;
        size_t length, advice_length;

        if (error == FWD_OK)
                error = FWD_FAILED;
        advice = fwd_error_advice(error);
        advice_length = strlen(advice);
        if (!message || !*message)
                return problem_set(p, error, "The service gave no reason (%s).",
                                   fwd_error_name(error));
        fill(p, fwd_error_name(error), fwd_error_exit_code(error), message, "");
        length = strlen(p->message);
        if (length > advice_length && strcmp(p->message + length - advice_length, advice) == 0) {
                length -= advice_length;
                while (length > 0 && p->message[length - 1] == ' ')
                        length--;
                p->message[length] = '\0';
                (void) problem_advise(p, advice);
        }
        return p->exit_code;
}

/* Errors that are not the service's own but the bus's: what they mean for the caller. */
enum meaning { UNAVAILABLE, NO_ANSWER, DENIED, GONE, BAD_ARGUMENT, TOO_MANY };

static const struct {
        const char *name; /* a prefix if it ends with '.' */
        enum meaning meaning;
} meanings[] = {
        {"org.freedesktop.DBus.Error.ServiceUnknown", UNAVAILABLE},
        {"org.freedesktop.DBus.Error.NameHasNoOwner", UNAVAILABLE},
        {"org.freedesktop.DBus.Error.Spawn.", UNAVAILABLE},
        {"org.freedesktop.systemd1.", UNAVAILABLE},
        {"org.freedesktop.DBus.Error.NoServer", UNAVAILABLE},
        {"org.freedesktop.DBus.Error.NoReply", NO_ANSWER},
        {"org.freedesktop.DBus.Error.Timeout", NO_ANSWER},
        {"org.freedesktop.DBus.Error.TimedOut", NO_ANSWER},
        {"org.freedesktop.DBus.Error.Disconnected", NO_ANSWER},
        {"org.freedesktop.DBus.Error.AccessDenied", DENIED},
        {"org.freedesktop.DBus.Error.AuthFailed", DENIED},
        {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", DENIED},
        {"org.freedesktop.PolicyKit1.Error.", DENIED},
        {"org.freedesktop.DBus.Error.UnknownObject", GONE},
        {"org.freedesktop.DBus.Error.InvalidArgs", BAD_ARGUMENT},
        {"org.freedesktop.DBus.Error.LimitsExceeded", TOO_MANY},
};

static bool meaning_matches(const char *pattern, const char *name) {
        size_t length = strlen(pattern);

        return pattern[length - 1] == '.' ? strncmp(pattern, name, length) == 0
                                          : strcmp(pattern, name) == 0;
}

static int problem_from_meaning(struct problem *p, enum meaning meaning, const char *message) {
        switch (meaning) {
        case UNAVAILABLE:
                return problem_unavailable(
                        p, "The service fwd is not running and could not be started (%s).",
                        message);
        case NO_ANSWER:
                return problem_unavailable(p, "The service fwd did not answer (%s).", message);
        case DENIED:
                return problem_set(p, FWD_NOT_AUTHORIZED, "You are not allowed to do this (%s).",
                                   message);
        case GONE:
                return problem_set(p, FWD_NOT_FOUND, "It is not there any more (%s).", message);
        case BAD_ARGUMENT:
                return problem_set(p, FWD_INVALID_ARGUMENT,
                                   "The service does not take this request (%s).", message);
        case TOO_MANY:
                return problem_set(p, FWD_LIMIT_EXCEEDED, "There are too many requests (%s).",
                                   message);
        }
        return problem_set(p, FWD_FAILED, "%s", message);
}

int problem_from_bus(struct problem *p, const sd_bus_error *error, int r) {
        const char *message = error && error->message ? error->message : strerror(r < 0 ? -r : r);
        size_t length = strlen(message);
        char text[512];

        if (!error || !error->name)
                return r == -ETIMEDOUT
                               ? problem_from_meaning(p, NO_ANSWER, message)
                               : problem_set(p, FWD_FAILED, "The call failed: %s.", message);
        if (strncmp(error->name, FWD_ERROR_PREFIX, strlen(FWD_ERROR_PREFIX)) == 0)
                return problem_from_name(p, error->name, error->message);
        /* It goes into brackets, inside a sentence. */
        if (length > 0 && message[length - 1] == '.')
                length--;
        (void) snprintf(text, sizeof(text), "%.*s",
                        (int) (length < sizeof(text) ? length : sizeof(text) - 1), message);
        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (meaning_matches(meanings[i].name, error->name))
                        return problem_from_meaning(p, meanings[i].meaning, text);
        return problem_set(p, FWD_FAILED, "The call failed: %s (%s).", text, error->name);
}

int problem_print(const struct client *c, const struct problem *p) {
        _cleanup_free_ char *message = screen_clean(p->message), *advice = screen_clean(p->advice);

        (void) fflush(stdout);
        fprintf(stderr, "%sfwctl: %s%s\n", color(c->options.color_err, COLOR_BAD),
                message ? message : "Out of memory.", color(c->options.color_err, COLOR_RESET));
        if (advice && *advice)
                fprintf(stderr, "%s\n", advice);
        return p->exit_code;
}
