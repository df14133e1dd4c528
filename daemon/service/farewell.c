/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/farewell.h"

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct service *service = userdata;

        service->farewell.question = sd_bus_slot_unref(service->farewell.question);
        /* Somebody who does not call by the name was answered behind the question. */
        if (service->farewell.n_calls != service->n_calls)
                farewell(service, service->farewell.then);
        else
                service->farewell.then(service);
        return 0;
}

void farewell(struct service *service, void (*then)(struct service *service)) {
        service->farewell.then = then;
        service->farewell.n_calls = service->n_calls;
        if (sd_bus_call_method_async(service->bus, &service->farewell.question,
                                     "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "GetId", on_answer, service, NULL) < 0)
                then(service);
}
