/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/text.h"
#include "service/calls.h"
#include "service/options.h"
#include "service/polkit.h"

static int append_backup(sd_bus_message *reply, const struct backup *backup) {
        return sd_bus_message_append(reply, "a{sv}", 8, "Id", "s", backup->id, "UniqueId", "s",
                                     strchr(backup->owner, '-') ? "" : backup->owner, "BoardName",
                                     "s", backup->board_name, "Variant", "s", backup->variant,
                                     "FirmwareVersion", "s", backup->version, "Time", "t",
                                     backup->time_us, "Size", "t", (uint64_t) backup->size,
                                     "Sha256", "s", backup->sha256);
}

int call_list_backups(struct service *service, sd_bus_message *message, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *reply = NULL;
        _cleanup_free_ struct backup *list = NULL;
        struct fault fault = FAULT_INIT;
        struct options options;
        size_t n = 0;
        int r;

        r = options_parse(message, 0, &options, &fault);
        if (r == 0)
                r = backup_list(&service->backups, NULL, &list, &n, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_backup(reply, &list[i]);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int call_get_backup(struct service *service, sd_bus_message *message, sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *board = NULL;
        struct authorize_request request = {.owner = NOBODYS_UID};
        struct options options;
        struct backup backup;
        const char *id;
        uid_t uid;
        int r;

        r = sd_bus_message_read(message, "s", &id);
        if (r < 0)
                return r;
        r = options_parse(message, 0, &options, &fault);
        if (r == 0)
                r = backup_open(&service->backups, id, &fd, &backup, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        board = *backup.board_name ? text_format("%s (%s)", backup.board_name, backup.owner)
                                   : strdup(backup.owner);
        request.board = board;
        r = authorize(service, message, &request, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return sd_bus_reply_method_return(message, "h", fd);
}
