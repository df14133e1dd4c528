/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/dfu-serial.h"
#include "service/device.h"

#define DEPARTED_MAX 32U /* boards that are remembered; the oldest is forgotten */

static const enum device_property kept[] = {
        DEVICE_UNIQUE_ID,        DEVICE_BOARD, DEVICE_BOARD_NAME, DEVICE_VARIANT,
        DEVICE_FIRMWARE_VERSION, DEVICE_MCU,
};

struct departed {
        struct departed *next;
        char *port;
        char *dfu_serials;
        char *text[ARRAY_SIZE(kept)];
};

static void departed_free(struct departed *departed) {
        for (size_t i = 0; i < ARRAY_SIZE(departed->text); i++)
                free(departed->text[i]);
        free(departed->dfu_serials);
        free(departed->port);
        free(departed);
}
DEFINE_CLEANUP(struct departed *, departed_free)

static struct departed *take(struct service *service, const char *port) {
        for (struct departed **at = &service->departed; *at; at = &(*at)->next)
                if (strcmp((*at)->port, port) == 0) {
                        struct departed *found = *at;

                        *at = found->next;
                        return found;
                }
        return NULL;
}

static void cut(struct service *service) {
        struct departed **at = &service->departed;

        for (size_t n = 0; *at && n < DEPARTED_MAX; n++)
                at = &(*at)->next;
        while (*at) {
                struct departed *old = *at;

                *at = old->next;
                departed_free(old);
        }
}

void identity_remember(const struct device *device) {
        _cleanup_(departed_free_p) struct departed *departed =
                take(device->service, device_get(device, DEVICE_PORT));

        /* Only its chip can prove that it is the same board when it comes back. */
        if (!device->dfu_serials)
                return;
        if (departed)
                departed_free(TAKE_PTR(departed));
        departed = calloc(1, sizeof(*departed));
        if (!departed)
                return;
        departed->port = strdup(device_get(device, DEVICE_PORT));
        departed->dfu_serials = strdup(device->dfu_serials);
        if (!departed->port || !departed->dfu_serials)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                departed->text[i] = strdup(device_get(device, kept[i]));
        departed->next = device->service->departed;
        device->service->departed = TAKE_PTR(departed);
        cut(device->service);
}

void identity_restore(struct device *device) {
        _cleanup_(departed_free_p) struct departed *departed =
                take(device->service, device_get(device, DEVICE_PORT));

        if (!departed || dfu_serial_check(departed->dfu_serials,
                                          device_get(device, DEVICE_SERIAL)) != DFU_SERIAL_MATCH)
                return;
        device->dfu_serials = TAKE_PTR(departed->dfu_serials);
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                device_set(device, kept[i], departed->text[i]);
        if (*device_get(device, DEVICE_BOARD))
                (void) board_profile_load(board_profile_dirs(), device_get(device, DEVICE_BOARD),
                                          &device->profile);
}

void identity_forget(struct device *device) {
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                if (kept[i] != DEVICE_BOARD)
                        device_set(device, kept[i], "");
        device_set(device, DEVICE_MEMORY_MAP, "");
        device_set(device, DEVICE_MCU_FAMILY, "");
        device_set(device, DEVICE_OPTION_BYTES, "");
        free(device->dfu_serials);
        device->dfu_serials = NULL;
        if (device->read_protected) {
                device->read_protected = false;
                device->dirty |= 1U << DEVICE_READ_PROTECTED;
        }
}

void identities_clear(struct service *service) {
        while (service->departed) {
                struct departed *old = service->departed;

                service->departed = old->next;
                departed_free(old);
        }
}
