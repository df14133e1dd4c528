/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/brltty.h"

#include <string.h>

#include "base/brltty.h"
#include "base/log.h"
#include "service/device.h"

static int on_units(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct service *service = userdata;
        char *unit = brltty_answer_unit(reply);
        bool news = (unit == NULL) != (service->brltty_unit == NULL) ||
                    (unit && strcmp(unit, service->brltty_unit) != 0);

        free(service->brltty_unit);
        service->brltty_unit = unit;
        service->brltty_question = sd_bus_slot_unref(service->brltty_question);
        if (news)
                devices_brltty_known(service);
        return 0;
}

static int ask(struct service *service) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        int r = brltty_question_new(service->machine_bus, &call);

        return r < 0 ? r
                     : sd_bus_call_async(service->machine_bus, &service->brltty_question, call,
                                         on_units, service, 0);
}

void brltty_ask(struct service *service) {
        if (service->machine_bus && !service->brltty_question && ask(service) < 0)
                log_warning("systemd could not be asked whether brltty runs");
}

const char *brltty_unit(const struct service *service) {
        return service->brltty_unit;
}

void brltty_clear(struct service *service) {
        service->brltty_question = sd_bus_slot_unref(service->brltty_question);
        free(TAKE_PTR(service->brltty_unit));
}
