/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table of boards, keyed by the physical port (`1-2.3`). A device is the board, not the USB
 * device: it keeps its object path and what was learnt of it while it goes from its firmware into
 * its bootloader and back under a job. Serial numbers are evidence that it is still the same one,
 * never the key. Without a job, a board that leaves the bus is removed at once.
 *
 * udev.c tells what came and went (devices_*); the rules are here and in identity.c; the bus side
 * is device-bus.c. A device is owned by the table. After devices_* and job_* calls a device may be
 * gone: look it up again. */

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/report.h"
#include "board/board.h"
#include "service/port-driver.h"
#include "service/port-wait.h"
#include "service/service.h"

#define DEVICE_TEXT_SIZE 128U /* bytes of a USB string, with the NUL */
#define DEVICES_MAX      256U

enum device_mode {
        MODE_AWAY, /* off the bus; a job expects it back */
        MODE_FIRMWARE,
        MODE_BOOTLOADER,
};

enum device_property { /* in the order of dbus/org.fwctl1.xml */
                       DEVICE_PORT,
                       DEVICE_MODE,
                       DEVICE_VENDOR_ID,
                       DEVICE_PRODUCT_ID,
                       DEVICE_MANUFACTURER,
                       DEVICE_PRODUCT,
                       DEVICE_SERIAL,
                       DEVICE_UNIQUE_ID,
                       DEVICE_BOARD,
                       DEVICE_BOARD_NAME,
                       DEVICE_VARIANT,
                       DEVICE_FIRMWARE_VERSION,
                       DEVICE_CUSTOM_DEFAULTS,
                       DEVICE_CONFIG_STATE,
                       DEVICE_MCU,
                       DEVICE_MCU_FAMILY,
                       DEVICE_NODE,
                       DEVICE_MEMORY_MAP,
                       DEVICE_READ_PROTECTED,
                       DEVICE_OPTION_BYTES,
                       DEVICE_REMEMBERED,
                       DEVICE_HINT,
                       DEVICE_ALIAS,
                       DEVICE_JOB,
                       _DEVICE_PROPERTY_MAX,
};

/* What udev says of a USB device; the strings are clean already. */
struct device_usb {
        const char *port, *node;
        enum device_mode mode;  /* MODE_AWAY: not a board that anybody knows */
        const char *candidates; /* FWD_BOARD */
        uint16_t vendor_id, product_id;
        enum modem_rule modem_rule;
        char manufacturer[DEVICE_TEXT_SIZE], product[DEVICE_TEXT_SIZE], serial[DEVICE_TEXT_SIZE];
};

struct device {
        struct device *next;
        struct service *service;
        char *path; /* object */
        enum device_mode mode;
        uint16_t vendor_id, product_id;
        bool read_protected;
        bool remembered;                  /* what is said of the board is of an earlier time */
        char *text[_DEVICE_PROPERTY_MAX]; /* of the string properties; NULL: "" */
        char *dfu_serials;    /* what its ROM may call itself, by its unique id; NULL: not known */
        bool by_software;     /* in its bootloader because its firmware was asked for it */
        char *usb_node, *tty; /* Node is the one of them that its mode is used by */
        char *hidraw;         /* of its HID interface 0 */
        char *returned_with;  /* the hash of what was flashed when it came back in its bootloader:
                                 a switch still says so; NULL: it did not */
        struct board_profile *profile; /* NULL: no profile fits */
        bool asked_by_hand;            /* a person is to bring it into its bootloader */
        bool identified;               /* in this firmware */
        bool identify_failed;          /* since it came; not tried again by itself */
        struct worker *identify;       /* running by itself, outside of a job */
        struct port_wait *port_wait;   /* before it can run */
        enum modem_rule modem_rule;
        struct port_driver port_driver; /* of its firmware, as last seen, while it has no tty */
        struct job *job;                /* that runs on it, or NULL */
        unsigned generation;            /* grows each time it comes to the bus */
        char stranger[16]; /* "1234:5678" if something unknown came to its port, else "" */
        bool announced;
        uint32_t dirty; /* bits of device_property, to be told */
};

/* What came and went. */
void devices_usb_added(struct service *service, const struct device_usb *usb);
void devices_usb_removed(struct service *service, const char *port);
void devices_tty_added(struct service *service, const char *port, const char *node);
/* What the udev properties of the tty itself say to ModemManager. Before devices_tty_added(). */
void devices_tty_rule(struct service *service, const char *port, enum modem_rule rule);
/* What the kernel's driver of its serial port does. */
void devices_port_driver(struct service *service, const char *port,
                         const struct port_driver *driver);
/* The same, but its job, which asks, is not told. */
void device_set_port_driver(struct device *device, const struct port_driver *driver);
/* brltty is there now, or is not any more (brltty.h). */
void devices_brltty_known(struct service *service);
void devices_tty_removed(struct service *service, const char *node);

void devices_hidraw_added(struct service *service, const char *port, const char *node);
void devices_hidraw_removed(struct service *service, const char *node);

struct device *device_find_port(const struct service *service, const char *port);
struct device *device_find_path(const struct service *service, const char *path);
/* By port, node, alias, object path, serial number, unique id, or unambiguous beginning of one of
 * them. FWD_NOT_FOUND; FWD_INVALID_ARGUMENT naming the candidates. */
int device_resolve(const struct service *service, const char *what, struct device **ret,
                   struct fault *fault);

/* The job of the device has ended: a board that is away goes from the table. */
void device_job_ended(struct device *device);
/* Takes over the facts (`X.…`) of a worker that talked to this board. */
void device_learn(struct device *device, const struct report *report);
/* Sets a string property; NULL is "". Told by the next device_flush(). */
void device_set(struct device *device, enum device_property property, const char *value);
const char *device_get(const struct device *device, enum device_property property);
/* How to name it in a sentence: what is best known of it. Never NULL. */
const char *device_name(const struct device *device);
const char *device_mode_name(enum device_mode mode);
/* False if `serial` is that of another chip than the one that is known here. */
bool device_serial_fits(const struct device *device, const char *serial);
void device_hint_update(struct device *device);
void devices_clear(struct service *service);

/* device-bus.c */
int devices_bus_add(struct service *service);
void device_announce(struct device *device);
void device_withdraw(struct device *device);
/* Tells the changed properties, if any. */
void device_flush(struct device *device);
/* Appends a{sv} of all properties. */
int device_append(sd_bus_message *message, const struct device *device);

/* identity.c: what a board was when it left, or (identity-store.h) at some time before, so that it
 * is known again when it comes back as its bootloader without a job of ours, and its serial number
 * proves it. */
void identity_remember(const struct device *device);
void identity_restore(struct device *device);
/* The board has told what it is: kept on the disk. */
void identity_keep(struct device *device);
void identity_forget(struct device *device);
void identities_clear(struct service *service);

/* auto-identify.c: starts the identification that a profile with identify=auto asks for, if there
 * is none yet and nothing else talks to the board. */
void auto_identify_consider(struct device *device);
