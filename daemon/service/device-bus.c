/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/calls.h"
#include "service/device.h"
#include "service/job.h"
#include "service/node-list.h"

static const struct {
        const char *name, *signature;
} properties[_DEVICE_PROPERTY_MAX] = {
        [DEVICE_PORT] = {"Port", "s"},
        [DEVICE_MODE] = {"Mode", "s"},
        [DEVICE_VENDOR_ID] = {"VendorId", "q"},
        [DEVICE_PRODUCT_ID] = {"ProductId", "q"},
        [DEVICE_MANUFACTURER] = {"Manufacturer", "s"},
        [DEVICE_PRODUCT] = {"Product", "s"},
        [DEVICE_SERIAL] = {"Serial", "s"},
        [DEVICE_UNIQUE_ID] = {"UniqueId", "s"},
        [DEVICE_BOARD] = {"Board", "s"},
        [DEVICE_BOARD_NAME] = {"BoardName", "s"},
        [DEVICE_VARIANT] = {"Variant", "s"},
        [DEVICE_FIRMWARE_VERSION] = {"FirmwareVersion", "s"},
        [DEVICE_CUSTOM_DEFAULTS] = {"CustomDefaults", "s"},
        [DEVICE_CONFIG_STATE] = {"ConfigState", "s"},
        [DEVICE_MCU] = {"Mcu", "s"},
        [DEVICE_MCU_FAMILY] = {"McuFamily", "s"},
        [DEVICE_NODE] = {"Node", "s"},
        [DEVICE_MEMORY_MAP] = {"MemoryMap", "s"},
        [DEVICE_READ_PROTECTED] = {"ReadProtected", "b"},
        [DEVICE_OPTION_BYTES] = {"OptionBytes", "s"},
        [DEVICE_REMEMBERED] = {"Remembered", "b"},
        [DEVICE_HINT] = {"Hint", "s"},
        [DEVICE_ALIAS] = {"Alias", "s"},
        [DEVICE_JOB] = {"Job", "o"},
};

static int append_value(sd_bus_message *m, const struct device *device,
                        enum device_property property) {
        switch (property) {
        case DEVICE_VENDOR_ID:
                return sd_bus_message_append(m, "q", device->vendor_id);
        case DEVICE_PRODUCT_ID:
                return sd_bus_message_append(m, "q", device->product_id);
        case DEVICE_READ_PROTECTED:
                return sd_bus_message_append(m, "b", device->read_protected);
        case DEVICE_REMEMBERED:
                return sd_bus_message_append(m, "b", device->remembered);
        case DEVICE_JOB:
                return sd_bus_message_append(m, "o", device->job ? device->job->path : "/");
        default:
                return sd_bus_message_append(m, "s", device_get(device, property));
        }
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *name,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        for (enum device_property p = 0; p < _DEVICE_PROPERTY_MAX; p++)
                if (strcmp(properties[p].name, name) == 0)
                        return append_value(reply, userdata, p);
        return -ENOENT;
}

static int append_entry(sd_bus_message *m, const struct device *device,
                        enum device_property property) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", properties[property].name);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', properties[property].signature);
        if (r < 0)
                return r;
        r = append_value(m, device, property);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

int device_append(sd_bus_message *message, const struct device *device) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        for (enum device_property p = 0; p < _DEVICE_PROPERTY_MAX; p++) {
                r = append_entry(message, device, p);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(message);
}

void device_flush(struct device *device) {
        char *names[_DEVICE_PROPERTY_MAX + 1];
        size_t n = 0;

        for (enum device_property p = 0; p < _DEVICE_PROPERTY_MAX; p++)
                if (device->dirty & 1U << p)
                        names[n++] = (char *) properties[p].name;
        names[n] = NULL;
        device->dirty = 0;
        if (n > 0 && device->announced && device->service->bus)
                (void) sd_bus_emit_properties_changed_strv(device->service->bus, device->path,
                                                           DEVICE_INTERFACE, names);
}

void device_announce(struct device *device) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *signal = NULL;
        sd_bus *bus = device->service->bus;

        device->announced = true;
        device->dirty = 0;
        if (!bus)
                return;
        (void) sd_bus_emit_object_added(bus, device->path);
        if (sd_bus_message_new_signal(bus, &signal, SERVICE_PATH, MANAGER_INTERFACE,
                                      "DeviceAdded") < 0 ||
            sd_bus_message_append(signal, "o", device->path) < 0 ||
            device_append(signal, device) < 0)
                return;
        (void) sd_bus_send(bus, signal, NULL);
}

void device_withdraw(struct device *device) {
        sd_bus *bus = device->service->bus;

        device->announced = false;
        if (!bus)
                return;
        (void) sd_bus_emit_signal(bus, SERVICE_PATH, MANAGER_INTERFACE, "DeviceRemoved", "o",
                                  device->path);
        (void) sd_bus_emit_object_removed(bus, device->path);
}

static int on_job(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct device *device = userdata;

        return call_job(device->service, m, device, error);
}

#define PROPERTY(name, signature)                                                                  \
        SD_BUS_PROPERTY(name, signature, get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define JOB_METHOD(name)                                                                           \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("o", job),      \
                                on_job, SD_BUS_VTABLE_UNPRIVILEGED)
#define JOB_METHOD_WITH_FILE(name, file)                                                           \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS("h", file, "a{sv}", options),                    \
                                SD_BUS_RESULT("o", job), on_job, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        JOB_METHOD_WITH_FILE("Flash", image),
        JOB_METHOD("RebootToBootloader"),
        JOB_METHOD("Identify"),
        JOB_METHOD("Leave"),
        JOB_METHOD_WITH_FILE("ReadFlash", file),
        JOB_METHOD("Erase"),
        JOB_METHOD("Unprotect"),
        JOB_METHOD("BackupConfig"),
        JOB_METHOD_WITH_FILE("RestoreConfig", config),
        JOB_METHOD("ApplyCustomDefaults"),
        JOB_METHOD_WITH_FILE("RecoverBootloader", image),
        PROPERTY("Port", "s"),
        PROPERTY("Mode", "s"),
        PROPERTY("VendorId", "q"),
        PROPERTY("ProductId", "q"),
        PROPERTY("Manufacturer", "s"),
        PROPERTY("Product", "s"),
        PROPERTY("Serial", "s"),
        PROPERTY("UniqueId", "s"),
        PROPERTY("Board", "s"),
        PROPERTY("BoardName", "s"),
        PROPERTY("Variant", "s"),
        PROPERTY("FirmwareVersion", "s"),
        PROPERTY("CustomDefaults", "s"),
        PROPERTY("ConfigState", "s"),
        PROPERTY("Mcu", "s"),
        PROPERTY("McuFamily", "s"),
        PROPERTY("Node", "s"),
        PROPERTY("MemoryMap", "s"),
        PROPERTY("ReadProtected", "b"),
        PROPERTY("OptionBytes", "s"),
        PROPERTY("Remembered", "b"),
        PROPERTY("Hint", "s"),
        PROPERTY("Alias", "s"),
        PROPERTY("Job", "o"),
        SD_BUS_VTABLE_END,
};

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error) {
        struct device *device = device_find_path(userdata, path);

        if (!device)
                return 0;
        *ret_found = device;
        return 1;
}

static int list_nodes(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                      sd_bus_error *error) {
        _cleanup_(node_list_clear) struct node_list list = {};
        struct service *service = userdata;
        int r;

        for (const struct device *device = service->devices; device; device = device->next) {
                r = node_list_add(&list, device->path);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(list.paths);
        list.n = 0;
        return 1;
}

int devices_bus_add(struct service *service) {
        int r;

        r = sd_bus_add_fallback_vtable(service->bus, NULL, SERVICE_PATH "/device", DEVICE_INTERFACE,
                                       vtable, find_object, service);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(service->bus, NULL, SERVICE_PATH "/device", list_nodes,
                                          service);
}
