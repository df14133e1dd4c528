#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How the service comes up and goes, and that it is what its contract says.
#   test-service.sh CONTRACT   (dbus/org.fwctl1.xml)
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
contract=$1
session_start bus sim
stub_start

# --- what is there already is on the bus before the name is
simctl plug stm32-f405 1-1
simctl wait 1-1 bootloader
fwd_start
is "a board that was there before is found" "$(get "$(device_path 1-1)" $device Mode)" bootloader

# --- introspection is the contract
stub inspect 'say X.Format=raw; hold held'
echo firmware >"$session/image"
job_path=$(bus-talk flash "$(device_path 1-1)" "read:$session/image")
for path in $root "$(device_path 1-1)" "$job_path"; do
        busctl --system --xml-interface introspect org.fwctl1 "$path" >"$session/introspection-${path##*/}"
done
check "introspection is the contract" /usr/bin/python3 - "$contract" "$session"/introspection-* <<'END'
import sys
import xml.etree.ElementTree as tree

def interfaces(path):
    return {i.get("name"): tree.canonicalize(tree.tostring(i), strip_text=True)
            for i in tree.parse(path).getroot().iter("interface") if i.get("name").startswith("org.fwctl1")}

# The order of members is not part of a contract.
def members(text):
    root = tree.fromstring(text)
    return {(m.tag, m.get("name")): tree.canonicalize(tree.tostring(m), strip_text=True) for m in root}

want, got = interfaces(sys.argv[1]), {}
for path in sys.argv[2:]:
    got.update(interfaces(path))
assert sorted(want) == sorted(got), (sorted(want), sorted(got))
for name in want:
    w, g = members(want[name]), members(got[name])
    for member in sorted(w.keys() | g.keys()):
        assert w.get(member) == g.get(member), f"{name} {member}:\ncontract {w.get(member)}\nservice  {g.get(member)}"
END

# --- a second one
check_exit "a second service does not get the name" 1 env FWD_STATE_DIR="$session/state" LD_PRELOAD="$(preload_for "$fwd_program")" "$fwd_program"
like "and says so" "$output" 'Cannot get the name org.fwctl1'
check_exit "a bus that is not there" 1 env DBUS_SYSTEM_BUS_ADDRESS=unix:path="$session/none" "$fwd_program"
like "is told" "$output" 'Cannot connect to the system bus'
check_exit "--version" 0 "$fwd_program" --version
like "tells it" "$output" '^fwd [0-9]'
check_exit "arguments are refused" 2 "$fwd_program" now

# --- stopping lets a job come to a safe end
watch_start
kill -TERM "$fwd_pid"
seen '^PropertiesChanged .*Result='
like "the running job was cancelled" "$signal" 'Result=cancelled'
like "its board is untouched" "$signal" 'is untouched'
wait "$fwd_pid"
is "SIGTERM: it ends well" $? 0
fwd_pid=''

# --- it comes back with nothing of before
unstub inspect
fwd_start
is "started again, no job of before" "$(call $root $manager ListJobs)" 'a(oa{sv}) 0'
check "and it works" bus-talk flash "$(device_path 1-1)" "read:$session/image" leave b false
is "and the flash succeeds" "$(wait_job $root/job/1 | cut -d' ' -f1,2)" 'success State=verified'

# --- idle, it does not wake up
ticks() { awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$fwd_pid/status"; }
asleep() { [[ $(</proc/"$fwd_pid"/stat) == *") S "* ]]; }
# A round trip first: all that was to be done is done when it sleeps after that.
call $root org.freedesktop.DBus.Peer Ping >/dev/null
until asleep; do simctl list >/dev/null; done
before=$(ticks)
# The board's own clock: nothing else here has one.
simctl wait 1-1 gone 1 >/dev/null 2>&1
is "no wakeup in a second without anything to do" "$(($(ticks) - before))" 0

# --- bad settings are told and ignored
fwd_stop
FWD_ENV=(FWD_AWAIT_MS=soon FWD_WORKER_TIMEOUT_MS=-1)
fwd_start
like "a setting that cannot be read" "$(fwd_log)" 'FWD_AWAIT_MS=soon is not two numbers'
like "and another" "$(fwd_log)" 'FWD_WORKER_TIMEOUT_MS=-1 is not a number'
done_testing
