/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/inspect.h"

#include <fcntl.h>
#include <string.h>

#include "service/calls.h"
#include "service/image-fd.h"
#include "service/options.h"
#include "service/worker.h"

struct inspection {
        struct inspection *next;
        struct service *service;
        sd_bus_message *message;
        sd_bus_message *reply; /* with the dictionary open */
        struct worker *worker;
        int source_fd, image_fd;
};

static void inspection_free(struct inspection *inspection) {
        worker_free(inspection->worker);
        fd_close(inspection->source_fd);
        fd_close(inspection->image_fd);
        sd_bus_message_unref(inspection->reply);
        sd_bus_message_unref(inspection->message);
        free(inspection);
}
DEFINE_CLEANUP(struct inspection *, inspection_free)

static void forget(struct inspection *inspection) {
        struct inspection **at = &inspection->service->inspections;

        while (*at != inspection)
                at = &(*at)->next;
        *at = inspection->next;
        inspection_free(inspection);
}

void inspections_clear(struct service *service) {
        while (service->inspections)
                forget(service->inspections);
}

static void on_report(void *userdata, const struct report *report) {
        struct inspection *inspection = userdata;

        for (size_t i = 0; i < report->n; i++)
                if (strncmp(report->lines[i].key, "X.", 2) == 0 && report->lines[i].key[2])
                        (void) sd_bus_message_append(inspection->reply, "{sv}",
                                                     report->lines[i].key + 2, "s",
                                                     report->lines[i].value);
}

static void on_done(void *userdata, const struct worker_outcome *outcome) {
        struct inspection *inspection = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;

        if (outcome->fault.error != FWD_OK) {
                (void) call_refuse(&error, &outcome->fault, -EIO);
                (void) sd_bus_reply_method_error(inspection->message, &error);
                sd_bus_error_free(&error);
        } else if (sd_bus_message_close_container(inspection->reply) < 0 ||
                   sd_bus_send(NULL, inspection->reply, NULL) < 0)
                (void) sd_bus_reply_method_errno(inspection->message, ENOMEM, NULL);
        forget(inspection);
}

static int make(struct service *service, sd_bus_message *m, int fd, struct inspection **ret) {
        _cleanup_(inspection_free_p) struct inspection *inspection = calloc(1, sizeof(*inspection));
        int r;

        if (!inspection)
                return -ENOMEM;
        inspection->service = service;
        inspection->message = sd_bus_message_ref(m);
        inspection->source_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        inspection->image_fd = image_fd_new();
        if (inspection->source_fd < 0 || inspection->image_fd < 0)
                return -EMFILE;
        r = sd_bus_message_new_method_return(m, &inspection->reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(inspection->reply, 'a', "{sv}");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(inspection);
        return 0;
}

int inspect_start(struct service *service, sd_bus_message *message, sd_bus_error *error) {
        static const struct worker_handlers handlers = {on_report, on_done};
        struct worker_request request = WORKER_REQUEST_INIT;
        _cleanup_(inspection_free_p) struct inspection *inspection = NULL;
        struct fault fault = FAULT_INIT;
        struct options options;
        char name[IMAGE_NAME_SIZE];
        size_t n = 0;
        int r, fd;

        r = sd_bus_message_read(message, "h", &fd);
        if (r < 0)
                return r;
        r = options_parse(message, OPTION_ADDRESS, &options, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = image_fd_check(fd, name, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        for (const struct inspection *i = service->inspections; i; i = i->next)
                n++;
        if (n >= SERVICE_INSPECTIONS_MAX || service->stopping) {
                r = fault_set(&fault, FWD_LIMIT_EXCEEDED, "%zu files are being inspected already",
                              n);
                return call_refuse(error, &fault, r);
        }
        r = make(service, message, fd, &inspection);
        if (r < 0)
                return r;
        request.operation = "inspect";
        request.options = &options;
        request.source_fd = inspection->source_fd;
        request.image_fd = inspection->image_fd;
        r = worker_start(service, &request, &handlers, inspection, &inspection->worker);
        if (r < 0)
                return r;
        inspection->next = service->inspections;
        service->inspections = TAKE_PTR(inspection);
        return 1;
}
