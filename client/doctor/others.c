/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Others who reach for boards: ModemManager, brltty, fwupd. */

#include <string.h>

#include "base/brltty.h"
#include "base/config-files.h"
#include "base/serial-driver.h"
#include "base/text.h"
#include "client/bus.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"
#include "client/doctor/modem-policy.h"

#define MODEM_MANAGER      "org.freedesktop.ModemManager1"
#define MODEM_MANAGER_PATH "/org/freedesktop/ModemManager1"
#define MODEM_MANAGER_UNIT "ModemManager.service"

/* The process of a bus name, as it was started; new, or NULL. */
static char *command_line_of(struct doctor *d, const char *name, size_t *ret_size) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        uint32_t pid;

        if (sd_bus_call_method(d->client->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "GetConnectionUnixProcessID", NULL, &reply,
                               "s", name) < 0 ||
            sd_bus_message_read_basic(reply, 'u', &pid) <= 0)
                return NULL;
        path = text_format("/proc/%u/cmdline", pid);
        text = calloc(1, 4096);
        f = path ? fopen(path, "re") : NULL;
        if (!f || !text)
                return NULL;
        *ret_size = fread(text, 1, 4095, f);
        return TAKE_PTR(text);
}

static void modem_rules(struct doctor *d, const struct usb_device *device) {
        static const char *const unmarks[] = {"ENV{ID_MM_DEVICE_IGNORE}=\"\"",
                                              "ENV{ID_MM_DEVICE_IGNORE}=\"0\""};
        _cleanup_free_ char *file = NULL, *edit = NULL, *message = NULL;

        if (device->modem_process) {
                file = udev_rules_find(d->root, "ID_MM_DEVICE_PROCESS");
                edit = file ? text_format("sed -i '/ID_MM_DEVICE_PROCESS/s/^/#/' %s", file) : NULL;
                message = text_format("%s hands the board at %s to ModemManager "
                                      "(ID_MM_DEVICE_PROCESS).",
                                      file ? file : "A udev rule", device->port);
        } else {
                /* Somebody takes our mark off again; without such a file it was never set. */
                for (size_t i = 0; i < ARRAY_SIZE(unmarks) && !file; i++)
                        file = udev_rules_find(d->root, unmarks[i]);
                edit = file ? text_format("sed -i '/ID_MM_DEVICE_IGNORE/s/^/#/' %s", file) : NULL;
                message = text_format("Nothing keeps ModemManager off the board at %s: "
                                      "ID_MM_DEVICE_IGNORE is not set%s%s.",
                                      device->port, file ? ", by " : "", file ? file : "");
        }
        doctor_problem(
                d, device->modem_process ? "modem-manager-forced" : "modem-manager-not-kept-off",
                device->port, message,
                "It opens the port and sends AT commands for up to 30 s each time the board "
                "comes; a job waits as long.",
                mend_udev(d, edit));
}

void doctor_modem_manager(struct doctor *d) {
        _cleanup_free_ char *version = NULL, *line = NULL, *message = NULL;
        enum modem_policy policy;
        size_t size = 0;

        if (!d->bus || !doctor_bus_has(d, MODEM_MANAGER))
                return;
        version = doctor_bus_text(d, MODEM_MANAGER, MODEM_MANAGER_PATH, MODEM_MANAGER, "Version");
        line = command_line_of(d, MODEM_MANAGER, &size);
        policy = modem_policy(line, size, version);
        if (modem_manager_heeds_ignore(version, policy))
                doctor_ok(
                        d, "modem-manager",
                        "ModemManager %s runs (filter policy %s); fwd's rules keep it off boards.",
                        version ? version : "of an unknown version", modem_policy_name(policy));
        else {
                message = text_format("ModemManager %s (filter policy %s) does not heed the mark "
                                      "that keeps it off boards.",
                                      version, modem_policy_name(policy));
                doctor_problem(
                        d, "modem-manager-old", NULL, message,
                        "It opens serial ports of boards. Without a modem in the machine it "
                        "is not needed; else upgrade it to 1.12 or later.",
                        mend_as_root(d, "systemctl disable --now " MODEM_MANAGER_UNIT, NULL));
        }
        for (size_t i = 0; i < d->usb.n; i++) {
                const struct usb_device *device = &d->usb.devices[i];

                /* What udev did not look up at all is told already. */
                if (device->modem_process
                            ? usb_device_is_board(device)
                            : *device->mode && usb_device_is_board(device) && !device->modem_ignore)
                        modem_rules(d, device);
        }
}

#define BRLTTY_MEANING                                                                             \
        "The USB-serial chip has the same id as some displays; its serial port goes away a "       \
        "second "                                                                                  \
        "after it came. "

static void brltty_sent(struct doctor *d, const struct usb_device *device, const char *message) {
        _cleanup_free_ char *file = udev_rules_find(d->root, BRLTTY_PROPERTY),
                            *end = brltty_end_command(file, NULL);

        doctor_problem(d, "brltty", device->port, message,
                       BRLTTY_MEANING
                       "Unplug it and plug it in again after the command. Who uses a braille "
                       "display names it in /etc/brltty.conf instead.",
                       mend_udev(d, end));
}

/* It has seen the chip by itself. Its claims are short; the kernel's driver stays away. */
static void brltty_found(struct doctor *d, const struct usb_device *device,
                         const struct usb_interface *interface, const char *unit,
                         const char *message) {
        _cleanup_free_ char *end = brltty_end_command(NULL, unit);

        doctor_problem(d, "brltty", device->port, message,
                       BRLTTY_MEANING
                       "Who uses a braille display names it in /etc/brltty.conf instead.",
                       end ? mend_give_back(d, end, interface->name) : NULL);
}

/* The unit of brltty's that runs, new; or NULL. */
static char *brltty_unit(struct doctor *d) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;

        if (!d->bus || brltty_question_new(d->client->bus, &call) < 0 ||
            sd_bus_call(d->client->bus, call, 0, NULL, &reply) < 0)
                return NULL;
        return brltty_answer_unit(reply);
}

void doctor_brltty(struct doctor *d) {
        _cleanup_free_ char *unit = brltty_unit(d);

        for (size_t i = 0; i < d->usb.n; i++) {
                struct usb_device *device = &d->usb.devices[i];
                const struct usb_interface *interface = usb_device_serial(device);
                bool taken = interface && usb_device_is_ours(device) && interface->wants->braille &&
                             (!*interface->driver || usb_interface_is_claimed(interface));
                _cleanup_free_ char *what = usb_device_text(device), *message = NULL;

                if (what)
                        message = text_format("brltty takes what is plugged in at %s (%s) for a "
                                              "braille display.",
                                              device->port, what);
                if (device->brltty)
                        brltty_sent(d, device, message);
                else if (unit && taken) {
                        device->brltty = true;
                        brltty_found(d, device, interface, unit, message);
                }
        }
}

void doctor_fwupd(struct doctor *d) {
        bool runs = doctor_bus_has(d, "org.freedesktop.fwupd");

        if (runs || doctor_bus_can_start(d, "org.freedesktop.fwupd"))
                doctor_ok(d, "fwupd",
                          "fwupd %s; it looks at DFU bootloaders too, for a moment when they come.",
                          runs ? "runs" : "is installed");
}
