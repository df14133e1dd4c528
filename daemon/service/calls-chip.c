/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/calls.h"
#include "service/device.h"
#include "service/image-fd.h"
#include "service/options.h"
#include "service/steps.h"

static int start(struct service *service, sd_bus_message *message, struct device *device,
                 enum job_kind kind, const struct options *options, const char *file,
                 sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        uid_t uid;
        int r;

        r = flash_check_board(device, &fault);
        if (r == 0)
                r = job_check(service, device, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = call_ask(service, message, device, options, file, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return call_begin(service, message, device, kind, options, uid, -EBADF, error);
}

int call_read(struct service *service, sd_bus_message *message, struct device *device,
              sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct options options;
        char file[IMAGE_NAME_SIZE];
        int r, fd;

        r = sd_bus_message_read(message, "h", &fd);
        if (r < 0)
                return r;
        r = options_parse(message, OPTION_RANGE | OPTION_LEAVE, &options, &fault);
        if (r == 0)
                r = output_fd_check(fd, file, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        options.has_output = true;
        options.output_fd = fd;
        return start(service, message, device, JOB_READ, &options, file, error);
}

int call_erase(struct service *service, sd_bus_message *message, struct device *device,
               sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct options options;
        int r = options_parse(message, OPTION_RANGE | OPTION_DRY_RUN, &options, &fault);

        if (r < 0)
                return call_refuse(error, &fault, r);
        return start(service, message, device, JOB_ERASE, &options, NULL, error);
}

int call_unprotect(struct service *service, sd_bus_message *message, struct device *device,
                   sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct options options;
        int r = options_parse(message, OPTION_DRY_RUN, &options, &fault);

        if (r < 0)
                return call_refuse(error, &fault, r);
        return start(service, message, device, JOB_UNPROTECT, &options, NULL, error);
}
