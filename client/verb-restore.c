/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl restore: a file of the caller's, or a backup that the service keeps, given to a board; or
 * the board's own custom defaults. */

#include "client/backup-arg.h"
#include "client/call-options.h"
#include "client/device-arg.h"
#include "client/job.h"

static int append(const struct options *o, sd_bus_message *call, int fd) {
        int r = sd_bus_message_append(call, "h", fd);

        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && o->only)
                r = call_append_option(call, "only", "s", o->only);
        if (r >= 0 && o->save_with_errors)
                r = call_append_option(call, "save-with-errors", "b", 1);
        if (r >= 0 && o->dry_run)
                r = call_append_option(call, "dry-run", "b", 1);
        if (r >= 0 && o->force)
                r = call_append_option(call, "force", "b", 1);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* What the board has of its own needs no file. */
static int apply_custom_defaults(struct client *c, const char *what) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        struct problem p = {};
        int r = device_resolve(c, what, &device, &p);

        if (r == 0)
                r = bus_new_call(c, device.path, FWD_DEVICE_INTERFACE, "ApplyCustomDefaults", &call,
                                 &p);
        if (r == 0 && call_append_common_options(call, &c->options) < 0)
                r = bus_fail(&p, -ENOMEM);
        return r != 0 ? refusal_print(c, device.port, "custom-defaults", &p)
                      : job_run(c, &device, "custom-defaults", call);
}

int verb_restore(struct client *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        _cleanup_close_ int fd = -EBADF;
        struct problem p = {};
        const char *what, *file;
        int r;

        if (c->options.custom_defaults)
                return apply_custom_defaults(c, argc > 1 ? argv[1] : NULL);
        device_split(argc, argv, &what, &file);
        r = device_resolve(c, what, &device, &p);
        if (r == 0)
                r = backup_open(c, file, &fd, &p);
        if (r == 0)
                r = bus_new_call(c, device.path, FWD_DEVICE_INTERFACE, "RestoreConfig", &call, &p);
        if (r == 0 && append(&c->options, call, fd) < 0)
                r = bus_fail(&p, -ENOMEM);
        return r != 0 ? refusal_print(c, device.port, "restore", &p)
                      : job_run(c, &device, "restore", call);
}
