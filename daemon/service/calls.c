/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/calls.h"

#include <fcntl.h>

#include "base/text.h"
#include "service/device.h"
#include "service/image-fd.h"
#include "service/options.h"
#include "service/polkit.h"
#include "service/result.h"
#include "service/steps.h"

int call_refuse(sd_bus_error *error, const struct fault *fault, int r) {
        _cleanup_free_ char *text = NULL;

        if (fault->error == FWD_OK)
                return r;
        text = result_refusal(fault);
        return sd_bus_error_set(error, fwd_error_bus_name(fault->error),
                                text ? text : fault->message);
}

int call_ask(struct service *service, sd_bus_message *m, const struct device *device,
             const struct options *options, const char *image, uid_t *ret_uid,
             sd_bus_error *error) {
        _cleanup_free_ char *board =
                device ? text_format("%s (%s)", device_get(device, DEVICE_PORT),
                                     device_name(device))
                       : NULL;
        const struct authorize_request request = {
                .forced = options->force,
                .dry_run = options->dry_run,
                .owner = NOBODYS_UID,
                .board = board,
                .image = image,
        };

        return authorize(service, m, &request, ret_uid, error);
}

int call_begin(struct service *service, sd_bus_message *m, struct device *device,
               enum job_kind kind, const struct options *options, uid_t uid, int source_fd,
               sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct job *job;
        int r;

        r = job_new(service, device, kind, options, uid, source_fd, &job, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        return sd_bus_reply_method_return(m, "o", job->path);
}

int call_flash(struct service *service, sd_bus_message *message, struct device *device,
               sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct options options;
        char image[IMAGE_NAME_SIZE];
        int r, fd, copy;
        uid_t uid;

        r = sd_bus_message_read(message, "h", &fd);
        if (r < 0)
                return r;
        r = options_parse(message,
                          OPTION_ADDRESS | OPTION_FORCE | OPTION_ERASE | OPTION_LEAVE |
                                  OPTION_KEEP_CONFIG | OPTION_DRY_RUN | OPTION_SAVE_OLD,
                          &options, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = image_fd_check(fd, image, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = flash_check_board(device, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = job_check(service, device, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = call_ask(service, message, device, &options, image, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        return call_begin(service, message, device, JOB_FLASH, &options, uid, copy, error);
}

int call_recover(struct service *service, sd_bus_message *message, struct device *device,
                 sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct options options;
        char image[IMAGE_NAME_SIZE];
        int r, fd, copy;
        uid_t uid;

        r = sd_bus_message_read(message, "h", &fd);
        if (r < 0)
                return r;
        r = options_parse(message, OPTION_DRY_RUN, &options, &fault);
        if (r == 0)
                r = image_fd_check(fd, image, &fault);
        if (r == 0)
                r = recover_check_board(device, &fault);
        if (r == 0)
                r = job_check(service, device, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = call_ask(service, message, device, &options, image, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        return call_begin(service, message, device, JOB_RECOVER, &options, uid, copy, error);
}

int call_start(struct service *service, sd_bus_message *message, struct device *device,
               enum job_kind kind, sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct options options;
        uid_t uid;
        int r;

        r = options_parse(message, 0, &options, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = job_check(service, device, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = call_ask(service, message, device, &options, NULL, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return call_begin(service, message, device, kind, &options, uid, -EBADF, error);
}
