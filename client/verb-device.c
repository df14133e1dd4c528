/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl reboot, leave and identify: a method of the board without arguments but the options. */

#include <string.h>

#include "client/device-arg.h"
#include "client/job.h"

static int run(struct client *c, int argc, char **argv, const char *kind, const char *member) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        struct problem p = {};
        int r = device_resolve(c, argc > 1 ? argv[1] : NULL, &device, &p);

        if (r == 0)
                r = bus_new_call(c, device.path, FWD_DEVICE_INTERFACE, member, &call, &p);
        if (r == 0 && sd_bus_message_append(call, "a{sv}", 0) < 0)
                r = bus_fail(&p, -ENOMEM);
        return r != 0 ? refusal_print(c, device.port, kind, &p) : job_run(c, &device, kind, call);
}

/* Leaving the bootloader is how a board gets back to its firmware. */
int verb_reboot(struct client *c, int argc, char **argv) {
        return c->options.to_firmware ? run(c, argc, argv, "leave", "Leave")
                                      : run(c, argc, argv, "reboot", "RebootToBootloader");
}

int verb_leave(struct client *c, int argc, char **argv) {
        return run(c, argc, argv, "leave", "Leave");
}

int verb_identify(struct client *c, int argc, char **argv) {
        return run(c, argc, argv, "identify", "Identify");
}
