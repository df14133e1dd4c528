/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl read: the flash of a board into a file. */

#include "client/call-options.h"
#include "client/device-arg.h"
#include "client/job.h"
#include "client/output-file.h"

static int make_call(struct client *c, const struct device *device, int fd, sd_bus_message **ret,
                     struct problem *p) {
        int r = bus_new_call(c, device->path, FWD_DEVICE_INTERFACE, "ReadFlash", ret, p);

        if (r != 0)
                return r;
        r = sd_bus_message_append(*ret, "h", fd);
        if (r >= 0)
                r = call_append_common_options(*ret, &c->options);
        return r < 0 ? bus_fail(p, r) : 0;
}

int verb_read(struct client *c, int argc, char **argv) {
        struct output_file file = OUTPUT_FILE_INIT;
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        struct problem p = {};
        const char *what, *path;
        int r;

        device_split(argc, argv, &what, &path);
        r = device_resolve(c, what, &device, &p);
        if (r == 0)
                r = output_file_open(path, c->options.force, &file, &p);
        if (r == 0)
                r = make_call(c, &device, file.fd, &call, &p);
        r = r != 0 ? refusal_print(c, device.port, "read", &p) : job_run(c, &device, "read", call);
        /* Ended by a signal: the job goes on. */
        output_file_close(&file, r == FWD_EXIT_OK || c->raise_signal != 0);
        return r;
}
