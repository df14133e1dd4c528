/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fwctl flash: the whole of a flash is one call and one job. */

#include <sys/stat.h>

#include "client/call-options.h"
#include "client/device-arg.h"
#include "client/device-wait.h"
#include "client/image-arg.h"
#include "client/job.h"
#include "client/output-file.h"

/* Only what was asked for: the defaults are the service's. */
static int append_options(const struct options *o, int save_old_fd, sd_bus_message *call) {
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");

        if (r >= 0 && o->has_address)
                r = call_append_option(call, "address", "t", o->address);
        if (r >= 0 && o->erase)
                r = call_append_option(call, "erase", "s", o->erase);
        if (r >= 0 && o->no_leave)
                r = call_append_option(call, "leave", "b", 0);
        if (r >= 0 && o->force)
                r = call_append_option(call, "force", "b", 1);
        if (r >= 0 && o->dry_run)
                r = call_append_option(call, "dry-run", "b", 1);
        if (r >= 0 && save_old_fd >= 0)
                r = call_append_option(call, "save-old", "h", save_old_fd);
        if (r >= 0 && o->custom_defaults)
                r = call_append_option(call, "custom-defaults", "b", 1);
        if (r >= 0 && o->keep_config != KEEP_UNSAID)
                r = call_append_option(call, "keep-config", "b", o->keep_config == KEEP_CONFIG);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int make_call(struct client *c, const struct device *device, int fd, int save_old_fd,
                     sd_bus_message **ret, struct problem *p) {
        int r = bus_new_call(c, device->path, FWD_DEVICE_INTERFACE, "Flash", ret, p);

        if (r != 0)
                return r;
        r = sd_bus_message_append(*ret, "h", fd);
        if (r >= 0)
                r = append_options(&c->options, save_old_fd, *ret);
        return r < 0 ? bus_fail(p, r) : 0;
}

int verb_flash(struct client *c, int argc, char **argv) {
        struct output_file old = OUTPUT_FILE_INIT;
        _cleanup_message_ sd_bus_message *call = NULL;
        _cleanup_device_ struct device device = {};
        _cleanup_close_ int fd = -EBADF;
        struct problem p = {};
        const char *what, *file;
        struct stat st;
        int r;

        device_split(argc, argv, &what, &file);
        r = image_open(file, &fd, &p);
        if (r == 0)
                r = c->options.wait ? device_wait(c, what, &device, &p)
                                    : device_resolve(c, what, &device, &p);
        /* --force is about the board, never about a file. */
        if (r == 0 && c->options.save_old && !c->options.dry_run)
                r = output_file_open(c->options.save_old, false, &old, &p);
        if (r == 0)
                r = make_call(c, &device, fd, old.fd, &call, &p);
        r = r != 0 ? refusal_print(c, device.port, "flash", &p)
                   : job_run(c, &device, "flash", call);
        /* A flash may fail after the old one was saved. */
        output_file_close(&old, r == FWD_EXIT_OK || c->raise_signal != 0 ||
                                        (old.fd >= 0 && fstat(old.fd, &st) == 0 && st.st_size > 0));
        return r;
}
