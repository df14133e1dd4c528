#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that answers as org.fwctl1 does and does what a test tells it to, so that every answer
fwctl can get is tested, the rare ones too. It prints "ready" once it owns its name.

org.fwctl1.Mock.Set(key, value) on /mock prepares what comes next:
  boards     N          boards 1-1 .. 1-N (0 to 9)
  refuse     NAME TEXT  the next method that makes a job (and Inspect, and Cancel) fails so
  fail       NAME STATE TEXT   jobs end so, while they write
  hold       PHASE      jobs stop in this phase until Release(), Cancel() or the end of the service
  die        PHASE      the service ends without a word in this phase
  notice     TEXT       Details["Notice"] of jobs, told while they wait for the bootloader
  uncancelable yes      Cancel is refused
  hostile    yes        the boards' strings are full of escape sequences
Calls() tells what methods were called, with their options, and Cancelled() how often Cancel was."""

import hashlib
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "org.fwctl1"
ROOT = "/org/fwctl1"
MANAGER, DEVICE, JOB = NAME + ".Manager", NAME + ".Device", NAME + ".Job"
PROPERTIES = "org.freedesktop.DBus.Properties"
OPTIONS = {"address", "force", "erase", "leave", "keep-config", "dump", "only", "save-with-errors", "dry-run",
           "limit", "before", "port", "unique-id"}
BACKUP = "20251121T115900Z-1a2b3c4d"
CONFIG = b"# fwd configuration backup\nset a = 1\nsave\n"
PHASES = {
    "flash": ["inspecting", "rebooting", "waiting-for-bootloader", "opening", "erasing", "writing",
              "verifying", "leaving", "waiting-for-firmware", "done"],
    "reboot": ["rebooting", "waiting-for-bootloader", "done"],
    "leave": ["opening", "leaving", "waiting-for-firmware", "done"],
    "identify": ["identifying", "done"],
    "backup": ["reading-config", "done"],
    "restore": ["restoring", "saving", "waiting-for-firmware", "comparing-config", "done"],
    "custom-defaults": ["applying-defaults", "waiting-for-firmware", "identifying", "done"],
}
STEPS = 10  # progress reports in a phase that has bytes


class Failure(dbus.DBusException):
    def __init__(self, name, text):
        super().__init__(text)
        self._dbus_error_name = name if "." in name else NAME + ".Error." + name


def encode(text):
    """sd_bus_path_encode(3)."""
    out = ""
    for i, c in enumerate(text):
        out += c if c.isascii() and c.isalnum() and not (i == 0 and c.isdigit()) else "_%02x" % ord(c)
    return out


class Mock:
    def __init__(self, bus, loop):
        self.bus, self.loop = bus, loop
        self.settings, self.calls, self.cancelled = {}, [], 0
        self.devices, self.jobs = [], []
        self.manager = Manager(self)
        self.set_boards(1)

    def set_boards(self, n):
        for device in self.devices:
            device.remove_from_connection()
            self.manager.DeviceRemoved(device.path)
        self.devices = [Device(self, i + 1) for i in range(n)]
        for device in self.devices:
            self.manager.DeviceAdded(device.path, device.properties())

    def check(self, method, options):
        self.calls.append(method + " " + " ".join("%s=%s" % (k, options[k]) for k in sorted(options)))
        if "refuse" in self.settings:
            name, _, text = self.settings.pop("refuse").partition(" ")
            raise Failure(name, text)
        unknown = set(options) - OPTIONS
        if unknown:
            raise Failure("InvalidArgument", "The option %s is unknown." % sorted(unknown)[0])

    def start(self, kind, device, data=b""):
        if device.job and not device.job.result:
            raise Failure("Busy", "Job %d uses board %s." % (device.job.number, device.port))
        job = Job(self, len(self.jobs) + 1, kind, device, data)
        self.jobs.append(job)
        device.job = job
        self.manager.JobAdded(job.path)
        GLib.idle_add(job.step)
        return job.path


class Manager(dbus.service.Object):
    def __init__(self, mock):
        super().__init__(mock.bus, ROOT)
        self.mock = mock

    @dbus.service.method(MANAGER, out_signature="a(oa{sv})")
    def ListDevices(self):
        self.mock.calls.append("ListDevices")
        return dbus.Array([(d.path, d.properties()) for d in self.mock.devices], signature="(oa{sv})")

    @dbus.service.method(MANAGER, out_signature="a(oa{sv})")
    def ListJobs(self):
        return dbus.Array([(j.path, j.properties()) for j in self.mock.jobs], signature="(oa{sv})")

    @dbus.service.method(MANAGER, in_signature="s", out_signature="o")
    def GetDevice(self, what):
        self.mock.calls.append("GetDevice " + what)
        found = [d for d in self.mock.devices
                 if what and any(str(v).startswith(what) for v in
                                 (d.port, d.properties()["Serial"], d.properties()["Node"],
                                  d.properties()["Alias"]))]
        if not found:
            raise Failure("NotFound", "There is no board %s." % what)
        if len(found) > 1:
            raise Failure("InvalidArgument", "%s could be several boards." % what)
        return found[0].path

    @dbus.service.method(MANAGER, in_signature="ha{sv}", out_signature="a{sv}")
    def Inspect(self, image, options):
        self.mock.check("Inspect", options)
        data = read_all(image)
        return {"Format": "ihex", "Size": dbus.UInt64(len(data)),
                "Segments": "0x08000000+16384,0x08008000+%d" % len(data),
                "Sha256": hashlib.sha256(data).hexdigest(), "TargetName": "ST...\x1b[31m"}

    @dbus.service.method(MANAGER, in_signature="a{sv}", out_signature="aa{sv}")
    def ListBackups(self, options):
        self.mock.check("ListBackups", options)
        if "empty" in self.mock.settings:
            return dbus.Array([], signature="a{sv}")
        return dbus.Array([dbus.Dictionary({
            "Id": i, "UniqueId": uid, "BoardName": "Fisch\x1b[31m", "Variant": "BTFL", "FirmwareVersion": "4.5.1",
            "Time": dbus.UInt64(1763726340000000), "Size": dbus.UInt64(len(CONFIG)),
            "Sha256": hashlib.sha256(CONFIG).hexdigest()}, signature="sv")
            for i, uid in ((BACKUP, "00ab1"), ("20251120T115900Z-99999999", "00ab2"))], signature="a{sv}")

    @dbus.service.method(MANAGER, in_signature="a{sv}", out_signature="aa{sv}")
    def ListHistory(self, options):
        self.mock.check("ListHistory", options)
        if "empty" in self.mock.settings:
            return dbus.Array([], signature="a{sv}")
        return dbus.Array([dbus.Dictionary({
            "Id": dbus.UInt64(i), "Kind": "flash", "Port": "1-1", "BoardName": "Fisch\x1b[31m", "ImageName": "good.bin",
            "StartedByUid": dbus.UInt32(0), "StartTime": dbus.UInt64(1763726340000000), "Result": result, "State": state,
            "ErrorName": error, "Details": dbus.Dictionary({"Port": "1-1"}, signature="sv")}, signature="sv")
            for i, result, state, error in ((3, "", "untouched", ""),
                                            (2, "failed", "partly-written", "org.fwctl1.Error.Interrupted"),
                                            (1, "success", "verified", ""))], signature="a{sv}")

    @dbus.service.method(MANAGER, in_signature="sa{sv}", out_signature="h")
    def GetBackup(self, backup, options):
        self.mock.check("GetBackup " + backup, options)
        if not BACKUP.startswith(backup):
            raise Failure("NotFound", "There is no backup %s." % backup)
        fd = os.memfd_create("config")
        os.write(fd, CONFIG)
        os.lseek(fd, 0, os.SEEK_SET)
        try:
            return dbus.types.UnixFd(fd)
        finally:
            os.close(fd)

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return {"Version": "9.8.7", "Features": dbus.Array(["dfu", "msp"], signature="s")}

    @dbus.service.signal(MANAGER, signature="oa{sv}")
    def DeviceAdded(self, device, properties): pass

    @dbus.service.signal(MANAGER, signature="o")
    def DeviceRemoved(self, device): pass

    @dbus.service.signal(MANAGER, signature="o")
    def JobAdded(self, job): pass

    @dbus.service.signal(MANAGER, signature="os")
    def JobRemoved(self, job, result): pass

    @dbus.service.signal(MANAGER, signature="oostt")
    def Progress(self, job, device, phase, done, total): pass


class Device(dbus.service.Object):
    def __init__(self, mock, number):
        self.mock, self.port, self.mode, self.job = mock, "1-%d" % number, "firmware", None
        self.path = ROOT + "/device/" + encode(self.port)
        self.number = number
        super().__init__(mock.bus, self.path)

    def properties(self):
        evil = "\x1b]0;owned\x07\x1b[31mRED\u202e\n" if "hostile" in self.mock.settings else ""
        return {
            "Port": self.port, "Mode": self.mode, "VendorId": dbus.UInt16(0x0483),
            "ProductId": dbus.UInt16(0x5740), "Manufacturer": "Betaflight" + evil,
            "Product": "STM32 VCP", "Serial": "SERIAL%d" % self.number + evil, "UniqueId": "00ab%d" % self.number,
            "Board": "betaflight", "BoardName": "Räucherfisch F405" + evil, "Variant": "BTFL",
            "FirmwareVersion": "4.5.1", "Mcu": "STM32F405", "Node": "/dev/ttyACM%d" % self.number,
            "MemoryMap": "", "ReadProtected": dbus.Boolean(False), "Remembered": dbus.Boolean(False), "Hint": "",
            "Alias": "bay%d" % self.number if self.number > 1 else "",
            "Job": dbus.ObjectPath(self.job.path if self.job and not self.job.result else "/"),
        }

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return self.properties()

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated): pass

    def set_mode(self, mode):
        self.mode = mode
        self.PropertiesChanged(DEVICE, {"Mode": mode}, dbus.Array([], signature="s"))

    @dbus.service.method(DEVICE, in_signature="ha{sv}", out_signature="o")
    def Flash(self, image, options):
        self.mock.check("Flash", options)
        data = read_all(image)
        if not data.startswith(b"GOOD"):
            raise Failure("InvalidImage", "The file is no firmware.")
        return self.mock.start("flash", self, data)

    @dbus.service.method(DEVICE, in_signature="a{sv}", out_signature="o")
    def RebootToBootloader(self, options):
        self.mock.check("RebootToBootloader", options)
        return self.mock.start("reboot", self)

    @dbus.service.method(DEVICE, in_signature="a{sv}", out_signature="o")
    def Identify(self, options):
        self.mock.check("Identify", options)
        return self.mock.start("identify", self)

    @dbus.service.method(DEVICE, in_signature="a{sv}", out_signature="o")
    def Leave(self, options):
        self.mock.check("Leave", options)
        return self.mock.start("leave", self)

    @dbus.service.method(DEVICE, in_signature="a{sv}", out_signature="o")
    def BackupConfig(self, options):
        self.mock.check("BackupConfig", options)
        return self.mock.start("backup", self)

    @dbus.service.method(DEVICE, in_signature="ha{sv}", out_signature="o")
    def RestoreConfig(self, config, options):
        self.mock.check("RestoreConfig", options)
        data = read_all(config)
        self.mock.calls.append("config " + data.decode().splitlines()[-2])
        return self.mock.start("restore", self, data)

    @dbus.service.method(DEVICE, in_signature="a{sv}", out_signature="o")
    def ApplyCustomDefaults(self, options):
        self.mock.check("ApplyCustomDefaults", options)
        return self.mock.start("custom-defaults", self)


class Job(dbus.service.Object):
    def __init__(self, mock, number, kind, device, data):
        self.mock, self.number, self.kind, self.device, self.data = mock, number, kind, device, data
        self.path = "%s/job/%s" % (ROOT, encode(str(number)))
        self.phases, self.index, self.part = PHASES[kind], 0, 0
        self.done = self.total = 0
        self.result = self.error = self.message = ""
        self.state = "untouched"
        self.held, self.waiting, self.notice = False, [], ""
        super().__init__(mock.bus, self.path)

    @property
    def phase(self):
        return self.phases[min(self.index, len(self.phases) - 1)]

    def details(self):
        d = {"State": self.state}
        if self.notice:
            d["Notice"] = self.notice
        if self.kind == "identify":
            d.update({"Variant": "BTFL", "FirmwareVersion": "4.5.1", "Mcu": "STM32F405"})
        if self.result == "success" and self.kind == "flash":
            d["Written"] = str(len(self.data))
        if self.result == "success" and self.kind == "backup":
            d["Backup"] = BACKUP
        if self.kind in ("restore", "flash", "custom-defaults"):
            for pair in filter(None, self.mock.settings.get("details", "").split("|")):
                key, _, value = pair.partition("=")
                d[key] = value
        return dbus.Dictionary(d, signature="sv")

    def properties(self):
        return {
            "Id": dbus.UInt32(self.number), "Device": dbus.ObjectPath(self.device.path),
            "Kind": self.kind, "Phase": self.phase, "BytesDone": dbus.UInt64(self.done),
            "BytesTotal": dbus.UInt64(self.total), "StartedByUid": dbus.UInt32(0),
            "StartTime": dbus.UInt64(1_700_000_000_000_000), "Cancelable": True,
            "Result": self.result, "ErrorName": self.error, "ErrorMessage": self.message,
            "ImageSha256": hashlib.sha256(self.data).hexdigest(), "Details": self.details(),
        }

    def report(self):
        self.mock.manager.Progress(self.path, self.device.path, self.phase,
                                   dbus.UInt64(self.done), dbus.UInt64(self.total))

    def step(self):
        """One progress report; True to be called again."""
        settings, phase = self.mock.settings, self.phase
        if self.result or self.held:
            return False
        has_bytes = phase in ("erasing", "writing", "verifying")
        self.total = len(self.data) if has_bytes else 0
        self.done = self.total * self.part // STEPS
        self.enter(phase)
        self.report()
        if self.part == 0 or self.part == STEPS // 2:
            if settings.get("die") == phase:
                self.mock.bus.flush()
                os._exit(0)
            if settings.get("hold") == phase and self.part == STEPS // 2 * has_bytes:
                self.held = True
                return False
            if "fail" in settings and (phase == "writing" and self.part or phase == "saving"):
                name, state, message = settings["fail"].split(" ", 2)
                self.end("failed", name, message, state)
                return False
        self.part += 1
        if not has_bytes or self.part > STEPS:
            self.part, self.index = 0, self.index + 1
        if self.index == len(self.phases):
            self.end("success")
            return False
        return True

    def enter(self, phase):
        if phase == "waiting-for-bootloader" and "notice" in self.mock.settings:
            self.notice = self.mock.settings["notice"]
            self.PropertiesChanged(JOB, {"Details": self.details()}, dbus.Array([], signature="s"))
        if phase == "opening" or (self.kind == "reboot" and phase == "done"):
            self.device.set_mode("bootloader")
        if phase == "waiting-for-firmware":
            self.device.set_mode("firmware")
        if phase in ("erasing", "writing", "verifying"):
            self.state = {"erasing": "erased", "writing": "partly-written", "verifying": "written"}[phase]
        if phase == "leaving" and self.kind == "flash":
            self.state = "verified"

    def release(self):
        if self.held:
            self.held = False
            self.part += 1
            if self.total == 0:
                self.part, self.index = 0, self.index + 1
            GLib.idle_add(self.step)

    def end(self, result, error="", message="", state=None):
        self.result, self.error, self.message = result, error, message
        self.state = state or self.state
        for reply in self.waiting:
            reply(self.result, self.details())
        self.waiting = []
        self.mock.manager.JobRemoved(self.path, result)

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return self.properties()

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated): pass

    @dbus.service.method(JOB, out_signature="sa{sv}", async_callbacks=("reply", "error"))
    def Wait(self, reply, error):
        if self.result:
            reply(self.result, self.details())
        else:
            self.waiting.append(reply)

    @dbus.service.method(JOB)
    def Cancel(self):
        self.mock.check("Cancel", {})
        if "uncancelable" in self.mock.settings:
            raise Failure("NotSupported", "The job is past the point where it can be cancelled.")
        self.mock.cancelled += 1
        if not self.result:
            self.end("cancelled", "Cancelled", "It was cancelled. Board %s is %s. Flash again when you are ready."
                     % (self.device.port, self.state))


class Control(dbus.service.Object):
    def __init__(self, mock):
        super().__init__(mock.bus, "/mock")
        self.mock = mock

    @dbus.service.method(NAME + ".Mock", in_signature="ss")
    def Set(self, key, value):
        if key == "boards":
            self.mock.set_boards(int(value))
        elif value:
            self.mock.settings[key] = value
        else:
            self.mock.settings.pop(key, None)

    @dbus.service.method(NAME + ".Mock")
    def Release(self):
        self.mock.settings.pop("hold", None)
        for job in self.mock.jobs:
            job.release()

    @dbus.service.method(NAME + ".Mock")
    def Reset(self):
        self.mock.settings.clear()
        self.mock.calls.clear()
        for job in self.mock.jobs:
            if not job.result:
                job.end("cancelled", "Cancelled", "The test is over.")
        self.mock.set_boards(1)

    @dbus.service.method(NAME + ".Mock", out_signature="as")
    def Calls(self):
        return dbus.Array(self.mock.calls, signature="s")

    @dbus.service.method(NAME + ".Mock", out_signature="u")
    def Cancelled(self):
        return self.mock.cancelled

    @dbus.service.method(NAME + ".Mock")
    def Quit(self):
        GLib.idle_add(self.mock.loop.quit)


def read_all(image):
    fd = image.take()
    try:
        with os.fdopen(fd, "rb", closefd=False) as f:
            return f.read()
    finally:
        os.close(fd)


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.bus.BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"])
    loop = GLib.MainLoop()
    mock = Mock(bus, loop)
    Control(mock)
    if bus.request_name(NAME, dbus.bus.NAME_FLAG_DO_NOT_QUEUE) != dbus.bus.REQUEST_NAME_REPLY_PRIMARY_OWNER:
        sys.exit("the name %s is taken" % NAME)
    print("ready", flush=True)
    loop.run()


if __name__ == "__main__":
    main()
