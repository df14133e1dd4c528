/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/manager.h"

#include "config.h"
#include "service/calls.h"
#include "service/device.h"
#include "service/inspect.h"
#include "service/job.h"

/* a(oa{sv}): each object's path, and its properties between object_begin() and object_end(). */
static int list_begin(sd_bus_message *call, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_return(call, ret);

        return r < 0 ? r : sd_bus_message_open_container(*ret, 'a', "(oa{sv})");
}

static int object_begin(sd_bus_message *list, const char *path) {
        int r = sd_bus_message_open_container(list, 'r', "oa{sv}");

        return r < 0 ? r : sd_bus_message_append(list, "o", path);
}

static int object_end(sd_bus_message *list) {
        return sd_bus_message_close_container(list);
}

static int list_send(sd_bus_message *list) {
        int r = sd_bus_message_close_container(list);

        return r < 0 ? r : sd_bus_send(NULL, list, NULL);
}

static int on_list_devices(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *list = NULL;
        struct service *service = userdata;
        int r = list_begin(m, &list);

        for (const struct device *d = service->devices; r >= 0 && d; d = d->next) {
                r = object_begin(list, d->path);
                if (r >= 0)
                        r = device_append(list, d);
                if (r >= 0)
                        r = object_end(list);
        }
        return r < 0 ? r : list_send(list);
}

static int on_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *list = NULL;
        struct service *service = userdata;
        int r = list_begin(m, &list);

        for (const struct job *job = service->jobs; r >= 0 && job; job = job->next) {
                r = object_begin(list, job->path);
                if (r >= 0)
                        r = job_append(list, job);
                if (r >= 0)
                        r = object_end(list);
        }
        return r < 0 ? r : list_send(list);
}

static int on_get_device(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        struct device *device;
        const char *what;
        int r;

        r = sd_bus_message_read(m, "s", &what);
        if (r < 0)
                return r;
        r = device_resolve(userdata, what, &device, &fault);
        if (r < 0)
                return call_refuse(error, &fault, r);
        return sd_bus_reply_method_return(m, "o", device->path);
}

static int read_device(struct service *service, sd_bus_message *m, struct device **ret,
                       sd_bus_error *error) {
        struct fault fault = FAULT_INIT;
        const char *path;
        int r;

        r = sd_bus_message_read(m, "o", &path);
        if (r < 0)
                return r;
        *ret = device_find_path(service, path);
        if (*ret)
                return 0;
        r = fault_set(&fault, FWD_NOT_FOUND, "There is no board %s", path);
        return call_refuse(error, &fault, r);
}

static int on_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct device *device;
        int r = read_device(userdata, m, &device, error);

        return r < 0 ? r : call_job(userdata, m, device, error);
}

static int on_inspect(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return inspect_start(userdata, m, error);
}

static int on_list_backups(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return call_list_backups(userdata, m, error);
}

static int on_get_backup(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return call_get_backup(userdata, m, error);
}

static int on_list_history(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return call_list_history(userdata, m, error);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", FWD_VERSION);
}

static int get_features(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "as", 13, "backup", "custom-defaults", "erase", "flash",
                                     "history", "identify", "inspect", "leave", "read", "reboot",
                                     "recover-bootloader", "restore", "unprotect");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(oa{sv})", devices),
                                on_list_devices, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(oa{sv})", jobs),
                                on_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetDevice", SD_BUS_ARGS("s", what), SD_BUS_RESULT("o", device),
                                on_get_device, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Flash", SD_BUS_ARGS("o", device, "h", image, "a{sv}", options),
                                SD_BUS_RESULT("o", job), on_job, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RebootToBootloader", SD_BUS_ARGS("o", device, "a{sv}", options),
                                SD_BUS_RESULT("o", job), on_job, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Inspect", SD_BUS_ARGS("h", image, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", details), on_inspect,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListBackups", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", backups), on_list_backups,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetBackup", SD_BUS_ARGS("s", id, "a{sv}", options),
                                SD_BUS_RESULT("h", config), on_get_backup,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListHistory", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", jobs), on_list_history,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("DeviceAdded", SD_BUS_ARGS("o", device, "a{sv}", properties), 0),
        SD_BUS_SIGNAL_WITH_ARGS("DeviceRemoved", SD_BUS_ARGS("o", device), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobAdded", SD_BUS_ARGS("o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved", SD_BUS_ARGS("o", job, "s", result), 0),
        SD_BUS_SIGNAL_WITH_ARGS(
                "Progress", SD_BUS_ARGS("o", job, "o", device, "s", phase, "t", done, "t", total),
                0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Features", "as", get_features, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int manager_bus_add(struct service *service) {
        int r;

        r = sd_bus_add_object_manager(service->bus, NULL, SERVICE_PATH);
        if (r < 0)
                return r;
        return sd_bus_add_object_vtable(service->bus, NULL, SERVICE_PATH, MANAGER_INTERFACE, vtable,
                                        service);
}
