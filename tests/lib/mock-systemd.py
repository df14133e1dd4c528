#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A systemd for tests: mock-systemd.py UNIT…

Owns org.freedesktop.systemd1 on the bus of DBUS_SYSTEM_BUS_ADDRESS and answers ListUnitsByPatterns(): the units, which all are
active, that a pattern fits."""

import fnmatch
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
  </interface>
</node>
"""


def main():
    units = sys.argv[1:]

    def call(_bus, _sender, _path, _interface, _method, parameters, invocation):
        states, patterns = parameters.unpack()
        found = [
            (unit, "A unit", "loaded", "active", "running", "", PATH + "/unit/one", 0, "", "/")
            for unit in units
            if "active" in states and any(fnmatch.fnmatch(unit, pattern) for pattern in patterns)
        ]
        invocation.return_value(GLib.Variant("(a(ssssssouso))", (found,)))

    def on_bus(bus, _name):
        bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], call, None, None)

    Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, on_bus, None, lambda *_: sys.exit(1))
    GLib.MainLoop().run()


main()
