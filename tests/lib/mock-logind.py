#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A logind for tests: mock-logind.py [grant | refuse | silent]

Owns org.freedesktop.login1 on the bus of DBUS_SYSTEM_BUS_ADDRESS. Writes a line to standard output for each
Inhibit(), "inhibited WHAT MODE WHO WHY", and "released WHY" when that lock is let go. "refuse" says no to each. "silent"
answers when SIGUSR1 comes."""

import os
import signal
import sys

from gi.repository import Gio, GLib

NAME = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
XML = """
<node>
  <interface name="org.freedesktop.login1.Manager">
    <method name="Inhibit">
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="h" direction="out"/>
    </method>
  </interface>
</node>
"""


class Manager:
    def __init__(self, manner="grant"):
        self.manner, self.waiting = manner, []

    def grant(self, what, who, why, mode, invocation):
        ours, theirs = os.pipe()

        def on_released(fd, _condition):
            os.close(fd)
            print("released", why, flush=True)
            return False

        GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, ours, GLib.IOCondition.HUP, on_released)
        print("inhibited", what, mode, who, why, flush=True)
        fds = Gio.UnixFDList.new()
        fds.append(theirs)
        os.close(theirs)
        invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (0,)), fds)

    def answer_all(self):
        for arguments in self.waiting:
            self.grant(*arguments)
        self.waiting.clear()
        return True

    def call(self, _bus, _sender, _path, _interface, _method, parameters, invocation):
        if self.manner == "refuse":
            print("refused", flush=True)
            invocation.return_dbus_error("org.freedesktop.DBus.Error.AccessDenied", "Permission denied")
        elif self.manner == "silent":
            print("asked", flush=True)
            self.waiting.append((*parameters.unpack(), invocation))
        else:
            self.grant(*parameters.unpack(), invocation)


def main():
    manager = Manager(*sys.argv[1:])

    def acquired(bus, _name):
        for interface in Gio.DBusNodeInfo.new_for_xml(XML).interfaces:
            bus.register_object(PATH, interface, manager.call, None, None)

    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGUSR1, manager.answer_all)
    Gio.bus_own_name(Gio.BusType.SYSTEM, NAME, Gio.BusNameOwnerFlags.NONE, acquired, None, None)
    GLib.MainLoop().run()


main()
