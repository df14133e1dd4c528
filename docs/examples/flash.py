#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""flash.py PORT FILE: flash a board over D-Bus and show how it goes. Needs python3-dbus and python3-gi."""

import sys

import dbus
import dbus.mainloop.glib
from gi.repository import GLib

NAME, ROOT = "org.fwctl1", "/org/fwctl1"

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
loop = GLib.MainLoop()
manager = dbus.Interface(bus.get_object(NAME, ROOT), "org.fwctl1.Manager")

exit_status = 1


def on_progress(which, _device, phase, done, total):
    if which == job and total:
        print(f"\r{phase}: {100 * done // total} %   ", end="", flush=True)


def on_end(result, details):
    global exit_status
    print(f"\n{result}: the board's firmware is {details.get('State', 'unknown')}")
    if result == "success":
        exit_status = 0
    else:
        properties = dbus.Interface(bus.get_object(NAME, job), dbus.PROPERTIES_IFACE)
        print(properties.Get("org.fwctl1.Job", "ErrorMessage"), file=sys.stderr)
    loop.quit()


def on_error(error):
    print(f"\n{error.get_dbus_name()}: {error.get_dbus_message()}", file=sys.stderr)
    loop.quit()


port, path = sys.argv[1:]
bus.add_signal_receiver(on_progress, "Progress", "org.fwctl1.Manager", NAME, ROOT)
try:
    device = manager.GetDevice(port)
    with open(path, "rb") as image:
        options = dbus.Dictionary({"leave": True}, signature="sv")
        job = manager.Flash(device, dbus.types.UnixFd(image), options)
except dbus.DBusException as error:
    sys.exit(f"{error.get_dbus_name()}: {error.get_dbus_message()}")
dbus.Interface(bus.get_object(NAME, job), "org.fwctl1.Job").Wait(
    reply_handler=on_end, error_handler=on_error, timeout=600)
loop.run()
sys.exit(exit_status)
