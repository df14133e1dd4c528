#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packs Intel HEX into a DfuSe file, after UM0391: one target, one element for each run of bytes."""

import argparse
import struct
import zlib


def read_hex(path):
    """[(address, bytes)], sorted and merged."""
    memory, base = {}, 0
    for line in open(path, encoding="ascii"):
        record = bytes.fromhex(line.strip()[1:])
        assert sum(record) & 0xFF == 0, "checksum"
        offset, kind, data = int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        if kind == 0:
            memory.update({base + offset + i: byte for i, byte in enumerate(data)})
        elif kind == 4:
            base = int.from_bytes(data, "big") << 16
    runs = []
    for address in sorted(memory):
        if runs and runs[-1][0] + len(runs[-1][1]) == address:
            runs[-1][1].append(memory[address])
        else:
            runs.append((address, bytearray([memory[address]])))
    return [(address, bytes(data)) for address, data in runs]


def suffix(body, vendor, product, device, version):
    tail = struct.pack("<HHHH3sB", device, product, vendor, version, b"UFD", 16)
    return body + tail + struct.pack("<I", zlib.crc32(body + tail) ^ 0xFFFFFFFF)


def target(alt, name, elements):
    data = b"".join(struct.pack("<II", address, len(data)) + data for address, data in elements)
    return struct.pack("<6sBI255sII", b"Target", alt, 1, name.encode(), len(data), len(elements)) + data


def dfuse(targets, vendor=0x0483, product=0xDF11, device=0xFFFF):
    body = b"".join(targets)
    prefix = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(body), len(targets))
    return suffix(prefix + body, vendor, product, device, 0x011A)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alt", type=int, default=0)
    parser.add_argument("--name", default="ST...")
    parser.add_argument("hex")
    parser.add_argument("dfu")
    args = parser.parse_args()
    with open(args.dfu, "wb") as f:
        f.write(dfuse([target(args.alt, args.name, read_hex(args.hex))]))
