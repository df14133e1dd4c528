#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes firmware files that must not be flashed, from the kept good ones.

The directory gets a list EXPECT besides, a line for each file: NAME STAGE ERROR, separated by tabs. STAGE is "inspect"
where the file alone shows it, "flash" where it takes the board: an STM32F405 in DFU mode, 1 MiB of flash at 0x08000000
on alternate setting 0, USB id 0483:df11. ERROR is "-" for files that are odd but right: they must be flashed.
"""

import argparse
import gzip
import os
import random
import struct

from make_dfu import dfuse, read_hex, suffix, target

HERE = os.path.dirname(os.path.abspath(__file__))


def good(name):
    with open(os.path.join(HERE, name), "rb") as f:
        return f.read()


def record(kind, offset, data=b""):
    line = struct.pack(">BHB", len(data), offset, kind) + data
    return b":%s%02X\n" % (line.hex().upper().encode(), -sum(line) & 0xFF)


def ihex(segments):
    """Records of 16 bytes at most, without the end record."""
    out = b""
    for address, data in segments:
        for i in range(0, len(data), 16):
            out += record(4, 0, struct.pack(">H", address + i >> 16))
            out += record(0, address + i & 0xFFFF, data[i : i + 16])
    return out


def srec(segments, count=0):
    """S3 records, a count (`count` more than there are) and an end."""
    lines = [b"\0\0" + b"hello"]
    kinds = b"0"
    for address, data in segments:
        for i in range(0, len(data), 16):
            lines.append(struct.pack(">I", address + i) + data[i : i + 16])
            kinds += b"3"
    lines += [struct.pack(">H", len(lines) - 1 + count), struct.pack(">I", segments[0][0])]
    kinds += b"57"
    out = b""
    for kind, line in zip(kinds, lines):
        line = bytes([len(line) + 1]) + line
        out += b"S%c%s%02X\n" % (kind, line.hex().upper().encode(), ~sum(line) & 0xFF)
    return out


def uf2(segments, family=0x57755A57):
    """Blocks of 256 bytes for STM32F4."""
    pieces = [(address + i, data[i : i + 256]) for address, data in segments for i in range(0, len(data), 256)]
    return b"".join(
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address, len(data), number, len(pieces), family)
        + data.ljust(476, b"\0")
        + struct.pack("<I", 0x0AB16F30)
        for number, (address, data) in enumerate(pieces)
    )


def packed(data):
    return gzip.compress(data, mtime=0)


END = record(1, 0)
raw = good("hello-1.bin")
hex1 = good("hello-1.hex")
dfu = good("hello-1.dfu")
elf = good("hello-1.elf")
segments = read_hex(os.path.join(HERE, "hello-1.hex"))
first_address, first = segments[0]
rng = random.Random(405)


def flipped(data, at, bits=1):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def plain(ids):
    return suffix(raw, *ids, 0xFFFF, 0x0100)


FILES = [
    # Files that show it themselves.
    ("empty.bin", "inspect", "InvalidImage", b""),
    ("erased.bin", "inspect", "InvalidImage", b"\xff" * 4096),
    ("text.bin", "inspect", "InvalidImage", b"This is not firmware.\n"),
    ("page.hex", "inspect", "InvalidImage", b"<!DOCTYPE html>\n<title>404 Not Found</title>\n"),
    ("archive.bin", "inspect", "InvalidImage", b"PK\x03\x04" + rng.randbytes(500)),
    ("no-marks.uf2", "inspect", "InvalidImage", b"UF2\n\x57\x51\x5d\x9e" + bytes(504)),
    ("truncated.uf2", "inspect", "InvalidImage", uf2(segments)[:-1]),
    ("missing.uf2", "inspect", "InvalidImage", uf2([(0x08000000, bytes(512))])[512:]),
    ("truncated.srec", "inspect", "InvalidImage", srec(segments)[: len(srec(segments)) // 2]),
    ("badsum.srec", "inspect", "InvalidImage", flipped(srec(segments), 60)),
    ("badcount.srec", "inspect", "InvalidImage", srec(segments, count=1)),
    ("truncated.hex.gz", "inspect", "InvalidImage", packed(hex1)[:-9]),
    ("badcrc.hex.gz", "inspect", "InvalidImage", flipped(packed(hex1), -8)),
    ("twice.hex.gz", "inspect", "InvalidImage", packed(packed(hex1))),
    ("truncated.hex", "inspect", "InvalidImage", hex1[: len(hex1) // 2]),
    ("noeof.hex", "inspect", "InvalidImage", hex1[: hex1.rindex(b":")]),
    ("badsum.hex", "inspect", "InvalidImage", flipped(hex1, hex1.index(b"\n") - 3)),
    ("overlap.hex", "inspect", "InvalidImage", ihex(segments + [(first_address + 8, b"\0" * 8)]) + END),
    ("twice.hex", "inspect", "InvalidImage", ihex(segments * 2) + END),
    ("behind-end.hex", "inspect", "InvalidImage", hex1 + ihex([(0x08001000, b"more")])),
    ("truncated.dfu", "inspect", "InvalidImage", dfu[:-20]),
    ("badcrc.dfu", "inspect", "InvalidImage", flipped(dfu, 300)),
    ("badsize.dfu", "inspect", "InvalidImage", suffix(flipped(dfu[:-16], 6), 0x0483, 0xDF11, 0xFFFF, 0x011A)),
    ("left-over.dfu", "inspect", "InvalidImage", suffix(dfu[:-16] + b"more", 0x0483, 0xDF11, 0xFFFF, 0x011A)),
    ("overlap.dfu", "inspect", "InvalidImage", dfuse([target(0, "ST...", segments * 2)])),
    ("two-alts.dfu", "inspect", "InvalidImage", dfuse([target(0, "a", segments), target(1, "b", [(0x1FFFC000, b"\0" * 16)])])),
    ("truncated.elf", "inspect", "InvalidImage", elf[: len(elf) // 2]),
    ("x86.elf", "inspect", "InvalidImage", elf[:18] + b"\x3e" + elf[19:]),
    ("object.elf", "inspect", "InvalidImage", elf[:16] + b"\1" + elf[17:]),
    # Files that do not fit the board.
    ("random.bin", "flash", "InvalidImage", b"\0" + rng.randbytes(65535)),
    ("zeros.bin", "flash", "InvalidImage", bytes(4096)),
    ("bad-stack.bin", "flash", "InvalidImage", struct.pack("<I", 0x08000000) + raw[4:]),
    ("bad-reset.bin", "flash", "InvalidImage", raw[:4] + struct.pack("<I", 0x08020045) + raw[8:]),
    ("no-vectors.hex", "flash", "InvalidImage", ihex([(0x08008000, raw)]) + END),
    ("wrong-product.dfu", "flash", "WrongBoard", dfuse([target(0, "ST...", segments)], product=0x0189)),
    ("wrong-vendor.dfu", "flash", "WrongBoard", dfuse([target(0, "ST...", segments)], vendor=0x28E9)),
    ("wrong-product-plain.dfu", "flash", "WrongBoard", plain((0x0483, 0x0189))),
    ("wrong-alt.dfu", "flash", "WrongBoard", dfuse([target(9, "ST...", segments)])),
    ("outside-flash.hex", "flash", "AddressOutOfRange", ihex(segments + [(0x08200000, b"\0" * 64)]) + END),
    ("system-memory.hex", "flash", "AddressOutOfRange", ihex(segments + [(0x1FFF0000, b"\0" * 64)]) + END),
    ("ram.hex", "flash", "AddressOutOfRange", ihex(segments + [(0x20000000, b"\0" * 64)]) + END),
    ("too-long.bin", "flash", "ImageTooLarge", raw + bytes((1 << 20) + 1 - len(raw))),
    ("over-the-end.hex", "flash", "ImageTooLarge", ihex(segments + [(0x080FFFF0, b"\0" * 32)]) + END),
]

# Odd, but right: must be flashed.
GOOD = [
    ("a-b-a.dfu", dfuse([target(0, "ST...", [(first_address, first[:64]), (0x08008000, b"B" * 64), (first_address + 64, first[64:])])])),
    ("size-with-suffix.dfu", suffix(dfu[:6] + struct.pack("<I", len(dfu)) + dfu[10:-16], 0x0483, 0xDF11, 0xFFFF, 0x011A)),
    ("any-product.dfu", dfuse([target(0, "ST...", segments)], vendor=0xFFFF, product=0xFFFF)),
    ("backwards.hex", ihex([(first_address + i, first[i : i + 16]) for i in range(len(first) // 16 * 16, -1, -16)]) + END),
    ("unix.hex", hex1.replace(b"\r\n", b"\n")),
    ("hello-1.uf2", uf2(segments)),
    ("hello-1.srec", srec(segments)),
    ("hello-1.hex.gz", packed(hex1)),
]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    args = parser.parse_args()
    os.makedirs(args.directory, exist_ok=True)
    with open(os.path.join(args.directory, "EXPECT"), "w", encoding="ascii") as expect:
        for name, stage, error, data in FILES + [(name, "flash", "-", data) for name, data in GOOD]:
            with open(os.path.join(args.directory, name), "wb") as f:
                f.write(data)
            print(name, stage, error, sep="\t", file=expect)
        # 64 MiB and a byte, without using the room.
        with open(os.path.join(args.directory, "too-large.bin"), "wb") as f:
            f.truncate((64 << 20) + 1)
        print("too-large.bin", "inspect", "ImageTooLarge", sep="\t", file=expect)
    os.utime(args.directory)  # the build looks at it
