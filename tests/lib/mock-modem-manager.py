#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A ModemManager for tests: mock-modem-manager.py [TTY DEVICE]

Owns org.freedesktop.ModemManager1 on the bus of DBUS_SYSTEM_BUS_ADDRESS. With arguments it has one modem on that
port ("ttyACM0") and device. MOCK_VERSION is its version (1.20.4). Writes a line for each InhibitDevice() to standard output, and what it thinks of it."""

import os
import sys

from gi.repository import Gio, GLib

NAME = "org.freedesktop.ModemManager1"
PATH = "/org/freedesktop/ModemManager1"
XML = """
<node>
  <interface name="org.freedesktop.ModemManager1">
    <method name="InhibitDevice"><arg type="s" direction="in"/><arg type="b" direction="in"/></method>
    <property name="Version" type="s" access="read"/>
  </interface>
  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
  </interface>
</node>
"""


class Manager:
    def __init__(self, tty=None, device=None):
        self.tty, self.device, self.inhibitor = tty, device, None

    def objects(self):
        if not self.tty or self.inhibitor:
            return {}
        modem = {
            "Manufacturer": GLib.Variant("s", "mock"),
            "Ports": GLib.Variant("a(su)", [("cdc-wdm0", 6), (self.tty, 3)]),
            "Device": GLib.Variant("s", self.device),
        }
        sim = {"Imsi": GLib.Variant("s", "1")}
        return {
            PATH + "/SIM/0": {NAME + ".Sim": sim},
            PATH + "/Modem/0": {NAME + ".Modem.Simple": {}, NAME + ".Modem": modem},
        }

    def inhibit(self, sender, device, inhibit):
        if device != self.device or (inhibit and self.inhibitor) or (not inhibit and self.inhibitor != sender):
            return "refused"
        self.inhibitor = sender if inhibit else None
        return "inhibited" if inhibit else "released"

    def call(self, _bus, sender, _path, _interface, method, parameters, invocation):
        if method == "GetManagedObjects":
            invocation.return_value(GLib.Variant("(a{oa{sa{sv}}})", (self.objects(),)))
            return
        result = self.inhibit(sender, *parameters.unpack())
        print(result, parameters.unpack()[0], flush=True)
        if result == "refused":
            invocation.return_dbus_error(NAME + ".Error.Core.NotFound", "No such device")
        else:
            invocation.return_value(None)


def version(*_):
    return GLib.Variant("s", os.environ.get("MOCK_VERSION", "1.20.4"))


def main():
    manager = Manager(*sys.argv[1:])

    def acquired(bus, _name):
        for interface in Gio.DBusNodeInfo.new_for_xml(XML).interfaces:
            bus.register_object(PATH, interface, manager.call, version, None)

    Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, acquired, None, None)
    GLib.MainLoop().run()


main()
