#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes files as Bitcraze's builds and releases have them, and ones that must not be flashed.

They are no firmware: a vector table, the texts of the device types, and bytes. The first word is odd, as the linker
script of crazyflie-firmware makes it."""

import argparse
import json
import os
import random
import struct
import zipfile

FIRMWARE_START = 0x08004000
TYPES = {"cf2": ["CF20", "CF21"], "cf21bl": ["C21B"], "bolt": ["RZ10", "CB10", "CB11"], "tag": ["RR10"]}


def image(start, size, types=(), stack=0x2001FFFF, reset=0x1F0):
    """`reset` is where the handler is, from the start; the other exceptions are behind it."""
    data = bytearray(random.Random(size).randbytes(size))
    data[0:512] = bytes(512)
    struct.pack_into("<16I", data, 0, stack, *(start + reset + 4 * i | 1 for i in range(15)))
    for i, name in enumerate(types):
        data[1024 + 64 * i : 1024 + 64 * i + 25] = name.encode() + b"\0Crazyflie whatever\0\0"
    return bytes(data)


def firmware(platform, size=100_000):
    return image(FIRMWARE_START, size, TYPES[platform])


def archive(path, files, version=1, manifest=None, stored=False):
    """`files`: name -> (bytes, platform, target, type), or bytes alone for one that the manifest does not name."""
    entries = {
        name: {"platform": f[1], "target": f[2], "type": f[3], "release": "2025.02", "repository": "crazyflie-firmware"}
        for name, f in files.items()
        if isinstance(f, tuple)
    }
    if manifest is None:
        manifest = json.dumps({"version": version, "subversion": 1, "release": "2025.02", "files": entries}).encode()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", method) as z:
        for name, f in files.items():
            z.writestr(zipfile.ZipInfo(name, (2025, 2, 1, 0, 0, 0)), f[0] if isinstance(f, tuple) else f, method)
        if manifest:
            z.writestr(zipfile.ZipInfo("manifest.json", (2025, 2, 1, 0, 0, 0)), manifest, method)


def make(directory):
    def path(name):
        return os.path.join(directory, name)

    def write(name, data):
        with open(path(name), "wb") as f:
            f.write(data)

    for platform in TYPES:
        write(f"{platform}.bin", firmware(platform))
    write("cf2-other.bin", firmware("cf2", 120_000))
    write("unmarked.bin", image(FIRMWARE_START, 50_000))
    # Built with CLOAD=0: the same, for a chip without a loader.
    write("cload0.bin", image(0x08000000, 100_000, TYPES["cf2"]))
    # The same with its reset handler far behind: other exceptions tell.
    far = bytearray(image(0x08000000, 100_000, TYPES["cf2"]))
    struct.pack_into("<I", far, 4, 0x08012345)
    write("cload0-far.bin", bytes(far))
    # Linked with the scripts of an F103.
    write("loader.bin", image(0x08000000, 10_000, stack=0x20005000))
    write("loader-too-large.bin", image(0x08000000, 16_385, stack=0x20005000))
    write("too-long.bin", firmware("cf2", 0x100000 - 0x4000 + 1))

    cf2 = (firmware("cf2"), "cf2", "stm32", "fw")
    nrf = (b"\x00\x40\x00\x20" + bytes(2000), "cf2", "nrf51", "fw")
    deck = (bytes(3000), "cf2", "bcLighthouse4", "fw")
    archive(path("release.zip"), {"cf2-2025.02.bin": cf2, "cf2_nrf-2025.02.bin": nrf, "lighthouse.bin": deck})
    archive(path("release-2.zip"), {"cf2-2025.02.bin": cf2, "cf2_nrf-2025.02.bin": nrf, "README.md": b"hello"}, version=2)
    archive(path("stored.zip"), {"cf2-2025.02.bin": cf2}, stored=True)
    # Files that must be refused.
    bad = path("bad")
    os.makedirs(bad, exist_ok=True)
    one = {"cf2.bin": cf2}

    def bad_archive(name, *args, **kwargs):
        archive(os.path.join(bad, name), *args, **kwargs)

    bad_archive("no-manifest.zip", one, manifest=b"")
    bad_archive("broken-manifest.zip", one, manifest=b'{"version": 1, "files": {')
    bad_archive("manifest-no-object.zip", one, manifest=b"[1, 2]")
    bad_archive("newer.zip", one, version=3)
    bad_archive("no-version.zip", one, manifest=b'{"files": {}}')
    bad_archive("nothing-for-stm32.zip", {"nrf.bin": nrf})
    bad_archive("two-for-stm32.zip", {"a.bin": cf2, "b.bin": (firmware("bolt"), "bolt", "stm32", "fw")})
    bad_archive("not-there.zip", {"other.bin": b"x"}, manifest=b'{"version": 1, "files": {"cf2.bin": {"platform": "cf2", "target": "stm32", "type": "fw"}}}')
    bad_archive("wrong-types.zip", one, manifest=b'{"version": 1, "files": {"cf2.bin": {"platform": 2, "target": ["stm32"], "type": null}}}')
    bad_archive("empty-member.zip", {"cf2.bin": (b"", "cf2", "stm32", "fw")})
    bad_archive("in-itself.zip", {"cf2.zip": (open(path("release.zip"), "rb").read(), "cf2", "stm32", "fw")})
    bad_archive("bomb.zip", {"cf2.bin": (bytes(65 << 20), "cf2", "stm32", "fw")})
    bad_archive("many.zip", {**one, **{f"{i}.txt": b"x" for i in range(200)}})
    bad_archive("huge-manifest.zip", one, manifest=b'{"version": 1, "files": {}, "x": "' + b"y" * 200_000 + b'"}')
    whole = open(path("release.zip"), "rb").read()
    with open(os.path.join(bad, "cut.zip"), "wb") as f:
        f.write(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(flipped) // 3] ^= 0x55
    with open(os.path.join(bad, "flipped.zip"), "wb") as f:
        f.write(flipped)
    os.utime(directory)  # the build looks at it


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    args = parser.parse_args()
    os.makedirs(args.directory, exist_ok=True)
    make(args.directory)
