#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listens as systemd does to a service (sd_notify): notify-listen.py SOCKET COMMAND

Prints "ready", then each line that is told. When the service says that it stops, it runs the shell COMMAND first, and
only then comes to the barrier behind it: so the command runs at the one moment in which the service has begun to go and
has its name still.
"""
import array
import os
import socket
import subprocess
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("ready", flush=True)
while True:
    message, ancillary, _, _ = listener.recvmsg(4096, socket.CMSG_SPACE(4 * array.array("i").itemsize))
    for line in message.decode().splitlines():
        print(line, flush=True)
        if line == "STOPPING=1":
            subprocess.run(sys.argv[2], shell=True, check=False)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            for fd in fds:
                os.close(fd)
