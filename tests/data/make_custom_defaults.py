#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes Intel HEX files like the Betaflight 4.4 of any board with an STM32F405: with the custom defaults of a
board in the room that is left for them (with.hex), with that room empty as it comes from the build (without.hex), and
one of 4.5, which has no such room (later.hex). hello-1 runs in them, so that they start."""

import argparse
import os
import struct

FLASH = 0x08000000
POINTERS = 0x2800  # where the room begins and ends, two words
ROOM = (FLASH + 0x10000, FLASH + 0x11000)
TEXT = b"""# Betaflight
# name: SPEEDYBEEF405V4
board_name SPEEDYBEEF405V4
manufacturer_id SPBE
resource MOTOR 1 A08
resource LED_STRIP 1 A15
serial 1 64 115200 57600 0 115200
set small_angle = 100
"""


def record(address, kind, data):
    line = struct.pack(">BHB", len(data), address, kind) + data
    return ":" + (line + bytes([-sum(line) & 0xFF])).hex().upper() + "\n"


def ihex(segments):
    lines = []
    for address, data in segments:
        for at in range(0, len(data), 16):
            here = address + at
            if at == 0 or here & 0xFFFF == 0:
                lines.append(record(0, 4, struct.pack(">H", here >> 16)))
            lines.append(record(here & 0xFFFF, 0, data[at : at + 16]))
    return "".join(lines) + record(0, 1, b"")


def claims(version):
    return b"\0" + b"\0".join((b"BTFL", b"Betaflight", version, b"Betaflight STM32F405", b"STM32F405")) + b"\0"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    directory = parser.parse_args().directory
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hello-1.bin"), "rb") as f:
        hello = f.read()
    pointers = (FLASH + POINTERS, struct.pack("<II", *ROOM) + bytes(8))
    files = {
        "with": [(FLASH, hello), (FLASH + 0x1000, claims(b"4.4.2")), pointers, (ROOM[0], TEXT + b"\0")],
        "without": [(FLASH, hello), (FLASH + 0x1000, claims(b"4.4.2")), pointers],
        "later": [(FLASH, hello), (FLASH + 0x1000, claims(b"4.5.1"))],
    }
    for name, segments in files.items():
        with open(os.path.join(directory, name + ".hex"), "w", encoding="ascii") as f:
            f.write(ihex(segments))


main()
