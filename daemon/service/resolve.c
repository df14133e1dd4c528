/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/text.h"
#include "service/device.h"

/* The names of a board, most telling first. */
enum name {
        NAME_PORT,
        NAME_PATH,
        NAME_ALIAS,
        NAME_NODE,
        NAME_USB_NODE,
        NAME_SERIAL,
        NAME_UNIQUE_ID,
        _NAME_MAX
};

static const char *name_of(const struct device *device, enum name name) {
        switch (name) {
        case NAME_PORT:
                return device_get(device, DEVICE_PORT);
        case NAME_PATH:
                return device->path;
        case NAME_ALIAS:
                return device_get(device, DEVICE_ALIAS);
        case NAME_NODE:
                return device_get(device, DEVICE_NODE);
        case NAME_USB_NODE:
                return device->usb_node ? device->usb_node : "";
        case NAME_SERIAL:
                return device_get(device, DEVICE_SERIAL);
        default:
                return device_get(device, DEVICE_UNIQUE_ID);
        }
}

static bool has_name(const struct device *device, const char *what, bool whole) {
        for (enum name n = 0; n < _NAME_MAX; n++) {
                const char *name = name_of(device, n);

                if (whole ? strcmp(name, what) == 0
                          : n != NAME_PATH && strncmp(name, what, strlen(what)) == 0)
                        return true;
        }
        return false;
}

struct device *device_find_port(const struct service *service, const char *port) {
        for (struct device *d = service->devices; d; d = d->next)
                if (strcmp(device_get(d, DEVICE_PORT), port) == 0)
                        return d;
        return NULL;
}

struct device *device_find_path(const struct service *service, const char *path) {
        for (struct device *d = service->devices; d; d = d->next)
                if (strcmp(d->path, path) == 0)
                        return d;
        return NULL;
}

static int ambiguous(const struct service *service, const char *what, bool whole,
                     struct fault *fault) {
        char list[160] = "", shown[64];
        size_t used = 0;

        for (const struct device *d = service->devices; d; d = d->next)
                if (has_name(d, what, whole) && used < sizeof(list))
                        used += (size_t) snprintf(list + used, sizeof(list) - used, "%s%s",
                                                  used ? ", " : "", device_get(d, DEVICE_PORT));
        text_sanitize(shown, sizeof(shown), what);
        return fault_set(fault, FWD_INVALID_ARGUMENT,
                         "\"%s\" names more than one board; name one by its port: %s", shown, list);
}

int device_resolve(const struct service *service, const char *what, struct device **ret,
                   struct fault *fault) {
        char shown[64];

        if (!*what)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "No board was named");
        for (int whole = 1; whole >= 0; whole--) {
                struct device *found = NULL;
                size_t n = 0;

                for (struct device *d = service->devices; d; d = d->next)
                        if (has_name(d, what, whole)) {
                                found = d;
                                n++;
                        }
                if (n > 1)
                        return ambiguous(service, what, whole, fault);
                if (n == 1) {
                        *ret = found;
                        return 0;
                }
        }
        text_sanitize(shown, sizeof(shown), what);
        return fault_set(fault, FWD_NOT_FOUND, "No board is called \"%s\"", shown);
}
