#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the seeds of the fuzz targets to corpus/. They are kept, so that a fuzzer's finds can be added beside them."""

import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "data"))
sys.dont_write_bytecode = True

from make_bad import FILES, GOOD, END, good, ihex, packed, raw, record, segments, srec, uf2  # noqa: E402
from make_crazyflie import archive  # noqa: E402
from make_dfu import dfuse, suffix, target  # noqa: E402

SEED_MAX = 4096


def seed(kind, name, data):
    directory = os.path.join(HERE, "corpus", kind)
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)


def crc8(data):
    """DVB-S2, of MSP version 2."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0xD5 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def msp1(code, payload, jumbo=False):
    body = struct.pack("<BBH", 255, code, len(payload)) if jumbo else struct.pack("<BB", len(payload), code)
    body += payload
    check = 0
    for byte in body:
        check ^= byte
    return b"$M>" + body + bytes([check])


def msp2(code, payload):
    body = struct.pack("<BHH", 0, code, len(payload)) + payload
    return body + bytes([crc8(body)])


def pstr(text):
    return bytes([len(text)]) + text


# Files, each to the target of its format, and all of them to the one that looks for itself.
for name, *_, data in FILES + GOOD:
    if len(data) <= SEED_MAX:
        seed("image", name, data)
        kind = {"hex": "ihex", "elf": "elf", "dfu": "dfuse", "uf2": "uf2", "srec": "srec", "gz": "gzip"}.get(name.rpartition(".")[2])
        if kind:
            seed(kind, name, data)
for name in ("hello-1.elf", "hello-1.hex", "hello-1.dfu", "hello-1.bin"):
    seed("image", name, good(name))
seed("elf", "hello-1.elf", good("hello-1.elf"))
seed("ihex", "hello-1.hex", good("hello-1.hex"))
seed("ihex", "segmented.hex", record(2, 0, b"\x10\0") + record(0, 16, b"data") + record(3, 0, b"\x10\0\0\0") + END)
seed("ihex", "two-pieces.hex", ihex([(0x08000000, b"one"), (0x08010000, b"two")]) + record(5, 0, b"\x08\0\0\x45") + END)
seed("dfuse", "hello-1.dfu", good("hello-1.dfu"))
seed("dfuse", "two-targets.dfu", dfuse([target(1, "Option Bytes", []), target(0, "Flash", segments)]))
seed("dfu-suffix", "stm32.dfu", suffix(raw[:64], 0x0483, 0xDF11, 0x2200, 0x0100))
seed("dfu-suffix", "any.dfu", suffix(b"\0\1\2\3", 0xFFFF, 0xFFFF, 0xFFFF, 0x0110))
seed("dfu-suffix", "empty.dfu", suffix(b"", 0x0483, 0xDF11, 0, 0x0100))
seed("dfu-suffix", "dfuse-version.dfu", suffix(b"\0\1\2\3", 0x0483, 0xDF11, 0, 0x011A))

seed("srec", "title-count-entry", srec([(0x08000000, b"one"), (0x08010000, b"two")]))
seed("srec", "s1-s9", b"S104000055A6\nS5030001FB\nS9030000FC\n")
seed("srec", "s2-s6-s8", b"S20501000055A4\nS604000001FA\nS804000000FB\n")
seed("uf2", "two-families", uf2([(0x08000000, b"one")])[:512] + uf2([(0x08000000, b"one")], 0xE48BFF59))
seed("uf2", "md5-not-main", b"".join(
    struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, 0x08000000, 4, number, 2, 0) + bytes(476) + struct.pack("<I", 0x0AB16F30)
    for number, flags in enumerate((0x4000, 0x1))))
seed("gzip", "empty", packed(b""))
seed("gzip", "name-and-comment", b"\x1f\x8b\x08\x18\0\0\0\0\0\xffa.hex\0why\0" + packed(b"data")[10:])

# Release archives.
with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "zip")
    small = struct.pack("<4I", 0x2001FFFF, 0x080040F1, 0x080040F5, 0x080040F9) + bytes(240)
    fw, nrf = (small, "cf2", "stm32", "fw"), (b"\0\1\2\3", "cf2", "nrf51", "fw")
    for name, files, more in (
        ("good.zip", {"cf2.bin": fw, "nrf.bin": nrf}, {}),
        ("stored.zip", {"cf2.bin": fw}, {"stored": True}),
        ("no-manifest.zip", {"cf2.bin": fw}, {"manifest": b""}),
        ("broken-manifest.zip", {"cf2.bin": fw}, {"manifest": b'{"version": 1, "files": {'}),
        ("two.zip", {"a.bin": fw, "b.bin": fw}, {"version": 2}),
        ("only-nrf.zip", {"nrf.bin": nrf}, {}),
        ("empty.zip", {"cf2.bin": (b"", "cf2", "stm32", "fw")}, {}),
    ):
        archive(path, files, **more)
        with open(path, "rb") as f:
            data = f.read()
        seed("release-zip", name, data)
        seed("release-zip", "cut-" + name, data[: len(data) * 2 // 3])
    seed("image", "release.zip", data)

# Worker reports.
seed("report", "progress", b"PHASE=writing\nDONE=1024\nTOTAL=49152\n")
seed("report", "fact", "X.BoardName=Größe 5\nX.UniqueId=0x123\nSTATE=partly-written\n".encode())
seed("report", "failed", b"RESULT=failed\nERROR=VerifyFailed\nMESSAGE=differs\nADDRESS=134217728\nDFU_STATE=10\nDFU_STATUS=3\n")
seed("report", "no-end", b"PHASE=writing")
seed("report", "no-key", b"=writing\n")
seed("report", "many", b"DONE=1\n" * 65)
seed("report", "long", b"MESSAGE=" + b"m" * 2000 + b"\n")

# Sector maps that real chips show, and broken ones.
for name, text in {
    "f405": "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg\n@Option Bytes  /0x1FFFC000/01*016 e\n"
    "@OTP Memory /0x1FFF7800/01*512 e,01*016 e\n@Device Feature/0xFFFF0000/01*004 e",
    "f722": "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg\n@Option Bytes  /0x1FFF0000/01*048 e\n"
    "@OTP Memory /0x1FF07800/01*528e",
    "g474": "@Internal Flash   /0x08000000/256*02Kg\n@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e",
    "at32f435m": "@Internal Flash   /0x08000000/08*04Ka,1000*04Kg\n@Option byte   /0x1FFFC000/01*4096 g",
    "at32f415": "@Internal Flash  /0x08000000/ 128*1Kg\n@Option Bytes  /0x1FFFF800/01*512g",
    "exst": "@External Flash /0x90000000/1001*128Kg,3*128Kg,20*128Ka",
    "daisy": "@Flash /0x90000000/64*4Kg/0x90040000/60*64Kg/0x90400000/60*64Kg",
    "cut": "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*12",
    "huge": "@Flash/0xfffffffffffff000/4294967295*4294967295Mg\n@Flash/0x0/9999*1Bg",
}.items():
    seed("memory-map", name, text.encode())

# Answers on a serial port.
identity = b"".join(
    [msp1(1, bytes([0, 1, 46])), msp1(2, b"BTFL"), msp1(3, bytes([4, 5, 1])), msp1(160, bytes(range(12)))]
)
board = b"F405\0\0\2\x2f" + pstr(b"STM32F405") + pstr(b"SPEEDYBEEF405V4") + pstr(b"SPBE") + bytes(32) + b"\0\0\0"
mcu = b"\1" + pstr(b"STM32F405")
seed("msp", "identity", identity)
seed("msp", "board", msp1(4, board))
seed("msp", "jumbo", msp1(4, board + bytes(300), jumbo=True))
seed("msp", "v2", b"$X>" + msp2(0x300C, mcu))
seed("msp", "v2-over-v1", msp1(255, msp2(0x300C, mcu)))
seed("msp", "error", b"$M!\0\x05\x05")
seed("msp", "noise", b"# booting\r\n$M$M>\3\1" + identity + b"$X>")
seed("fc-identity", "version-3", b"\0\0" + bytes([4, 5, 1]))
seed("fc-identity", "version-text", b"\0\0" + bytes([25, 12, 1]) + pstr(b"2025.12.1-RC1"))
seed("fc-identity", "board", b"\1\0" + board)
seed("fc-identity", "mcu", b"\2\0" + mcu)
seed("fc-identity", "armed", b"\3\x0b" + struct.pack("<HHHIB", 125, 0, 33, 1, 0) + bytes([0, 1, 2]))

# A DFU device: product, descriptors, and what becomes of each transfer (0: as it should).
interface = bytes([9, 4, 0, 0, 0, 0xFE, 1, 2, 4])
configuration = bytes([9, 2, 36, 0, 1, 1, 0, 0xC0, 50]) + interface
functional = bytes([9, 0x21, 0x0B, 0xFF, 0, 0, 8, 0x1A, 1])
seed("dfu", "honest", bytes(2 + 120))
seed("dfu", "gone", bytes(2 + 30))
seed("dfu", "stalls", bytes(2 + 20) + b"\x80" + bytes(10) + b"\x80" + bytes(100))
seed("dfu", "broken-status", bytes(2 + 20) + b"\x96\x0b\0\0\0\x0a\0" + bytes(100))
seed("dfu", "plain", b"\0\x1b" + configuration + functional[:7] + b"\0\1" + bytes(100))
seed("dfu", "no-functional", b"\0\x12" + configuration + b"\xff" + functional + bytes(100))
seed("dfu", "string", bytes(2) + b"\xff\x20\3a\0b\0" + bytes(260))
for product in (1, 2, 3):
    seed("dfu", f"product-{product}", bytes([product]) + bytes(120))
