#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The machine is kept awake while a job may change its board, and not for longer, whatever logind does.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/session.sh
. "$(dirname "$0")/../lib/session.sh"
# shellcheck source=tests/integration/service.sh
. "$(dirname "$0")/service.sh"
session_start bus sim
stub_start
logind_pid=''
# logind_start [MANNER]: what it says comes by `told`
logind_start() {
        rm -f "$session/logind"
        mkfifo "$session/logind"
        exec {logind_fd}<>"$session/logind"
        /usr/bin/python3 "$tests_dir/lib/mock-logind.py" "$@" >"$session/logind" 2>>"$session/logind.log" &
        logind_pid=$!
        session_pids+=("$logind_pid")
        wait_for_name org.freedesktop.login1 $logind_pid || session_die "the mock logind did not come up"
}
logind_stop() {
        kill "$logind_pid"
        wait "$logind_pid" 2>/dev/null
}
# The next thing that logind has to tell.
told() {
        local line=''
        read -r -t "$WAIT_S" -u "$logind_fd" line
        echo "$line"
}
# Whether it has told something already.
is_told() { read -r -t 0 -u "$logind_fd"; }
warned() { grep -c 'Nothing keeps the machine awake' "$session/fwd.log"; }
echo firmware >"$session/firmware-8.bin"
flash() { bus-talk flash "$two" "read:$session/firmware-8.bin" leave b false "$@"; }
result() { wait_job "$1" | cut -d' ' -f1; }

simctl plug betaflight-f405 1-1
simctl wait 1-1 firmware
simctl plug stm32-f405 1-2
simctl wait 1-2 bootloader
logind_start
fwd_start
watch_start
one=$(device_path 1-1) two=$(device_path 1-2)
until [ "$(get "$one" $device Variant)" = BTFL ]; do seen 'Variant=BTFL' || break; done
why='Board 1-2 \(.*\) is being changed \(job [0-9]+, flash\)'

# --- from before the first change to the end
mkfifo "$session/begun"
exec {begun_fd}<>"$session/begun"
stub flash "echo begun >'$session/begun'; hold held"
job_path=$(flash)
read -r -t "$WAIT_S" -u "$begun_fd" _
check "a flash has a lock before it begins to change the board" is_told
like "on sleep, shutdown and the lid, with the reason" "$(told)" "^inhibited sleep:shutdown:handle-lid-switch block fwd $why\$"
release
is "the flash succeeds" "$(result "$job_path")" success
like "its lock goes with it" "$(told)" "^released $why\$"

# --- each at its end
stub flash "fail WriteFailed partly-written 'The chip did not take it'"
job_path=$(flash)
is "a flash that fails" "$(result "$job_path")" failed
like "had the lock" "$(told)" "^inhibited .* $why\$"
like "and lets go of it" "$(told)" "^released"
stub flash "echo begun >'$session/begun'; hold held"
job_path=$(flash)
read -r -t "$WAIT_S" -u "$begun_fd" _
call "$job_path" $job Cancel
is "a flash that is cancelled" "$(result "$job_path")" cancelled
like "had the lock" "$(told)" "^inhibited .* $why\$"
like "and lets go of it" "$(told)" "^released"
check_not "and of nothing more" is_told
unstub flash
stub erase "echo begun >'$session/begun'; hold held"
job_path=$(call "$two" $device Erase 'a{sv}' 0 | cut -d'"' -f2)
read -r -t "$WAIT_S" -u "$begun_fd" _
like "so has an erase" "$(told)" "^inhibited .*, erase\)\$"
release
is "which succeeds" "$(result "$job_path")" success
like "and lets go of it" "$(told)" "^released"

# --- not for what changes nothing: the next word of logind is of the flash that follows
for method in Identify Leave RebootToBootloader; do
        job_path=$(call "$two" $device $method 'a{sv}' 0 | cut -d'"' -f2)
        result "$job_path" >/dev/null
done
result "$(flash dry-run b true)" >/dev/null
like "the flash is read" "$(fwctl read 1-2 "$session/read.bin" 2>&1)" 'read|saved|Read|Saved'
job_path=$(flash)
is "after jobs that change nothing, a flash" "$(result "$job_path")" success
like "is the first that has a lock" "$(told)" "^inhibited .*\(job $(basename "$job_path"), flash\)\$"
like "and lets go of it" "$(told)" "^released .*job $(basename "$job_path"),"

# --- two boards, two locks
stub flash@1-2 "echo begun >'$session/begun'; hold held"
simctl plug stm32-f405 1-3
simctl wait 1-3 bootloader
three=$(device_path 1-3)
job_path=$(flash)
read -r -t "$WAIT_S" -u "$begun_fd" _
told >/dev/null
other=$(bus-talk flash "$three" "read:$session/firmware-8.bin" leave b false)
is "another board meanwhile" "$(result "$other")" success
like "has a lock of its own" "$(told)" "^inhibited .*Board 1-3 .*job $(basename "$other"),"
like "of which it lets go alone" "$(told)" "^released Board 1-3 "
release
result "$job_path" >/dev/null
like "the first keeps its to its end" "$(told)" "^released Board 1-2 "
unstub flash@1-2

# --- a service that dies takes its locks with it
stub flash "echo begun >'$session/begun'; hold held"
job_path=$(flash)
read -r -t "$WAIT_S" -u "$begun_fd" _
told >/dev/null
kill -KILL "$fwd_pid"
wait "$fwd_pid" 2>/dev/null
fwd_pid=''
like "a service that is killed holds nothing" "$(told)" "^released"
release

# --- a worker that hangs ends its job, and so the lock
FWD_ENV=(FWD_WORKER_TIMEOUT_MS=3000)
fwd_start
two=$(device_path 1-2)
stub flash "hold never"
mkfifo "$FWD_STUB_DIR/never"
job_path=$(flash)
is "a worker that hangs" "$(result "$job_path")" failed
like "had the lock" "$(told)" "^inhibited"
like "and does not leave it behind" "$(told)" "^released"
is "nothing was warned of so far" "$(warned)" 0
fwd_stop
FWD_ENV=()
unstub flash

# --- logind is restarted in mid-job
fwd_start
two=$(device_path 1-2)
stub flash "echo begun >'$session/begun'; hold held"
job_path=$(flash)
read -r -t "$WAIT_S" -u "$begun_fd" _
logind_stop
logind_start
release
is "a restart of logind in mid-job does it no harm" "$(result "$job_path")" success
logind_stop

# --- it says no, it is not there, it says nothing
logind_start refuse
unstub flash
job_path=$(flash)
is "refused, the flash succeeds" "$(result "$job_path")" success
is "logind was asked" "$(told)" refused
is "and the journal has it" "$(warned)" 1
like "with the reason" "$(fwd_log)" 'awake while the board is being changed: Permission denied'
logind_stop
job_path=$(flash)
is "without logind the flash succeeds" "$(result "$job_path")" success
is "and the journal has it" "$(warned)" 2
logind_start silent
job_path=$(flash)
is "logind is asked" "$(told)" asked
is "while it does not answer, the board is left alone" "$(get "$job_path" $job Details | grep -o 'State=[a-z]*')" State=untouched
call "$job_path" $job Cancel
is "the job can be cancelled" "$(result "$job_path")" cancelled
kill -USR1 "$logind_pid"
like "an answer that comes too late" "$(told)" "^inhibited"
like "locks nothing" "$(told)" "^released"
job_path=$(flash)
is "it is asked again" "$(told)" asked
is "a logind that never answers is not waited for to no end" "$(result "$job_path")" success
is "and the journal has it" "$(warned)" 3
done_testing
