#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A polkit authority for tests: says what it was told to say, and remembers what it was asked.

Owns org.freedesktop.PolicyKit1 on the bus of DBUS_SYSTEM_BUS_ADDRESS. Beside CheckAuthorization it has
org.fwctl1.test.Polkit at the same path, for polkit_answer and polkit_asked in session.sh:
  Answer(s action, s answer)   allow, deny, challenge (a password would be asked for), dismiss (it was asked for
                               and not given) or hang (no answer until the next Answer for that action); the
                               action "*" stands for all that were not named; deny for "enumerate": no action
                               of fwd is known
  Asked() -> s                 JSON, one line a question: action, subject, details, flags
  Forget()                     clears that list
"""

import json
import sys

from gi.repository import Gio, GLib

XML = """
<node>
  <interface name="org.freedesktop.PolicyKit1.Authority">
    <method name="CheckAuthorization">
      <arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="a{ss}" direction="in"/>
      <arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{ss})" direction="out"/>
    </method>
    <method name="EnumerateActions">
      <arg type="s" direction="in"/><arg type="a(ssssssuuua{ss})" direction="out"/>
    </method>
    <method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
    <method name="RegisterAuthenticationAgent">
      <arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
    </method>
    <method name="UnregisterAuthenticationAgent">
      <arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/>
    </method>
    <property name="BackendName" type="s" access="read"/>
    <property name="BackendVersion" type="s" access="read"/>
    <property name="BackendFeatures" type="u" access="read"/>
    <signal name="Changed"/>
  </interface>
  <interface name="org.fwctl1.test.Polkit">
    <method name="Answer"><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
    <method name="Asked"><arg type="s" direction="out"/></method>
    <method name="Forget"/>
  </interface>
</node>
"""

ERROR_CANCELLED = "org.freedesktop.PolicyKit1.Error.Cancelled"
RESULTS = {
    "allow": (True, False, {}),
    "deny": (False, False, {}),
    "challenge": (False, True, {}),
    "dismiss": (False, False, {"polkit.dismissed": "true"}),
}


class Authority:
    def __init__(self):
        self.answers = {"*": "allow"}
        self.asked = []
        self.held = []  # (action, cancellation id, invocation)

    def answer_for(self, action):
        return self.answers.get(action, self.answers["*"])

    def check(self, invocation, subject, action, details, flags, cancellation):
        self.asked.append(
            {"action": action, "subject": subject[0], "details": details, "flags": flags}
        )
        self.held.append((action, cancellation, invocation))
        self.release()

    def release(self):
        held, self.held = self.held, []
        for action, cancellation, invocation in held:
            answer = self.answer_for(action)
            if answer == "hang":
                self.held.append((action, cancellation, invocation))
            else:
                invocation.return_value(GLib.Variant("((bba{ss}))", (RESULTS[answer],)))

    def cancel(self, cancellation):
        for entry in list(self.held):
            if entry[1] == cancellation:
                self.held.remove(entry)
                entry[2].return_dbus_error(ERROR_CANCELLED, "The check was cancelled.")

    def call(self, _bus, _sender, _path, _interface, method, parameters, invocation):
        values = parameters.unpack()
        if method == "CheckAuthorization":
            self.check(invocation, *values)
            return
        if method == "EnumerateActions":
            known = self.answers.get("enumerate") != "deny"
            actions = [("org.fwctl1.flash", "", "", "", "", "", 2, 2, 5, {})] if known else []
            invocation.return_value(GLib.Variant("(a(ssssssuuua{ss}))", (actions,)))
            return
        if method == "Asked":
            lines = "\n".join(json.dumps(entry, sort_keys=True) for entry in self.asked)
            invocation.return_value(GLib.Variant("(s)", (lines,)))
            return
        if method == "Answer":
            if values[1] != "hang" and values[1] not in RESULTS:
                invocation.return_dbus_error(
                    "org.freedesktop.DBus.Error.InvalidArgs", "No such answer: " + values[1]
                )
                return
            self.answers[values[0]] = values[1]
            self.release()
        elif method == "Forget":
            self.asked.clear()
        elif method == "CancelCheckAuthorization":
            self.cancel(values[0])
        invocation.return_value(None)

    @staticmethod
    def get(_bus, _sender, _path, _interface, name):
        if name == "BackendFeatures":
            return GLib.Variant("u", 0)
        return GLib.Variant("s", "mock")


def main():
    authority = Authority()
    loop = GLib.MainLoop()

    def acquired(bus, _name):
        for interface in Gio.DBusNodeInfo.new_for_xml(XML).interfaces:
            bus.register_object(
                "/org/freedesktop/PolicyKit1/Authority",
                interface,
                authority.call,
                authority.get,
                None,
            )

    def lost(_bus, _name):
        print("mock-polkit: the name is lost", file=sys.stderr)
        loop.quit()

    Gio.bus_own_name(
        Gio.BusType.SYSTEM, "org.freedesktop.PolicyKit1", Gio.BusNameOwnerFlags.NONE, acquired, None, lost
    )
    loop.run()


main()
