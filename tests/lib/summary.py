#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""summary.py SUITE=LOG…: what the TAP of all tests says. LOG is meson's (.json), or one program's TAP with its exit
status beside it (.tap, .tap.status).

A line for each test program, the whole output of those that failed, the reason of each skip, and at the end
"N passed, N failed, N skipped". A program that crashed, hung, bailed out or did not keep to its plan has failed,
whatever its lines say. Exit status 1 if anything failed or nothing was run.
"""

import json
import re
import sys

RESULT = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*([^#]*)(?:#\s*(SKIP|TODO)\S*\s*(.*))?", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)")


class Program:
    def __init__(self, entry):
        self.name = re.sub(r"^\S+ / ", "", entry["name"])
        self.seconds = entry.get("duration") or 0
        self.output = (entry.get("stdout") or "") + (entry.get("stderr") or "")
        self.passed, self.failed, self.skipped = 0, [], []
        planned = None
        for line in (entry.get("stdout") or "").splitlines():
            result = RESULT.match(line)
            plan = PLAN.match(line)
            if plan:
                planned = int(plan[1])
                if planned == 0:
                    self.skipped.append((self.name, line.partition("#")[2].strip() or "nothing to do"))
            elif line.startswith("Bail out!"):
                self.failed.append(line)
            elif result:
                self.add(result)
        ran = self.passed + len([f for f in self.failed if not f.startswith("Bail")]) + len(self.skipped)
        if entry["result"] in ("TIMEOUT", "INTERRUPT") or (
            entry["result"] not in ("OK", "SKIP", "FAIL") and not self.failed
        ):
            self.failed.append(f"ended as {entry['result']}, exit status {entry.get('returncode')}")
        elif entry.get("returncode") not in (0, None) and not self.failed:
            self.failed.append(f"exit status {entry['returncode']}")
        elif planned is None and not self.failed:
            self.failed.append("no plan: it ended before its end")
        elif planned and planned != ran and not self.failed:
            self.failed.append(f"{ran} results of {planned} that were planned")

    def add(self, result):
        name, mark = result[2].strip() or "without a name", (result[3] or "").upper()
        if mark == "SKIP":
            self.skipped.append((name, result[4] or "no reason given"))
        elif result[1] or mark == "TODO":  # nothing here may be known to fail
            self.failed.append(name)
        else:
            self.passed += 1

    def report(self):
        state = "FAIL" if self.failed else "ok"
        print(f"  {state:<5}{self.name:<32}{self.passed:>6} passed  {self.seconds:7.2f} s", end="")
        print(f"  {len(self.skipped)} skipped" if self.skipped else "")
        for name, reason in self.skipped:
            print(f"       skipped: {name}: {reason}")
        if self.failed:
            for name in self.failed:
                print(f"       failed: {name}")
            print("       --- output ---")
            for line in self.output.splitlines():
                print(f"       {line}")
            print("       --- end ---")


def programs_of(suite, path):
    with open(path, encoding="utf-8", errors="replace") as log:
        if not path.endswith(".tap"):
            return [Program(json.loads(line)) for line in log if line.strip()]
        with open(path + ".status", encoding="ascii") as status:
            code = int(status.read())
        return [Program({"name": suite, "stdout": log.read(), "result": "FAIL" if code else "OK", "returncode": code})]


def main():
    passed = failed = skipped = 0
    for argument in sys.argv[1:]:
        suite, _, path = argument.partition("=")
        print(f"{suite}:")
        programs = programs_of(suite, path)
        if not programs:
            print("       failed: the suite has no test")
            failed += 1
        for program in sorted(programs, key=lambda p: p.name):
            program.report()
            passed += program.passed
            failed += len(program.failed)
            skipped += len(program.skipped)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


main()
