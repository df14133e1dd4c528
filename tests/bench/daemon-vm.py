#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""daemon-vm.py: the measurements of tests/bench/daemon-vm, in its guest. Prints one line a value: WHAT, unit, then
fwd's, fwupd's and ModemManager's, "-" where there is none; separated by tabs. The guest has Python's smallest set of modules."""

import os
import select
import socket
import subprocess
import sys
import time

PLUGS = 20
IDLE_SECONDS = 20
PLUG_TIMEOUT_S = 15
SETTLE_SECONDS = 30

NETLINK_KOBJECT_UEVENT = 15
GROUP_KERNEL, GROUP_UDEV = 1, 2

UNITS = ("fwd", "fwupd", "ModemManager")
BOARDS = (("betaflight-f405", "1-1"), ("betaflight-f405", "3-1"), ("stm32-f405", "5-1"), ("stm32-f405", "7-1"))


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def main_pid(unit):
    return int(run("systemctl", "show", "--value", "-p", "MainPID", unit))


def threads(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/{name}", encoding="ascii") as file:
            yield tid, file.read()


def wakeups(pid):
    """How often each of its threads was put on a CPU: each wakeup, and each time it was pushed aside."""
    return {tid: sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line) for tid, text in threads(pid, "status")}


def more(after, before):
    """Of the threads that are there at the end; those that ended meanwhile take their count with them."""
    return sum(n - before.get(tid, 0) for tid, n in after.items())


def cpu_us(unit):
    """With what it starts: a worker of fwd's counts as fwd."""
    with open(f"/sys/fs/cgroup/system.slice/{unit}.service/cpu.stat", encoding="ascii") as file:
        return int(file.readline().split()[1])


def memory_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        fields = {line.split(":")[0]: line.split()[1] for line in file if line.startswith(("P", "R"))}
    return int(fields["Pss"]), int(fields["Private_Clean"]) + int(fields["Private_Dirty"])


def row(what, unit, values):
    print("\t".join([what, unit or "-"] + ["-" if v is None else f"{v:.2f}" for v in values]), flush=True)


def settle():
    """Until what was set going is over: two seconds in which none of them was woken; one with a timer has that long."""
    pids = [main_pid(unit) for unit in UNITS]
    for _ in range(SETTLE_SECONDS // 2):
        before = [wakeups(pid) for pid in pids]
        time.sleep(2)
        if [wakeups(pid) for pid in pids] == before:
            return


def idle(boards):
    settle()
    pids = [main_pid(unit) for unit in UNITS]
    before = [(wakeups(pid), cpu_us(unit)) for pid, unit in zip(pids, UNITS)]
    time.sleep(IDLE_SECONDS)  # the window itself
    after = [(wakeups(pid), cpu_us(unit)) for pid, unit in zip(pids, UNITS)]
    if [main_pid(unit) for unit in UNITS] != pids:
        sys.exit("a service was started again meanwhile")
    row(f"wakeups in {IDLE_SECONDS} s, {boards}", "", [more(a[0], b[0]) for a, b in zip(after, before)])
    row(f"CPU in {IDLE_SECONDS} s, {boards}", "ms", [(a[1] - b[1]) / 1000 for a, b in zip(after, before)])
    memory = [memory_kib(pid) for pid in pids]
    row(f"proportional memory (PSS), {boards}", "KiB", [m[0] for m in memory])
    row(f"private memory, {boards}", "KiB", [m[1] for m in memory])


class Uevents:
    """The kernel's own events and udev's, each with the time at which it got here."""

    def __init__(self, group):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
        self.socket.bind((0, group))

    def read(self):
        data = self.socket.recv(65536)
        return time.monotonic(), data.decode("utf-8", "replace").split("\0")


class BusSignals:
    """Signals as dbus-monitor sees them, with its times brought to the monotonic clock."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["dbus-monitor", "--system", "--profile", "type='signal',member='DeviceAdded'", "type='signal',member='DeviceRemoved'"],
            stdout=subprocess.PIPE,
        )
        self.rest = b""
        self.offset = time.time() - time.monotonic()

    def read(self):
        self.rest += os.read(self.process.stdout.fileno(), 65536)
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            fields = line.decode("utf-8", "replace").split("\t")
            if fields[0] == "sig" and len(fields) >= 8:
                yield float(fields[1]) - self.offset, fields[6], fields[7]


INTERFACES = {"org.fwctl1.Manager": "fwd", "org.freedesktop.fwupd": "fwupd"}


def one_plug(kernel, udev, bus, action, port, signal, wanted):
    """Does `action`; when the kernel, udev and each of `wanted` told of it, as seconds."""
    seen = {}
    process = subprocess.Popen(action)
    deadline = time.monotonic() + PLUG_TIMEOUT_S
    while not {"kernel", "udev", *wanted} <= set(seen):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        ready, _, _ = select.select([kernel.socket, udev.socket, bus.process.stdout], [], [], left)
        for source, name in ((kernel, "kernel"), (udev, "udev")):
            if source.socket in ready:
                at, fields = source.read()
                added = "ACTION=" + ("add" if signal == "DeviceAdded" else "remove") in fields
                if added and "DEVTYPE=usb_device" in fields and any(f.startswith("DEVPATH=") and f.endswith("/" + port) for f in fields):
                    seen.setdefault(name, at)
        if bus.process.stdout in ready:
            for at, interface, member in bus.read():
                if member == signal and interface in INTERFACES:
                    seen.setdefault(INTERFACES[interface], at)
    process.wait()
    return seen


def plugs(kind, what):
    kernel, udev, bus = Uevents(GROUP_KERNEL), Uevents(GROUP_UDEV), BusSignals()
    os.read(bus.process.stdout.fileno(), 65536)  # its head: from here on it listens
    port = "9-1"
    plug, remove = ["simctl", "plug", kind, port], ["simctl", "remove", port]
    # The first one says who tells of such a board at all.
    services = set(INTERFACES.values())
    wanted = services & set(one_plug(kernel, udev, bus, plug, port, "DeviceAdded", services))
    wanted_gone = services & set(one_plug(kernel, udev, bus, remove, port, "DeviceRemoved", wanted))
    settle()
    before = [cpu_us(unit) for unit in UNITS]
    took, own = {name: [] for name in wanted}, {name: [] for name in wanted}
    for i in range(PLUGS):
        seen = one_plug(kernel, udev, bus, plug, port, "DeviceAdded", wanted)
        missing = {"kernel", "udev", "fwd", *wanted} - set(seen)
        if missing:
            sys.exit(f"plug {i + 1} of a {kind}: nothing from {missing}")
        for name in wanted:
            took[name].append((seen[name] - seen["kernel"]) * 1000)
            own[name].append((seen[name] - seen["udev"]) * 1000)
        one_plug(kernel, udev, bus, remove, port, "DeviceRemoved", wanted_gone)
    settle()
    after = [cpu_us(unit) for unit in UNITS]
    bus.process.terminate()
    bus.process.wait()

    def values(of, take):
        return [take(of[unit]) if unit in wanted else None for unit in UNITS]

    row(f"{what} plugged to DeviceAdded, median of {PLUGS}", "ms", values(took, lambda v: sorted(v)[len(v) // 2]))
    row("  the worst", "ms", values(took, max))
    row("  the median from udev's event on", "ms", values(own, lambda v: sorted(v)[len(v) // 2]))
    row("CPU for one plug and unplug of it", "ms", [(a - b) / 1000 / PLUGS for a, b in zip(after, before)])


def main():
    # It would leave when there is no board, and be measured as nothing.
    os.makedirs("/run/systemd/system/fwd.service.d", exist_ok=True)
    with open("/run/systemd/system/fwd.service.d/bench.conf", "w", encoding="ascii") as file:
        file.write("[Service]\nEnvironment=FWD_IDLE_EXIT_MS=0\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "fwd")
    for unit in UNITS:
        run("systemctl", "start", unit)
    idle("no board")
    for kind, port in BOARDS:
        run("simctl", "plug", kind, port)
    for kind, port in BOARDS:
        run("simctl", "wait", port, "firmware" if kind.startswith("betaflight") else "bootloader", "30")
    idle("four boards")
    plugs("stm32-f405", "bootloader")
    plugs("betaflight-f405", "firmware")


main()
