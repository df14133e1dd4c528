/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl erase and unprotect: what they take is lost, so they ask. */

#include "base/text.h"
#include "client/call-options.h"
#include "client/confirm.h"
#include "client/device-arg.h"
#include "client/job.h"

static char *erase_loss(const struct client *c, const char *board) {
        if (c->options.range)
                return text_format("This erases %s of board %s for good.", c->options.range, board);
        return text_format("This erases the firmware and all settings of board %s for good.",
                           board);
}

static char *unprotect_loss(const struct client *c, const char *board) {
        return text_format("To take the read protection off, the chip of board %s erases itself: "
                           "the firmware, all settings, everything is lost for good.",
                           board);
}

static int run(struct client *c, int argc, char **argv, const char *kind, const char *member,
               char *(*loss)(const struct client *c, const char *board)) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        _cleanup_free_ char *title = NULL, *text = NULL;
        struct problem p = {};
        int r = device_resolve(c, argc > 1 ? argv[1] : NULL, &device, &p);

        if (r == 0) {
                title = device_title(&device);
                text = title ? loss(c, title) : NULL;
                r = text ? confirm(c, text, &p) : bus_fail(&p, -ENOMEM);
        }
        if (r == 0)
                r = bus_new_call(c, device.path, FWD_DEVICE_INTERFACE, member, &call, &p);
        if (r == 0 && call_append_common_options(call, &c->options) < 0)
                r = bus_fail(&p, -ENOMEM);
        return r != 0 ? refusal_print(c, device.port, kind, &p) : job_run(c, &device, kind, call);
}

int verb_erase(struct client *c, int argc, char **argv) {
        return run(c, argc, argv, "erase", "Erase", erase_loss);
}

int verb_unprotect(struct client *c, int argc, char **argv) {
        return run(c, argc, argv, "unprotect", "Unprotect", unprotect_loss);
}
