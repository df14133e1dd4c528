#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make_x32.py [--raw]: an Intel HEX file, or the raw bytes of it, as Betaflight's builds for X32M7B are, on standard output.

It begins at 0x15020000 with the two vectors that Betaflight's startup code has, whose stack is the end of 320 KiB of AHB
RAM (x32_flash_m7b_2m.ld)."""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
import make_bad  # noqa: E402

START = 0x15020000
STACK = 0x30050000
SIZE = 98 * 1024


def main():
    body = bytes((i * 197 + (i >> 8) * 31) & 0xFF for i in range(SIZE - 8))
    image = struct.pack("<II", STACK, START + 9) + body
    if sys.argv[1:] == ["--raw"]:
        sys.stdout.buffer.write(image)
        return
    sys.stdout.write((make_bad.ihex([(START, image)]) + make_bad.END).decode())


main()
