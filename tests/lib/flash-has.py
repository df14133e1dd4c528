#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""flash-has.py FILE.hex DUMP [START]: is every byte of the Intel HEX file in the dump of the flash at START?

Reads the file by itself, so that the proof does not lean on the code that is tested. START is 0x08000000."""

import sys


def hex_bytes(path):
    base = 0
    with open(path, encoding="ascii") as lines:
        for line in lines:
            record = bytes.fromhex(line.strip()[1:])
            address, kind, data = record[1] << 8 | record[2], record[3], record[4:-1]
            if kind == 0:
                yield base + address, data
            elif kind == 2:
                base = int.from_bytes(data, "big") << 4
            elif kind == 4:
                base = int.from_bytes(data, "big") << 16


def main():
    start = int(sys.argv[3], 0) if len(sys.argv) > 3 else 0x08000000
    with open(sys.argv[2], "rb") as dump:
        flash = dump.read()
    count = 0
    for address, data in hex_bytes(sys.argv[1]):
        if flash[address - start : address - start + len(data)] != data:
            sys.exit(f"The flash is not the file at {address:#010x}, after {count} bytes that are.")
        count += len(data)
    if not count:
        sys.exit("The file is empty.")
    print(f"All {count} bytes of the file are in the flash.")


main()
