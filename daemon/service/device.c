/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/device.h"

#include <string.h>

#include "base/dfu-serial.h"
#include "base/text.h"
#include "service/alias.h"
#include "service/brltty.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/worker.h"

/* The properties that say which firmware runs; stale as soon as another may run. */
static const enum device_property of_firmware[] = {
        DEVICE_VARIANT,         DEVICE_FIRMWARE_VERSION, DEVICE_BOARD_NAME,
        DEVICE_CUSTOM_DEFAULTS, DEVICE_CONFIG_STATE,
};

static void replace_text(char **to, const char *from) {
        free(*to);
        *to = from && *from ? strdup(from) : NULL;
}

void device_set(struct device *device, enum device_property property, const char *value) {
        if (!value)
                value = "";
        if (strcmp(device_get(device, property), value) == 0)
                return;
        replace_text(&device->text[property], value);
        device->dirty |= 1U << property;
}

const char *device_get(const struct device *device, enum device_property property) {
        return device->text[property] ? device->text[property] : "";
}

const char *device_mode_name(enum device_mode mode) {
        switch (mode) {
        case MODE_FIRMWARE:
                return "firmware";
        case MODE_BOOTLOADER:
                return "bootloader";
        default:
                return "away";
        }
}

const char *device_name(const struct device *device) {
        if (*device_get(device, DEVICE_BOARD_NAME))
                return device_get(device, DEVICE_BOARD_NAME);
        if (device->profile && device->profile->title)
                return device->profile->title;
        if (*device_get(device, DEVICE_PRODUCT))
                return device_get(device, DEVICE_PRODUCT);
        return "unknown board";
}

#define MODEM_HINT                                                                                 \
        "A udev rule that is not fwd's (ID_MM_DEVICE_PROCESS) hands this board to ModemManager, "  \
        "which then keeps its serial port; take the board out of that rule."

/* NULL: nothing. */
static const char *what_to_do(const struct device *device) {
        const struct board_profile *profile = device->profile;

        if (!profile)
                return NULL;
        if (!profile->flashable)
                return profile->hint_bootloader;
        if (device->mode == MODE_BOOTLOADER)
                return device->returned_with    ? profile->hint_return
                       : device->read_protected ? "The chip is read protected: \"fwctl unprotect\" "
                                                  "takes that off, which erases all of it."
                                                : NULL;
        return device->asked_by_hand ||
                               (device->mode == MODE_FIRMWARE && profile->reboot == REBOOT_NONE)
                       ? profile->hint_bootloader
                       : NULL;
}

void device_hint_update(struct device *device) {
        const char *hint = what_to_do(device);
        _cleanup_free_ char *lack = NULL;

        if (device->mode == MODE_FIRMWARE)
                lack = port_driver_text(device);
        if (lack || (device->mode == MODE_FIRMWARE && device->modem_rule == MODEM_RULE_PROCESS)) {
                _cleanup_free_ char *text = text_format("%s%s%s", lack ? lack : MODEM_HINT,
                                                        hint ? " " : "", hint ? hint : "");

                device_set(device, DEVICE_HINT, text);
                return;
        }
        device_set(device, DEVICE_HINT, hint);
}

bool device_serial_fits(const struct device *device, const char *serial) {
        return !device->dfu_serials ||
               dfu_serial_check(device->dfu_serials, serial) != DFU_SERIAL_CONTRADICTION;
}

static void set_mode(struct device *device, enum device_mode mode) {
        device->mode = mode;
        device_set(device, DEVICE_MODE, device_mode_name(mode));
}

static void node_update(struct device *device) {
        device_set(device, DEVICE_NODE,
                   device->mode == MODE_FIRMWARE && device->tty ? device->tty : device->usb_node);
}

static struct device *device_free(struct device *device) {
        if (!device)
                return NULL;
        worker_free(device->identify);
        port_wait_free(device->port_wait);
        board_profile_free(device->profile);
        for (size_t i = 0; i < ARRAY_SIZE(device->text); i++)
                free(device->text[i]);
        free(device->dfu_serials);
        free(device->usb_node);
        free(device->tty);
        free(device->hidraw);
        free(device->returned_with);
        free(device->path);
        free(device);
        return NULL;
}
DEFINE_CLEANUP(struct device *, device_free)

static struct device *device_new(struct service *service, const char *port) {
        _cleanup_(device_free_p) struct device *device = calloc(1, sizeof(*device));
        struct device **at = &service->devices;
        size_t n = 0;

        if (!device || sd_bus_path_encode(SERVICE_PATH "/device", port, &device->path) < 0)
                return NULL;
        device->service = service;
        device_set(device, DEVICE_PORT, port);
        device_set(device, DEVICE_ALIAS, alias_of_port(service, port));
        for (; *at; at = &(*at)->next)
                n++;
        if (n >= DEVICES_MAX)
                return NULL;
        *at = device;
        return TAKE_PTR(device);
}

/* Never called while a job runs on it. */
static void device_remove(struct device *device) {
        struct device **at = &device->service->devices;

        while (*at != device)
                at = &(*at)->next;
        journal_log(LOG_INFO, device_get(device, DEVICE_PORT), 0, "%s is gone",
                    device_name(device));
        identity_remember(device);
        device_withdraw(device);
        *at = device->next;
        device_free(device);
}

void devices_clear(struct service *service) {
        while (service->devices) {
                struct device *device = service->devices;

                service->devices = device->next;
                device_free(device);
        }
}

/* What the firmware's serial number says of the chip. Proves later which bootloader is this board.
 */
static void learn_serial(struct device *device, const char *serial) {
        enum board_serial kind = device->profile ? device->profile->serial : SERIAL_NONE;
        char list[DFU_SERIAL_LIST_SIZE], text[32];
        uint32_t uid[3];

        if (kind == SERIAL_SAME && *serial)
                replace_text(&device->dfu_serials, serial);
        if (kind != SERIAL_CHIP || chip_id_parse(serial, uid) < 0)
                return;
        (void) snprintf(text, sizeof(text), "%08x%08x%08x", uid[0], uid[1], uid[2]);
        device_set(device, DEVICE_UNIQUE_ID, text);
        dfu_serial_list(uid, list);
        replace_text(&device->dfu_serials, list);
}

static void find_profile(struct device *device, const struct device_usb *usb) {
        struct board_profile *profile = NULL;

        /* In the bootloader the USB id says only which chip it is: what the firmware said counts
         * for more, and its guards go on to hold. */
        if (usb->mode == MODE_BOOTLOADER && device->profile)
                return;
        (void) board_profile_find(board_profile_dirs(), usb->candidates ? usb->candidates : "",
                                  usb->manufacturer, usb->product, &profile);
        board_profile_free(device->profile);
        device->profile = profile;
        device_set(device, DEVICE_BOARD, profile ? profile->name : "");
}

/* The board is on the bus, as `usb`. */
static void arrive(struct device *device, const struct device_usb *usb) {
        device->generation++;
        device->stranger[0] = '\0';
        device->identify_failed = false;
        device->by_software = false;
        device->modem_rule = usb->modem_rule;
        device->port_driver = (struct port_driver){};
        set_mode(device, usb->mode);
        replace_text(&device->usb_node, usb->node);
        replace_text(&device->tty, NULL);
        replace_text(&device->hidraw, NULL);
        device->asked_by_hand = false;
        if (usb->mode == MODE_FIRMWARE)
                replace_text(&device->returned_with, NULL);
        device->vendor_id = usb->vendor_id;
        device->product_id = usb->product_id;
        device->dirty |= 1U << DEVICE_VENDOR_ID | 1U << DEVICE_PRODUCT_ID;
        device_set(device, DEVICE_MANUFACTURER, usb->manufacturer);
        device_set(device, DEVICE_PRODUCT, usb->product);
        device_set(device, DEVICE_SERIAL, usb->serial);
        if (usb->mode == MODE_BOOTLOADER && !device->announced)
                identity_restore(device);
        find_profile(device, usb);
        if (usb->mode == MODE_FIRMWARE) {
                device->identified = false;
                if (device->remembered) {
                        device->remembered = false;
                        device->dirty |= 1U << DEVICE_REMEMBERED;
                }
                for (size_t i = 0; i < ARRAY_SIZE(of_firmware); i++)
                        device_set(device, of_firmware[i], "");
        }
        if (usb->mode == MODE_FIRMWARE)
                learn_serial(device, usb->serial);
        node_update(device);
        device_hint_update(device);
}

/* The board is off the bus; what is known of it stays. */
static void depart(struct device *device) {
        set_mode(device, MODE_AWAY);
        replace_text(&device->usb_node, NULL);
        replace_text(&device->tty, NULL);
        replace_text(&device->hidraw, NULL);
        device->identify = worker_free(device->identify);
        device->port_wait = port_wait_free(device->port_wait);
        node_update(device);
        device_hint_update(device);
}

static void add_new(struct service *service, const struct device_usb *usb) {
        struct device *device = device_new(service, usb->port);

        if (!device) {
                journal_log(LOG_ERR, usb->port, 0, "Board not taken: out of memory, or too many");
                return;
        }
        arrive(device, usb);
        journal_log(LOG_INFO, usb->port, 0, "%s came, mode %s (%04x:%04x)", device_name(device),
                    device_mode_name(device->mode), usb->vendor_id, usb->product_id);
        device_announce(device);
        auto_identify_consider(device);
}

static bool is_same_arrival(const struct device *device, const struct device_usb *usb) {
        return device->mode == usb->mode && device->vendor_id == usb->vendor_id &&
               device->product_id == usb->product_id && device->usb_node && usb->node &&
               strcmp(device->usb_node, usb->node) == 0;
}

static void stranger_came(struct device *device, const struct device_usb *usb) {
        if (device->mode != MODE_AWAY)
                depart(device);
        device->generation++;
        (void) snprintf(device->stranger, sizeof(device->stranger), "%04x:%04x", usb->vendor_id,
                        usb->product_id);
        device_flush(device);
        job_device_changed(device->job);
}

void devices_usb_added(struct service *service, const struct device_usb *usb) {
        struct device *device = device_find_port(service, usb->port);
        struct job *job = device ? device->job : NULL;

        if (device && is_same_arrival(device, usb))
                return;
        if (device && !job) { /* its removal was not told: never the same board by guess */
                device_remove(device);
                device = NULL;
        }
        if (usb->mode == MODE_AWAY) {
                if (device)
                        stranger_came(device, usb);
                return;
        }
        if (device && usb->mode == MODE_BOOTLOADER && !job_is_forced(job) &&
            !device_serial_fits(device, usb->serial)) {
                depart(device);
                job_fail_wrong_board(job, usb->serial); /* removes the device with its job */
                device = NULL;
        }
        if (!device) {
                add_new(service, usb);
                return;
        }
        arrive(device, usb);
        device_flush(device);
        job_device_changed(job);
}

void devices_usb_removed(struct service *service, const char *port) {
        struct device *device = device_find_port(service, port);

        if (!device)
                return;
        device->stranger[0] = '\0';
        if (device->mode == MODE_AWAY)
                return;
        if (!device->job) {
                device_remove(device);
                return;
        }
        depart(device);
        device_flush(device);
        job_device_changed(device->job);
}

void devices_tty_added(struct service *service, const char *port, const char *node) {
        struct device *device = device_find_port(service, port);

        /* A board with several ports is talked to on its first. */
        if (!device || device->mode != MODE_FIRMWARE || device->tty)
                return;
        replace_text(&device->tty, node);
        node_update(device);
        if (device->port_driver.state != PORT_DRIVER_FINE) {
                device->port_driver = (struct port_driver){};
                device->identify_failed = false; /* by who took the port away, perhaps */
                device_hint_update(device);
        }
        device_flush(device);
        if (device->job)
                job_device_changed(device->job);
        else
                auto_identify_consider(device);
}

void devices_hidraw_added(struct service *service, const char *port, const char *node) {
        struct device *device = device_find_port(service, port);

        if (!device || device->mode != MODE_FIRMWARE || device->hidraw)
                return;
        replace_text(&device->hidraw, node);
        if (device->job)
                job_device_changed(device->job);
}

void devices_hidraw_removed(struct service *service, const char *node) {
        for (struct device *device = service->devices; device; device = device->next)
                if (device->hidraw && strcmp(device->hidraw, node) == 0)
                        replace_text(&device->hidraw, NULL);
}

void devices_tty_rule(struct service *service, const char *port, enum modem_rule rule) {
        struct device *device = device_find_port(service, port);

        if (!device || rule <= device->modem_rule)
                return;
        device->modem_rule = rule;
        device_hint_update(device);
        device_flush(device);
}

void device_set_port_driver(struct device *device, const struct port_driver *driver) {
        struct port_driver now = {};

        if (device->mode == MODE_FIRMWARE)
                now = *driver;
        if (port_driver_may_be_brltty(&now))
                brltty_ask(device->service);
        if (port_driver_equal(&device->port_driver, &now))
                return;
        device->port_driver = now;
        device_hint_update(device);
        device_flush(device);
}

void devices_port_driver(struct service *service, const char *port,
                         const struct port_driver *driver) {
        struct device *device = device_find_port(service, port);

        if (!device || device->tty)
                return;
        device_set_port_driver(device, driver);
        if (device->job)
                job_device_changed(device->job);
}

void devices_brltty_known(struct service *service) {
        for (struct device *device = service->devices, *next; device; device = next) {
                next = device->next;
                if (!port_driver_may_be_brltty(&device->port_driver))
                        continue;
                device_hint_update(device);
                device_flush(device);
                if (device->job)
                        job_device_changed(device->job); /* it waits, and says for what */
        }
}

void devices_tty_removed(struct service *service, const char *node) {
        for (struct device *device = service->devices; device; device = device->next)
                if (device->tty && strcmp(device->tty, node) == 0) {
                        replace_text(&device->tty, NULL);
                        node_update(device);
                        device_flush(device);
                        return;
                }
}

void device_job_ended(struct device *device) {
        device->job = NULL;
        device->dirty |= 1U << DEVICE_JOB;
        if (device->mode == MODE_AWAY) {
                device_remove(device);
                return;
        }
        device_flush(device);
        auto_identify_consider(device);
}

/* A chip in its bootloader that says which board it is on. */
static void learn_board(struct device *device, const char *name) {
        struct board_profile *profile;

        if (device->mode != MODE_BOOTLOADER ||
            strcmp(name, device_get(device, DEVICE_BOARD)) == 0 ||
            board_profile_load(board_profile_dirs(), name, &profile) < 0)
                return;
        board_profile_free(device->profile);
        device->profile = profile;
        device_set(device, DEVICE_BOARD, profile->name);
        device_hint_update(device);
}

void device_learn(struct device *device, const struct report *report) {
        static const struct {
                const char *key;
                enum device_property property;
        } facts[] = {
                {"X.Variant", DEVICE_VARIANT},
                {"X.FirmwareVersion", DEVICE_FIRMWARE_VERSION},
                {"X.BoardName", DEVICE_BOARD_NAME},
                {"X.Mcu", DEVICE_MCU},
                {"X.UniqueId", DEVICE_UNIQUE_ID},
                {"X.MemoryMap", DEVICE_MEMORY_MAP},
                {"X.CustomDefaults", DEVICE_CUSTOM_DEFAULTS},
                {"X.ConfigState", DEVICE_CONFIG_STATE},
        };
        const char *value = report_get(report, "X.UniqueId");

        if (value && *device_get(device, DEVICE_UNIQUE_ID) &&
            strcmp(value, device_get(device, DEVICE_UNIQUE_ID)) != 0)
                identity_forget(device); /* another chip */
        for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
                value = report_get(report, facts[i].key);
                if (value)
                        device_set(device, facts[i].property, value);
        }
        value = report_get(report, "X.Board");
        if (value)
                learn_board(device, value);
        value = report_get(report, "X.DfuSerials");
        if (value)
                replace_text(&device->dfu_serials, value);
        value = report_get(report, "X.McuFamily");
        if (value)
                device_set(device, DEVICE_MCU_FAMILY, value);
        value = report_get(report, "X.ReadProtected");
        if (value && strcmp(value, "yes") == 0) /* what they are now, nobody can see */
                device_set(device, DEVICE_OPTION_BYTES, "");
        if (report_get(report, "X.OptionBytes"))
                device_set(device, DEVICE_OPTION_BYTES, report_get(report, "X.OptionBytes"));
        if (value && device->read_protected != (strcmp(value, "yes") == 0)) {
                device->read_protected = strcmp(value, "yes") == 0;
                device->dirty |= 1U << DEVICE_READ_PROTECTED;
                device_hint_update(device);
        }
        device_flush(device);
}
