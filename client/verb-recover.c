/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl recover-bootloader: the board's own loader, written again. */

#include "client/call-options.h"
#include "client/device-arg.h"
#include "client/image-arg.h"
#include "client/job.h"

int verb_recover_bootloader(struct client *c, int argc, char **argv) {
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        _cleanup_close_ int fd = -EBADF;
        struct problem p = {};
        const char *what, *file;
        int r;

        device_split(argc, argv, &what, &file);
        r = image_open(file, &fd, &p);
        if (r == 0)
                r = device_resolve(c, what, &device, &p);
        if (r == 0)
                r = bus_new_call(c, device.path, FWD_DEVICE_INTERFACE, "RecoverBootloader", &call,
                                 &p);
        if (r == 0 && (sd_bus_message_append(call, "h", fd) < 0 ||
                       call_append_common_options(call, &c->options) < 0))
                r = bus_fail(&p, -ENOMEM);
        return r != 0 ? refusal_print(c, device.port, "recover-bootloader", &p)
                      : job_run(c, &device, "recover-bootloader", call);
}
