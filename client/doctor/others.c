/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Others who reach for boards: ModemManager, brltty, fwupd. */

#include <glob.h>
#include <string.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"
#include "client/doctor/modem-policy.h"

#define MODEM_MANAGER      "org.freedesktop.ModemManager1"
#define MODEM_MANAGER_PATH "/org/freedesktop/ModemManager1"
#define MODEM_MANAGER_UNIT "ModemManager.service"

/* The rules files that speak of a property, but not ours. The first one's path, new, or NULL. */
static char *rules_file_with(const struct doctor *d, const char *text) {
        static const char *const folders[] = {"/etc/udev", "/run/udev", "/usr/local/lib/udev",
                                              "/usr/lib/udev", "/lib/udev"};

        for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
                _cleanup_free_ char *pattern =
                        text_format("%s%s/rules.d/*.rules", d->root, folders[i]);
                glob_t found = {};
                char *name = NULL;

                if (!pattern || glob(pattern, 0, NULL, &found) != 0)
                        continue;
                for (size_t k = 0; k < found.gl_pathc && !name; k++) {
                        const char *path = found.gl_pathv[k] + strlen(d->root);
                        _cleanup_free_ char *rules = doctor_read(d, path);

                        if (rules && strstr(rules, text) && !strstr(path, "70-fwd.rules"))
                                name = strdup(path);
                }
                globfree(&found);
                if (name)
                        return name;
        }
        return NULL;
}

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
                file = rules_file_with(d, "ID_MM_DEVICE_PROCESS");
                edit = file ? text_format("sed -i '/ID_MM_DEVICE_PROCESS/s/^/#/' %s", file) : NULL;
                message = text_format("%s hands the board at %s to ModemManager "
                                      "(ID_MM_DEVICE_PROCESS).",
                                      file ? file : "A udev rule", device->port);
        } else {
                /* Somebody takes our mark off again; without such a file it was never set. */
                for (size_t i = 0; i < ARRAY_SIZE(unmarks) && !file; i++)
                        file = rules_file_with(d, unmarks[i]);
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

static void brltty_has(struct doctor *d, const struct usb_device *device) {
        _cleanup_free_ char *file = rules_file_with(d, "BRLTTY_BRAILLE_DRIVER"), *mask = NULL,
                            *what = usb_device_text(device), *message = NULL;
        const char *name = file ? strrchr(file, '/') + 1 : NULL;

        mask = name ? text_format("ln -sf /dev/null /etc/udev/rules.d/%s", name) : NULL;
        if (file && strncmp(file, "/etc/", 5) == 0) {
                free(mask);
                mask = text_format("mv %s %s.off", file, file);
        }
        message = what ? text_format("brltty takes what is plugged in at %s (%s) for a braille "
                                     "display.",
                                     device->port, what)
                       : NULL;
        doctor_problem(d, "brltty", device->port, message,
                       "The USB-serial chip has the same id as some displays; its serial port goes "
                       "away a second after it came. Unplug it and plug it in again after the "
                       "command. Who uses a braille display names it in /etc/brltty.conf instead.",
                       mend_udev(d, mask));
}

void doctor_brltty(struct doctor *d) {
        for (size_t i = 0; i < d->usb.n; i++)
                if (*d->usb.devices[i].brltty)
                        brltty_has(d, &d->usb.devices[i]);
}

void doctor_fwupd(struct doctor *d) {
        bool runs = doctor_bus_has(d, "org.freedesktop.fwupd");

        if (runs || doctor_bus_can_start(d, "org.freedesktop.fwupd"))
                doctor_ok(d, "fwupd",
                          "fwupd %s; it looks at DFU bootloaders too, for a moment when they come.",
                          runs ? "runs" : "is installed");
}
