/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

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

void identity_keep(struct device *device) {
        const char *text[_KNOWN_MAX] = {
                [KNOWN_UNIQUE_ID] = device_get(device, DEVICE_UNIQUE_ID),
                [KNOWN_DFU_SERIALS] = device->dfu_serials,
                [KNOWN_BOARD] = device_get(device, DEVICE_BOARD),
                [KNOWN_BOARD_NAME] = device_get(device, DEVICE_BOARD_NAME),
                [KNOWN_VARIANT] = device_get(device, DEVICE_VARIANT),
                [KNOWN_MCU] = device_get(device, DEVICE_MCU),
        };

        identity_store_keep(&device->service->known, text, (uint64_t) time(NULL));
}

static void set_remembered(struct device *device, bool remembered) {
        if (device->remembered == remembered)
                return;
        device->remembered = remembered;
        device->dirty |= 1U << DEVICE_REMEMBERED;
}

static void take_profile(struct device *device) {
        set_remembered(device, true);
        if (*device_get(device, DEVICE_BOARD))
                (void) board_profile_load(board_profile_dirs(), device_get(device, DEVICE_BOARD),
                                          &device->profile);
}

/* Is there anything else on the bus that could be that board? What was taken for it then, by the
 * same evidence, is not believed any more either. */
static bool has_rival(struct device *device, const struct known_board *known) {
        bool found = false;

        for (struct device *other = device->service->devices; other; other = other->next) {
                if (other == device || (strcmp(device_get(other, DEVICE_UNIQUE_ID),
                                               known->text[KNOWN_UNIQUE_ID]) != 0 &&
                                        (other->mode != MODE_BOOTLOADER ||
                                         strcmp(device_get(other, DEVICE_SERIAL),
                                                device_get(device, DEVICE_SERIAL)) != 0)))
                        continue;
                found = true;
                if (other->remembered && !other->job) {
                        identity_forget(other);
                        device_flush(other);
                }
        }
        return found;
}

static void restore_known(struct device *device) {
        static const struct {
                enum known_text text;
                enum device_property property;
        } table[] = {
                {KNOWN_UNIQUE_ID, DEVICE_UNIQUE_ID},
                {KNOWN_BOARD, DEVICE_BOARD},
                {KNOWN_BOARD_NAME, DEVICE_BOARD_NAME},
                {KNOWN_VARIANT, DEVICE_VARIANT},
                {KNOWN_MCU, DEVICE_MCU},
        };
        const struct known_board *known =
                identity_store_find(&device->service->known, device_get(device, DEVICE_SERIAL));

        if (!known || has_rival(device, known))
                return;
        device->dfu_serials = strdup(known->text[KNOWN_DFU_SERIALS]);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                device_set(device, table[i].property, known->text[table[i].text]);
        take_profile(device);
}

void identity_restore(struct device *device) {
        _cleanup_(departed_free_p) struct departed *departed =
                take(device->service, device_get(device, DEVICE_PORT));

        if (!departed || dfu_serial_check(departed->dfu_serials,
                                          device_get(device, DEVICE_SERIAL)) != DFU_SERIAL_MATCH) {
                restore_known(device);
                return;
        }
        device->dfu_serials = TAKE_PTR(departed->dfu_serials);
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                device_set(device, kept[i], departed->text[i]);
        take_profile(device);
}

void identity_forget(struct device *device) {
        set_remembered(device, false);
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
                if (kept[i] != DEVICE_BOARD)
                        device_set(device, kept[i], "");
        device_set(device, DEVICE_CUSTOM_DEFAULTS, "");
        device_set(device, DEVICE_CONFIG_STATE, "");
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
