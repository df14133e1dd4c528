/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl flash: the whole of a flash is one call and one job. */

#include <string.h>

#include "client/device-arg.h"
#include "client/device-wait.h"
#include "client/image-arg.h"
#include "client/job.h"

static int append_option(sd_bus_message *call, const char *key, const char *type, ...) {
        va_list ap;
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv");

        if (r >= 0)
                r = sd_bus_message_append(call, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_VARIANT, type);
        if (r >= 0) {
                va_start(ap, type);
                r = sd_bus_message_appendv(call, type, ap);
                va_end(ap);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Only what was asked for: the defaults are the service's. */
static int append_options(const struct options *o, sd_bus_message *call) {
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");

        if (r >= 0 && o->has_address)
                r = append_option(call, "address", "t", o->address);
        if (r >= 0 && o->erase)
                r = append_option(call, "erase", "s", o->erase);
        if (r >= 0 && o->no_leave)
                r = append_option(call, "leave", "b", 0);
        if (r >= 0 && o->force)
                r = append_option(call, "force", "b", 1);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

int verb_flash(struct client *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        _cleanup_close_ int fd = -EBADF;
        struct problem p = {};
        const char *what, *file;
        int r;

        device_split(argc, argv, &what, &file);
        r = image_open(file, &fd, &p);
        if (r == 0)
                r = c->options.wait ? device_wait(c, what, &device, &p)
                                    : device_resolve(c, what, &device, &p);
        if (r == 0)
                r = bus_new_call(c, device.path, FWD_DEVICE_INTERFACE, "Flash", &call, &p);
        if (r != 0)
                return refusal_print(c, device.port, "flash", &p);
        r = sd_bus_message_append(call, "h", fd);
        if (r >= 0)
                r = append_options(&c->options, call);
        if (r < 0) {
                (void) bus_fail(&p, r);
                return refusal_print(c, device.port, "flash", &p);
        }
        return job_run(c, &device, "flash", call);
}
