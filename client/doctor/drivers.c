/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* USB itself, and the kernel's drivers that boards need: there for the kernel that runs, not
 * forbidden, and bound to what is plugged in. */

#include <glob.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"
#include "client/doctor/modprobe.h"

#define CLASS_COMM     0x02
#define CLASS_HID      0x03
#define CLASS_CDC_DATA 0x0A
#define SUBCLASS_ACM   0x02

struct driver {
        const char *module, *what;
        bool always; /* looked for also if nothing that needs it is plugged in */
};

static const struct driver cdc_acm = {"cdc_acm", "the serial ports of nearly every board", true};
static const struct driver usbhid = {"usbhid", "boards that are asked over HID (FFBeast)", false};
static const struct driver ch341 = {"ch341", "USB-serial chips of WCH", false};
static const struct driver cp210x = {"cp210x", "USB-serial chips of Silicon Labs", false};
static const struct driver ftdi_sio = {"ftdi_sio", "USB-serial chips of FTDI", false};

/* The driver that an interface wants, or NULL. */
static const struct driver *driver_for(const struct usb_device *device,
                                       const struct usb_interface *interface) {
        if (interface->class == CLASS_COMM && interface->subclass == SUBCLASS_ACM)
                return &cdc_acm;
        if (interface->class == CLASS_HID)
                return &usbhid;
        if (strcmp(device->hwdb_mode, "serial-bridge") != 0 &&
            strcmp(device->mode, "serial-bridge") != 0)
                return NULL;
        return device->vendor == 0x1A86   ? &ch341
               : device->vendor == 0x10C4 ? &cp210x
               : device->vendor == 0x0403 ? &ftdi_sio
                                          : NULL;
}

static bool is_ours(const struct usb_device *device) {
        return usb_device_is_board(device) || strcmp(device->hwdb_mode, "serial-bridge") == 0 ||
               strcmp(device->mode, "serial-bridge") == 0;
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

/* The modprobe.d file that forbids it, new, or NULL. */
static char *forbidding_file(const struct doctor *d, const char *module) {
        static const char *const folders[] = {"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"};

        for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
                _cleanup_free_ char *pattern =
                        text_format("%s%s/modprobe.d/*.conf", d->root, folders[i]);
                glob_t found = {};
                char *name = NULL;

                if (!pattern || glob(pattern, 0, NULL, &found) != 0)
                        continue;
                for (size_t k = 0; k < found.gl_pathc && !name; k++) {
                        const char *path = found.gl_pathv[k] + strlen(d->root);
                        _cleanup_free_ char *text = doctor_read(d, path);

                        if (text && modprobe_text_forbids(text, module))
                                name = strdup(path);
                }
                globfree(&found);
                if (name)
                        return name;
        }
        return NULL;
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

static void add_forbidden(struct doctor *d, const struct driver *driver, const char *file) {
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

static void add_missing(struct doctor *d, const struct driver *driver, const char *release) {
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
static bool check_driver(struct doctor *d, const struct driver *driver) {
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
                          const struct usb_interface *interface, const struct driver *driver) {
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
                "give it back (brltty and virtual machines do that).",
                mend_write(d, interface->name, "/sys/bus/usb/drivers_probe"), NULL);
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
                                           const struct driver *driver) {
        for (size_t i = 0; i < device->n_interfaces; i++)
                if (driver_for(device, &device->interfaces[i]) == driver &&
                    !*device->interfaces[i].driver)
                        return &device->interfaces[i];
        return NULL;
}

void doctor_drivers(struct doctor *d) {
        static const struct driver *const all[] = {&cdc_acm, &usbhid, &ch341, &cp210x, &ftdi_sio};
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
        for (size_t i = 0; i < d->usb.n; i++)
                check_authorized(d, &d->usb.devices[i]);
        for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
                bool wanted = all[k]->always;

                for (size_t i = 0; i < d->usb.n; i++)
                        wanted = wanted || (is_ours(&d->usb.devices[i]) &&
                                            unbound(&d->usb.devices[i], all[k]));
                if (!wanted || !check_driver(d, all[k]))
                        continue;
                for (size_t i = 0; i < d->usb.n; i++) {
                        const struct usb_device *device = &d->usb.devices[i];
                        const struct usb_interface *interface = unbound(device, all[k]);

                        if (interface && is_ours(device) && device->authorized && !*device->brltty)
                                check_binding(d, device, interface, all[k]);
                }
        }
        if (doctor_count(d, FINDING_PROBLEM) == before)
                doctor_ok(d, "drivers", "The kernel has USB and the drivers that boards need.");
}
