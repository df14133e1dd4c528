#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program on a terminal of its own and talks to it:

    pty-talk.py [--columns=N] STEP… -- PROGRAM ARGUMENT…

A step is expect:TEXT (read until TEXT has been shown), send:TEXT (type it; \\n and \\x03 are
understood), or run:COMMAND (a shell command). Everything shown goes to standard output. Ends with
the program's exit code, 128 + N if signal N ended it, 99 if a text did not come in time."""

import os
import pty
import select
import struct
import subprocess
import sys
import termios
import fcntl
import time

TIMEOUT_S = 20


def main():
    arguments = sys.argv[1:]
    columns = 80
    if arguments[0].startswith("--columns="):
        columns = int(arguments.pop(0).partition("=")[2])
    split = arguments.index("--")
    steps, command = arguments[:split], arguments[split + 1:]
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.environ["TERM"] = "xterm"
        os.environ.pop("COLUMNS", None)
        os.execvp(command[0], command)
    shown = bytearray()
    position = 0

    def read_more(deadline):
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO: the other side is closed
            data = b""
        shown.extend(data)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return data

    for step in steps:
        kind, _, text = step.partition(":")
        if kind == "expect":
            deadline = time.monotonic() + TIMEOUT_S
            while (at := shown.find(text.encode(), position)) < 0:
                if not read_more(deadline):
                    print("\npty-talk: %r did not come" % text, file=sys.stderr)
                    os.kill(pid, 9)
                    sys.exit(99)
            position = at + len(text.encode())
        elif kind == "send":
            os.write(fd, text.encode().decode("unicode_escape").encode())
        elif kind == "run":
            subprocess.run(text, shell=True, check=True)
        else:
            sys.exit("pty-talk: unknown step %r" % step)
    while read_more(time.monotonic() + TIMEOUT_S):
        pass
    status = os.waitpid(pid, 0)[1]
    sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


if __name__ == "__main__":
    main()
