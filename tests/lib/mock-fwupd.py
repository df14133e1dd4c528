#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An fwupd for tests: mock-fwupd.py STATUS

Owns org.freedesktop.fwupd on the bus of DBUS_SYSTEM_BUS_ADDRESS, and says of itself what it was given (FwupdStatus: 1 idle, 5 writing
to a device). A line "asked" for each time that it says so."""

import sys

from gi.repository import Gio, GLib

NAME = "org.freedesktop.fwupd"
XML = f'<node><interface name="{NAME}"><property name="Status" type="u" access="read"/></interface></node>'


def call(*_):
    raise NotImplementedError


def status(*_):
    print("asked", flush=True)
    return GLib.Variant("u", int(sys.argv[1]))


def acquired(bus, _name):
    bus.register_object("/", Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], call, status, None)


Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, acquired, None, None)
GLib.MainLoop().run()
