/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "service/calls.h"
#include "service/options.h"

DEFINE_CLEANUP(json_t *, json_decref)

/* Kept as a JSON object of texts. */
static int append_details(sd_bus_message *reply, const char *text) {
        _cleanup_(json_decref_p) json_t *object = json_loads(text, 0, NULL);
        json_t *value;
        const char *key;
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Details");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;
        json_object_foreach (object, key, value) {
                r = sd_bus_message_append(reply, "{sv}", key, "s", json_string_value(value));
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_entry(const struct history_entry *entry, void *userdata) {
        static const char *const names[] = {
                [HISTORY_KIND] = "Kind",
                [HISTORY_PORT] = "Port",
                [HISTORY_UNIQUE_ID] = "UniqueId",
                [HISTORY_BOARD] = "Board",
                [HISTORY_BOARD_NAME] = "BoardName",
                [HISTORY_IMAGE_NAME] = "ImageName",
                [HISTORY_IMAGE_SHA256] = "ImageSha256",
                [HISTORY_STATE] = "State",
                [HISTORY_RESULT] = "Result",
                [HISTORY_ERROR_NAME] = "ErrorName",
                [HISTORY_ERROR_MESSAGE] = "ErrorMessage",
        };
        sd_bus_message *reply = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "Id", "t", entry->id, "StartTime",
                                  "t", entry->start_us, "EndTime", "t", entry->end_us,
                                  "StartedByUid", "u", entry->uid, "DryRun", "b", entry->dry_run);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(names); i++)
                r = sd_bus_message_append(reply, "{sv}", names[i], "s", entry->text[i]);
        if (r >= 0)
                r = append_details(reply, entry->text[HISTORY_DETAILS]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int call_list_history(struct service *service, sd_bus_message *message, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *reply = NULL;
        struct fault fault = FAULT_INIT;
        struct options options;
        int r;

        r = options_parse(message, OPTION_QUERY, &options, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        r = history_list(&service->history, &options.query, append_entry, reply, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
