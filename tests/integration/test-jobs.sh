#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Jobs on the bus: their signals, their end, their limits; with a stub in the place of the worker, which can be made
# to fail in every way.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
session_start bus sim
stub_start
FWD_ENV=(FWD_CANCEL_GRACE_MS=2000)
for port in 1-1 1-2; do
        simctl plug stm32-f405 $port
        simctl wait $port bootloader
done
fwd_start
watch_start
one=$(device_path 1-1) two=$(device_path 1-2)
for i in 1 2; do head -c 100000 /dev/urandom >"$session/image-$i"; done
flash() { bus-talk flash "$1" "read:$session/image-${2:-1}" leave b false; }
# The stub is held in the middle of writing.
stub_writing() {
        stub "flash${1:+@$1}" 'say STATE=erased PHASE=writing DONE=2048 TOTAL=100000 && say STATE=partly-written && hold held'
}

# --- signals, in their order
job_path=$(flash "$one")
is "paths count up" "$job_path" $root/job/1
saw "the object comes first" "^InterfacesAdded $job_path"
saw "then JobAdded" "^JobAdded $job_path"
is "nothing in between" "$skipped" ''
saw "the board tells its job" "^PropertiesChanged $one .*Job=$job_path"
saw "the end" "^PropertiesChanged $job_path .*Result=success"
like "comes with the details" "$signal" 'State=verified'
like "progress came before it" "$skipped" "Progress $job_path $one "
saw "then JobRemoved" "^(JobRemoved $job_path success)"
saw "then the board is free" "^PropertiesChanged $one .*Job=/"
is "the job can still be read" "$(get "$job_path" $job Result)" success
is "with the image's hash" "$(get "$job_path" $job ImageSha256)" "$(sha256sum <"$session/image-1" | cut -d' ' -f1)"
is "who started it" "$(get "$job_path" $job StartedByUid)" "$(id -u)"
like "ListJobs has it" "$(call $root $manager ListJobs)" "^a\(oa\{sv\}\) 1 \"$job_path\" 14 "
like "Wait answers at once" "$(wait_job "$job_path")" '^success State=verified'
same_bytes "the image is what was sent" "$FWD_STUB_DIR/flashed-1-1" "$session/image-1"

# --- progress: at most ten a second
stub flash 'i=0; while [ $i -lt 1500 ]; do say PHASE=writing DONE=$i TOTAL=1500; i=$((i + 1)); sleep 0.001; done'
begin=$(date +%s%N)
job_path=$(flash "$one")
seen "^JobRemoved $job_path"
seconds=$((($(date +%s%N) - begin) / 1000000000 + 1))
is_at_most "Progress: at most ten a second" "$(grep -c '^Progress' <<<"$skipped")" $((seconds * 10))
is_at_most "but there is some" 5 "$(grep -c '^Progress' <<<"$skipped")"
unstub flash

# --- busy
stub_writing 1-1
job_path=$(flash "$one")
seen "^PropertiesChanged $job_path .*State=partly-written"
like "a second job" "$(flash "$one")" '^org.fwctl1.Error.Busy Board 1-1 is in use by job 3 \(flash, writing\)'
like "of whatever kind" "$(call "$one" $device Identify 'a{sv}' 0)" 'in use by job 3'
is "the other board is free" "$(wait_job "$(flash "$two")" | cut -d' ' -f1)" success

# --- the client may go; others wait
wait_job "$job_path" >"$session/wait-1" &
waiter=$!
release
wait $waiter
like "who waits is told" "$(cat "$session/wait-1")" '^success State=verified'
unstub flash@1-1

# --- two boards at once, each its own image
stub_writing
first=$(flash "$one" 1) second=$(flash "$two" 2)
seen_both "^PropertiesChanged $first .*State=partly-written" "^PropertiesChanged $second .*State=partly-written"
release
release
like "both succeed" "$(wait_job "$first")$(wait_job "$second")" '^success.*success'
same_bytes "the first got its image" "$FWD_STUB_DIR/flashed-1-1" "$session/image-1"
same_bytes "the second got its" "$FWD_STUB_DIR/flashed-1-2" "$session/image-2"

# --- the image is the file as it was
stub inspect 'cat /proc/self/fd/5 >&4; say X.Format=raw; hold held; success'
unstub flash
cp "$session/image-1" "$session/changing"
job_path=$(bus-talk flash "$one" "read:$session/changing" leave b false)
seen "^PropertiesChanged $job_path .*Format=raw"
echo changed >"$session/changing"
release
is "changed after it was inspected" "$(wait_job "$job_path" | cut -d' ' -f1)" success
same_bytes "does not matter" "$FWD_STUB_DIR/flashed-1-1" "$session/image-1"
unstub inspect

# --- cancel
stub_writing
job_path=$(flash "$one")
seen "^PropertiesChanged $job_path .*State=partly-written"
is "cancel one's own" "$(call "$job_path" $job Cancel)" ''
like "the job ends as cancelled" "$(wait_job "$job_path")" \
        '^cancelled State=partly-written .*ErrorName=org.fwctl1.Error.Cancelled .*partly written.*Flash again'
like "once is enough" "$(call "$job_path" $job Cancel)" 'has ended already \(cancelled\)'
stub flash "trap '' TERM; say STATE=erased; hold held"
job_path=$(flash "$one")
seen "^PropertiesChanged $job_path .*State=erased"
call "$job_path" $job Cancel
like "a deaf worker is killed after its grace" "$(wait_job "$job_path")" \
        '^failed State=erased .*Error.Interrupted .*did not stop'

# --- workers that die, hang, talk nonsense
stub flash 'say STATE=erased; kill -KILL $$'
like "killed" "$(wait_job "$(flash "$one")")" '^failed State=erased .*Interrupted .*signal 9.*has no firmware now'
stub flash 'say STATE=written; exit 0'
like "ended without a result" "$(wait_job "$(flash "$one")")" '^failed State=written .*without a proper result'
stub flash 'say STATE=written; success'
like "a success without proof" "$(wait_job "$(flash "$one")")" '^failed State=written .*VerifyFailed'
stub flash 'say "no report"; hold held'
like "nonsense" "$(wait_job "$(flash "$one")")" '^failed State=untouched .*broken report'
stub flash 'fail WriteFailed partly-written "The write stalled"'
like "told by itself" "$(wait_job "$(flash "$one")")" \
        'ErrorName=org.fwctl1.Error.WriteFailed ErrorMessage=The write stalled. Board 1-1 .* is partly written.* Flash again'
is "the board is free after all that" "$(get "$one" $device Job)" /

# --- unplugged
stub_writing
job_path=$(flash "$one")
seen "^PropertiesChanged $job_path .*State=partly-written"
begin=$(date +%s%N)
simctl unplug 1-1
like "unplugged: what was done is told" "$(wait_job "$job_path")" '^failed State=partly-written .*DeviceLost .*unplugged'
is_at_most "long before the worker would be given up for its silence (ms)" $((($(date +%s%N) - begin) / 1000000)) 10000
is "how far it was" "$(get "$job_path" $job BytesDone)/$(get "$job_path" $job BytesTotal)" 2048/100000
saw "and the board is removed" "^DeviceRemoved $one"
unstub flash

# --- reboot: the board comes back on the same object
simctl plug betaflight-f405 1-3
simctl wait 1-3 firmware
seen '^PropertiesChanged .*Variant=BTFL'
three=$(device_path 1-3)
stub reboot 'say X.UniqueId=002d00303334510b32313533; simctl replug 1-3 boot-pin=1 >&2'
job_path=$(call "$three" $device RebootToBootloader 'a{sv}' 0 | cut -d'"' -f2)
saw "it leaves" "^PropertiesChanged $three .*Mode=away"
saw "it comes" "^PropertiesChanged $three .*Mode=bootloader"
unlike "always the same object" "$skipped" 'Device(Added|Removed)|Interfaces(Added|Removed)'
like "the reboot succeeds" "$(wait_job "$job_path")" '^success'
is "its identity stays" "$(get "$three" $device UniqueId)" 002d00303334510b32313533
is "its profile too" "$(get "$three" $device Board)" betaflight

# --- nothing is heard of the worker, nothing comes to the port: with short waits
fwd_stop
FWD_ENV=("FWD_AWAIT_MS=500,500" FWD_WORKER_TIMEOUT_MS=3000)
fwd_start
stub flash 'say STATE=partly-written; hold held'
like "silent for too long" "$(wait_job "$(flash "$two")")" '^failed State=partly-written .*said nothing'
simctl plug betaflight-f405 1-4
simctl wait 1-4 firmware
seen '^PropertiesChanged .*Variant=BTFL'
four=$(device_path 1-4)
stub reboot 'simctl unplug 1-4 >&2'
job_path=$(call "$four" $device RebootToBootloader 'a{sv}' 0 | cut -d'"' -f2)
saw "after the first wait a person is told what to do" "^PropertiesChanged $job_path .*Notice=.*BOOT button"
like "after the second it fails" "$(wait_job "$job_path")" '^failed .*NeedsUserAction .*BOOT button'
fwd_stop

# --- the history: what earlier runs of the service did, and what one did not live to see the end of
history() {
        busctl --system --json=short call org.fwctl1 $root $manager ListHistory 'a{sv}' "$@" |
                /usr/bin/python3 -c 'import json, sys
for job in json.load(sys.stdin)["data"][0]: print(*(job[k]["data"] for k in ("Port", "Kind", "Result", "State", "ErrorName")))'
}
FWD_ENV=(FWD_CANCEL_GRACE_MS=2000)
fwd_start
is "the last job of the run before is the first" "$(history 1 limit t 1)" "1-4 reboot failed untouched org.fwctl1.Error.NeedsUserAction"
like "there are those of the first run" "$(history 1 port s 1-1)" '1-1 flash success verified'
like "a key that there is not is refused" "$(call $root $manager ListHistory 'a{sv}' 1 first t 1)" 'knows no option "first"'
like "so is a limit of nothing" "$(call $root $manager ListHistory 'a{sv}' 1 limit t 0)" 'from 1 to 1000'
stub_writing 1-2
job_path=$(flash "$two")
seen "^PropertiesChanged $job_path .*State=partly-written"
is "a job that runs has no result" "$(history 1 limit t 1)" "1-2 flash  partly-written "
kill -KILL "$fwd_pid"
wait "$fwd_pid" 2>/dev/null
fwd_start
is "killed in mid-write: its last state is known" "$(history 1 limit t 1)" \
        "1-2 flash failed partly-written org.fwctl1.Error.Interrupted"
done_testing
