#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""daemon.py PID-WITH-BOARDS PID-WITHOUT [--json]: the measurements of tests/bench/daemon, in its session."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

from gi.repository import Gio, GLib

LISTS = 50
PLUGS = 30
IDLE_SECONDS = 10
SETTLE_SECONDS = 30
SIGNAL_TIMEOUT_MS = 5000


def cpu_of(command):
    """User and system time in ms, fork to exit."""
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{command} failed")
    return (usage.ru_utime + usage.ru_stime) * 1000


def simctl(*words):
    return subprocess.run(["simctl", *words], check=True, capture_output=True, text=True).stdout


def plug_latencies(kind):
    """From the first uevent of a board (its usb_device) to DeviceAdded at a client, in ms."""
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    loop = GLib.MainLoop()
    arrived = []

    def added(*_):
        arrived.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1000)
        loop.quit()

    subscription = bus.signal_subscribe("org.fwctl1", "org.fwctl1.Manager", "DeviceAdded", None, None, Gio.DBusSignalFlags.NONE, added)
    bus.call_sync(  # the match rule is in place once this is answered
        "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping", None, None, 0, -1
    )
    result = []
    for i in range(PLUGS):
        port = f"1-{i + 1}"
        process = subprocess.Popen(["simctl", "plug", kind, port])
        guard = GLib.timeout_add(SIGNAL_TIMEOUT_MS, loop.quit)
        loop.run()
        GLib.source_remove(guard)
        process.wait()
        if len(arrived) != i + 1:
            sys.exit("no DeviceAdded came")
        result.append((arrived[i] - json.loads(simctl("stats", port))["attached_us"]) / 1000)
        simctl("remove", port)
    bus.signal_unsubscribe(subscription)
    return result


def wakeups(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)


def settle(pid):
    """Until what the plugs have set going is over: a second without a wakeup."""
    for _ in range(SETTLE_SECONDS):
        before = wakeups(pid)
        time.sleep(1)
        if wakeups(pid) == before:
            return


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        fields = {line.split(":")[0]: line.split()[1] for line in rollup if line.startswith("Private")}
    return int(fields["Private_Clean"]) + int(fields["Private_Dirty"]), int(fields["Private_Dirty"])


def main():
    load = os.getloadavg()[0]  # what else runs takes part in all times
    mock, plain = int(sys.argv[1]), int(sys.argv[2])
    simctl("plug", "betaflight-f405", "2-1")
    simctl("wait", "2-1", "firmware")
    lists = [cpu_of(["fwctl", "list"]) for _ in range(LISTS)]
    bootloaders, firmwares = plug_latencies("stm32-f405"), plug_latencies("betaflight-f405")
    settle(mock)
    before = {pid: wakeups(pid) for pid in (mock, plain)}
    time.sleep(IDLE_SECONDS)  # the window itself
    idle = {pid: wakeups(pid) - before[pid] for pid in (mock, plain)}
    # Alone, so that what it has of the program's own pages is private too.
    os.kill(mock, signal.SIGTERM)
    while os.path.exists(f"/proc/{mock}") and open(f"/proc/{mock}/stat", encoding="ascii").read().split()[2] != "Z":
        time.sleep(0.01)
    total, dirty = private_kib(plain)
    rows = [
        ("CPU of fwctl list, median", statistics.median(lists), "ms", None),
        ("the worst of %d" % LISTS, max(lists), "ms", 10),
        ("bootloader plugged to DeviceAdded, median", statistics.median(bootloaders), "ms", None),
        ("the worst of %d" % PLUGS, max(bootloaders), "ms", 20),
        ("firmware plugged to DeviceAdded, median", statistics.median(firmwares), "ms", None),
        ("the worst of %d" % PLUGS, max(firmwares), "ms", 20),
        ("wakeups in %d s, one board" % IDLE_SECONDS, idle[mock], "", 0),
        ("wakeups in %d s, no board" % IDLE_SECONDS, idle[plain], "", 0),
        ("private memory", total, "KiB", 2048),
        ("of that written to", dirty, "KiB", None),
        ("load of the machine, last minute", load, "", None),
    ]
    missed = [row for row in rows if row[3] is not None and row[1] > row[3]]
    if "--json" in sys.argv:
        print(json.dumps([dict(zip(("what", "value", "unit", "limit"), row)) for row in rows], indent=2))
    else:
        for name, value, unit, limit in rows:
            state = "" if limit is None else f"at most {limit}: {'MISSED' if value > limit else 'met'}"
            print(f"{name:<42}{value:>10.2f} {unit:<5}{state}")
    sys.exit(1 if missed else 0)


main()
