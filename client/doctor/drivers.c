/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* USB itself, and the kernel's drivers that boards need: there for the kernel that runs, not
 * forbidden, and bound to what is plugged in. */

#include <string.h>
#include <sys/utsname.h>

#include "base/config-files.h"
#include "base/text.h"
#include "client/doctor/doctor.h"
#include "client/doctor/holders.h"
#include "client/doctor/mend.h"
#include "client/doctor/modprobe.h"

#define CLASS_HID 0x03
#define CLAIM_MEANING                                                                              \
        "The kernel's driver had to let go of it: the board has no serial port. Programs that "    \
        "speak to USB devices themselves do that, virtual machines too."

static const struct usb_driver usbhid = {"usbhid", "boards that are asked over HID (FFBeast)",
                                         false};

/* The driver that an interface wants, or NULL. */
static const struct usb_driver *driver_for(const struct usb_interface *interface) {
        return interface->class == CLASS_HID ? &usbhid : interface->wants;
}

static bool is_loaded(const struct doctor *d, const char *module) {
        _cleanup_free_ char *path = text_format("/sys/module/%s", module);

        return path && doctor_exists(d, path);
}

static bool file_has(const struct doctor *d, const char *release, const char *file,
                     const char *module) {
        _cleanup_free_ char *path = text_format("/lib/modules/%s/%s", release, file);
        _cleanup_free_ char *text = path ? doctor_read(d, path) : NULL;

        return text && modules_text_has(text, module);
}

static bool forbids(const char *path, const char *content, const void *module) {
        return modprobe_text_forbids(content, module);
}

/* The modprobe.d file that forbids it, new, or NULL. */
static char *forbidding_file(const struct doctor *d, const char *module) {
        static const char *const folders[] = {"/etc",     "/run", "/usr/local/lib",
                                              "/usr/lib", "/lib", NULL};

        return config_file_find(d->root, folders, "modprobe.d/*.conf", forbids, module);
}

static void problem(struct doctor *d, const char *id, const char *port, char *message,
                    const char *meaning, char *command, const char *action) {
        _cleanup_free_ char *owned = message, *owned_command = command;

        doctor_add(d, &(struct finding){.level = FINDING_PROBLEM,
                                        .id = id,
                                        .port = port,
                                        .message = owned,
                                        .meaning = meaning,
                                        .command = owned_command,
                                        .action = action});
}

static void add_forbidden(struct doctor *d, const struct usb_driver *driver, const char *file) {
        _cleanup_free_ char *edit = NULL, *load = text_format("modprobe %s", driver->module);

        /* Not the line goes, but its effect: whoever wrote it finds it again. */
        edit = text_format("sed -i -E 's/^[[:space:]]*(blacklist|install)[[:space:]]+%s\\b/#&/' %s",
                           strcmp(driver->module, "cdc_acm") == 0 ? "cdc[-_]acm" : driver->module,
                           file);
        problem(d, "driver-forbidden", NULL,
                text_format("%s forbids the kernel's driver %s.", file, driver->module),
                "Boards that need it come without a serial port.",
                edit && load ? mend_as_root(d, edit, load, NULL) : NULL, NULL);
}

static void add_missing(struct doctor *d, const struct usb_driver *driver, const char *release) {
        _cleanup_free_ char *dep = text_format("/lib/modules/%s/modules.dep", release),
                            *glob_text = NULL, *package = NULL, *fedora = NULL, *mend = NULL,
                            *os = doctor_read(d, "/etc/os-release");
        bool is_command;

        if (dep && !doctor_exists(d, dep)) {
                problem(d, "kernel-modules-gone", NULL,
                        text_format("The modules of the kernel that runs (%s) are not there.",
                                    release),
                        "The kernel was upgraded, and the machine still runs the old one: no "
                        "driver can be loaded any more.",
                        mend_as_root(d, "systemctl reboot", NULL), NULL);
                return;
        }
        /* Ubuntu has the rarer drivers in a package of their own, Debian's kernel for clouds has
         * none of them. */
        package = os && strstr(os, "ID=ubuntu") ? text_format("linux-modules-extra-%s", release)
                  : strstr(release, "-cloud-")  ? strdup("linux-image-amd64")
                                                : text_format("linux-image-%s", release);
        fedora = text_format("kernel-modules-%s", release);
        is_command = package && fedora && mend_install(d, package, fedora, "linux", &mend);
        problem(d, "driver-missing", NULL,
                text_format("The kernel %s has no driver %s (%s).", release, driver->module,
                            driver->what),
                "A board that needs it comes without a serial port, and cannot be asked anything.",
                is_command ? TAKE_PTR(mend) : NULL, is_command ? NULL : mend);
}

/* False if a finding explains why nothing is bound to it. */
static bool check_driver(struct doctor *d, const struct usb_driver *driver) {
        _cleanup_free_ char *file = NULL, *line = NULL;
        struct utsname kernel;

        if (is_loaded(d, driver->module) || uname(&kernel) < 0 ||
            file_has(d, kernel.release, "modules.builtin", driver->module))
                return true;
        if (d->container)
                return true;
        line = doctor_read(d, "/proc/cmdline");
        if (line && command_line_forbids(line, driver->module)) {
                problem(d, "driver-forbidden", NULL,
                        text_format("The kernel's command line forbids the driver %s.",
                                    driver->module),
                        "Boards that need it come without a serial port.", NULL,
                        "Take it out of module_blacklist= or modprobe.blacklist= in the boot "
                        "loader's configuration, and restart the machine.");
                return false;
        }
        file = forbidding_file(d, driver->module);
        if (file) {
                add_forbidden(d, driver, file);
                return false;
        }
        if (!file_has(d, kernel.release, "modules.dep", driver->module)) {
                add_missing(d, driver, kernel.release);
                return false;
        }
        return true;
}

/* A driver that is there and not at the board: not loaded, or unbound. */
static void check_binding(struct doctor *d, const struct usb_device *device,
                          const struct usb_interface *interface, const struct usb_driver *driver) {
        if (!is_loaded(d, driver->module)) {
                _cleanup_free_ char *load = text_format("modprobe %s", driver->module);

                problem(d, "driver-not-loaded", device->port,
                        text_format("The driver %s is not loaded, though the board at %s needs it.",
                                    driver->module, device->port),
                        "The board has no serial port; udev loads the driver when one comes.",
                        load ? mend_as_root(d, load, NULL) : NULL, NULL);
                return;
        }
        problem(d, "driver-not-bound", device->port,
                text_format("The driver %s has let go of the board at %s.", driver->module,
                            device->port),
                "The board has no serial port. Some program took it from the driver and did not "
                "give it back (virtual machines and browsers do that).",
                mend_give_back(d, NULL, interface->name), NULL);
}

static void check_authorized(struct doctor *d, const struct usb_device *device) {
        _cleanup_free_ char *path = NULL, *allow = NULL;

        if (device->authorized)
                return;
        path = text_format("/sys/bus/usb/devices/%s/authorized", device->port);
        allow = text_format("usbguard allow-device -p \"$(usbguard list-devices -b | sed -n "
                            "'/via-port \"%s\"/s/:.*//p')\"",
                            device->port);
        problem(d, "device-not-authorized", device->port,
                text_format("The kernel was told not to use what is plugged in at %s.",
                            device->port),
                "USBGuard or the setting authorized_default keeps new devices out.",
                doctor_bus_has(d, "org.usbguard1") && allow ? mend_as_root(d, allow, NULL)
                : path                                      ? mend_write(d, "1", path)
                                                            : NULL,
                NULL);
}

static const struct usb_interface *unbound(const struct usb_device *device,
                                           const struct usb_driver *driver) {
        for (size_t i = 0; i < device->n_interfaces; i++)
                if (driver_for(&device->interfaces[i]) == driver && !*device->interfaces[i].driver)
                        return &device->interfaces[i];
        return NULL;
}

/* Another program has the board's serial interface by its USB node. */
static void check_claim(struct doctor *d, const struct usb_device *device) {
        const struct usb_interface *interface = usb_device_serial(device);
        _cleanup_free_ char *end = NULL, *action = NULL;
        struct holder holder;
        bool hidden;

        if (device->brltty || !interface || !usb_interface_is_claimed(interface) ||
            !usb_device_is_ours(device))
                return;
        if (holder_find(device->node, &holder, &hidden) > 0) {
                end = holder_end_command(&holder);
                problem(d, "interface-claimed", device->port,
                        text_format("The program %s (process %d) has claimed the USB interface of "
                                    "the board at %s.",
                                    holder.name, holder.pid, device->port),
                        CLAIM_MEANING, end ? mend_give_back(d, end, interface->name) : NULL, NULL);
                return;
        }
        action = text_format("End the program that \"sudo fuser -v %s\" shows, then plug the board "
                             "in again.",
                             device->node);
        problem(d, "interface-claimed", device->port,
                text_format("Another program has claimed the USB interface of the board at %s.",
                            device->port),
                CLAIM_MEANING, NULL, action);
}

void doctor_drivers(struct doctor *d) {
        static const struct usb_driver *const all[] = {&serial_driver_acm, &usbhid,
                                                       &serial_driver_ch341, &serial_driver_cp210x,
                                                       &serial_driver_ftdi};
        size_t before = doctor_count(d, FINDING_PROBLEM);

        if (d->usb.n_controllers == 0) {
                problem(d, "no-usb", NULL, strdup("This machine has no USB."),
                        "No board can be plugged in. In a virtual machine or container, USB has to "
                        "be passed in from its host.",
                        NULL,
                        "Pass a USB controller or the board's port through from the host, or plug "
                        "the board into a machine that has USB.");
                return;
        }
        for (size_t i = 0; i < d->usb.n; i++) {
                check_authorized(d, &d->usb.devices[i]);
                check_claim(d, &d->usb.devices[i]);
        }
        for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
                /* Nearly every board needs the one: it is looked for though none is there. */
                bool wanted = all[k] == &serial_driver_acm;

                for (size_t i = 0; i < d->usb.n; i++)
                        wanted = wanted || (usb_device_is_ours(&d->usb.devices[i]) &&
                                            unbound(&d->usb.devices[i], all[k]));
                if (!wanted || !check_driver(d, all[k]))
                        continue;
                for (size_t i = 0; i < d->usb.n; i++) {
                        const struct usb_device *device = &d->usb.devices[i];
                        const struct usb_interface *interface = unbound(device, all[k]);

                        if (interface && usb_device_is_ours(device) && device->authorized &&
                            !device->brltty)
                                check_binding(d, device, interface, all[k]);
                }
        }
        if (doctor_count(d, FINDING_PROBLEM) == before)
                doctor_ok(d, "drivers", "The kernel has USB and the drivers that boards need.");
}
