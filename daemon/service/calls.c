/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/calls.h"

#include <fcntl.h>
#include <string.h>

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
             const struct options *options, const char *file, uid_t *ret_uid, sd_bus_error *error) {
        _cleanup_free_ char *board =
                text_format("%s (%s)", device_get(device, DEVICE_PORT), device_name(device));
        const struct authorize_request request = {
                .forced = options->force,
                .dry_run = options->dry_run,
                .owner = NOBODYS_UID,
                .board = board,
                .image = file,
        };

        return authorize(service, m, &request, ret_uid, error);
}

/* What a method that begins a job takes behind its device, and what is looked at before its caller
 * is asked who he is. */
static const struct call {
        const char *member;
        enum job_kind kind;
        int (*check_file)(int fd, char ret_name[IMAGE_NAME_SIZE],
                          struct fault *fault); /* or none */
        unsigned options;
        int (*check_board)(const struct device *device,
                           struct fault *fault); /* NULL: any will do */
} calls[] = {
        {"Flash", JOB_FLASH, image_fd_check,
         OPTION_ADDRESS | OPTION_FORCE | OPTION_ERASE | OPTION_LEAVE | OPTION_KEEP_CONFIG |
                 OPTION_CUSTOM_DEFAULTS | OPTION_DRY_RUN | OPTION_SAVE_OLD,
         flash_check_board},
        {"RebootToBootloader", JOB_REBOOT, NULL, 0, NULL},
        {"Identify", JOB_IDENTIFY, NULL, 0, NULL},
        {"Leave", JOB_LEAVE, NULL, 0, NULL},
        {"ReadFlash", JOB_READ, output_fd_check, OPTION_RANGE | OPTION_LEAVE, flash_check_board},
        {"Erase", JOB_ERASE, NULL, OPTION_RANGE | OPTION_DRY_RUN, flash_check_board},
        {"Unprotect", JOB_UNPROTECT, NULL, OPTION_DRY_RUN, flash_check_board},
        {"BackupConfig", JOB_BACKUP, NULL, OPTION_DUMP, config_check_board},
        {"RestoreConfig", JOB_RESTORE, image_fd_check,
         OPTION_ONLY | OPTION_SAVE_WITH_ERRORS | OPTION_FORCE | OPTION_DRY_RUN, config_check_board},
        {"ApplyCustomDefaults", JOB_DEFAULTS, NULL, OPTION_DRY_RUN, config_check_board},
        {"RecoverBootloader", JOB_RECOVER, image_fd_check, OPTION_DRY_RUN, recover_check_board},
};

static const struct call *call_of(sd_bus_message *message) {
        const char *member = sd_bus_message_get_member(message);

        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                if (strcmp(calls[i].member, member) == 0)
                        return &calls[i];
        return NULL; /* a vtable names a method that the table does not have */
}

/* What polkit's question calls the file: that of restoring asks for a name in any case. */
static const char *file_of(const struct call *call, const char *name) {
        if (call->check_file)
                return name;
        return call->kind == JOB_DEFAULTS ? "custom defaults" : NULL;
}

static int call_check(const struct service *service, const struct device *device,
                      const struct call *call, int fd, char ret_name[IMAGE_NAME_SIZE],
                      struct fault *fault) {
        int r = call->check_file ? call->check_file(fd, ret_name, fault) : 0;

        if (r == 0 && call->check_board)
                r = call->check_board(device, fault);
        return r == 0 ? job_check(service, device, fault) : r;
}

static int call_begin(struct service *service, sd_bus_message *m, struct device *device,
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

int call_job(struct service *service, sd_bus_message *message, struct device *device,
             sd_bus_error *error) {
        const struct call *call = call_of(message);
        char file[IMAGE_NAME_SIZE] = "";
        struct fault fault = FAULT_INIT;
        struct options options;
        int r, fd = -EBADF;
        uid_t uid;

        if (!call)
                return -ENOSYS;
        r = call->check_file ? sd_bus_message_read(message, "h", &fd) : 0;
        if (r < 0)
                return r;
        r = options_parse(message, call->options, &options, &fault);
        if (r == 0)
                r = call_check(service, device, call, fd, file, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = call_ask(service, message, device, &options, file_of(call, file), &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (call->kind == JOB_READ) { /* whose file is not read from, but filled */
                options.has_output = true;
                options.output_fd = fd;
                fd = -EBADF;
        } else if (fd >= 0) {
                fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (fd < 0)
                        return -errno;
        }
        return call_begin(service, message, device, call->kind, &options, uid, fd, error);
}
