#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A systemd for tests: mock-systemd.py [UNIT…]

Owns org.freedesktop.systemd1 on the bus of DBUS_SYSTEM_BUS_ADDRESS and answers ListUnitsByPatterns(): the units, which all are
active, that a pattern fits. Writes "ready", and "subscribed" when somebody subscribes; from then on SIGUSR1 has it tell that a
mount changed."""

import fnmatch
import signal
import sys

from gi.repository import Gio, GLib

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
XML = """
<node>
  <interface name="org.freedesktop.systemd1.Manager">
    <method name="ListUnitsByPatterns">
      <arg type="as" direction="in"/><arg type="as" direction="in"/><arg type="a(ssssssouso)" direction="out"/>
    </method>
    <method name="Subscribe"/>
  </interface>
</node>
"""


def tell_of_mount(bus):
    changed = GLib.Variant("(sa{sv}as)", (NAME + ".Mount", {"Options": GLib.Variant("s", "rw")}, []))
    bus.emit_signal(None, PATH + "/unit/var_2emount", "org.freedesktop.DBus.Properties", "PropertiesChanged", changed)
    return True


def main():
    units = sys.argv[1:]

    def find(parameters):
        states, patterns = parameters.unpack()
        found = [
            (unit, "A unit", "loaded", "active", "running", "", PATH + "/unit/one", 0, "", "/")
            for unit in units
            if "active" in states and any(fnmatch.fnmatch(unit, pattern) for pattern in patterns)
        ]
        return GLib.Variant("(a(ssssssouso))", (found,))

    def call(bus, _sender, _path, _interface, method, parameters, invocation):
        if method == "Subscribe":
            GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGUSR1, tell_of_mount, bus)
            print("subscribed", flush=True)
        invocation.return_value(None if method == "Subscribe" else find(parameters))

    def on_bus(bus, _name):
        bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], call, None, None)

    Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, on_bus,
                     lambda *_: print("ready", flush=True), lambda *_: sys.exit(1))
    GLib.MainLoop().run()


main()
