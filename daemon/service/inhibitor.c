/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/inhibitor.h"

#include <fcntl.h>

/* logind ignores locks on sleep when a lid is closed (LidSwitchIgnoreInhibited=, logind.conf(5)),
 * but for the lid's own. What these three need of polkit is in dbus/org.fwctl1.rules. */
#define WHAT "sleep:shutdown:handle-lid-switch"

/* An answer takes milliseconds. A flash is not kept waiting for a logind that gives none. */
#define CALL_LIMIT_US (5ULL * 1000 * 1000)

struct inhibitor {
        inhibitor_answer_t answer;
        void *userdata;
        sd_bus_slot *call; /* until it is answered */
        int fd;            /* the lock, if it was granted */
};

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct inhibitor *inhibitor = userdata;
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);
        const char *text = NULL;
        int fd; /* the message's */

        inhibitor->call = sd_bus_slot_unref(inhibitor->call);
        if (refusal)
                text = refusal->message ? refusal->message : refusal->name;
        else if (sd_bus_message_read(reply, "h", &fd) < 0)
                text = "there is no descriptor in the answer";
        else {
                inhibitor->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                text = inhibitor->fd < 0 ? "the service has no descriptor left" : NULL;
        }
        inhibitor->answer(inhibitor->userdata, text);
        return 0;
}

bool inhibitor_is_answered(const struct inhibitor *inhibitor) {
        return !inhibitor->call;
}

/* The lock of an answer that is still on its way is closed with that message, which nobody reads.
 */
struct inhibitor *inhibitor_free(struct inhibitor *inhibitor) {
        if (!inhibitor)
                return NULL;
        sd_bus_slot_unref(inhibitor->call);
        fd_close(inhibitor->fd);
        free(inhibitor);
        return NULL;
}
DEFINE_CLEANUP(struct inhibitor *, inhibitor_free)

int inhibitor_take(struct service *service, const char *why, inhibitor_answer_t answer,
                   void *userdata, struct inhibitor **ret) {
        _cleanup_(inhibitor_free_p) struct inhibitor *inhibitor = calloc(1, sizeof(*inhibitor));
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r;

        if (!inhibitor)
                return -ENOMEM;
        inhibitor->answer = answer;
        inhibitor->userdata = userdata;
        inhibitor->fd = -EBADF;
        r = sd_bus_message_new_method_call(service->machine_bus, &call, "org.freedesktop.login1",
                                           "/org/freedesktop/login1",
                                           "org.freedesktop.login1.Manager", "Inhibit");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "ssss", WHAT, "fwd", why, "block");
        if (r < 0)
                return r;
        r = sd_bus_call_async(service->machine_bus, &inhibitor->call, call, on_answer, inhibitor,
                              CALL_LIMIT_US);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(inhibitor);
        return 0;
}
